/* SPDX-License-Identifier: Apache-2.0 */
/* What an export has staged is moved to its place, in a worker of the role place.
 *
 * One file appears under its name by a rename, or on S3 by one PUT or the end of a multipart upload: all of it or
 * nothing. A folder on disk appears by a rename too; on S3 its objects come one by one and last the empty one that is
 * named as the folder. After a crash the same is done again: what is there already, byte for byte, was ours.
 *
 * A worker that dies may leave half of it: an upload that was never ended, objects of a folder, a copy beside its place. So
 * before anything is put, a record says what is under way, in a folder that no foreign code writes to; it goes when the
 * export is in its place or all of it is taken away. The next attempt begins with taking away; when there is none, the
 * agent asks for it by the record (pipeline_export_undo). */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/map.h"
#include "base/str.h"
#include "blob/blob.h"
#include "pipeline.h"

#define CHUNK (256u << 10)
#define RECORD_MAX (64u << 10)

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

/* ---- what the part says ------------------------------------------------------------------------------------------------ */

/* It comes from a worker that ran an encoder: what does not fit the task is not moved. That it lies in the task's staging
 * folder was looked at before (staged.c). */
static int lie(const char *what, struct err *err)
{
	return err_set(err, ERR_PLUGIN, "the part of the export %s: its worker was not itself", what);
}

static const char *name_of(const struct json *file)
{
	return json_get_str(file, "name", "");
}

/* All names, so that a folder of many files is not looked through for each of them. */
static int collect_names(const struct json *files, struct map *ret, struct err *err)
{
	for (size_t i = 0; i < json_count(files); i++) {
		const char *name = name_of(json_at(files, i));

		if (!*name || strchr(name, '/'))
			return lie("names a file by a path", err);
		if (map_set(ret, name, ret))
			return err_set(err, ERR_NOMEM, "out of memory");
	}
	return 0;
}

/* The folder is moved as it is. One that is gone was moved already. */
static int holds_only(const char *folder, const struct map *names, struct err *err)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int r = 0;

	while (dir && !r && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") && !map_get(names, entry->d_name))
			r = lie("has a file in its folder that it does not name", err);
	if (dir)
		closedir(dir);
	return r;
}

