/* SPDX-License-Identifier: Apache-2.0 */
/* Files and folders that come and go as a whole.
 *
 * There are no folders. One that is adopted, the segment of an index, is its objects and, written last, an empty object
 * with the name of the folder and a slash: without it the folder is not there. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "blob/s3_cache.h"
#include "blob/s3_place.h"

#define SINGLE_MAX (64u << 20)

/* ---- adopting ------------------------------------------------------------------------------------------------------- */

static int put_small(struct blob *blob, const char *name, int fd, const char *local, int64_t bytes, int replace,
                     struct err *err)
{
	char *text = malloc((size_t)bytes + 1);
	int r = text ? 0 : err_set(err, ERR_NOMEM, "out of memory");

	if (!r && s3_read_full(fd, text, (size_t)bytes) != bytes)
		r = err_set(err, ERR_IO, "cannot read '%s': it changes", local);
	if (!r)
		r = (replace ? s3_put : s3_put_new)(blob, name, text, (size_t)bytes, err);
	free(text);
	return r;
}

static int put_file(struct blob *blob, const char *local, const char *name, int replace, struct err *err)
{
	int fd = open(local, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), r;
	char key[PATH_MAX];
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		r = err_errno(err, errno, "cannot open '%s'", local);
		if (fd >= 0)
			close(fd);
		return r;
	}
	r = s3_key(blob, name, "", key, sizeof(key), err);
	if (!r)
		r = st.st_size <= SINGLE_MAX ? put_small(blob, name, fd, local, st.st_size, replace, err)
		                             : s3_put_parts(blob, key, fd, local, st.st_size, replace, err);
	close(fd);
	return r;
}

