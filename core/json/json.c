/* SPDX-License-Identifier: Apache-2.0 */
/* Values: making, looking, changing. Objects keep the order of their members; a large one has a
 * hash table, seeded so that nobody can choose keys that collide. */
#include "json/inside.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"

#define INDEX_MIN 16 /* members from which a table pays */
#define BLOCK_MIN 1024
#define BLOCK_MAX (64u << 10)

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

/* ---- pools ------------------------------------------------------------------------------------
 */

struct pool {
	struct pool *next;
	size_t at, cap;
	max_align_t data[];
};

void *pool_alloc(struct pool **pool, size_t n)
{
	struct pool *block = *pool;
	void *p;

	n = (n + 7) & ~(size_t)7;
	if (!block || block->cap - block->at < n) {
		size_t cap = block ? block->cap * 2 : BLOCK_MIN;

		cap = cap > BLOCK_MAX ? BLOCK_MAX : cap;
		cap = cap < n ? n : cap;
		block = must(malloc(sizeof(*block) + cap));
		*block = (struct pool){.next = *pool, .cap = cap};
		*pool = block;
	}
	p = (char *)block->data + block->at;
	block->at += n;
	return p;
}

void pool_free(struct pool *pool)
{
	while (pool) {
		struct pool *next = pool->next;

		free(pool);
		pool = next;
	}
}

/* ---- objects ----------------------------------------------------------------------------------
 */

/* The same for the life of the process, whichever thread asks first. */
static uint64_t hash_seed(void)
{
	static _Atomic uint64_t seed;
	uint64_t none = 0;

	if (!seed)
		atomic_compare_exchange_strong(&seed, &none, random_u64() | 1);
	return seed;
}

static uint64_t hash(const char *key, size_t n)
{
	uint64_t h = hash_seed() ^ n;

	for (; n >= 8; n -= 8, key += 8) {
		uint64_t word;

		memcpy(&word, key, 8);
		h = (h ^ word) * 0x9E3779B97F4A7C15u;
		h ^= h >> 32;
	}
	for (; n; n--)
		h = (h ^ (uint8_t)*key++) * 0xFF51AFD7ED558CCDu;
	return h ^ h >> 29;
}

/* Slots are a power of two, at least twice the members: as many as `cap` tells, which only grows.
 */
static uint32_t slots_of(const struct json *object)
{
	uint32_t n = 4 * INDEX_MIN;

	while (n < object->cap * 2)
		n *= 2;
	return n;
}

static void index_add(struct json *object, uint32_t i)
{
	uint32_t mask = slots_of(object) - 1;
	uint64_t at = hash(object->members[i].key, object->members[i].len) & mask;

	while (object->index[at])
		at = (at + 1) & mask;
	object->index[at] = i + 1;
}

static void index_drop(struct json *object)
{
	free(object->index);
	object->index = NULL;
}

static void index_make(struct json *object)
{
	object->index = must(calloc(slots_of(object), sizeof(*object->index)));
	for (uint32_t i = 0; i < object->n; i++)
		index_add(object, i);
}

static int is_key(const struct member *member, const char *key, size_t len)
{
	return member->len == len && !memcmp(member->key, key, len);
}

int64_t object_find(const struct json *object, const char *key, size_t len)
{
	uint32_t mask;

	if (object->n < INDEX_MIN) {
		for (uint32_t i = 0; i < object->n; i++)
			if (is_key(&object->members[i], key, len))
				return i;
		return -1;
	}
	if (!object->index)
		index_make((struct json *)object);
	mask = slots_of(object) - 1;
	for (uint64_t at = hash(key, len) & mask; object->index[at]; at = (at + 1) & mask)
		if (is_key(&object->members[object->index[at] - 1], key, len))
			return object->index[at] - 1;
	return -1;
}

/* Lists of pooled values move to the heap when they grow. */
static void *grow(struct json *json, void *list, size_t size)
{
	uint32_t cap = json->cap ? json->cap * 2 : 8;
	void *p;

	if (json->n < json->cap)
		return list;
	if (cap < json->cap)
		abort();
	if (json->flags & JSON_LIST_OWNED) {
		p = must(realloc(list, cap * size));
	} else {
		p = must(malloc(cap * size));
		if (json->n)
			memcpy(p, list, json->n * size);
	}
	json->cap = cap;
	json->flags |= JSON_LIST_OWNED;
	return p;
}