static int fits(const char *to, const struct json *intent, struct err *err)
{
	const struct json *files = json_get(intent, "files");
	const char *folder = json_get_str(intent, "folder", NULL);
	struct map names;
	struct stat st;
	int r;

	if (!!folder != str_ends(to, "/"))
		return lie("is of another kind than its place", err);
	if (!json_count(files) || (!folder && json_count(files) > 1))
		return lie("has another number of files than its place", err);
	if (!folder && !lstat(json_get_str(json_at(files, 0), "staged", ""), &st) && !S_ISREG(st.st_mode))
		return lie("has something else for a file", err);
	map_init(&names);
	r = collect_names(files, &names, err);
	if (!r && folder)
		r = holds_only(folder, &names, err);
	map_done(&names);
	return r;
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

/* Of a folder all files and, on S3, the mark. */
static int is_there(const struct target *target, const struct json *intent)
{
	const struct json *files = json_get(intent, "files");
	char name[PATH_MAX + 160];
	int64_t size;

	if (!json_get(intent, "folder"))
		return is_file_there(target->blob, target->name, json_at(files, 0));
	snprintf(name, sizeof(name), "%s/", target->name);
	if (blob_size(target->blob, name, &size, NULL, NULL))
		return 0;
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

/* The folder of staged files, or the only one. */
static const char *staged_of(const struct json *intent)
{
	return json_get_str(intent, "folder", json_get_str(json_at(json_get(intent, "files"), 0), "staged", ""));
}

static int move(const struct target *target, const struct json *spec, const struct json *intent, struct err *err)
{
	const char *staged = staged_of(intent), *to = json_get_str(spec, "to", "");
	int overwrite = json_get_bool(spec, "overwrite", 0), r;
	int64_t size;

	if (json_get(intent, "folder"))
		r = str_starts(to, "s3://") && !blob_size(target->blob, target->name, &size, NULL, NULL)
		            ? ERR_EXISTS
		            : blob_adopt_over(target->blob, staged, target->name, err);
	else if (!overwrite && !blob_size(target->blob, target->name, &size, NULL, NULL))
		r = ERR_EXISTS;
	else
		r = (overwrite ? blob_adopt_over : blob_adopt)(target->blob, staged, target->name, err);
	return r == ERR_EXISTS ? already(target, to, err) : r;
}

/* ---- the record of what is under way ------------------------------------------------------------------------------------- */

struct placing {
	char staged[PATH_MAX], to[PATH_MAX];
	int64_t begun_ms;
};

static int read_record(const char *path, struct placing *ret, struct err *err)
{
	struct json *json = NULL;
	struct buf text;
	int r;

	buf_init(&text, 0);
	r = file_read(path, RECORD_MAX, &text, err);
	if (!r)
		r = json_parse(text.data, text.len, &json, err);
	if (!r) {
		str_copy(ret->staged, sizeof(ret->staged), json_get_str(json, "staged", ""));
		str_copy(ret->to, sizeof(ret->to), json_get_str(json, "to", ""));
		ret->begun_ms = json_get_int(json, "begun_ms", 0);
	}
	json_free(json);
	buf_done(&text);
	return r;
}

static int write_record(const char *path, const char *staged, const char *to, struct err *err)
{
	struct json *json = json_new_object();
	const char *text;
	int r;

	json_set_str(json, "staged", staged);
	json_set_str(json, "to", to);
	json_set_int(json, "begun_ms", clock_wall_ms());
	text = json_text(json);
	r = file_replace(path, text, strlen(text), err);
	json_free(json);
	return r;
}

/* The half of an export that a worker which died may have left; the record goes with it. */
static int take_away(const char *record, struct err *err)
{
	struct placing placing;
	struct target target = {.blob = NULL};
	int r = access(record, F_OK) ? ERR_NOTFOUND : read_record(record, &placing, err);

	if (r)
		return r == ERR_NOTFOUND ? 0 : r;
	r = split(placing.to, &target, err);
	if (!r)
		r = blob_forget(target.blob, placing.staged, target.name, placing.begun_ms, err);
	blob_close(target.blob);
	if (!r && unlink(record))
		r = err_errno(err, errno, "cannot delete '%s'", record);
	return r;
}

/* ---- the whole ----------------------------------------------------------------------------------------------------------- */

static int place(const struct target *target, const struct json *order, const char *record, struct err *err)
{
	const struct json *spec = json_get(order, "spec"), *intent = json_get(order, "intent");
	int r = take_away(record, err);

	if (!r)
		r = write_record(record, staged_of(intent), json_get_str(spec, "to", ""), err);
	if (!r)
		r = move(target, spec, intent, err);
	if (r && r != ERR_EXISTS) /* if that fails too, the record stays */
		take_away(record, NULL);
	else
		unlink(record);
	return r;
}

int pipeline_export_commit(const struct json *order, struct json **ret, struct err *err)
{
	const struct json *intent = json_get(order, "intent");
	const char *record = json_get_str(order, "record", "");
	struct target target = {.blob = NULL};
	int was_there = 0, r = split(json_str(json_pointer(order, "/spec/to"), ""), &target, err);

	if (!r)
		r = fits(json_str(json_pointer(order, "/spec/to"), ""), intent, err);
	if (!r) {
		was_there = is_there(&target, intent);
		r = was_there ? 0 : place(&target, order, record, err);
	}
	if (was_there)
		unlink(record);
	blob_close(target.blob);
	if (r)
		return r;
	*ret = json_copy(json_get(intent, "counts"));
	json_set_bool(*ret, "already", was_there);
	return 0;
}

int pipeline_export_undo(const struct json *order, struct json **ret, struct err *err)
{
	int r = take_away(json_get_str(order, "record", ""), err);

	if (!r)
		*ret = json_new_object();
	return r;
}
