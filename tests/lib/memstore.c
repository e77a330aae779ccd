/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/memstore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static orasi_status fail(orasi_error *err, const char *what)
{
	if (err)
		snprintf(err->message, sizeof(err->message), "%s", what);
	return ORASI_E_CORRUPT;
}

static struct memblob *find(struct memstore *m, const char *name)
{
	for (uint32_t i = 0; i < m->n; i++)
		if (!strcmp(m->blobs[i].name, name))
			return &m->blobs[i];
	return NULL;
}

struct memblob *memstore_blob(struct memstore *m, const char *name)
{
	struct memblob *blob = find(m, name);

	if (blob || m->n == MEMSTORE_BLOBS)
		return blob;
	blob = &m->blobs[m->n++];
	snprintf(blob->name, sizeof(blob->name), "%s", name);
	return blob;
}

void memblob_set(struct memblob *blob, const void *p, size_t n)
{
	free(blob->data);
	blob->data = malloc(n + 1);
	if (!blob->data)
		abort();
	if (n)
		memcpy(blob->data, p, n);
	blob->size = n;
	blob->cap = n + 1;
}

static orasi_status create(orasi_store *store, const char *name, uint64_t *ret, orasi_error *err)
{
	struct memstore *m = store->ctx;
	struct memblob *blob = find(m, name) ? NULL : memstore_blob(m, name);

	if (!blob)
		return fail(err, "the blob exists, or there are too many");
	*ret = (uint64_t)(blob - m->blobs);
	return ORASI_OK;
}

static orasi_status append(orasi_store *store, uint64_t handle, const void *p, size_t n, orasi_error *err)
{
	struct memblob *blob = &((struct memstore *)store->ctx)->blobs[handle];

	(void)err;
	if (blob->size + n > blob->cap) {
		blob->cap = (blob->size + n) * 2;
		blob->data = realloc(blob->data, blob->cap);
		if (!blob->data)
			abort();
	}
	if (n)
		memcpy(blob->data + blob->size, p, n);
	blob->size += n;
	return ORASI_OK;
}

static orasi_status overwrite(orasi_store *store, uint64_t handle, uint64_t at, const void *p, size_t n,
                              orasi_error *err)
{
	struct memblob *blob = &((struct memstore *)store->ctx)->blobs[handle];

	if (at > blob->size || n > blob->size - at)
		return fail(err, "beyond the end");
	memcpy(blob->data + at, p, n);
	return ORASI_OK;
}

static orasi_status open_blob(orasi_store *store, const char *name, uint64_t *ret, uint64_t *ret_size, orasi_error *err)
{
	struct memstore *m = store->ctx;
	struct memblob *blob = find(m, name);

	if (!blob)
		return fail(err, "no such blob");
	*ret = (uint64_t)(blob - m->blobs);
	*ret_size = blob->size;
	return ORASI_OK;
}

static orasi_status read_at(orasi_store *store, uint64_t handle, uint64_t at, void *p, size_t n, orasi_error *err)
{
	const struct memblob *blob = &((struct memstore *)store->ctx)->blobs[handle];

	if (at > blob->size || n > blob->size - at)
		return fail(err, "beyond the end");
	memcpy(p, blob->data + at, n);
	return ORASI_OK;
}

static orasi_status map(orasi_store *store, uint64_t handle, const uint8_t **ret, orasi_error *err)
{
	(void)err;
	*ret = ((struct memstore *)store->ctx)->blobs[handle].data;
	return ORASI_OK;
}

static orasi_status close_blob(orasi_store *store, uint64_t handle, orasi_error *err)
{
	(void)store;
	(void)handle;
	(void)err;
	return ORASI_OK;
}

void memstore_init(struct memstore *m)
{
	memset(m, 0, sizeof(*m));
	m->store =
		(orasi_store){sizeof(m->store), 0, m, create, append, overwrite, open_blob, read_at, map, close_blob};
}

void memstore_done(struct memstore *m)
{
	for (uint32_t i = 0; i < m->n; i++)
		free(m->blobs[i].data);
	m->n = 0;
}
