/* SPDX-License-Identifier: Apache-2.0 */
/* One request to S3: signed, sent, and repeated as long as that may help. Inside the blob room only.
 *
 * The place is found as other tools find it: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL (then with the bucket in the
 * path), else https://<bucket>.s3.<region>.amazonaws.com. */
#ifndef BLOB_S3_REQUEST_H
#define BLOB_S3_REQUEST_H

#include "blob/credentials.h"
#include "blob/http.h"

struct s3 {
	char bucket[64], region[64];
	char base[320], host[256]; /* "https://host", "host" */
	int bucket_in_path;
	char *prefix; /* "" or "a/b" */
	struct credentials credentials;
};

struct s3_call {
	const char *method, *key;              /* "": the bucket */
	struct sign_pair query[6], headers[4]; /* up to the first without a name; headers in lower case */
	const void *body;
	size_t len, max; /* max: of the answer */
	int is_new;      /* with If-None-Match: * */
};

int s3_init(struct s3 *s3, const char *location, struct err *err);
/* 0 with the answer, of whatever status but those that pass; the caller frees it then. *ret_unsure (may be NULL): an
 * earlier try got no clear answer, or may have been libcurl's own, so what was asked may have been done already. */
int s3_do(struct s3 *s3, const struct s3_call *call, struct http_answer *ret, int *ret_unsure, struct err *err);
/* The sentence of an answer that is no success: ERR_NOTFOUND, ERR_PERM, ERR_EXISTS, … */
int s3_refused(const struct s3 *s3, const struct s3_call *call, const struct http_answer *answer, struct err *err);

#endif
