/* SPDX-License-Identifier: Apache-2.0 */
/* Listing: keys in pages of the store, entries of a folder in order of name. Source: the S3 API, ListObjectsV2. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blob/s3_place.h"
#include "blob/s3_xml.h"

#define LIST_MAX (16u << 20)
#define HOLLOW_MAX 1000 /* pages without a name, one after the other */

void s3_names_done(struct names *names)
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

/* Where the next page begins; 1: there is none. Of a store that says the same place again, or page after page without a
 * name, there is no end. */
static int turn_page(struct blob *blob, const char *text, size_t got, struct buf *token, int *hollow, struct err *err)
{
	struct buf next;
	int r = 1;

	buf_init(&next, 0);
	*hollow = got ? 0 : *hollow + 1;
	if (strstr(text, "<IsTruncated>true</IsTruncated>") && !xml_next(&text, "NextContinuationToken", &next) &&
	    next.len) {
		r = 0;
		if (*hollow > HOLLOW_MAX || (token->len == next.len && !memcmp(token->data, next.data, next.len)))
			r = err_set(err, ERR_CORRUPT,
			            "'%s': the store says that there is more, and the list does not go on",
			            blob_location(blob));
	}
	buf_clear(token);
	if (!r && buf_add(token, next.data, next.len))
		r = err_set(err, ERR_NOMEM, "out of memory");
	buf_done(&next);
	return r;
}

/* All keys that begin so; with `delimiter` only as far as the next slash. */
int s3_list_keys(struct blob *blob, const char *prefix, const char *after, int delimiter, struct names *ret,
                 struct err *err)
{
	struct buf token;
	int r = 0, hollow = 0;

	buf_init(&token, 0);
	while (!r) {
		struct s3_call call = {.method = "GET",
		                       .key = "",
		                       .max = LIST_MAX,
		                       .query = {{"list-type", "2"}, {"prefix", prefix}}};
		struct http_answer answer;
		const char *at;
		size_t before = ret->n;
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
			r = s3_finish(blob, &call, &answer, err);
			break;
		}
		at = answer.body.len ? answer.body.data : "";
		r = strstr(at, "<ListBucketResult")
		            ? take_page(at, prefix, ret, err)
		            : err_set(err, ERR_CORRUPT, "'%s': the answer to a list is none", blob_location(blob));
		if (!r)
			r = turn_page(blob, at, ret->n - before, &token, &hollow, err);
		http_answer_done(&answer);
	}
	buf_done(&token);
	return r == 1 ? 0 : r;
}

int s3_list(struct blob *blob, const char *folder, const char *after,
            int (*each)(void *ctx, const char *name, int is_folder), void *ctx, struct err *err)
{
	char prefix[PATH_MAX], start[PATH_MAX];
	struct names names = {0};
	int r = s3_key(blob, folder, *folder || *s3_of(blob)->prefix ? "/" : "", prefix, sizeof(prefix), err);

	if (!r && after && (size_t)snprintf(start, sizeof(start), "%s%s", prefix, after) >= sizeof(start))
		r = err_set(err, ERR_INVALID, "the name '%.80s…' is too long", after);
	if (!r)
		r = s3_list_keys(blob, prefix, after ? start : NULL, 1, &names, err);
	if (!r && names.n)
		qsort(names.list, names.n, sizeof(*names.list), by_text);
	for (size_t i = 0; i < names.n && !r; i++)
		if (!after || strcmp(names.list[i].text, after) > 0)
			r = each(ctx, names.list[i].text, names.list[i].is_folder);
	s3_names_done(&names);
	return r;
}
