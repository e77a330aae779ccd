/* SPDX-License-Identifier: Apache-2.0 */
/* The store of an examined index: blobs in memory, and every call of it that is wrong is noted. */
#include "lab.h"

#include <stdio.h>
#include <string.h>

#include "guard.h"

static orasi_status store_fail(struct lab_store *s, orasi_error *err, orasi_status status, const char *what)
{
	if (status == ORASI_E_INVALID)
		s->misuse = what;
	if (err)
		snprintf(err->message, sizeof(err->message), "%s", what);
	return status;
}

static struct lab_blob *blob_of(struct lab_store *s, uint64_t handle)
{
	return handle < s->n && s->blobs[handle].opens ? &s->blobs[handle] : NULL;
}

static orasi_status store_broken(struct lab_store *s, orasi_error *err)
{
	return s->fail_at && ++s->calls >= s->fail_at
	               ? store_fail(s, err, ORASI_E_IO, "the disk of the examination fails")
	               : ORASI_OK;
}

static orasi_status store_create(orasi_store *store, const char *name, uint64_t *ret, orasi_error *err)
{
	struct lab_store *s = store->ctx;
	size_t n = name ? strlen(name) : 0;

	if (store_broken(s, err))
		return ORASI_E_IO;
	if (s->sealed || !n || n > 64 || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") != n)
		return store_fail(s, err, ORASI_E_INVALID,
		                  "create: the segment is sealed, or the blob's name is not allowed");
	for (uint32_t i = 0; i < s->n; i++)
		if (!strcmp(s->blobs[i].name, name))
			return store_fail(s, err, ORASI_E_INVALID, "create: a blob was created twice");
	if (s->n == 64)
		return store_fail(s, err, ORASI_E_LIMIT, "a segment may have 64 blobs");
	snprintf(s->blobs[s->n].name, sizeof(s->blobs[s->n].name), "%s", name);
	buf_init(&s->blobs[s->n].bytes, 0);
	s->blobs[s->n].opens = 1;
	*ret = s->n++;
	return ORASI_OK;
}

static orasi_status store_append(orasi_store *store, uint64_t handle, const void *p, size_t n, orasi_error *err)
{
	struct lab_store *s = store->ctx;
	struct lab_blob *b = blob_of(s, handle);
	int armed;

	if (store_broken(s, err))
		return ORASI_E_IO;
	if (s->sealed || !b)
		return store_fail(s, err, ORASI_E_INVALID, "append: there is no such open blob");
	armed = guard_pause();
	buf_add(&b->bytes, p, n);
	guard_resume(armed);
	return ORASI_OK;
}

static orasi_status store_pwrite(orasi_store *store, uint64_t handle, uint64_t off, const void *p, size_t n,
                                 orasi_error *err)
{
	struct lab_store *s = store->ctx;
	struct lab_blob *b = blob_of(s, handle);

	if (store_broken(s, err))
		return ORASI_E_IO;
	if (s->sealed || !b || off > b->bytes.len || n > b->bytes.len - off)
		return store_fail(s, err, ORASI_E_INVALID, "pwrite: outside of what was appended");
	if (n)
		memcpy(b->bytes.data + off, p, n);
	return ORASI_OK;
}

static orasi_status store_open(orasi_store *store, const char *name, uint64_t *ret, uint64_t *ret_size,
                               orasi_error *err)
{
	struct lab_store *s = store->ctx;

	if (store_broken(s, err))
		return ORASI_E_IO;
	for (uint32_t i = 0; name && i < s->n; i++)
		if (!strcmp(s->blobs[i].name, name)) {
			s->blobs[i].opens++;
			*ret = i;
			*ret_size = s->blobs[i].bytes.len;
			return ORASI_OK;
		}
	return store_fail(s, err, ORASI_E_NOTFOUND, "there is no such blob");
}

static orasi_status store_pread(orasi_store *store, uint64_t handle, uint64_t off, void *p, size_t n, orasi_error *err)
{
	struct lab_store *s = store->ctx;
	struct lab_blob *b = blob_of(s, handle);

	if (store_broken(s, err))
		return ORASI_E_IO;
	if (!b)
		return store_fail(s, err, ORASI_E_INVALID, "pread: there is no such open blob");
	if (off > b->bytes.len || n > b->bytes.len - off)
		return store_fail(s, err, ORASI_E_CORRUPT, "the blob ends early");
	if (n)
		memcpy(p, b->bytes.data + off, n);
	return ORASI_OK;
}

/* A copy behind which a page lies that cannot be touched: reading beyond the end is seen. */
static orasi_status store_map(orasi_store *store, uint64_t handle, const uint8_t **ret, orasi_error *err)
{
	struct lab_store *s = store->ctx;
	struct lab_blob *b = blob_of(s, handle);

	if (store_broken(s, err))
		return ORASI_E_IO;
	if (!s->sealed || !b)
		return store_fail(s, err, ORASI_E_INVALID, "map: there is no such open blob of a sealed segment");
	if (!b->map)
		b->map = guard_page_copy(b->bytes.data, b->bytes.len, &b->map_len);
	*ret = b->map + b->map_len - ((b->bytes.len + 7) & ~(size_t)7);
	return ORASI_OK;
}

static orasi_status store_close(orasi_store *store, uint64_t handle, orasi_error *err)
{
	struct lab_store *s = store->ctx;
	struct lab_blob *b = blob_of(s, handle);

	if (!b)
		return store_fail(s, err, ORASI_E_INVALID, "close: there is no such open blob");
	b->opens--;
	return ORASI_OK;
}

void lab_store_init(struct lab_store *s)
{
	memset(s, 0, sizeof(*s));
	s->store = (orasi_store){sizeof(s->store), 0,          s,           store_create, store_append,
	                         store_pwrite,     store_open, store_pread, store_map,    store_close};
}

void lab_store_seal(struct lab_store *s)
{
	s->sealed = 1;
	for (uint32_t i = 0; i < s->n; i++)
		s->blobs[i].opens = 0;
}

void lab_store_done(struct lab_store *s)
{
	for (uint32_t i = 0; i < s->n; i++) {
		buf_done(&s->blobs[i].bytes);
		if (s->blobs[i].map)
			guard_page_free(s->blobs[i].map, s->blobs[i].map_len);
	}
	s->n = 0;
}

uint64_t lab_store_digest(const struct lab_store *s)
{
	uint64_t hash = 0;

	for (uint32_t i = 0; i < s->n; i++) {
		hash = digest_bytes(hash, s->blobs[i].name, strlen(s->blobs[i].name));
		hash = digest_bytes(hash, s->blobs[i].bytes.data, s->blobs[i].bytes.len);
	}
	return hash;
}
