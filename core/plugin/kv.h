/* SPDX-License-Identifier: Apache-2.0 */
/* The state that a plugin leaves from one attempt to the next, as one attempt sees it: what is stored, what it has read
 * and what it wants to be different. Nothing of it is true before the attempt succeeds.
 *
 * Threading: one thread. */
#ifndef PLUGIN_KV_H
#define PLUGIN_KV_H

#include <orasi/host.h>

#include "base/err.h"
#include "json/json.h"

#define KV_BYTES_MAX (64u << 10) /* keys and values of a plugin */
#define KV_KEYS_MAX 1024
#define KV_KEY_MAX 128

struct kv;

/* `stored` is {"<key>":"<base64>"}, or NULL for nothing. ERR_CORRUPT when it is not. */
int kv_new(const struct json *stored, struct kv **ret, struct err *err);
void kv_free(struct kv *kv); /* NULL is fine */

/* As orasi_host_kv says; `err` may be NULL. */
orasi_status kv_get(struct kv *kv, orasi_str key, orasi_bytes *ret);
orasi_status kv_put(struct kv *kv, orasi_str key, orasi_bytes value, orasi_error *err);
orasi_status kv_remove(struct kv *kv, orasi_str key, orasi_error *err);
orasi_status kv_next(struct kv *kv, orasi_str after, orasi_str *ret_key);

/* {"read":["<key>"],"read_all":bool,"changed":{"<key>":"<base64>" or null}}, NULL when the attempt has not looked at
 * its state; the caller frees. */
int kv_report(const struct kv *kv, struct json **ret, struct err *err);
/* A report comes from a process that a plugin may have in its hands: is it one, within the limits? ERR_PLUGIN. */
int kv_report_check(const struct json *report, struct err *err);

#endif
