/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <orasi/sdk/arrow.h>

#include "base/file.h"

#define BLOBS_MAX 64
#define NAME_MAX_LEN 64
#define CHUNK (256u << 10)

/* A handle is the position of its blob; opening a blob again gives the same handle once more. */
struct blob_file {
	char name[NAME_MAX_LEN + 1];
	char crc[9]; /* as the manifest has it */
	int fd;      /* -1: closed */
	uint32_t opens;
	uint64_t size;
	void *map;
};

struct segment {
	orasi_store store;
	char *folder;
	int building;
	pthread_mutex_t lock; /* what is for reading may be called from any thread */
	struct blob_file blobs[BLOBS_MAX];
	uint32_t n;
};

static orasi_status fail(orasi_error *err, orasi_status status, const struct segment *s, const char *blob,
                         const char *what)
{
	if (err)
		snprintf(err->message, sizeof(err->message), "blob '%.64s' of segment '%.300s': %s", blob, s->folder,
		         what);
	return status;
}

static int is_blob_name(const char *name)
{
	size_t n = strlen(name);

	return n && n <= NAME_MAX_LEN && *name != '.' && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}

static struct blob_file *find(struct segment *s, const char *name)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (!strcmp(s->blobs[i].name, name))
			return &s->blobs[i];
	return NULL;
}

static struct blob_file *of_handle(struct segment *s, uint64_t handle)
{
	return handle < s->n && s->blobs[handle].fd >= 0 ? &s->blobs[handle] : NULL;
}

static int open_path(const struct segment *s, const char *name, int flags)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", s->folder, name) >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0644);
}

static void close_blob(struct blob_file *b)
{
	if (b->map)
		munmap(b->map, b->size);
	if (b->fd >= 0)
		close(b->fd);
	b->map = NULL;
	b->fd = -1;
}

/* ---- building -------------------------------------------------------------------------------------------- */

static orasi_status store_create(orasi_store *store, const char *name, uint64_t *ret_handle, orasi_error *err)
{
	struct segment *s = store->ctx;
	struct blob_file *b = &s->blobs[s->n];

	if (!s->building || !is_blob_name(name) || find(s, name))
		return fail(err, ORASI_E_INVALID, s, name,
		            "it cannot be created: sealed, there already, or no proper name");
	if (s->n == BLOBS_MAX)
		return fail(err, ORASI_E_LIMIT, s, name, "a segment may have 64 blobs");
	*b = (struct blob_file){.fd = open_path(s, name, O_RDWR | O_CREAT | O_EXCL)};
	if (b->fd < 0)
		return fail(err, ORASI_E_IO, s, name, strerror(errno));
	snprintf(b->name, sizeof(b->name), "%s", name);
	*ret_handle = s->n++;
	return ORASI_OK;
}

