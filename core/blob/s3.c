/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of an S3 store.
 *
 * What is only made if absent goes by PUT with If-None-Match: *, which one of many racers wins. 412 is a race that was
 * lost, unless an earlier try of ours got no clear answer: then what is there is read, and if those are our bytes, we
 * had won. (A log entry has a txnId of its own, so equal bytes are the same entry.) */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blob/s3_place.h"

struct s3 *s3_of(const struct blob *blob)
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
int s3_key(const struct blob *blob, const char *name, const char *end, char *ret, size_t cap, struct err *err)
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
int s3_finish(struct blob *blob, const struct s3_call *call, struct http_answer *answer, struct err *err)
{
	int r = answer->status / 100 == 2 ? 0 : s3_refused(s3_of(blob), call, answer, err);

	http_answer_done(answer);
	return r;
}

int s3_simple(struct blob *blob, const struct s3_call *call, struct err *err)
{
	struct http_answer answer;
	int r = s3_do(s3_of(blob), call, &answer, NULL, err);

	return r ? r : s3_finish(blob, call, &answer, err);
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

int s3_get(struct blob *blob, const char *name, size_t max, struct buf *ret, struct err *err)
{
	struct http_answer answer;
	char key[PATH_MAX];
	struct s3_call call = {.method = "GET", .key = key, .max = max + ERROR_MAX};
	int r = s3_key(blob, name, "", key, sizeof(key), err);

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
	return r ? r : s3_finish(blob, &call, &answer, err);
}

int s3_head(struct blob *blob, const char *key, struct http_answer *ret, struct err *err)
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
	int r = s3_key(blob, name, "", key, sizeof(key) - 1, err);

	if (!r)
		r = s3_head(blob, key, &answer, err);
	if (r == ERR_NOTFOUND) {
		strcat(key, "/");
		r = s3_head(blob, key, &answer, err);
	}
	if (r)
		return r;
	*ret = answer.length;
	if (ret_modified_ms)
		*ret_modified_ms = answer.modified_ms;
	http_answer_done(&answer);
	return 0;
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

/* Is what is there what we put? After an answer that was none. */
static int is_ours(struct blob *blob, const char *name, const void *p, size_t n, struct err *err)
{
	struct buf have;
	int r;

	buf_init(&have, 0);
	r = s3_get(blob, name, n + 1, &have, err);
	if (r == ERR_LIMIT || (!r && (have.len != n || (n && memcmp(have.data, p, n)))))
		r = err_set(err, ERR_EXISTS, "'%s/%s' exists already", blob->location, name);
	buf_done(&have);
	return r;
}

int s3_put_new(struct blob *blob, const char *name, const void *p, size_t n, struct err *err)
{
	struct http_answer answer;
	char key[PATH_MAX];
	struct s3_call call =
		{.method = "PUT", .key = key, .body = n ? p : "", .len = n, .max = ERROR_MAX, .is_new = 1};
	struct err failed = {0};
	int unsure = 0, r = s3_key(blob, name, "", key, sizeof(key), err);

	if (r)
		return r;
	r = s3_do(s3_of(blob), &call, &answer, &unsure, &failed);
	if (!r)
		r = s3_finish(blob, &call, &answer, &failed);
	if (!r)
		return 0;
	if (unsure) { /* we may have won without being told */
		int found = is_ours(blob, name, p, n, err);

		if (!found || found == ERR_EXISTS)
			return found;
	}
	return err_set(err, r, "%s", failed.text);
}

int s3_put(struct blob *blob, const char *name, const void *p, size_t n, struct err *err)
{
	char key[PATH_MAX];
	struct s3_call call = {.method = "PUT", .key = key, .body = n ? p : "", .len = n, .max = ERROR_MAX};
	int r = s3_key(blob, name, "", key, sizeof(key), err);

	return r ? r : s3_simple(blob, &call, err);
}

/* ---- deleting -------------------------------------------------------------------------------------------------- */

int s3_delete_key(struct blob *blob, const char *key, struct err *err)
{
	struct s3_call call = {.method = "DELETE", .key = key, .max = ERROR_MAX};
	struct err failed = {0};
	int r = s3_simple(blob, &call, &failed);

	return r == ERR_NOTFOUND || !r ? 0 : err_set(err, r, "%s", failed.text);
}

const struct blob_kind blob_s3 = {
	.scheme = "s3://",
	.open = open_place,
	.close = close_place,
	.get = s3_get,
	.size = size,
	.put_new = s3_put_new,
	.put = s3_put,
	.adopt = s3_adopt,
	.forget = s3_forget,
	.remove = s3_remove,
	.list = s3_list,
	.sweep = s3_sweep,
	.local = s3_local,
	.file_open = s3_file_open,
	.file_close = s3_file_close,
	.file_read = s3_file_read,
};
