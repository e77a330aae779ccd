/* SPDX-License-Identifier: Apache-2.0 */
#include "source.h"
#include "pipeline.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/str.h"

#define CHUNK (256u << 10)
#define GZIP_ONLY (15 + 16)

enum packing { PACK_NONE, PACK_GZIP, PACK_ZSTD };

struct source {
	orasi_source abi;
	char *path;
	int fd;
	const char *memory;
	int64_t size, modified, taken; /* taken: of the file */
	enum packing packing;
	z_stream gzip;
	int gzip_open, member_end;
	ZSTD_DStream *zstd;
	int frame_open;
	char *in;
	size_t in_at, in_len;
	char *head; /* peeked output that read gives first */
	size_t head_at, head_len;
	int head_done;
	struct err head_err; /* why it has less than there was to be */
};

/* `what` is said of the byte that would have been next; `remedy` may be empty. */
static orasi_status fail(const struct source *s, orasi_error *err, orasi_status status, const char *what,
                         const char *remedy)
{
	int64_t at = s->taken - (int64_t)(s->in_len - s->in_at);

	if (err) {
		snprintf(err->message, sizeof(err->message), "'%.300s': %s at byte %lld of the file%s", s->path, what,
		         (long long)at, remedy);
		err->offset = at;
	}
	return status;
}

#define FETCH_AGAIN ": fetch it again, or unpack what can be and ingest that"

/* ---- raw bytes ------------------------------------------------------------------------------------------- */

static orasi_status read_raw(struct source *s, void *buf, size_t cap, size_t *got, orasi_error *err)
{
	ssize_t n;

	if (s->memory) {
		n = (ssize_t)(s->size - s->taken < (int64_t)cap ? s->size - s->taken : (int64_t)cap);
		memcpy(buf, s->memory + s->taken, (size_t)n);
	} else {
		do
			n = read(s->fd, buf, cap);
		while (n < 0 && errno == EINTR);
		if (n < 0)
			return fail(s, err, ORASI_E_IO, strerror(errno), "");
	}
	s->taken += n;
	*got = (size_t)n;
	return ORASI_OK;
}

static orasi_status fill_in(struct source *s, orasi_error *err)
{
	if (s->in_at < s->in_len)
		return ORASI_OK;
	s->in_at = 0;
	return read_raw(s, s->in, CHUNK, &s->in_len, err);
}

/* ---- gzip: members may follow each other ------------------------------------------------------------------ */

static orasi_status start_member(struct source *s, orasi_error *err)
{
	int r = s->gzip_open ? inflateReset(&s->gzip) : inflateInit2(&s->gzip, GZIP_ONLY);

	s->gzip_open = 1;
	s->member_end = 0;
	return r == Z_OK ? ORASI_OK : fail(s, err, ORASI_E_NOMEM, "zlib cannot start", "");
}

static orasi_status read_gzip(struct source *s, void *buf, size_t cap, size_t *got, orasi_error *err)
{
	orasi_status status;
	int r;

	s->gzip.next_out = buf;
	s->gzip.avail_out = (uInt)cap;
	while (s->gzip.avail_out == cap) {
		status = fill_in(s, err);
		if (status)
			return status;
		if (!s->in_len) {
			if (!s->member_end)
				return fail(s, err, ORASI_E_CORRUPT, "the gzip stream is cut: it ends in the middle",
				            FETCH_AGAIN);
			break;
		}
		if (s->member_end) {
			if (s->in[s->in_at] == 0) { /* padding, as tape blocks have it */
				s->in_at++;
				continue;
			}
			if ((unsigned char)s->in[s->in_at] != 0x1F)
				return fail(s, err, ORASI_E_CORRUPT,
				            s->gzip_open ? "the gzip stream is followed by other bytes"
				                         : "there is no gzip stream",
				            FETCH_AGAIN);
			status = start_member(s, err);
			if (status)
				return status;
		}
		s->gzip.next_in = (Bytef *)s->in + s->in_at;
		s->gzip.avail_in = (uInt)(s->in_len - s->in_at);
		r = inflate(&s->gzip, Z_NO_FLUSH);
		s->in_at = s->in_len - s->gzip.avail_in;
		if (r == Z_STREAM_END)
			s->member_end = 1;
		else if (r != Z_OK && r != Z_BUF_ERROR)
			return fail(s, err, ORASI_E_CORRUPT, "the gzip stream is damaged", FETCH_AGAIN);
	}
	*got = cap - s->gzip.avail_out;
	return ORASI_OK;
}

