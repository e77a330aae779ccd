/* SPDX-License-Identifier: Apache-2.0 */
/* Reading an object at any place. Small reads come from a window, since a request costs more than what it brings. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blob/s3_place.h"

#define WINDOW (256u << 10)

struct far_file {
	char key[PATH_MAX];
	uint64_t from;
	struct buf window;
};

int s3_file_open(struct blob *blob, const char *name, struct blob_file *file, struct err *err)
{
	struct far_file *far = calloc(1, sizeof(*far));
	struct http_answer answer;
	int r;

	if (!far)
		return err_set(err, ERR_NOMEM, "out of memory");
	file->self = far;
	buf_init(&far->window, 0);
	r = s3_key(blob, name, "", far->key, sizeof(far->key), err);
	if (!r)
		r = s3_head(blob, far->key, &answer, err);
	if (r)
		return r;
	file->size = answer.length;
	http_answer_done(&answer);
	return file->size < 0 ? err_set(err, ERR_CORRUPT, "the store does not say how large '%.200s' is", name) : 0;
}

void s3_file_close(struct blob_file *file)
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
int s3_file_read(struct blob_file *file, uint64_t at, void *to, size_t len, size_t *ret_got, struct err *err)
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
