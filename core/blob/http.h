/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP exchange over libcurl, without retries. Connections stay open between exchanges of a thread. Inside the
 * blob room only. */
#ifndef BLOB_HTTP_H
#define BLOB_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "blob/sign.h"

struct http_call {
	const char *method, *url;
	const struct sign_pair *headers;
	size_t n_headers;
	const void *body; /* NULL: none */
	size_t len;
	long connect_ms, total_ms; /* total 0: as long as something comes */
};

struct http_answer {
	int status;
	struct buf body; /* its max bounds what is read: more is ERR_LIMIT */
	int64_t length;  /* Content-Length, -1: not said */
	int64_t modified_ms;
	int is_connected_anew; /* the request may have been sent twice: first on a connection that had ended meanwhile */
	char etag[80];
	struct buf *headers; /* gets the headers as lines "name: value\n", as many as fit; NULL: nobody wants them */
};

void http_answer_init(struct http_answer *answer, size_t max);
void http_answer_done(struct http_answer *answer);
/* 0 when there is an answer, of any status. ERR_TIMEOUT, ERR_IO: none came, or not all of it; what was asked may have
 * been done. */
int http_do(const struct http_call *call, struct http_answer *answer, struct err *err);

#endif
