/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of an S3 store.
 *
 * What is only made if absent goes by PUT with If-None-Match: *, which one of many racers wins. 412 is a race that was
 * lost, unless an earlier try of ours got no clear answer: then what is there is read, and if those are our bytes, we
 * had won. (A log entry has a txnId of its own, so equal bytes are the same entry.)
 *
 * There are no folders. One that is adopted, the segment of an index, is its objects and, written last, an empty object
 * with the name of the folder and a slash: without it the folder is not there. Large files go up in parts. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "blob/inside.h"
#include "blob/s3_cache.h"
#include "blob/s3_request.h"
#include "blob/s3_xml.h"

#define ERROR_MAX (64u << 10)
#define LIST_MAX (16u << 20)
#define SINGLE_MAX (64u << 20)
#define PART_BYTES (16u << 20)
#define WINDOW (256u << 10)

static struct s3 *s3_of(const struct blob *blob)
{
	return blob->self;
}

static int open_place(struct blob *blob, struct err *err)
{
	struct s3 *s3 = calloc(1, sizeof(*s3));

	if (!s3)
		return err_set(err, ERR_NOMEM, "out of memory");
	blob->self = s3;
	return s3_init(s3, blob->location, err);
}

static void close_place(struct blob *blob)
{
	struct s3 *s3 = s3_of(blob);

	if (s3)
		free(s3->prefix);
	free(s3);
}

/* prefix/name + end, in `ret`. */
static int key_of(const struct blob *blob, const char *name, const char *end, char *ret, size_t cap, struct err *err)
{
	const char *prefix = s3_of(blob)->prefix;
	int r = blob_check_name(blob, name, err);

	if (r)
		return r;
	if ((size_t)snprintf(ret, cap, "%s%s%s%s", prefix, *prefix && *name ? "/" : "", name, end) >= cap)
		return err_set(err, ERR_INVALID, "the name '%.80s…' is too long", name);
	return 0;
}

/* Done is done; every other answer is an error. */
static int finish(struct blob *blob, const struct s3_call *call, struct http_answer *answer, struct err *err)
{
	int r = answer->status / 100 == 2 ? 0 : s3_refused(s3_of(blob), call, answer, err);

	http_answer_done(answer);
	return r;
}

