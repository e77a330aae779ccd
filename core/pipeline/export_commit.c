/* SPDX-License-Identifier: Apache-2.0 */
/* What an export has staged is moved to its place, in a worker of the role place.
 *
 * One file appears under its name by a rename, or on S3 by one PUT or the end of a multipart upload: all of it or
 * nothing. A folder on disk appears by a rename too; on S3 its objects come one by one and last the empty one that is
 * named as the folder. After a crash the same is done again: what is there already, byte for byte, was ours. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "blob/blob.h"
#include "pipeline.h"

#define CHUNK (256u << 10)

struct target {
	char parent[PATH_MAX], name[PATH_MAX];
	struct blob *blob; /* of the parent */
};

/* "/a/b/c/" → "/a/b" and "c"; "s3://b/x" → "s3://b" and "x". */
static int split(const char *to, struct target *ret, struct err *err)
{
	size_t n = strlen(to);
	const char *slash;

	while (n > 1 && to[n - 1] == '/')
		n--;
	slash = memrchr(to, '/', n);
	if (!slash || n >= PATH_MAX || slash + 1 == to + n ||
	    (str_starts(to, "s3://") && slash < to + strlen("s3://b")))
		return err_set(err, ERR_INVALID, "'%.200s' is no place for a file", to);
	snprintf(ret->name, sizeof(ret->name), "%.*s", (int)(to + n - slash - 1), slash + 1);
	snprintf(ret->parent, sizeof(ret->parent), "%.*s", slash == to ? 1 : (int)(slash - to), to);
	return blob_open(ret->parent, &ret->blob, err);
}

/* ---- what is there already --------------------------------------------------------------------------------------- */

static int same_bytes(struct blob_file *there, FILE *staged)
{
	char *ours = malloc(2 * CHUNK), *theirs = ours + CHUNK;
	int same = ours != NULL;
	uint64_t at = 0;
	size_t n = 1, got;

	while (same && n) {
		n = fread(ours, 1, CHUNK, staged);
		same = !ferror(staged) && !blob_file_read(there, at, theirs, CHUNK, &got, NULL) && got == n &&
		       !memcmp(ours, theirs, n);
		at += n;
	}
	free(ours);
	return same;
}

/* A staged file that is gone was moved: nobody else takes it away before the part is known to be committed. */
static int is_file_there(struct blob *blob, const char *name, const struct json *file)
{
	FILE *staged = fopen(json_get_str(file, "staged", ""), "re");
	struct blob_file *there;
	int same = 0;

	if (!blob_file_open(blob, name, &there, NULL)) {
		same = blob_file_size(there) == json_get_int(file, "size", -1) &&
		       (!staged || same_bytes(there, staged));
		blob_file_close(there);
	}
	if (staged)
		fclose(staged);
	return same;
}

static int is_there(const struct target *target, const struct json *intent)
{
	const struct json *files = json_get(intent, "files");
	char name[PATH_MAX + 160];

	if (!json_get(intent, "folder"))
		return is_file_there(target->blob, target->name, json_at(files, 0));
	for (size_t i = 0; i < json_count(files); i++) {
		snprintf(name, sizeof(name), "%s/%s", target->name, json_get_str(json_at(files, i), "name", ""));
		if (!is_file_there(target->blob, name, json_at(files, i)))
			return 0;
	}
	return 1;
}

/* ---- moving ------------------------------------------------------------------------------------------------------------ */

static int already(const struct target *target, const char *to, struct err *err)
{
	return err_set(err, ERR_EXISTS, "'%s%s%s' exists already: export to another place%s", target->parent,
	               str_ends(target->parent, "/") ? "" : "/", target->name,
	               str_ends(to, "/") ? ", or to an empty folder" : ", or have it overwritten");
}

static int move(const struct target *target, const struct json *intent, struct err *err)
{
	const char *folder = json_get_str(intent, "folder", NULL), *to = json_get_str(intent, "to", "");
	int overwrite = json_get_bool(intent, "overwrite", 0), r;
	int64_t size;

	if (folder) {
		r = str_starts(to, "s3://") && !blob_size(target->blob, target->name, &size, NULL, NULL)
		            ? ERR_EXISTS
		            : blob_adopt_over(target->blob, folder, target->name, err);
	} else if (!overwrite && !blob_size(target->blob, target->name, &size, NULL, NULL)) {
		r = ERR_EXISTS;
	} else {
		const char *staged = json_get_str(json_at(json_get(intent, "files"), 0), "staged", "");

		r = (overwrite ? blob_adopt_over : blob_adopt)(target->blob, staged, target->name, err);
	}
	return r == ERR_EXISTS ? already(target, to, err) : r;
}

int pipeline_export_commit(const struct json *order, struct json **ret, struct err *err)
{
	const struct json *intent = json_get(order, "intent");
	struct target target = {.blob = NULL};
	int was_there = 0, r = split(json_get_str(intent, "to", ""), &target, err);

	if (!r) {
		was_there = is_there(&target, intent);
		r = was_there ? 0 : move(&target, intent, err);
	}
	blob_close(target.blob);
	if (r)
		return r;
	*ret = json_copy(json_get(intent, "counts"));
	json_set_bool(*ret, "already", was_there);
	return 0;
}
