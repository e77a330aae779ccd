/* SPDX-License-Identifier: Apache-2.0 */
/* AWS Signature Version 4. Source: AWS documentation, "Create a signed AWS API request", and for S3 "Authenticating
 * Requests: Using the Authorization Header". libcurl's own (7.88) signs wrongly when queries are unsorted or have no
 * value, so requests are signed here, and the target that was signed is the one that is sent.
 *
 * Threading: none of it has state. Hashing takes lazy_libraries() to have succeeded. */
#ifndef BLOB_SIGN_H
#define BLOB_SIGN_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

#define SIGN_TIME_LEN 17 /* "20150830T123600Z" */
#define SIGN_HASH_LEN 65

struct sign_pair {
	const char *name, *value;
};

struct sign_key {
	const char *id, *secret, *region, *service;
};

struct sign_request {
	const char *method;
	const char *path;              /* begins with a slash; not encoded */
	const struct sign_pair *query; /* neither names nor values are encoded */
	size_t n_query;
	const struct sign_pair *headers; /* all that are to be signed, host among them; names in lower case */
	size_t n_headers;
	const char *payload_hash; /* hex SHA-256, or UNSIGNED-PAYLOAD */
	const char *time;
};

/* Appends the path and query as they must be sent, and the value of the Authorization header. */
int sign_request(const struct sign_key *key, const struct sign_request *request, struct buf *ret_target,
                 struct buf *ret_authorization, struct err *err);
void sign_hash(const void *p, size_t n, char ret[SIGN_HASH_LEN]);
void sign_time(long long unix_s, char ret[SIGN_TIME_LEN]);

#endif