/* ---- zstd -------------------------------------------------------------------------------------------------- */

static orasi_status read_zstd(struct source *s, void *buf, size_t cap, size_t *got, orasi_error *err)
{
	ZSTD_outBuffer out = {buf, cap, 0};
	orasi_status status;

	while (!out.pos) {
		ZSTD_inBuffer in;
		size_t r;

		status = fill_in(s, err);
		if (status)
			return status;
		if (!s->in_len) {
			if (s->frame_open)
				return fail(s, err, ORASI_E_CORRUPT, "the zstd stream is cut: it ends in the middle",
				            FETCH_AGAIN);
			break;
		}
		in = (ZSTD_inBuffer){s->in, s->in_len, s->in_at};
		r = ZSTD_decompressStream(s->zstd, &out, &in);
		s->in_at = in.pos;
		if (ZSTD_isError(r))
			return fail(s, err, ORASI_E_CORRUPT, "the zstd stream is damaged", FETCH_AGAIN);
		s->frame_open = r != 0;
	}
	*got = out.pos;
	return ORASI_OK;
}

static orasi_status read_out(struct source *s, void *buf, size_t cap, size_t *got, orasi_error *err)
{
	switch (s->packing) {
	case PACK_GZIP:
		return read_gzip(s, buf, cap, got, err);
	case PACK_ZSTD:
		return read_zstd(s, buf, cap, got, err);
	default:
		return read_raw(s, buf, cap, got, err);
	}
}

/* ---- the door of plugins ------------------------------------------------------------------------------------- */

static orasi_status abi_read(orasi_source *source, void *buf, size_t cap, size_t *got, orasi_error *err)
{
	struct source *s = source->ctx;
	size_t n = s->head_len - s->head_at;

	*got = 0;
	if (!cap)
		return ORASI_OK;
	if (!n)
		return read_out(s, buf, cap, got, err);
	*got = n < cap ? n : cap;
	memcpy(buf, s->head + s->head_at, *got);
	s->head_at += *got;
	return ORASI_OK;
}

