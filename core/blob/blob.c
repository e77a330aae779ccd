/* SPDX-License-Identifier: Apache-2.0 */
/* The door: which kind of place a location is. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "blob/inside.h"

static const struct blob_kind *const kinds[] = {&blob_local, &blob_s3};

static const struct blob_kind *kind_of(const char *location)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (location && str_starts(location, kinds[i]->scheme))
			return kinds[i];
	return NULL;
}

int blob_open(const char *location, struct blob **ret, struct err *err)
{
	const struct blob_kind *kind = kind_of(location);
	struct blob *blob;
	int r;

	if (!kind)
		return err_set(err, ERR_UNSUPPORTED, "location '%s' is neither an absolute path nor s3://bucket/prefix",
		               location ? location : "");
	blob = calloc(1, sizeof(*blob));
	if (!blob || !(blob->location = strdup(location))) {
		free(blob);
		return err_set(err, ERR_NOMEM, "out of memory");
	}
	blob->kind = kind;
	r = kind->open(blob, err);
	if (r) {
		blob_close(blob);
		return r;
	}
	*ret = blob;
	return 0;
}

void blob_close(struct blob *blob)
{
	if (!blob)
		return;
	blob->kind->close(blob);
	free(blob->location);
	free(blob);
}

const char *blob_location(const struct blob *blob)
{
	return blob->location;
}

int blob_check_name(const struct blob *blob, const char *name, struct err *err)
{
	if (*name == '/' || !strcmp(name, "..") || str_starts(name, "../") || strstr(name, "/../") ||
	    str_ends(name, "/.."))
		return err_set(err, ERR_CORRUPT, "'%s' points outside of '%s'", name, blob->location);
	return 0;
}

int blob_get(struct blob *blob, const char *name, size_t max, struct buf *ret, struct err *err)
{
	return blob->kind->get(blob, name, max, ret, err);
}

int blob_size(struct blob *blob, const char *name, int64_t *ret, int64_t *ret_modified_ms, struct err *err)
{
	return blob->kind->size(blob, name, ret, ret_modified_ms, err);
}

int blob_put_new(struct blob *blob, const char *name, const void *p, size_t n, struct err *err)
{
	return blob->kind->put_new(blob, name, p, n, err);
}

int blob_put(struct blob *blob, const char *name, const void *p, size_t n, struct err *err)
{
	return blob->kind->put(blob, name, p, n, err);
}

int blob_adopt(struct blob *blob, const char *local, const char *name, struct err *err)
{
	return blob->kind->adopt(blob, local, name, 0, err);
}

int blob_adopt_later(struct blob *blob, const char *local, const char *name, struct err *err)
{
	return blob->kind->adopt(blob, local, name, ADOPT_LATER, err);
}

int blob_settle(struct blob *blob, const char *folder, struct err *err)
{
	return blob->kind->settle ? blob->kind->settle(blob, folder, err) : 0;
}

int blob_adopt_over(struct blob *blob, const char *local, const char *name, struct err *err)
{
	return blob->kind->adopt(blob, local, name, ADOPT_OVER, err);
}

int blob_forget(struct blob *blob, const char *local, const char *name, int64_t since_ms, struct err *err)
{
	return blob->kind->forget(blob, local, name, since_ms, err);
}

int blob_delete(struct blob *blob, const char *name, struct err *err)
{
	return blob->kind->remove(blob, name, err);
}

int blob_list(struct blob *blob, const char *folder, const char *after,
              int (*each)(void *ctx, const char *name, int is_folder), void *ctx, struct err *err)
{
	return blob->kind->list(blob, folder, after, each, ctx, err);
}

int blob_sweep(struct blob *blob, int64_t before_ms, int64_t *removed, struct err *err)
{
	return blob->kind->sweep ? blob->kind->sweep(blob, before_ms, removed, err) : 0;
}

int blob_path(struct blob *blob, const char *name, char *ret, size_t cap, struct err *err)
{
	return blob->kind->local(blob, name, ret, cap, err);
}

/* ---- files ------------------------------------------------------------------------------------------------- */

int blob_file_open(struct blob *blob, const char *name, struct blob_file **ret, struct err *err)
{
	struct blob_file *file = calloc(1, sizeof(*file));
	int r = file && (file->name = strdup(name)) ? 0 : err_set(err, ERR_NOMEM, "out of memory");

	if (r) {
		free(file);
		return r;
	}
	file->blob = blob;
	file->fd = -1;
	r = blob->kind->file_open(blob, name, file, err);
	if (r)
		blob_file_close(file);
	else
		*ret = file;
	return r;
}

void blob_file_close(struct blob_file *file)
{
	if (!file)
		return;
	file->blob->kind->file_close(file);
	free(file->name);
	free(file);
}

int64_t blob_file_size(const struct blob_file *file)
{
	return file->size;
}

int blob_file_read(struct blob_file *file, uint64_t at, void *to, size_t len, size_t *ret_got, struct err *err)
{
	return file->blob->kind->file_read(file, at, to, len, ret_got, err);
}
