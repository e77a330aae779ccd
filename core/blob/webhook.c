/* SPDX-License-Identifier: Apache-2.0 */
/* Source: github.com/standard-webhooks, spec/standard-webhooks.md, "Verifying webhook authenticity". */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "blob/fetch.h"
#include "blob/lazy.h"

#define KEY_MIN 24
#define KEY_MAX 64
#define FILE_MAX 512 /* of a secret's text */

struct key {
	uint8_t bytes[FILE_MAX];
	size_t n;
};

/* `text` is the base64 of a file that holds the base64 of the key, perhaps behind "whsec_" and before a line end. */
static int read_key(const struct json *text, struct key *ret, struct err *err)
{
	static const char prefix[] = "whsec_";
	char file[FILE_MAX + 1];
	const char *at = file;
	int64_t n = -1;

	if (json_str_len(text) / 4 * 3 <= FILE_MAX)
		n = base64_decode(json_str(text, ""), json_str_len(text), (uint8_t *)file, FILE_MAX);
	if (n > 0) {
		file[n] = '\0';
		file[strcspn(file, "\r\n")] = '\0';
		at += str_starts(at, prefix) ? sizeof(prefix) - 1 : 0;
		n = base64_decode(at, strlen(at), ret->bytes, sizeof(ret->bytes));
	}
	explicit_bzero(file, sizeof(file));
	ret->n = n > 0 ? (size_t)n : 0;
	if (ret->n >= KEY_MIN && ret->n <= KEY_MAX)
		return 0;
	return err_set(err, ERR_INVALID, "the secret is not \"whsec_\" and the base64 of %d to %d bytes", KEY_MIN,
	               KEY_MAX);
}

static int add_signature(struct buf *out, const struct json *text, const struct buf *message, struct err *err)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char base64[64];
	struct key key;
	int r = read_key(text, &key, err);

	if (r)
		return r;
	HMAC(EVP_sha256(), key.bytes, (int)key.n, (const unsigned char *)message->data, message->len, digest, NULL);
	explicit_bzero(&key, sizeof(key));
	base64_encode(digest, sizeof(digest), base64);
	buf_printf(out, "%sv1,%s", out->len ? " " : "", base64);
	return 0;
}

static void add_header(struct json *request, const char *name, const char *value)
{
	struct json *pair = json_new_array();

	json_push(pair, json_new_str(name));
	json_push(pair, json_new_str(value));
	json_push(json_get_mut(request, "headers"), pair);
}

/* "id.timestamp.body" */
static int put_message(struct buf *out, const struct json *request, const char *id, const char *timestamp,
                       struct err *err)
{
	const struct json *body = json_get(request, "body");
	uint8_t *bytes = malloc(json_str_len(body) + 1);
	int64_t n;

	if (!bytes)
		return err_set(err, ERR_NOMEM, "out of memory");
	n = base64_decode(json_str(body, ""), json_str_len(body), bytes, json_str_len(body));
	buf_printf(out, "%s.%s.", id, timestamp);
	if (n > 0)
		buf_add(out, bytes, (size_t)n);
	free(bytes);
	return out->failed ? err_set(err, ERR_NOMEM, "out of memory") : 0;
}

int fetch_sign(struct json *request, const struct json *webhook, struct err *err)
{
	const struct json *keys = json_get(webhook, "keys");
	const char *id = json_get_str(webhook, "id", "");
	struct buf message, signatures;
	char timestamp[24];
	int r = lazy_libraries(err);

	if (r)
		return r;
	snprintf(timestamp, sizeof(timestamp), "%lld", (long long)json_get_int(webhook, "timestamp", 0));
	buf_init(&message, 0);
	buf_init(&signatures, 0);
	r = put_message(&message, request, id, timestamp, err);
	for (size_t i = 0; i < json_count(keys) && !r; i++)
		r = add_signature(&signatures, json_at(keys, i), &message, err);
	if (!r) {
		add_header(request, "webhook-id", id);
		add_header(request, "webhook-timestamp", timestamp);
		if (signatures.len)
			add_header(request, "webhook-signature", signatures.data);
	}
	buf_done(&message);
	buf_done(&signatures);
	return r;
}