static int simple(struct blob *blob, const struct s3_call *call, struct err *err)
{
	struct http_answer answer;
	int r = s3_do(s3_of(blob), call, &answer, NULL, err);

	return r ? r : finish(blob, call, &answer, err);
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

static int get(struct blob *blob, const char *name, size_t max, struct buf *ret, struct err *err)
{
	struct http_answer answer;
	char key[PATH_MAX];
	struct s3_call call = {.method = "GET", .key = key, .max = max + ERROR_MAX};
	int r = key_of(blob, name, "", key, sizeof(key), err);

	if (!r)
		r = s3_do(s3_of(blob), &call, &answer, NULL, err);
	if (r)
		return r;
	if (answer.status == 200 && answer.body.len > max)
		r = err_set(err, ERR_LIMIT, "'%s/%s' is larger than %zu bytes", blob->location, name, max);
	else if (answer.status == 200 && answer.body.len && buf_add(ret, answer.body.data, answer.body.len))
		r = err_set(err, ret->failed, "'%s/%s' is too large", blob->location, name);
	if (r)
		http_answer_done(&answer);
	return r ? r : finish(blob, &call, &answer, err);
}

static int head(struct blob *blob, const char *key, struct http_answer *ret, struct err *err)
{
	struct s3_call call = {.method = "HEAD", .key = key, .max = ERROR_MAX};
	int r = s3_do(s3_of(blob), &call, ret, NULL, err);

	if (!r && ret->status != 200) {
		r = s3_refused(s3_of(blob), &call, ret, err);
		http_answer_done(ret);
	}
	return r;
}

/* Of a folder: its last object, which says that it is whole. */
static int size(struct blob *blob, const char *name, int64_t *ret, int64_t *ret_modified_ms, struct err *err)
{
	struct http_answer answer;
	char key[PATH_MAX];
	int r = key_of(blob, name, "", key, sizeof(key) - 1, err);

	if (!r)
		r = head(blob, key, &answer, err);
	if (r == ERR_NOTFOUND) {
		strcat(key, "/");
		r = head(blob, key, &answer, err);
	}
	if (r)
		return r;
	*ret = answer.length;
	if (ret_modified_ms)
		*ret_modified_ms = answer.modified_ms;
	http_answer_done(&answer);
	return 0;
}

struct far_file {
	char key[PATH_MAX];
	uint64_t from;
	struct buf window;
};

static int far_open(struct blob *blob, const char *name, struct blob_file *file, struct err *err)
{
	struct far_file *far = calloc(1, sizeof(*far));
	struct http_answer answer;
	int r;

	if (!far)
		return err_set(err, ERR_NOMEM, "out of memory");
	file->self = far;
	buf_init(&far->window, 0);
	r = key_of(blob, name, "", far->key, sizeof(far->key), err);
	if (!r)
		r = head(blob, far->key, &answer, err);
	if (r)
		return r;
	file->size = answer.length;
	http_answer_done(&answer);
	return 0;
}

static void far_close(struct blob_file *file)
{
	struct far_file *far = file->self;

	if (far)
		buf_done(&far->window);
	free(far);
}

static int get_range(struct blob_file *file, uint64_t at, size_t len, struct buf *ret, struct err *err)
{
	struct far_file *far = file->self;
	struct http_answer answer;
	char range[64];
	struct s3_call call = {.method = "GET", .key = far->key, .headers = {{"range", range}}, .max = len + ERROR_MAX};
	int r;

	snprintf(range, sizeof(range), "bytes=%llu-%llu", (unsigned long long)at, (unsigned long long)(at + len - 1));
	r = s3_do(s3_of(file->blob), &call, &answer, NULL, err);
	if (r)
		return r;
	if (answer.status == 206 && answer.body.len != len)
		r = err_set(err, ERR_IO, "'%s': %zu bytes were asked for, %zu came", file->name, len, answer.body.len);
	else if (answer.status == 206)
		r = buf_add(ret, answer.body.data, len) ? err_set(err, ERR_NOMEM, "out of memory") : 0;
	else
		r = answer.status == 200
		            ? err_set(err, ERR_UNSUPPORTED, "'%s': the store does not read ranges", file->name)
		            : s3_refused(s3_of(file->blob), &call, &answer, err);
	http_answer_done(&answer);
	return r;
}

/* Small reads come from a window, which begins where it takes in the end of the file, since footers stand there. */
static int far_read(struct blob_file *file, uint64_t at, void *to, size_t len, size_t *ret_got, struct err *err)
{
	struct far_file *far = file->self;
	uint64_t size = file->size < 0 ? 0 : (uint64_t)file->size, from = at;
	size_t wanted;
	int r;

	if (at >= size)
		len = 0;
	else if (len > size - at)
		len = (size_t)(size - at);
	*ret_got = len;
	if (!len)
		return 0;
	if (at < far->from || at + len > far->from + far->window.len) {
		wanted = len > WINDOW ? len : WINDOW;
		if (size - at < wanted) {
			from = size > wanted ? size - wanted : 0;
			wanted = (size_t)(size - from);
		}
		buf_clear(&far->window);
		far->from = from;
		r = get_range(file, from, wanted, &far->window, err);
		if (r) {
			buf_clear(&far->window);
			return r;
		}
	}
	memcpy(to, far->window.data + (at - far->from), len);
	return 0;
}

/* ---- listing --------------------------------------------------------------------------------------------------- */

struct name {
	char *text;
	int is_folder;
};

struct names {
	struct name *list;
	size_t n, cap;
};

static void names_done(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->list[i].text);
	free(names->list);
}

static int names_add(struct names *names, const char *text, size_t len, int is_folder)
{
	if (names->n == names->cap) {
		size_t cap = names->cap ? names->cap * 2 : 64;
		struct name *grown = realloc(names->list, cap * sizeof(*grown));

		if (!grown)
			return -1;
		names->list = grown;
		names->cap = cap;
	}
	names->list[names->n].text = strndup(text, len);
	names->list[names->n].is_folder = is_folder;
	return names->list[names->n++].text ? 0 : -1;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->text, ((const struct name *)b)->text);
}

/* The entries of one page, without the prefix that was asked for. */
static int take_page(const char *text, const char *prefix, struct names *ret, struct err *err)
{
	struct xml_entry entry;
	int bad = 0;

	buf_init(&entry.key, 0);
	while (!bad && !xml_next_entry(&text, &entry)) {
		const char *key = entry.key.len ? entry.key.data : "";
		size_t skip = strlen(prefix), n = strlen(key);

		if (strncmp(key, prefix, skip) || n == skip)
			continue; /* the mark of the folder itself */
		bad = names_add(ret, key + skip, n - skip - (entry.is_folder ? 1 : 0), entry.is_folder);
	}
	buf_done(&entry.key);
	return bad ? err_set(err, ERR_NOMEM, "out of memory") : 0;
}