/* For each file of a local folder, with its name in the place. */
static int each_file(struct blob *blob, const char *local, const char *name,
                     int (*fn)(struct blob *blob, const char *from, const char *to, int64_t since_ms, struct err *err),
                     int64_t since_ms, struct err *err)
{
	char from[PATH_MAX], to[PATH_MAX];
	struct dirent *entry;
	DIR *dir = opendir(local);
	int r = 0;

	if (!dir)
		return err_errno(err, errno, "cannot list '%s'", local);
	while (!r && (entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if ((size_t)snprintf(from, sizeof(from), "%s/%s", local, entry->d_name) >= sizeof(from) ||
		    (size_t)snprintf(to, sizeof(to), "%s/%s", name, entry->d_name) >= sizeof(to))
			r = err_set(err, ERR_INVALID, "the path of '%.80s' is too long", entry->d_name);
		else
			r = fn(blob, from, to, since_ms, err);
	}
	closedir(dir);
	return r;
}

static int put_over(struct blob *blob, const char *from, const char *to, int64_t since_ms, struct err *err)
{
	(void)since_ms;
	return put_file(blob, from, to, 1, err);
}

/* An upload in parts that was never ended; smaller ones are there or not. */
static int give_up_file(struct blob *blob, const char *from, const char *to, int64_t since_ms, struct err *err)
{
	char key[PATH_MAX];
	struct stat st;
	int r = s3_key(blob, to, "", key, sizeof(key), err);

	if (r || (!stat(from, &st) && st.st_size <= SINGLE_MAX))
		return r;
	return s3_give_up_begun(blob, key, since_ms, err);
}

static int take_back(struct blob *blob, const char *from, const char *to, int64_t since_ms, struct err *err)
{
	char key[PATH_MAX];
	int r = s3_key(blob, to, "", key, sizeof(key), err);

	if (!r)
		r = s3_delete_key(blob, key, err);
	return r ? r : give_up_file(blob, from, to, since_ms, err);
}

/* What there is of a folder that did not become whole. One that has its mark was whole before, and so it is when its
 * local files are gone, which is the last step. */
static int forget_folder(struct blob *blob, const char *local, const char *name, int64_t since_ms, struct err *err)
{
	struct err failed = {0};
	struct http_answer mark;
	char key[PATH_MAX];
	int r = s3_key(blob, name, "/", key, sizeof(key), err);

	if (r)
		return r;
	r = s3_head(blob, key, &mark, &failed);
	if (!r)
		http_answer_done(&mark);
	if (r == ERR_NOTFOUND)
		return each_file(blob, local, name, take_back, since_ms, err);
	return r ? err_set(err, r, "%s", failed.text) : 0;
}

int s3_forget(struct blob *blob, const char *local, const char *name, int64_t since_ms, struct err *err)
{
	struct stat st;

	if (lstat(local, &st))
		return errno == ENOENT ? 0 : err_errno(err, errno, "cannot look at '%s'", local);
	return S_ISDIR(st.st_mode) ? forget_folder(blob, local, name, since_ms, err)
	                           : give_up_file(blob, local, name, since_ms, err);
}

/* Over what a crash has left of an earlier try, and the mark last. */
static int put_folder(struct blob *blob, const char *local, const char *name, struct err *err)
{
	char mark[PATH_MAX];
	int64_t since_ms = clock_wall_ms();
	int r = each_file(blob, local, name, put_over, since_ms, err);

	if (!r && (size_t)snprintf(mark, sizeof(mark), "%s/", name) >= sizeof(mark))
		r = err_set(err, ERR_INVALID, "the name '%.80s' is too long", name);
	if (!r)
		r = s3_put_new(blob, mark, "", 0, err);
	if (r)
		forget_folder(blob, local, name, since_ms, NULL);
	return r;
}

int s3_adopt(struct blob *blob, const char *local, const char *name, unsigned how, struct err *err)
{
	struct stat st;
	int r;

	if (lstat(local, &st))
		return err_errno(err, errno, "cannot look at '%s'", local);
	r = S_ISDIR(st.st_mode) ? put_folder(blob, local, name, err)
	                        : put_file(blob, local, name, (how & ADOPT_OVER) != 0, err);
	if (r)
		return r;
	if (S_ISDIR(st.st_mode))
		dir_remove(local, NULL);
	else
		unlink(local);
	return 0;
}

/* ---- deleting -------------------------------------------------------------------------------------------------------- */

static int is_plain_file(const char *name)
{
	return str_ends(name, ".parquet") || str_ends(name, ".json");
}

/* The mark of a folder first: half of one is none. */
int s3_remove(struct blob *blob, const char *name, struct err *err)
{
	char key[PATH_MAX], full[PATH_MAX];
	struct names names = {0};
	int r = s3_key(blob, name, "", key, sizeof(key) - 1, err);

	if (r)
		return r;
	if (*name)
		r = s3_delete_key(blob, key, err);
	if (r || is_plain_file(name))
		return r;
	if (*key)
		strcat(key, "/");
	if (*name)
		r = s3_delete_key(blob, key, err);
	if (!r)
		r = s3_list_keys(blob, key, NULL, 0, &names, err);
	for (size_t i = 0; i < names.n && !r; i++) {
		if ((size_t)snprintf(full, sizeof(full), "%s%s", key, names.list[i].text) >= sizeof(full))
			r = err_set(err, ERR_INVALID, "the name '%.80s…' is too long", names.list[i].text);
		else
			r = s3_delete_key(blob, full, err);
	}
	s3_names_done(&names);
	return r;
}

/* ---- a local copy ------------------------------------------------------------------------------------------------------ */

static int fetch_file(struct blob *blob, const char *name, const char *path, struct err *err)
{
	struct blob_file *file;
	char *chunk = malloc(PART_BYTES);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), r;
	uint64_t at = 0;
	size_t got = 1;

	r = !chunk   ? err_set(err, ERR_NOMEM, "out of memory")
	    : fd < 0 ? err_errno(err, errno, "cannot create '%s'", path)
	             : 0;
	if (!r)
		r = blob_file_open(blob, name, &file, err);
	if (!r) {
		for (; !r && got; at += got) {
			r = blob_file_read(file, at, chunk, PART_BYTES, &got, err);
			if (!r)
				r = file_write_all(fd, chunk, got, path, err);
		}
		blob_file_close(file);
	}
	if (fd >= 0)
		close(fd);
	free(chunk);
	return r;
}

/* A whole folder, or a file. */
static int fetch(void *ctx, const char *name, const char *path, struct err *err)
{
	struct blob *blob = ctx;
	char key[PATH_MAX], from[PATH_MAX], to[PATH_MAX];
	struct names names = {0};
	struct http_answer mark;
	int r = s3_key(blob, name, "/", key, sizeof(key), err);

	if (r)
		return r;
	if (s3_head(blob, key, &mark, NULL))
		return fetch_file(blob, name, path, err);
	http_answer_done(&mark);
	r = dir_make(path, 0700, err);
	if (!r)
		r = s3_list_keys(blob, key, NULL, 0, &names, err);
	for (size_t i = 0; i < names.n && !r; i++) {
		if (strchr(names.list[i].text, '/') ||
		    (size_t)snprintf(from, sizeof(from), "%s/%s", name, names.list[i].text) >= sizeof(from) ||
		    (size_t)snprintf(to, sizeof(to), "%s/%s", path, names.list[i].text) >= sizeof(to))
			r = err_set(err, ERR_CORRUPT, "the folder '%.80s' holds '%.80s'", name, names.list[i].text);
		else
			r = fetch_file(blob, from, to, err);
	}
	s3_names_done(&names);
	return r;
}

int s3_local(struct blob *blob, const char *name, char *ret, size_t cap, struct err *err)
{
	int r = blob_check_name(blob, name, err);

	return r ? r : s3_cache_path(blob->location, name, fetch, blob, ret, cap, err);
}
