/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads in parts that were begun and never ended: whoever began them has died. The store keeps their parts, and counts
 * them, until somebody gives them up. Source: the S3 API, ListMultipartUploads. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "blob/s3_place.h"
#include "blob/s3_xml.h"

#define LIST_MAX (16u << 20)
#define PAGES_MAX 1000

struct page {
	struct buf key, id, begun, next_key, next_id;
};

static void page_done(struct page *page)
{
	buf_done(&page->key);
	buf_done(&page->id);
	buf_done(&page->begun);
	buf_done(&page->next_key);
	buf_done(&page->next_id);
}

/* The members of the <Upload> at *at, in whatever order they come; *at moves behind it. 0, or -1: there is none. */
static int next_upload(const char **at, struct page *page)
{
	const char *begin = strstr(*at, "<Upload>"), *end = begin ? strstr(begin, "</Upload>") : NULL;
	const char *key = begin, *id = begin, *begun = begin;

	if (!end)
		return -1;
	buf_clear(&page->key);
	buf_clear(&page->id);
	buf_clear(&page->begun);
	*at = end;
	return xml_next(&key, "Key", &page->key) || xml_next(&id, "UploadId", &page->id) ||
	                       xml_next(&begun, "Initiated", &page->begun) || key > end || id > end || begun > end
	               ? -1
	               : 0;
}

static int give_up_old(struct blob *blob, const char *text, const char *prefix, int64_t before_ms, struct page *page,
                       int64_t *removed, struct err *err)
{
	int64_t begun;
	int r = 0;

	while (!r && !next_upload(&text, page)) {
		if (!page->key.len || !page->id.len || !str_starts(page->key.data, prefix) ||
		    clock_from_rfc3339(page->begun.len ? page->begun.data : "", &begun) || begun > before_ms)
			continue;
		r = s3_give_up_parts(blob, page->key.data, page->id.data, err);
		*removed += !r;
	}
	return r;
}

static int ask(struct blob *blob, const char *prefix, const struct page *page, struct http_answer *ret, struct err *err)
{
	struct s3_call call = {.method = "GET",
	                       .key = "",
	                       .max = LIST_MAX,
	                       .query = {{"uploads", ""}, {"prefix", prefix}}};
	int r;

	if (page->next_key.len) {
		call.query[2] = (struct sign_pair){"key-marker", page->next_key.data};
		call.query[3] = (struct sign_pair){"upload-id-marker", page->next_id.len ? page->next_id.data : ""};
	}
	r = s3_do(s3_of(blob), &call, ret, NULL, err);
	return r || ret->status == 200 ? r : s3_finish(blob, &call, ret, err);
}

int s3_sweep(struct blob *blob, int64_t before_ms, int64_t *removed, struct err *err)
{
	struct page page = {0};
	struct http_answer answer;
	char prefix[PATH_MAX];
	int more = 1, r = s3_key(blob, "", *s3_of(blob)->prefix ? "/" : "", prefix, sizeof(prefix), err);

	for (int i = 0; !r && more && i < PAGES_MAX; i++) {
		const char *text, *at;

		r = ask(blob, prefix, &page, &answer, err);
		if (r)
			break;
		text = at = answer.body.len ? answer.body.data : "";
		buf_clear(&page.next_key);
		buf_clear(&page.next_id);
		more = strstr(text, "<IsTruncated>true</IsTruncated>") &&
		       !xml_next(&at, "NextKeyMarker", &page.next_key) && page.next_key.len;
		at = text;
		xml_next(&at, "NextUploadIdMarker", &page.next_id);
		r = give_up_old(blob, text, prefix, before_ms, &page, removed, err);
		http_answer_done(&answer);
	}
	page_done(&page);
	return r;
}