/* All keys that begin so; with `delimiter` only as far as the next slash. */
static int list_keys(struct blob *blob, const char *prefix, const char *after, int delimiter, struct names *ret,
                     struct err *err)
{
	struct buf token;
	int r = 0, more = 1;

	buf_init(&token, 0);
	while (!r && more) {
		struct s3_call call = {.method = "GET",
		                       .key = "",
		                       .max = LIST_MAX,
		                       .query = {{"list-type", "2"}, {"prefix", prefix}}};
		struct http_answer answer;
		const char *at;
		int n = 2;

		if (delimiter)
			call.query[n++] = (struct sign_pair){"delimiter", "/"};
		if (after)
			call.query[n++] = (struct sign_pair){"start-after", after};
		if (token.len)
			call.query[n++] = (struct sign_pair){"continuation-token", token.data};
		r = s3_do(s3_of(blob), &call, &answer, NULL, err);
		if (r)
			break;
		if (answer.status != 200) {
			r = finish(blob, &call, &answer, err);
			break;
		}
		at = answer.body.len ? answer.body.data : "";
		r = take_page(at, prefix, ret, err);
		buf_clear(&token);
		more = strstr(at, "<IsTruncated>true</IsTruncated>") &&
		       !xml_next(&at, "NextContinuationToken", &token) && token.len;
		http_answer_done(&answer);
	}
	buf_done(&token);
	return r;
}