void object_add(struct json *object, char *key, size_t len, int owned, struct json *value)
{
	if (object->n == object->cap && object->index)
		index_drop(object);
	object->members = grow(object, object->members, sizeof(*object->members));
	object->members[object->n] = (struct member){key, (uint32_t)len, owned, value};
	object->n++;
	if (object->index)
		index_add(object, object->n - 1);
}

/* ---- making and freeing -------------------------------------------------------------------------
 */

static struct json *make(enum json_type type)
{
	struct json *json = must(calloc(1, sizeof(*json)));

	json->type = (uint8_t)type;
	return json;
}

static void free_inside(struct json *json)
{
	if (json->type == JSON_ARRAY) {
		for (uint32_t i = 0; i < json->n; i++)
			json_free(json->items[i]);
		if (json->flags & JSON_LIST_OWNED)
			free(json->items);
	} else if (json->type == JSON_OBJECT) {
		for (uint32_t i = 0; i < json->n; i++) {
			json_free(json->members[i].value);
			if (json->members[i].owned)
				free(json->members[i].key);
		}
		if (json->flags & JSON_LIST_OWNED)
			free(json->members);
		free(json->index);
	}
}

void json_free(struct json *json)
{
	if (!json)
		return;
	free_inside(json);
	free(json->text);
	if (json->flags & JSON_ROOT)
		pool_free(json->pool); /* and the value itself */
	else if (!(json->flags & JSON_POOLED))
		free(json);
}

struct json *json_new_object(void)
{
	return make(JSON_OBJECT);
}

struct json *json_new_array(void)
{
	return make(JSON_ARRAY);
}

struct json *json_new_str(const char *s)
{
	return s ? json_new_strn(s, strlen(s)) : NULL;
}

/* The bytes stand behind the value. */
struct json *json_new_strn(const char *s, size_t n)
{
	struct json *json;

	if (n >= UINT32_MAX)
		abort();
	json = must(malloc(sizeof(*json) + n + 1));
	*json = (struct json){.type = JSON_STRING, .n = (uint32_t)n, .s = (char *)(json + 1)};
	memcpy(json->s, s, n);
	json->s[n] = '\0';
	return json;
}

struct json *json_new_int(int64_t v)
{
	struct json *json = make(JSON_INT);

	json->i = v;
	return json;
}

struct json *json_new_double(double v)
{
	struct json *json;

	if (!isfinite(v))
		return NULL;
	json = make(JSON_DOUBLE);
	json->d = v;
	return json;
}

struct json *json_new_bool(int v)
{
	struct json *json = make(JSON_BOOL);

	json->i = !!v;
	return json;
}

struct json *json_new_null(void)
{
	return NULL;
}

static struct json *copy_double(const struct json *json)
{
	struct json *copy = json_new_double(json->d);
	size_t n = json->spelled ? strlen(json->spelled) + 1 : 0;

	if (n && copy) { /* its spelling goes along, behind it */
		copy = must(realloc(copy, sizeof(*copy) + n));
		copy->spelled = memcpy(copy + 1, json->spelled, n);
	}
	return copy;
}

struct json *json_copy(const struct json *json)
{
	struct json *copy;

	switch (json_type(json)) {
	case JSON_BOOL:
		return json_new_bool((int)json->i);
	case JSON_INT:
		return json_new_int(json->i);
	case JSON_DOUBLE:
		return copy_double(json);
	case JSON_STRING:
		return json_new_strn(json->s, json->n);
	case JSON_ARRAY:
		copy = json_new_array();
		for (uint32_t i = 0; i < json->n; i++)
			json_push(copy, json_copy(json->items[i]));
		return copy;
	case JSON_OBJECT:
		copy = json_new_object();
		for (uint32_t i = 0; i < json->n; i++) {
			const struct member *member = &json->members[i];
			char *key = must(malloc(member->len + 1u));

			memcpy(key, member->key, member->len + 1u);
			object_add(copy, key, member->len, 1, json_copy(member->value));
		}
		return copy;
	case JSON_NULL:
		break;
	}
	return NULL;
}

/* ---- changing -----------------------------------------------------------------------------------
 */

