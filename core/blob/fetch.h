/* SPDX-License-Identifier: Apache-2.0 */
/* One request over HTTP for somebody who may not make it himself: a plugin's. Everything in it is looked at as hostile.
 * Redirects are not followed.
 *
 *   request  {"method", "url", "headers": [[name, value]], "body": base64, "timeout_ms", "max_body"}
 *   answer   {"status", "headers": [[name, value]], "body": base64}
 *
 * Threading: any. */
#ifndef BLOB_FETCH_H
#define BLOB_FETCH_H

#include "base/err.h"
#include "json/json.h"

#define FETCH_URL_MAX 4096
#define FETCH_HEADERS_MAX 64
#define FETCH_HEADER_BYTES (16u << 10)
#define FETCH_BODY_MAX (1u << 20)   /* of a request */
#define FETCH_ANSWER_MAX (4u << 20) /* of an answer's body */
#define FETCH_TIMEOUT_MS 30000
#define FETCH_TIMEOUT_MAX_MS 300000

/* ERR_INVALID: the request breaks the rules; ERR_LIMIT: the answer is too large; ERR_TIMEOUT, ERR_IO: none came, or not
 * all of it. */
int fetch_do(const struct json *request, struct json **ret, struct err *err);

/* Adds the three headers of a signed message to a request, by the specification of Standard Webhooks 1.0.0:
 *
 *   webhook  {"id", "timestamp": unix s, "keys": [base64 of the secrets as they stand in their files]}
 *
 * Each key gives a "v1," signature: base64 of HMAC-SHA256 over "id.timestamp.body". No keys: no signature.
 * ERR_INVALID: a secret is neither "whsec_" and base64 of 24 to 64 bytes, nor such base64 alone. */
int fetch_sign(struct json *request, const struct json *webhook, struct err *err);

#endif