static int list(struct blob *blob, const char *folder, const char *after,
                int (*each)(void *ctx, const char *name, int is_folder), void *ctx, struct err *err)
{
	char prefix[PATH_MAX], start[PATH_MAX];
	struct names names = {0};
	int r = key_of(blob, folder, *folder || *s3_of(blob)->prefix ? "/" : "", prefix, sizeof(prefix), err);

	if (!r && after && (size_t)snprintf(start, sizeof(start), "%s%s", prefix, after) >= sizeof(start))
		r = err_set(err, ERR_INVALID, "the name '%.80s…' is too long", after);
	if (!r)
		r = list_keys(blob, prefix, after ? start : NULL, 1, &names, err);
	if (!r)
		qsort(names.list, names.n, sizeof(*names.list), by_text);
	for (size_t i = 0; i < names.n && !r; i++)
		if (!after || strcmp(names.list[i].text, after) > 0)
			r = each(ctx, names.list[i].text, names.list[i].is_folder);
	names_done(&names);
	return r;
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

/* Is what is there what we put? After an answer that was none. */
static int is_ours(struct blob *blob, const char *name, const void *p, size_t n, struct err *err)
{
	struct buf have;
	int r;

	buf_init(&have, 0);
	r = get(blob, name, n + 1, &have, err);
	if (r == ERR_LIMIT || (!r && (have.len != n || (n && memcmp(have.data, p, n)))))
		r = err_set(err, ERR_EXISTS, "'%s/%s' exists already", blob->location, name);
	buf_done(&have);
	return r;
}

static int put_new(struct blob *blob, const char *name, const void *p, size_t n, struct err *err)
{
	struct http_answer answer;
	char key[PATH_MAX];
	struct s3_call call =
		{.method = "PUT", .key = key, .body = n ? p : "", .len = n, .max = ERROR_MAX, .is_new = 1};
	struct err failed = {0};
	int unsure = 0, r = key_of(blob, name, "", key, sizeof(key), err);

	if (r)
		return r;
	r = s3_do(s3_of(blob), &call, &answer, &unsure, &failed);
	if (!r)
		r = finish(blob, &call, &answer, &failed);
	if (!r)
		return 0;
	if (unsure) { /* we may have won without being told */
		int found = is_ours(blob, name, p, n, err);

		if (!found || found == ERR_EXISTS)
			return found;
	}
	return err_set(err, r, "%s", failed.text);
}

static int put(struct blob *blob, const char *name, const void *p, size_t n, struct err *err)
{
	char key[PATH_MAX];
	struct s3_call call = {.method = "PUT", .key = key, .body = n ? p : "", .len = n, .max = ERROR_MAX};
	int r = key_of(blob, name, "", key, sizeof(key), err);

	return r ? r : simple(blob, &call, err);
}

/* ---- large files, in parts ----------------------------------------------------------------------------------------- */

static int begin_parts(struct blob *blob, const char *key, struct buf *ret_id, struct err *err)
{
	struct s3_call call = {.method = "POST", .key = key, .query = {{"uploads", ""}}, .max = ERROR_MAX};
	struct http_answer answer;
	const char *at;
	int r = s3_do(s3_of(blob), &call, &answer, NULL, err);

	if (r)
		return r;
	at = answer.body.len ? answer.body.data : NULL;
	if (answer.status == 200 && xml_next(&at, "UploadId", ret_id))
		r = err_set(err, ERR_IO, "s3://%s/%s: the upload got no id", s3_of(blob)->bucket, key);
	if (r)
		http_answer_done(&answer);
	return r ? r : finish(blob, &call, &answer, err);
}

static int send_part(struct blob *blob, const char *key, const char *id, int number, const void *p, size_t n,
                     struct buf *ret_list, struct err *err)
{
	char text[16];
	struct s3_call call = {.method = "PUT",
	                       .key = key,
	                       .query = {{"partNumber", text}, {"uploadId", id}},
	                       .body = p,
	                       .len = n,
	                       .max = ERROR_MAX};
	struct http_answer answer;
	int r;

	snprintf(text, sizeof(text), "%d", number);
	r = s3_do(s3_of(blob), &call, &answer, NULL, err);
	if (r)
		return r;
	buf_printf(ret_list, "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", number, answer.etag);
	return finish(blob, &call, &answer, err);
}

/* The answer may be 200 and an error all the same. One that says that there is no such upload, after one that said
 * nothing, may mean that it was ended: then the object is there. */
static int end_parts(struct blob *blob, const char *key, const char *id, const struct buf *list, int64_t bytes,
                     struct err *err)
{
	struct s3_call call = {.method = "POST", .key = key, .query = {{"uploadId", id}}, .max = ERROR_MAX};
	struct http_answer answer, there;
	struct buf body;
	int unsure = 0, r;

	buf_init(&body, 0);
	buf_printf(&body, "<CompleteMultipartUpload>%s</CompleteMultipartUpload>", list->data);
	call.body = body.data;
	call.len = body.len;
	r = s3_do(s3_of(blob), &call, &answer, &unsure, err);
	if (!r && answer.status == 200 && answer.body.len && strstr(answer.body.data, "<Error>"))
		answer.status = 500;
	if (!r)
		r = finish(blob, &call, &answer, err);
	if (r && unsure && !head(blob, key, &there, NULL)) {
		r = there.length == bytes ? 0 : r;
		http_answer_done(&there);
	}
	buf_done(&body);
	return r;
}

static void abort_parts(struct blob *blob, const char *key, const char *id)
{
	struct s3_call call = {.method = "DELETE", .key = key, .query = {{"uploadId", id}}, .max = ERROR_MAX};

	simple(blob, &call, NULL);
}

static ssize_t read_full(int fd, char *to, size_t n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t more = read(fd, to + got, n - got);

		if (more < 0 && errno == EINTR)
			continue;
		if (more < 0)
			return -1;
		if (!more)
			break;
		got += (size_t)more;
	}
	return (ssize_t)got;
}

static int put_parts(struct blob *blob, const char *key, int fd, const char *local, int64_t bytes, struct err *err)
{
	char *chunk = malloc(PART_BYTES);
	struct buf id, parts;
	ssize_t n = 1;
	int r = chunk ? 0 : err_set(err, ERR_NOMEM, "out of memory");

	buf_init(&id, 0);
	buf_init(&parts, 0);
	if (!r)
		r = begin_parts(blob, key, &id, err);
	for (int number = 1; !r && (n = read_full(fd, chunk, PART_BYTES)) > 0; number++)
		r = send_part(blob, key, id.data, number, chunk, (size_t)n, &parts, err);
	if (!r && n < 0)
		r = err_errno(err, errno, "cannot read '%s'", local);
	if (!r)
		r = end_parts(blob, key, id.data, &parts, bytes, err);
	if (r && id.len)
		abort_parts(blob, key, id.data);
	buf_done(&id);
	buf_done(&parts);
	free(chunk);
	return r;
}

/* ---- adopting ------------------------------------------------------------------------------------------------------- */

static int put_small(struct blob *blob, const char *name, int fd, const char *local, int64_t bytes, int replace,
                     struct err *err)
{
	char *text = malloc((size_t)bytes + 1);
	int r = text ? 0 : err_set(err, ERR_NOMEM, "out of memory");

