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

/* Which uploads: of this key, or of all that begin so; begun in between. */
struct wanted {
	const char *key;
	int is_prefix;
	int64_t since_ms, before_ms;
};

static int is_wanted(const struct wanted *wanted, const struct page *page)
{
	const char *key = page->key.len ? page->key.data : "";
	int64_t begun;

	if (!*key || !page->id.len || clock_from_rfc3339(page->begun.len ? page->begun.data : "", &begun) ||
	    begun < wanted->since_ms || begun > wanted->before_ms)
		return 0;
	return wanted->is_prefix ? str_starts(key, wanted->key) : !strcmp(key, wanted->key);
}

static int give_up_page(struct blob *blob, const char *text, const struct wanted *wanted, struct page *page,
                        int64_t *removed, struct err *err)
{
	int r = 0;

	while (!r && !next_upload(&text, page)) {
		if (!is_wanted(wanted, page))
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

static int give_up(struct blob *blob, const struct wanted *wanted, int64_t *removed, struct err *err)
{
	struct page page = {0};
	struct http_answer answer;
	int more = 1, r = 0;

	for (int i = 0; !r && more && i < PAGES_MAX; i++) {
		const char *text, *at;

		r = ask(blob, wanted->key, &page, &answer, err);
		if (r)
			break;
		text = at = answer.body.len ? answer.body.data : "";
		buf_clear(&page.next_key);
		buf_clear(&page.next_id);
		more = strstr(text, "<IsTruncated>true</IsTruncated>") &&
		       !xml_next(&at, "NextKeyMarker", &page.next_key) && page.next_key.len;
		at = text;
		xml_next(&at, "NextUploadIdMarker", &page.next_id);
		r = give_up_page(blob, text, wanted, &page, removed, err);
		http_answer_done(&answer);
	}
	page_done(&page);
	return r;
}

int s3_sweep(struct blob *blob, int64_t before_ms, int64_t *removed, struct err *err)
{
	char prefix[PATH_MAX];
	struct wanted wanted = {.key = prefix, .is_prefix = 1, .since_ms = INT64_MIN, .before_ms = before_ms};
	int r = s3_key(blob, "", *s3_of(blob)->prefix ? "/" : "", prefix, sizeof(prefix), err);

	return r ? r : give_up(blob, &wanted, removed, err);
}

/* The store has a clock of its own, which is not farther from ours than what it lets pass of a signature's time. */
#define SKEW_MS (INT64_C(15) * 60 * 1000)

int s3_give_up_begun(struct blob *blob, const char *key, int64_t since_ms, struct err *err)
{
	struct wanted wanted = {.key = key, .since_ms = since_ms - SKEW_MS, .before_ms = INT64_MAX};
	int64_t removed = 0;

	return give_up(blob, &wanted, &removed, err);
}
