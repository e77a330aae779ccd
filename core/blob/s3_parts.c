/* SPDX-License-Identifier: Apache-2.0 */
/* Large files go up in parts. Source: the S3 API, CreateMultipartUpload and what follows it. The object appears when
 * the upload is ended; one that fails is given up, so that the store keeps no parts.
 *
 * What must not replace anything is looked for before (nobody uploads gigabytes to hear that), and the upload is ended
 * with If-None-Match: *. A store that honours it lets one of many racers win: 412 is lost; 409 is another one under way,
 * after which AWS wants all parts again. A store that does not honours the look alone, and between that and the end of
 * the upload somebody else may be replaced: docs/FORMATS.md says so. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blob/s3_place.h"
#include "blob/s3_xml.h"

#define CONFLICTS_MAX 5

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
	return r ? r : s3_finish(blob, &call, &answer, err);
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
	return s3_finish(blob, &call, &answer, err);
}

/* One end of an upload, asked for; the answer may be 200 and an error all the same. */
static int ask_for_end(struct blob *blob, const struct s3_call *call, int *ret_unsure, struct err *err)
{
	struct http_answer answer;
	int r = s3_do(s3_of(blob), call, &answer, ret_unsure, err), status;

	if (r)
		return r;
	if (answer.status == 200 && answer.body.len && strstr(answer.body.data, "<Error>"))
		answer.status = 500;
	status = answer.status;
	r = s3_finish(blob, call, &answer, err);
	return status == 409 ? err_set(err, ERR_CONFLICT, "s3://%s/%s: another upload to it is under way",
	                               s3_of(blob)->bucket, call->key)
	                     : r;
}

static int same_piece(struct blob *blob, const char *key, int64_t at, const char *ours, size_t n)
{
	char range[64];
	struct s3_call call = {.method = "GET", .key = key, .headers = {{"range", range}}, .max = n + ERROR_MAX};
	struct http_answer answer;
	int same;

	snprintf(range, sizeof(range), "bytes=%lld-%lld", (long long)at, (long long)at + (long long)n - 1);
	if (s3_do(s3_of(blob), &call, &answer, NULL, NULL))
		return 0;
	same = answer.status == 206 && answer.body.len == n && !memcmp(answer.body.data, ours, n);
	http_answer_done(&answer);
	return same;
}

/* Is what is there what we sent? After an answer that was none. */
static int is_ours(struct blob *blob, const char *key, int fd, int64_t bytes)
{
	struct http_answer there;
	char *chunk;
	int64_t at = 0;
	int same;

	if (s3_head(blob, key, &there, NULL))
		return 0;
	same = there.length == bytes;
	http_answer_done(&there);
	chunk = malloc(PART_BYTES);
	while (same && chunk && at < bytes) {
		ssize_t n = pread(fd, chunk, PART_BYTES, (off_t)at);

		same = n > 0 && same_piece(blob, key, at, chunk, (size_t)n);
		at += n;
	}
	same = same && chunk;
	free(chunk);
	return same;
}

/* One that says that there is no such upload, or that there is an object already, after an answer that said nothing, may
 * mean that it was ended. */
static int end_parts(struct blob *blob, const char *key, const char *id, const struct buf *list, int fd, int64_t bytes,
                     int replace, struct err *err)
{
	struct s3_call call = {.method = "POST",
	                       .key = key,
	                       .query = {{"uploadId", id}},
	                       .max = ERROR_MAX,
	                       .is_new = !replace};
	struct buf body;
	int unsure = 0, r;

	buf_init(&body, 0);
	buf_printf(&body, "<CompleteMultipartUpload>%s</CompleteMultipartUpload>", list->data);
	call.body = body.data;
	call.len = body.len;
	r = ask_for_end(blob, &call, &unsure, err);
	if (r == ERR_UNSUPPORTED && call.is_new) { /* a store that does not know it here */
		call.is_new = 0;
		r = ask_for_end(blob, &call, &unsure, err);
	}
	buf_done(&body);
	return r && unsure && is_ours(blob, key, fd, bytes) ? 0 : r;
}

int s3_give_up_parts(struct blob *blob, const char *key, const char *id, struct err *err)
{
	struct s3_call call = {.method = "DELETE", .key = key, .query = {{"uploadId", id}}, .max = ERROR_MAX};
	struct err failed = {0};
	int r = s3_simple(blob, &call, &failed);

	return r == ERR_NOTFOUND || !r ? 0 : err_set(err, r, "%s", failed.text);
}

ssize_t s3_read_full(int fd, char *to, size_t n)
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

static int upload(struct blob *blob, const char *key, int fd, const char *local, int64_t bytes, int replace,
                  struct err *err)
{
	char *chunk = malloc(PART_BYTES);
	struct buf id, parts;
	ssize_t n = 1;
	int r = chunk ? 0 : err_set(err, ERR_NOMEM, "out of memory");

	if (!r && lseek(fd, 0, SEEK_SET))
		r = err_errno(err, errno, "cannot read '%s'", local);
	buf_init(&id, 0);
	buf_init(&parts, 0);
	if (!r)
		r = begin_parts(blob, key, &id, err);
	for (int number = 1; !r && (n = s3_read_full(fd, chunk, PART_BYTES)) > 0; number++)
		r = send_part(blob, key, id.data, number, chunk, (size_t)n, &parts, err);
	if (!r && n < 0)
		r = err_errno(err, errno, "cannot read '%s'", local);
	if (!r)
		r = end_parts(blob, key, id.data, &parts, fd, bytes, replace, err);
	if (r && id.len)
		s3_give_up_parts(blob, key, id.data, NULL);
	buf_done(&id);
	buf_done(&parts);
	free(chunk);
	return r;
}

static int look_before(struct blob *blob, const char *key, struct err *err)
{
	struct http_answer there;
	struct err failed = {0};
	int r = s3_head(blob, key, &there, &failed);

	if (r)
		return r == ERR_NOTFOUND ? 0 : err_set(err, r, "%s", failed.text);
	http_answer_done(&there);
	return err_set(err, ERR_EXISTS, "s3://%s/%s exists already", s3_of(blob)->bucket, key);
}

int s3_put_parts(struct blob *blob, const char *key, int fd, const char *local, int64_t bytes, int replace,
                 struct err *err)
{
	int r = ERR_CONFLICT;

	for (int round = 0; r == ERR_CONFLICT && round < CONFLICTS_MAX; round++) {
		r = replace ? 0 : look_before(blob, key, err);
		if (!r)
			r = upload(blob, key, fd, local, bytes, replace, err);
	}
	return r;
}