	if (!r && read_full(fd, text, (size_t)bytes) != bytes)
		r = err_set(err, ERR_IO, "cannot read '%s': it changes", local);
	if (!r)
		r = (replace ? put : put_new)(blob, name, text, (size_t)bytes, err);
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
	r = key_of(blob, name, "", key, sizeof(key), err);
	if (!r)
		r = st.st_size <= SINGLE_MAX ? put_small(blob, name, fd, local, st.st_size, replace, err)
		                             : put_parts(blob, key, fd, local, st.st_size, err);
	close(fd);
	return r;
}

/* Over what a crash has left of an earlier try, and the mark last. */
static int put_folder(struct blob *blob, const char *local, const char *name, struct err *err)
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
			r = put_file(blob, from, to, 1, err);
	}
	closedir(dir);
	if (!r && (size_t)snprintf(to, sizeof(to), "%s/", name) >= sizeof(to))
		r = err_set(err, ERR_INVALID, "the name '%.80s' is too long", name);
	return r ? r : put_new(blob, to, "", 0, err);
}

static int adopt(struct blob *blob, const char *local, const char *name, int replace, struct err *err)
{
	struct stat st;
	int r;

	if (lstat(local, &st))
		return err_errno(err, errno, "cannot look at '%s'", local);
	r = S_ISDIR(st.st_mode) ? put_folder(blob, local, name, err) : put_file(blob, local, name, replace, err);
	if (r)
		return r;
	if (S_ISDIR(st.st_mode))
		dir_remove(local, NULL);
	else
		unlink(local);
	return 0;
}

/* ---- deleting -------------------------------------------------------------------------------------------------------- */

static int delete_key(struct blob *blob, const char *key, struct err *err)
{
	struct s3_call call = {.method = "DELETE", .key = key, .max = ERROR_MAX};
	struct err failed = {0};
	int r = simple(blob, &call, &failed);

	return r == ERR_NOTFOUND || !r ? 0 : err_set(err, r, "%s", failed.text);
}

static int is_plain_file(const char *name)
{
	return str_ends(name, ".parquet") || str_ends(name, ".json");
}

/* The mark of a folder first: half of one is none. */
static int remove_name(struct blob *blob, const char *name, struct err *err)
{
	char key[PATH_MAX], full[PATH_MAX];
	struct names names = {0};
	int r = key_of(blob, name, "", key, sizeof(key) - 1, err);

	if (r)
		return r;
	if (*name)
		r = delete_key(blob, key, err);
	if (r || is_plain_file(name))
		return r;
	if (*key)
		strcat(key, "/");
	if (*name)
		r = delete_key(blob, key, err);
	if (!r)
		r = list_keys(blob, key, NULL, 0, &names, err);
	for (size_t i = 0; i < names.n && !r; i++) {
		if ((size_t)snprintf(full, sizeof(full), "%s%s", key, names.list[i].text) >= sizeof(full))
			r = err_set(err, ERR_INVALID, "the name '%.80s…' is too long", names.list[i].text);
		else
			r = delete_key(blob, full, err);
	}
	names_done(&names);
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
	int r = key_of(blob, name, "/", key, sizeof(key), err);

	if (r)
		return r;
	if (head(blob, key, &mark, NULL))
		return fetch_file(blob, name, path, err);
	http_answer_done(&mark);
	r = dir_make(path, 0700, err);
	if (!r)
		r = list_keys(blob, key, NULL, 0, &names, err);
	for (size_t i = 0; i < names.n && !r; i++) {
		if (strchr(names.list[i].text, '/') ||
		    (size_t)snprintf(from, sizeof(from), "%s/%s", name, names.list[i].text) >= sizeof(from) ||
		    (size_t)snprintf(to, sizeof(to), "%s/%s", path, names.list[i].text) >= sizeof(to))
			r = err_set(err, ERR_CORRUPT, "the folder '%.80s' holds '%.80s'", name, names.list[i].text);
		else
			r = fetch_file(blob, from, to, err);
	}
	names_done(&names);
	return r;
}

static int local(struct blob *blob, const char *name, char *ret, size_t cap, struct err *err)
{
	int r = blob_check_name(blob, name, err);

	return r ? r : s3_cache_path(blob->location, name, fetch, blob, ret, cap, err);
}

const struct blob_kind blob_s3 = {
	.scheme = "s3://",
	.open = open_place,
	.close = close_place,
	.get = get,
	.size = size,
	.put_new = put_new,
	.put = put,
	.adopt = adopt,
	.remove = remove_name,
	.list = list,
	.local = local,
	.file_open = far_open,
	.file_close = far_close,
	.file_read = far_read,
};
