/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks, and what he may see and touch. Private to the room. Where a request has no token, all is his. */
#ifndef API_ACCESS_H
#define API_ACCESS_H

#include "api/inside.h"
#include "auth/auth.h"

struct check;

#define QUEUE_USUAL "default" /* of a task that names none */

/* For http_route.admit. */
int access_admit(struct http_request *req, void *ctx, struct err *err);
/* Has the token been revoked, or has it expired, since the request came? */
int access_is_live(const struct http_request *req);
void access_reply_dead(struct api *api, struct http_request *req); /* then */

int access_may(const struct http_request *req, unsigned verbs);
/* Are there tenants or queues that are not his? */
int access_is_narrow(const struct http_request *req);
int access_sees(const struct http_request *req, const char *tenant, const char *queue);
int access_has_tenant(const struct http_request *req, const char *tenant);
int access_has_queue(const struct http_request *req, const char *queue);
int access_has_dataset(const struct http_request *req, const char *dataset);
int access_has_all_datasets(const struct http_request *req);
const char *access_tenants(const struct http_request *req); /* a pattern, NULL: all */
void access_narrow(const struct http_request *req, struct queue_filter *filter);
int access_sees_task(struct api *api, struct http_request *req, int64_t id);
int access_holds_lease(struct api *api, struct http_request *req, int64_t id);
const char *access_id(const struct http_request *req); /* of the token, "" without one */

/* submit.c: a task's own places and kind, before anything else is looked at; then what it refers to. What is
 * not his is added to c->errors, and c->denied is set. */
void access_take(struct check *c);
void access_check_links(struct check *c, const struct task_spec *spec);
/* The tenant of something that is about to be made; NULL: it has answered. */
const char *access_tenant(struct http_request *req, const char *wanted);
const char *access_key_tenant(struct http_request *req, const char *wanted);         /* of the keys of a list */
void access_deny(struct http_request *req, const char *pointer, const char *detail); /* 403 */
/* 403 if something was denied, else 422. */
void reply_refused(struct http_request *req, const struct json *errors, int denied);

#endif