static orasi_status abi_pread(orasi_source *source, uint64_t off, void *buf, size_t len, size_t *got, orasi_error *err)
{
	struct source *s = source->ctx;
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(s->fd, (char *)buf + done, len - done, (off_t)(off + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(s, err, ORASI_E_IO, strerror(errno), "");
		if (!n)
			break;
		done += (size_t)n;
	}
	*got = done;
	return ORASI_OK;
}

/* ---- opening -------------------------------------------------------------------------------------------------- */

static int open_failed(const struct source *s, int errnum, struct err *err)
{
	int r = err_errno(err, errnum, "cannot open '%s'", s->path);
	size_t n = err ? strlen(err->text) : 0;

	if (r == ERR_PERM && err)
		snprintf(err->text + n, sizeof(err->text) - n,
		         " for user %d, as whom the agent runs: give that user the "
		         "right to read it and to enter its folder, or pipe it in",
		         (int)geteuid());
	return r;
}

static int open_here(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

static int (*opener)(const char *path) = open_here;

void pipeline_set_opener(int (*open_file)(const char *path))
{
	opener = open_file ? open_file : open_here;
}

static int open_file(struct source *s, struct err *err)
{
	struct stat st;

	s->fd = opener(s->path);
	if (s->fd < 0)
		return open_failed(s, -s->fd, err);
	if (fstat(s->fd, &st))
		return err_errno(err, errno, "cannot look at '%s'", s->path);
	if (S_ISDIR(st.st_mode))
		return err_set(err, ERR_INVALID, "'%s' is a folder: name the files in it, or a pattern like '%s/*'",
		               s->path, s->path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INVALID, "'%s' is no regular file: pipe it in, or upload it", s->path);
	s->size = st.st_size;
	s->modified = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
	return 0;
}

static enum packing recognise(struct source *s)
{
	unsigned char magic[4] = {0};

	if (pread(s->fd, magic, 4, 0) < 4)
		return PACK_NONE;
	if (magic[0] == 0x1F && magic[1] == 0x8B && magic[2] == 8)
		return PACK_GZIP;
	return !memcmp(magic, "\x28\xB5\x2F\xFD", 4) ? PACK_ZSTD : PACK_NONE;
}

static int start_packing(struct source *s, const char *compression, struct err *err)
{
	s->packing = str_eq(compression, "gzip")   ? PACK_GZIP
	             : str_eq(compression, "zstd") ? PACK_ZSTD
	             : str_eq(compression, "none") ? PACK_NONE
	                                           : recognise(s);
	if (s->packing == PACK_NONE)
		return 0;
	s->member_end = 1;
	s->in = malloc(CHUNK);
	if (s->packing == PACK_ZSTD) {
		s->zstd = ZSTD_createDStream();
		if (s->zstd)
			ZSTD_DCtx_setParameter(s->zstd, ZSTD_d_windowLogMax, 27);
	}
	return s->in && (s->packing != PACK_ZSTD || s->zstd) ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

static void fill_abi(struct source *s)
{
	int seek = s->packing == PACK_NONE && !s->memory;

	s->abi = (orasi_source){sizeof(s->abi),
	                        seek ? ORASI_SOURCE_SEEK : 0,
	                        s,
	                        s->packing == PACK_NONE ? s->size : -1,
	                        {s->path, strlen(s->path)},
	                        abi_read,
	                        seek ? abi_pread : NULL};
}

int source_open(const char *path, const char *compression, struct source **ret, struct err *err)
{
	struct source *s = calloc(1, sizeof(*s));
	int r = s && (s->path = strdup(path)) ? 0 : err_set(err, ERR_NOMEM, "out of memory");

	if (!r) {
		s->fd = -1;
		r = open_file(s, err);
	}
	if (!r)
		r = start_packing(s, compression, err);
	if (r) {
		source_close(s);
		return r;
	}
	fill_abi(s);
	*ret = s;
	return 0;
}

int source_memory(const char *text, size_t n, struct source **ret, struct err *err)
{
	struct source *s = calloc(1, sizeof(*s));

	if (!s || !(s->path = strdup("inline"))) {
		free(s);
		return err_set(err, ERR_NOMEM, "out of memory");
	}
	s->fd = -1;
	s->memory = text;
	s->size = (int64_t)n;
	fill_abi(s);
	*ret = s;
	return 0;
}

void source_close(struct source *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	if (s->gzip_open)
		inflateEnd(&s->gzip);
	ZSTD_freeDStream(s->zstd);
	free(s->in);
	free(s->head);
	free(s->path);
	free(s);
}

orasi_source *source_abi(struct source *s)
{
	return &s->abi;
}

static void fill_head(struct source *s)
{
	orasi_error error = ORASI_NO_ERROR;
	size_t got = 1;

	s->head = malloc(SOURCE_HEAD);
	while (s->head && got && s->head_len < SOURCE_HEAD) {
		if (read_out(s, s->head + s->head_len, SOURCE_HEAD - s->head_len, &got, &error)) {
			err_set(&s->head_err, error.message[0] ? ERR_CORRUPT : ERR_IO, "%s", error.message);
			break; /* a later read meets it again, with the bytes before it already used */
		}
		s->head_len += got;
	}
}

orasi_bytes source_head(struct source *s, struct err *err)
{
	if (!s->head_done)
		fill_head(s);
	s->head_done = 1;
	if (s->head_err.code && err)
		*err = s->head_err;
	return (orasi_bytes){(const uint8_t *)s->head, s->head_len};
}

int64_t source_size(const struct source *s)
{
	return s->size;
}

int64_t source_modified(const struct source *s)
{
	return s->modified;
}

int64_t source_position(const struct source *s)
{
	return s->taken;
}