void json_set(struct json *object, const char *key, struct json *value)
{
	size_t len = strlen(key);
	int64_t i = object_find(object, key, len);

	if (i >= 0) {
		json_free(object->members[i].value);
		object->members[i].value = value;
		return;
	}
	object_add(object, must(strdup(key)), len, 1, value);
}

void json_push(struct json *array, struct json *value)
{
	array->items = grow(array, array->items, sizeof(struct json *));
	array->items[array->n++] = value;
}

void json_del(struct json *object, const char *key)
{
	int64_t i = json_type(object) == JSON_OBJECT ? object_find(object, key, strlen(key)) : -1;
	struct member *member;

	if (i < 0)
		return;
	member = &object->members[i];
	json_free(member->value);
	if (member->owned)
		free(member->key);
	object->n--;
	memmove(member, member + 1, (object->n - (uint32_t)i) * sizeof(*member));
	index_drop(object);
}

/* ---- looking ------------------------------------------------------------------------------------
 */

enum json_type json_type(const struct json *json)
{
	return json ? (enum json_type)json->type : JSON_NULL;
}

const char *json_type_name(enum json_type type)
{
	static const char *const type_names[] = {"null",   "boolean", "integer", "number",
	                                         "string", "array",   "object"};

	return type_names[type];
}

struct json *json_get_mut(struct json *object, const char *key)
{
	int64_t i = json_type(object) == JSON_OBJECT ? object_find(object, key, strlen(key)) : -1;

	return i < 0 ? NULL : object->members[i].value;
}

const struct json *json_get(const struct json *object, const char *key)
{
	return json_get_mut((struct json *)object, key);
}

const struct json *json_at(const struct json *array, size_t i)
{
	return json_type(array) == JSON_ARRAY && i < array->n ? array->items[i] : NULL;
}

size_t json_count(const struct json *json)
{
	return json_type(json) == JSON_ARRAY || json_type(json) == JSON_OBJECT ? json->n : 0;
}

/* One token of a pointer, "~1" and "~0" resolved; *at moves behind it. NULL: it is longer than any
 * key we have. */
static char *pointer_token(const char **at, char *ret, size_t cap)
{
	const char *p = *at + 1;
	size_t n = 0;

	for (; *p && *p != '/'; p++) {
		if (n + 1 >= cap)
			return NULL;
		if (*p == '~' && (p[1] == '0' || p[1] == '1'))
			ret[n++] = *++p == '0' ? '~' : '/';
		else
			ret[n++] = *p;
	}
	ret[n] = '\0';
	*at = p;
	return ret;
}

static const struct json *item_of(const struct json *array, const char *token)
{
	size_t i = 0;

	if (!*token || (*token == '0' && token[1]))
		return NULL;
	for (; *token >= '0' && *token <= '9' && i < UINT32_MAX; token++)
		i = i * 10 + (size_t)(*token - '0');
	return *token ? NULL : json_at(array, i);
}

const struct json *json_pointer(const struct json *json, const char *pointer)
{
	char token[1024];

	while (json && *pointer) {
		if (*pointer != '/' || !pointer_token(&pointer, token, sizeof(token)))
			return NULL;
		json = json->type == JSON_ARRAY ? item_of(json, token) : json_get(json, token);
	}
	return json;
}

const char *json_str(const struct json *json, const char *otherwise)
{
	return json_type(json) == JSON_STRING ? json->s : otherwise;
}

size_t json_str_len(const struct json *json)
{
	return json_type(json) == JSON_STRING ? json->n : 0;
}

int64_t json_int(const struct json *json, int64_t otherwise)
{
	double v;

	if (json_type(json) == JSON_INT)
		return json->i;
	v = json_double(json, NAN);
	return v == floor(v) && fabs(v) < 9.2e18 ? (int64_t)v : otherwise;
}

double json_double(const struct json *json, double otherwise)
{
	if (json_type(json) == JSON_INT)
		return (double)json->i;
	return json_type(json) == JSON_DOUBLE ? json->d : otherwise;
}

int json_bool(const struct json *json, int otherwise)
{
	return json_type(json) == JSON_BOOL ? (int)json->i : otherwise;
}

int json_each(const struct json *object, size_t *at, const char **ret_key,
              const struct json **ret_value)
{
	if (json_type(object) != JSON_OBJECT || *at >= object->n)
		return 0;
	*ret_key = object->members[*at].key;
	*ret_value = object->members[*at].value;
	(*at)++;
	return 1;
}
