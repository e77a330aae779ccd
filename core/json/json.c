/* SPDX-License-Identifier: Apache-2.0 */
/* The tree: json-c's, behind our names. */
#include "json/inside.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"

#define POINTER_NAME 64 /* bytes of a name that is looked up without a copy of the whole pointer */

void json_free(struct json *json)
{
	json_object_put(in(json));
}

/* What is attached to an object is not copied; what json-c attaches (the digits of a double) is. */
static int copy_bare(json_object *from, json_object *parent, const char *key, size_t index, json_object **ret)
{
	int r = json_c_shallow_copy_default(from, parent, key, index, ret);

	return r == 1 && json_object_is_type(from, json_type_object) ? 2 : r;
}

struct json *json_copy(const struct json *json)
{
	struct json_object *copy = NULL;

	if (json)
		json_object_deep_copy(in(json), &copy, copy_bare);
	return out(copy);
}

struct json *json_share(const struct json *json)
{
	return out(json_object_get(in(json)));
}

/* json-c hands itself to whom it deletes. */
struct attached {
	void *data;
	void (*drop)(void *data);
	const char *text;
};

static void drop_attached(struct json_object *object, void *ctx)
{
	struct attached *attached = ctx;

	(void)object;
	if (attached->drop)
		attached->drop(attached->data);
	free(attached);
}

static void attach(struct json *object, struct attached what)
{
	struct attached *attached = must(malloc(sizeof(*attached)));

	*attached = what;
	json_object_set_userdata(in(object), attached, drop_attached);
}

static const struct attached *attached_to(const struct json *object)
{
	return json_type(object) == JSON_OBJECT ? json_object_get_userdata(in(object)) : NULL;
}

void json_attach(struct json *object, void *data, void (*drop)(void *data))
{
	attach(object, (struct attached){.data = data, .drop = drop});
}

void *json_attached(const struct json *object)
{
	const struct attached *attached = attached_to(object);

	return attached ? attached->data : NULL;
}

void json_keep_text(struct json *object, const char *text)
{
	attach(object, (struct attached){.text = text});
}

const char *json_kept_text(const struct json *object)
{
	const struct attached *attached = attached_to(object);

	return attached ? attached->text : NULL;
}

enum json_type json_type(const struct json *json)
{
	static const enum json_type types[] = {
		[json_type_null] = JSON_NULL,     [json_type_boolean] = JSON_BOOL,  [json_type_int] = JSON_INT,
		[json_type_double] = JSON_DOUBLE, [json_type_string] = JSON_STRING, [json_type_array] = JSON_ARRAY,
		[json_type_object] = JSON_OBJECT,
	};

	return types[json_object_get_type(in(json))];
}

const char *json_type_name(enum json_type type)
{
	static const char *const type_names[] = {"null", "boolean", "integer", "number", "string", "array", "object"};

	return type_names[type];
}

struct json *json_get_mut(struct json *object, const char *key)
{
	struct lh_table *table = json_object_get_object(in(object));
	const struct lh_entry *entry;

	if (!table)
		return NULL;
	entry = table->count <= FEW ? find_among_few(table, key) : lh_table_lookup_entry(table, key);
	return entry ? out(lh_entry_v(entry)) : NULL;
}

const struct json *json_get(const struct json *object, const char *key)
{
	return json_get_mut((struct json *)object, key);
}

const struct json *json_at(const struct json *array, size_t i)
{
	if (json_type(array) != JSON_ARRAY)
		return NULL;
	return out(json_object_array_get_idx(in(array), i));
}

size_t json_count(const struct json *json)
{
	switch (json_type(json)) {
	case JSON_ARRAY:
		return json_object_array_length(in(json));
	case JSON_OBJECT:
		return (size_t)json_object_object_length(in(json));
	default:
		return 0;
	}
}

/* The item that digits name, as RFC 6901 section 4 has them: without a leading zero. */
static const struct json *item_at(const struct json *array, const char *digits)
{
	int64_t i;

	if (*digits < '0' || *digits > '9' || (*digits == '0' && digits[1]) || str_to_i64(digits, &i))
		return NULL;
	return json_at(array, (size_t)i);
}

