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

#include "base/str.h"
#include "unpack/unpack.h"

#define CHUNK (256u << 10)

struct source {
	orasi_source abi;
	char *path;
	int fd;
	const char *memory;
	int64_t size, modified, taken; /* taken: of the file */
	struct unpack *unpack;         /* NULL: it is not packed */
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

/* ---- packed bytes ------------------------------------------------------------------------------------------ */

static orasi_status read_packed(struct source *s, void *buf, size_t cap, size_t *got, orasi_error *err)
{
	*got = 0;
	while (!*got) {
		orasi_status status = fill_in(s, err);
		const char *what;
		int r;

		if (status)
			return status;
		if (!s->in_len) {
			what = unpack_missing(s->unpack);
			return what ? fail(s, err, ORASI_E_CORRUPT, what, FETCH_AGAIN) : ORASI_OK;
		}
		r = unpack_some(s->unpack, s->in, s->in_len, &s->in_at, buf, cap, got, &what);
		if (r == ERR_NOMEM)
			return fail(s, err, ORASI_E_NOMEM, what, "");
		if (r)
			return fail(s, err, ORASI_E_CORRUPT, what, FETCH_AGAIN);
	}
	return ORASI_OK;
}

static orasi_status read_out(struct source *s, void *buf, size_t cap, size_t *got, orasi_error *err)
{
	return s->unpack ? read_packed(s, buf, cap, got, err) : read_raw(s, buf, cap, got, err);
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
	unsigned char head[PACKING_HEAD];
	ssize_t n = pread(s->fd, head, sizeof(head), 0);

	return packing_of(head, n > 0 ? (size_t)n : 0);
}

static int start_packing(struct source *s, const char *compression, struct err *err)
{
	enum packing packing = str_eq(compression, "gzip")   ? PACK_GZIP
	                       : str_eq(compression, "zstd") ? PACK_ZSTD
	                       : str_eq(compression, "none") ? PACK_NONE
	                                                     : recognise(s);

	if (packing == PACK_NONE)
		return 0;
	s->in = malloc(CHUNK);
	return s->in && !unpack_new(packing, &s->unpack) ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

static void fill_abi(struct source *s)
{
	int seek = !s->unpack && !s->memory;

	s->abi = (orasi_source){sizeof(s->abi),           seek ? ORASI_SOURCE_SEEK : 0, s,
	                        s->unpack ? -1 : s->size, {s->path, strlen(s->path)},   abi_read,
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
	unpack_free(s->unpack);
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