static orasi_status write_at(struct segment *s, struct blob_file *b, uint64_t off, const void *buf, size_t len,
                             orasi_error *err)
{
	const char *p = buf;

	while (len) {
		ssize_t n = pwrite(b->fd, p, len, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail(err, ORASI_E_IO, s, b->name, strerror(errno));
		p += n;
		off += (uint64_t)n;
		len -= (size_t)n;
	}
	return ORASI_OK;
}

static orasi_status store_append(orasi_store *store, uint64_t handle, const void *buf, size_t len, orasi_error *err)
{
	struct segment *s = store->ctx;
	struct blob_file *b = of_handle(s, handle);
	orasi_status status;

	if (!s->building || !b)
		return fail(err, ORASI_E_INVALID, s, "?", "there is no such open blob to append to");
	status = write_at(s, b, b->size, buf, len, err);
	if (!status)
		b->size += len;
	return status;
}

static orasi_status store_pwrite(orasi_store *store, uint64_t handle, uint64_t off, const void *buf, size_t len,
                                 orasi_error *err)
{
	struct segment *s = store->ctx;
	struct blob_file *b = of_handle(s, handle);
	uint64_t end;

	if (!s->building || !b || __builtin_add_overflow(off, (uint64_t)len, &end) || end > b->size)
		return fail(err, ORASI_E_INVALID, s, b ? b->name : "?", "pwrite outside of what was appended");
	return write_at(s, b, off, buf, len, err);
}

/* ---- reading --------------------------------------------------------------------------------------------- */

static orasi_status open_blob(struct segment *s, const char *name, uint64_t *ret_handle, uint64_t *ret_size,
                              orasi_error *err)
{
	struct blob_file *b = find(s, name);
	struct stat st;

	if (!b)
		return fail(err, ORASI_E_NOTFOUND, s, name, "there is no such blob");
	if (b->fd < 0)
		b->fd = open_path(s, name, O_RDONLY);
	if (b->fd < 0 || fstat(b->fd, &st))
		return fail(err, ORASI_E_IO, s, name, strerror(errno));
	if ((uint64_t)st.st_size != b->size) {
		if (!b->opens)
			close_blob(b);
		return fail(err, ORASI_E_CORRUPT, s, name, "its size is not the one in the manifest");
	}
	b->opens++;
	*ret_handle = (uint64_t)(b - s->blobs);
	*ret_size = b->size;
	return ORASI_OK;
}

static orasi_status store_open(orasi_store *store, const char *name, uint64_t *ret_handle, uint64_t *ret_size,
                               orasi_error *err)
{
	struct segment *s = store->ctx;
	orasi_status status;

	pthread_mutex_lock(&s->lock);
	status = open_blob(s, name, ret_handle, ret_size, err);
	pthread_mutex_unlock(&s->lock);
	return status;
}

static orasi_status read_at(struct segment *s, struct blob_file *b, uint64_t off, void *buf, size_t len,
                            orasi_error *err)
{
	char *p = buf;

	while (len) {
		ssize_t n = pread(b->fd, p, len, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(err, ORASI_E_IO, s, b->name, strerror(errno));
		if (!n)
			return fail(err, ORASI_E_CORRUPT, s, b->name, "it ends early");
		p += n;
		off += (uint64_t)n;
		len -= (size_t)n;
	}
	return ORASI_OK;
}

static orasi_status store_pread(orasi_store *store, uint64_t handle, uint64_t off, void *buf, size_t len,
                                orasi_error *err)
{
	struct segment *s = store->ctx;
	struct blob_file *b = of_handle(s, handle);

	if (!b)
		return fail(err, ORASI_E_INVALID, s, "?", "there is no such open blob to read");
	return read_at(s, b, off, buf, len, err);
}

static orasi_status map_blob(struct segment *s, uint64_t handle, const uint8_t **ret, orasi_error *err)
{
	static const uint64_t nothing = 0;
	struct blob_file *b = of_handle(s, handle);
	void *map;

	if (!b || s->building)
		return fail(err, ORASI_E_INVALID, s, b ? b->name : "?",
		            "only an open blob of a sealed segment can be mapped");
	if (!b->size) {
		*ret = (const uint8_t *)&nothing;
		return ORASI_OK;
	}
	if (!b->map) {
		map = mmap(NULL, b->size, PROT_READ, MAP_SHARED, b->fd, 0);
		if (map == MAP_FAILED)
			return fail(err, ORASI_E_IO, s, b->name, strerror(errno));
		b->map = map;
	}
	*ret = b->map;
	return ORASI_OK;
}

static orasi_status store_map(orasi_store *store, uint64_t handle, const uint8_t **ret, orasi_error *err)
{
	struct segment *s = store->ctx;
	orasi_status status;

	pthread_mutex_lock(&s->lock);
	status = map_blob(s, handle, ret, err);
	pthread_mutex_unlock(&s->lock);
	return status;
}

/* A blob being built is synced when the segment is sealed, so it stays open until then. */
static orasi_status store_close(orasi_store *store, uint64_t handle, orasi_error *err)
{
	struct segment *s = store->ctx;
	struct blob_file *b;

	pthread_mutex_lock(&s->lock);
	b = of_handle(s, handle);
	if (b && !s->building && !--b->opens)
		close_blob(b);
	pthread_mutex_unlock(&s->lock);
	return b ? ORASI_OK : fail(err, ORASI_E_INVALID, s, "?", "there is no such open blob to close");
}

/* ---- life ------------------------------------------------------------------------------------------------ */

static int segment_new(const char *folder, int building, struct segment **ret, struct err *err)
{
	struct segment *s = calloc(1, sizeof(*s));

	if (!s || !(s->folder = strdup(folder))) {
		free(s);
		return err_set(err, ERR_NOMEM, "out of memory");
	}
	s->building = building;
	pthread_mutex_init(&s->lock, NULL);
	s->store = (orasi_store){sizeof(s->store), 0,          s,           store_create, store_append,
	                         store_pwrite,     store_open, store_pread, store_map,    store_close};
	*ret = s;
	return 0;
}

int segment_create(const char *folder, struct segment **ret, struct err *err)
{
	if (mkdir(folder, 0755))
		return err_errno(err, errno, "cannot make the folder '%s' of a segment", folder);
	return segment_new(folder, 1, ret, err);
}

static int list_blob(struct segment *s, const struct json *entry, struct err *err)
{
	const char *name = json_get_str(entry, "name", ""), *crc = json_get_str(entry, "crc32c", "");
	int64_t size = json_get_int(entry, "size", -1);
	struct blob_file *b = &s->blobs[s->n];

	if (s->n == BLOBS_MAX || !is_blob_name(name) || find(s, name) || size < 0 || strlen(crc) != 8)
		return err_set(err, ERR_CORRUPT, "segment '%s': its list of blobs is damaged", s->folder);
	*b = (struct blob_file){.fd = -1, .size = (uint64_t)size};
	snprintf(b->name, sizeof(b->name), "%s", name);
	snprintf(b->crc, sizeof(b->crc), "%s", crc);
	s->n++;
	return 0;
}

int segment_open(const char *folder, const struct json *blobs, struct segment **ret, struct err *err)
{
	struct segment *s;
	int r = segment_new(folder, 0, &s, err);

	if (r)
		return r;
	for (size_t i = 0; i < json_count(blobs) && !r; i++)
		r = list_blob(s, json_at(blobs, i), err);
	if (r)
		segment_close(s);
	else
		*ret = s;
	return r;
}

void segment_close(struct segment *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->n; i++)
		close_blob(&s->blobs[i]);
	pthread_mutex_destroy(&s->lock);
	free(s->folder);
	free(s);
}

orasi_store *segment_store(struct segment *s)
{
	return &s->store;
}

/* ---- checksums ------------------------------------------------------------------------------------------- */

static int checksum(struct segment *s, struct blob_file *b, char ret[9], struct err *err)
{
	orasi_error error = ORASI_NO_ERROR;
	char *chunk = malloc(CHUNK);
	uint32_t crc = 0;
	int r = chunk ? 0 : err_set(err, ERR_NOMEM, "out of memory");

	for (uint64_t at = 0; at < b->size && !r; at += CHUNK) {
		size_t n = b->size - at < CHUNK ? (size_t)(b->size - at) : CHUNK;

		if (read_at(s, b, at, chunk, n, &error))
			r = err_set(err, ERR_CORRUPT, "%s", error.message);
		else
			crc = crc32c(crc, chunk, n);
	}
	free(chunk);
	snprintf(ret, 9, "%08x", crc);
	return r;
}

static int seal_blob(struct segment *s, struct blob_file *b, struct json *list, struct err *err)
{
	struct json *entry;
	int r = checksum(s, b, b->crc, err);

	if (!r && fdatasync(b->fd))
		r = err_errno(err, errno, "cannot sync blob '%s' of segment '%s'", b->name, s->folder);
	if (r)
		return r;
	entry = json_new_object();
	json_set_str(entry, "name", b->name);
	json_set_int(entry, "size", (int64_t)b->size);
	json_set_str(entry, "crc32c", b->crc);
	json_push(list, entry);
	return 0;
}

int segment_seal(struct segment *s, struct json **ret_blobs, int64_t *ret_bytes, struct err *err)
{
	struct json *list = json_new_array();
	int r = 0;

	*ret_bytes = 0;
	for (uint32_t i = 0; i < s->n && !r; i++) {
		r = seal_blob(s, &s->blobs[i], list, err);
		*ret_bytes += (int64_t)s->blobs[i].size;
	}
	if (!r)
		r = dir_sync(s->folder, err);
	if (r) {
		json_free(list);
		return r;
	}
	for (uint32_t i = 0; i < s->n; i++)
		close_blob(&s->blobs[i]);
	s->building = 0;
	*ret_blobs = list;
	return 0;
}

int segment_check(struct segment *s, struct err *err)
{
	orasi_error error = ORASI_NO_ERROR;
	int r = 0;

	for (uint32_t i = 0; i < s->n && !r; i++) {
		struct blob_file *b = &s->blobs[i];
		uint64_t handle, size;
		char crc[9];

		if (store_open(&s->store, b->name, &handle, &size, &error))
			return err_set(err, ERR_CORRUPT, "%s", error.message);
		r = checksum(s, b, crc, err);
		if (!r && strcmp(crc, b->crc))
			r = err_set(err, ERR_CORRUPT,
			            "blob '%s' of segment '%s' is damaged: its checksum is %s, the manifest has %s",
			            b->name, s->folder, crc, b->crc);
	}
	return r;
}
