/* SPDX-License-Identifier: Apache-2.0 */
/* Large files go up in parts. Source: the S3 API, CreateMultipartUpload and what follows it. The object appears when
 * the upload is ended; one that fails is given up, so that the store keeps no parts. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blob/s3_place.h"
#include "blob/s3_xml.h"

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
		r = s3_finish(blob, &call, &answer, err);
	if (r && unsure && !s3_head(blob, key, &there, NULL)) {
		r = there.length == bytes ? 0 : r;
		http_answer_done(&there);
	}
	buf_done(&body);
	return r;
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

int s3_put_parts(struct blob *blob, const char *key, int fd, const char *local, int64_t bytes, struct err *err)
{
	char *chunk = malloc(PART_BYTES);
	struct buf id, parts;
	ssize_t n = 1;
	int r = chunk ? 0 : err_set(err, ERR_NOMEM, "out of memory");

	buf_init(&id, 0);
	buf_init(&parts, 0);
	if (!r)
		r = begin_parts(blob, key, &id, err);
	for (int number = 1; !r && (n = s3_read_full(fd, chunk, PART_BYTES)) > 0; number++)
		r = send_part(blob, key, id.data, number, chunk, (size_t)n, &parts, err);
	if (!r && n < 0)
		r = err_errno(err, errno, "cannot read '%s'", local);
	if (!r)
		r = end_parts(blob, key, id.data, &parts, bytes, err);
	if (r && id.len)
		s3_give_up_parts(blob, key, id.data, NULL);
	buf_done(&id);
	buf_done(&parts);
	free(chunk);
	return r;
}
