/* SPDX-License-Identifier: Apache-2.0 */
/* JSON for configuration, orders and the API: a value tree with strict parsing and hard limits. It
 * is json-c behind one door; the data path has its own scanner (plugins/ingest-json).
 *
 * Ownership: json_parse and json_new_* give a value the caller owns (json_free). json_set and
 * json_push take it over. Getters lend: valid while the parent lives and is not changed there.
 * Every getter accepts NULL and answers with its default, so chains need no checks.
 * Not thread-safe per value. Numbers: int64 or double; integers beyond int64 are refused. */
#ifndef JSON_JSON_H
#define JSON_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct json;

enum json_type { JSON_NULL, JSON_BOOL, JSON_INT, JSON_DOUBLE, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

#define JSON_DEPTH_MAX 64     /* of what others write */
#define JSON_DEPTH_OWN_MAX 80 /* of what we put around that, as in messages and answers */

/* Strict RFC 8259: one value, nothing behind it, UTF-8, at most JSON_DEPTH_MAX deep, no duplicate
 * keys. err->where is "line:column". */
int json_parse(const char *text, size_t n, struct json **ret, struct err *err);
/* The same of a text that we have made of others' texts: at most JSON_DEPTH_OWN_MAX deep. */
int json_parse_own(const char *text, size_t n, struct json **ret, struct err *err);
/* One value a line, empty ones left out, as an array. The error begins with "line N". */
int json_parse_lines(const char *text, size_t n, struct json **ret, struct err *err);
/* The string at `key` of a text that is an object, without making anything: 1, and *ret points into the text. 0: there is
 * none, or it is spelled with escapes, or the text is not what json_parse takes; only a key that is there twice is not seen. */
int json_peek(const char *text, size_t n, const char *key, const char **ret, size_t *ret_n);
/* 1: the text is an object, and values[i] is where the value at keys[i] begins, or NULL. 0: it is not, as above. */
int json_peek_members(const char *text, size_t n, const char *const *keys, size_t n_keys, const char **values);
void json_free(struct json *json);               /* NULL is fine */
struct json *json_copy(const struct json *json); /* deep */
/* The same value for one more owner. Nobody changes it any more. */
struct json *json_share(const struct json *json);

enum json_type json_type(const struct json *json); /* JSON_NULL for NULL */
const char *json_type_name(enum json_type type);   /* "string" */
const struct json *json_get(const struct json *object, const char *key);
struct json *json_get_mut(struct json *object, const char *key);
const struct json *json_at(const struct json *array, size_t i);
size_t json_count(const struct json *json); /* of array or object, else 0 */
/* RFC 6901 pointer, "" is the value itself; NULL if absent. */
const struct json *json_pointer(const struct json *json, const char *pointer);

const char *json_str(const struct json *json, const char *otherwise);
size_t json_str_len(const struct json *json);                 /* 0 if not a string */
int64_t json_int(const struct json *json, int64_t otherwise); /* a double without fraction counts */
double json_double(const struct json *json, double otherwise);
int json_bool(const struct json *json, int otherwise);

#define json_get_str(o, key, otherwise) json_str(json_get((o), (key)), (otherwise))
#define json_get_int(o, key, otherwise) json_int(json_get((o), (key)), (otherwise))
#define json_get_double(o, key, otherwise) json_double(json_get((o), (key)), (otherwise))
#define json_get_bool(o, key, otherwise) json_bool(json_get((o), (key)), (otherwise))

/* Walks an object: `at` starts at 0 and says nothing; returns 0 at the end. No changes meanwhile. */
int json_each(const struct json *object, size_t *at, const char **ret_key, const struct json **ret_value);

/* Something that is worked out once and kept with an object until it is freed; copies do not have it. */
void json_attach(struct json *object, void *data, void (*drop)(void *data));
void *json_attached(const struct json *object); /* NULL: nothing is */
/* Instead of that: the text that the object was read from, which json_write puts for it from now on. It outlives the
 * object, and nobody changes that any more. */
void json_keep_text(struct json *object, const char *text);

/* Allocation failure aborts: these trees are small and bounded by the limits of what was parsed. */
struct json *json_new_object(void);
struct json *json_new_array(void);
struct json *json_new_str(const char *s); /* NULL gives a JSON null */
struct json *json_new_strn(const char *s, size_t n);
struct json *json_new_int(int64_t v);
struct json *json_new_double(double v); /* NaN and infinities give null */
struct json *json_new_bool(int v);
struct json *json_new_null(void);

/* Takes value; replaces. A key that is a literal is not copied. */
#define json_set(object, key, value) json_set_key((object), (key), __builtin_constant_p(key), (value))
void json_set_key(struct json *object, const char *key, int is_literal, struct json *value);
/* As RFC 3339; what is no time, 0 and less, is null. */
void json_set_time(struct json *object, const char *key, int64_t wall_ms);
void json_push(struct json *array, struct json *value);
void json_del(struct json *object, const char *key);

#define json_set_str(o, key, v) json_set((o), (key), json_new_str(v))
#define json_set_int(o, key, v) json_set((o), (key), json_new_int(v))
#define json_set_double(o, key, v) json_set((o), (key), json_new_double(v))
#define json_set_bool(o, key, v) json_set((o), (key), json_new_bool(v))

/* Compact text, lives until the value changes or is freed. */
const char *json_text(const struct json *json);
const char *json_text_pretty(const struct json *json);
/* The same text for who has a place for it, at a third of the cost. */
void json_write(struct buf *out, const struct json *json);
char *json_text_in(const struct json *json, struct arena *arena); /* NULL: no memory */

#endif
