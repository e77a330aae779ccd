/* SPDX-License-Identifier: Apache-2.0 */
/* Writes JSON text (RFC 8259): results of tasks, statistics, events. Commas and escapes are its business; opening and
 * closing in the right order is the caller's. Linked statically (liborasi-sdk), no part of the ABI.
 *
 *   struct jsonw w = {0};
 *   jsonw_object(&w);
 *   jsonw_key(&w, "rows"); jsonw_int(&w, 3);
 *   jsonw_end_object(&w);
 *   if (jsonw_finish(&w)) … w.data, w.len … ; jsonw_done(&w);
 *
 * Out of memory sticks: nothing more is written and jsonw_finish gives 0. Distinct objects may be used on distinct
 * threads. */
#ifndef ORASI_SDK_JSON_H
#define ORASI_SDK_JSON_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct jsonw {
	char *data; /* NUL-terminated behind len, the writer's until jsonw_done */
	size_t len, cap;
	int32_t failed, comma;
};

void jsonw_object(struct jsonw *w);
void jsonw_end_object(struct jsonw *w);
void jsonw_array(struct jsonw *w);
void jsonw_end_array(struct jsonw *w);
void jsonw_key(struct jsonw *w, const char *key);
void jsonw_keyn(struct jsonw *w, const char *key, size_t n);
/* What is no UTF-8 becomes U+FFFD. */
void jsonw_string(struct jsonw *w, const char *text, size_t n);
void jsonw_int(struct jsonw *w, int64_t v);
void jsonw_uint(struct jsonw *w, uint64_t v);
void jsonw_double(struct jsonw *w, double v); /* the shortest text that reads back the same; null if not finite */
void jsonw_number(struct jsonw *w, const char *text, size_t n); /* its digits, as JSON has them */
void jsonw_bool(struct jsonw *w, int v);
void jsonw_null(struct jsonw *w);

int jsonw_finish(struct jsonw *w); /* 1 when all was written */
void jsonw_done(struct jsonw *w);  /* frees; fine on a zeroed one */

#ifdef __cplusplus
}
#endif
#endif