/* Names are seldom long and seldom spelled with '~': the others are json-c's. */
const struct json *json_pointer(const struct json *json, const char *pointer)
{
	const struct json *at = json;
	struct json_object *value = NULL;
	char name[POINTER_NAME];

	while (*pointer == '/' && at) {
		size_t n = strcspn(++pointer, "/~");

		if (n >= sizeof(name) || pointer[n] == '~')
			return json_pointer_get(in(at), pointer - 1, &value) ? NULL : out(value);
		memcpy(name, pointer, n);
		name[n] = '\0';
		at = json_type(at) == JSON_ARRAY ? item_at(at, name) : json_get(at, name);
		pointer += n;
	}
	return *pointer ? NULL : at;
}

const char *json_str(const struct json *json, const char *otherwise)
{
	return json_type(json) == JSON_STRING ? json_object_get_string(in(json)) : otherwise;
}

size_t json_str_len(const struct json *json)
{
	return json_type(json) == JSON_STRING ? (size_t)json_object_get_string_len(in(json)) : 0;
}

int64_t json_int(const struct json *json, int64_t otherwise)
{
	double v;

	if (json_type(json) == JSON_INT)
		return json_object_get_int64(in(json));
	v = json_double(json, NAN);
	return v == floor(v) && fabs(v) < 9.2e18 ? (int64_t)v : otherwise;
}

double json_double(const struct json *json, double otherwise)
{
	enum json_type type = json_type(json);

	return type == JSON_INT || type == JSON_DOUBLE ? json_object_get_double(in(json)) : otherwise;
}

int json_bool(const struct json *json, int otherwise)
{
	return json_type(json) == JSON_BOOL ? json_object_get_boolean(in(json)) : otherwise;
}

static const struct lh_entry *first_of(const struct json *object)
{
	const struct lh_table *table = json_object_get_object(in(object));

	return table ? table->head : NULL;
}

/* `at` is the address of the entry that was last. */
int json_each(const struct json *object, size_t *at, const char **ret_key, const struct json **ret_value)
{
	const struct lh_entry *entry = *at ? ((const struct lh_entry *)*at)->next : first_of(object);

	if (!entry)
		return 0;
	*ret_key = lh_entry_k(entry);
	*ret_value = out((struct json_object *)lh_entry_v(entry));
	*at = (size_t)entry;
	return 1;
}

struct json *json_new_object(void)
{
	return must(json_object_new_object());
}

struct json *json_new_array(void)
{
	return must(json_object_new_array());
}

struct json *json_new_str(const char *s)
{
	return s ? json_new_strn(s, strlen(s)) : NULL;
}

struct json *json_new_strn(const char *s, size_t n)
{
	return must(json_object_new_string_len(s, (int)n));
}

struct json *json_new_int(int64_t v)
{
	return must(json_object_new_int64(v));
}

struct json *json_new_double(double v)
{
	return isfinite(v) ? must(json_object_new_double(v)) : NULL;
}

struct json *json_new_bool(int v)
{
	return must(json_object_new_boolean(v));
}

struct json *json_new_null(void)
{
	return NULL;
}

void json_set_key(struct json *object, const char *key, int is_literal, struct json *value)
{
	unsigned options = is_literal ? JSON_C_OBJECT_ADD_CONSTANT_KEY : 0;
	const struct lh_table *members = json_object_get_object(in(object));

	if (members && members->count <= FEW && !find_among_few(members, key))
		options |= JSON_C_OBJECT_ADD_KEY_IS_NEW;
	if (json_object_object_add_ex(in(object), key, in(value), options))
		abort();
}

void json_set_time(struct json *object, const char *key, int64_t wall_ms)
{
	char text[CLOCK_RFC3339_LEN];

	if (wall_ms > 0)
		clock_rfc3339(wall_ms, text);
	json_set(object, key, wall_ms > 0 ? json_new_str(text) : json_new_null());
}

void json_push(struct json *array, struct json *value)
{
	if (json_object_array_add(in(array), in(value)))
		abort();
}

void json_del(struct json *object, const char *key)
{
	struct lh_table *members = json_object_get_object(in(object));
	struct lh_entry *entry;

	if (!members)
		return;
	entry = members->count <= FEW ? find_among_few(members, key) : lh_table_lookup_entry(members, key);
	if (entry)
		lh_table_delete_entry(members, entry);
}

const char *json_text(const struct json *json)
{
	return json_object_to_json_string_ext(in(json), JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

const char *json_text_pretty(const struct json *json)
{
	return json_object_to_json_string_ext(in(json), JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
	                                                        JSON_C_TO_STRING_NOSLASHESCAPE);
}

#define TEXT_USUAL 1024 /* bytes of one */
