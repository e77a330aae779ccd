/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/sign.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/str.h"

#define PAIRS_MAX 32

void sign_hash(const void *p, size_t n, char ret[SIGN_HASH_LEN])
{
	unsigned char digest[SHA256_DIGEST_LENGTH];

	SHA256(p, n, digest);
	hex_encode(digest, sizeof(digest), ret);
}

void sign_time(long long unix_s, char ret[SIGN_TIME_LEN])
{
	time_t t = (time_t)unix_s;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(ret, SIGN_TIME_LEN, "%Y%m%dT%H%M%SZ", &tm);
}

/* RFC 3986: all but the unreserved characters, in upper case; slashes only outside of paths. */
static void encode(struct buf *out, const char *text, int is_path)
{
	static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (; *text; text++)
		if (strchr(unreserved, *text) || (is_path && *text == '/'))
			buf_putc(out, *text);
		else
			buf_printf(out, "%%%02X", (unsigned char)*text);
}

static int by_name(const void *a, const void *b)
{
	const struct sign_pair *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : strcmp(x->value, y->value);
}

/* Sorted by the names as they are encoded; for bytes that stay as they are or become '%…' that is not the order of the
 * bytes, so the encoded texts are what is sorted. */
static void put_query(struct buf *out, const struct sign_request *request)
{
	struct sign_pair sorted[PAIRS_MAX] = {{NULL, NULL}};
	struct buf texts[PAIRS_MAX][2];
	size_t n = request->n_query;

	for (size_t i = 0; i < n; i++) {
		buf_init(&texts[i][0], 0);
		buf_init(&texts[i][1], 0);
		encode(&texts[i][0], request->query[i].name, 0);
		encode(&texts[i][1], request->query[i].value, 0);
		sorted[i] = (struct sign_pair){texts[i][0].len ? texts[i][0].data : "",
		                               texts[i][1].len ? texts[i][1].data : ""};
	}
	qsort(sorted, n, sizeof(*sorted), by_name);
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s%s=%s", i ? "&" : "", sorted[i].name, sorted[i].value);
	for (size_t i = 0; i < n; i++) {
		buf_done(&texts[i][0]);
		buf_done(&texts[i][1]);
	}
}

/* Outer spaces go, inner runs become one. */
static void put_value(struct buf *out, const char *value)
{
	value += strspn(value, " \t");
	while (*value) {
		size_t n = strcspn(value, " \t");

		buf_add(out, value, n);
		value += n;
		n = strspn(value, " \t");
		value += n;
		if (n && *value)
			buf_putc(out, ' ');
	}
}

static void put_canonical(struct buf *out, struct buf *names, const struct sign_request *request, const char *path,
                          const char *query)
{
	struct sign_pair headers[PAIRS_MAX];

	memcpy(headers, request->headers, request->n_headers * sizeof(*headers));
	qsort(headers, request->n_headers, sizeof(*headers), by_name);
	buf_printf(out, "%s\n%s\n%s\n", request->method, path, query);
	for (size_t i = 0; i < request->n_headers; i++) {
		buf_printf(out, "%s:", headers[i].name);
		put_value(out, headers[i].value);
		buf_putc(out, '\n');
		buf_printf(names, "%s%s", i ? ";" : "", headers[i].name);
	}
	buf_printf(out, "\n%s\n%s", names->data, request->payload_hash);
}

static void hmac(const void *key, size_t key_len, const char *text, unsigned char ret[SHA256_DIGEST_LENGTH])
{
	HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text, strlen(text), ret, NULL);
}

static void signature(const struct sign_key *key, const char *date, const char *to_sign, char ret[SIGN_HASH_LEN])
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char secret[256];

	snprintf(secret, sizeof(secret), "AWS4%s", key->secret);
	hmac(secret, strlen(secret), date, digest);
	hmac(digest, sizeof(digest), key->region, digest);
	hmac(digest, sizeof(digest), key->service, digest);
	hmac(digest, sizeof(digest), "aws4_request", digest);
	hmac(digest, sizeof(digest), to_sign, digest);
	hex_encode(digest, sizeof(digest), ret);
	explicit_bzero(secret, sizeof(secret));
}

int sign_request(const struct sign_key *key, const struct sign_request *request, struct buf *ret_target,
                 struct buf *ret_authorization, struct err *err)
{
	struct buf path, query, canonical, names;
	char date[9], hash[SIGN_HASH_LEN], scope[160], text[320], signed_text[SIGN_HASH_LEN];
	int r = 0;

	if (request->n_query > PAIRS_MAX || request->n_headers > PAIRS_MAX)
		return err_set(err, ERR_LIMIT, "a request may have %d headers and parameters", PAIRS_MAX);
	buf_init(&path, 0);
	buf_init(&query, 0);
	buf_init(&canonical, 0);
	buf_init(&names, 0);
	encode(&path, request->path, 1);
	put_query(&query, request);
	put_canonical(&canonical, &names, request, path.data, query.len ? query.data : "");
	snprintf(date, sizeof(date), "%s", request->time);
	snprintf(scope, sizeof(scope), "%s/%s/%s/aws4_request", date, key->region, key->service);
	sign_hash(canonical.data, canonical.len, hash);
	snprintf(text, sizeof(text), "AWS4-HMAC-SHA256\n%s\n%s\n%s", request->time, scope, hash);
	signature(key, date, text, signed_text);
	buf_printf(ret_target, "%s%s%s", path.data, query.len ? "?" : "", query.len ? query.data : "");
	buf_printf(ret_authorization, "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s", key->id,
	           scope, names.data, signed_text);
	if (path.failed || query.failed || canonical.failed || names.failed || ret_target->failed ||
	    ret_authorization->failed)
		r = err_set(err, ERR_NOMEM, "out of memory");
	buf_done(&path);
	buf_done(&query);
	buf_done(&canonical);
	buf_done(&names);
	return r;
}
