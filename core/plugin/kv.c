/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/kv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* Sorted by key. One that is not there is kept too, when it was asked for or taken away. */
struct item {
	char *key;
	uint8_t *value; /* NULL: not there */
	size_t len;
	int read, changed;
};

struct kv {
	struct item *items;
	size_t n, cap;
	size_t keys, bytes; /* of those that are there */
	int read_all;
};

static orasi_status refuse(orasi_error *err, orasi_status status, const char *text)
{
	if (err)
		str_copy(err->message, sizeof(err->message), text);
	return status;
}

/* Text that can be shown: it stands in logs and in JSON. */
static int is_key(const char *p, size_t n)
{
	if (!n || n > KV_KEY_MAX || !p || !utf8_valid(p, n))
		return 0;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)p[i] < ' ' || p[i] == 0x7f)
			return 0;
	return 1;
}

/* ---- items ----------------------------------------------------------------------------------------------------------- */

static int compare(const struct item *item, orasi_str key)
{
	size_t n = strlen(item->key);
	int order = memcmp(item->key, key.ptr, n < key.len ? n : key.len);

	return order ? order : n < key.len ? -1 : n > key.len;
}

/* The first item that is not before `key`. */
static size_t place_of(const struct kv *kv, orasi_str key)
{
	size_t low = 0, high = kv->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(&kv->items[middle], key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct item *find(const struct kv *kv, orasi_str key)
{
	size_t at = place_of(kv, key);

	return at < kv->n && !compare(&kv->items[at], key) ? &kv->items[at] : NULL;
}

static struct item *find_or_add(struct kv *kv, orasi_str key)
{
	size_t at = place_of(kv, key);
	char *copy;

	if (at < kv->n && !compare(&kv->items[at], key))
		return &kv->items[at];
	if (kv->n == kv->cap) {
		size_t cap = kv->cap ? 2 * kv->cap : 16;
		struct item *grown = realloc(kv->items, cap * sizeof(*grown));

		if (!grown)
			return NULL;
		kv->items = grown;
		kv->cap = cap;
	}
	copy = strndup(key.ptr, key.len);
	if (!copy)
		return NULL;
	memmove(&kv->items[at + 1], &kv->items[at], (kv->n - at) * sizeof(*kv->items));
	kv->items[at] = (struct item){.key = copy};
	kv->n++;
	return &kv->items[at];
}

static void drop_value(struct kv *kv, struct item *item)
{
	if (!item->value)
		return;
	kv->bytes -= strlen(item->key) + item->len;
	kv->keys--;
	free(item->value);
	item->value = NULL;
	item->len = 0;
}

static void set_value(struct kv *kv, struct item *item, uint8_t *value, size_t len)
{
	drop_value(kv, item);
	item->value = value;
	item->len = len;
	kv->bytes += strlen(item->key) + len;
	kv->keys++;
}

/* ---- what is stored ---------------------------------------------------------------------------------------------------- */

static int load(struct kv *kv, const char *key, const struct json *text, struct err *err)
{
	size_t n = json_str_len(text);
	uint8_t *value = malloc(n + 1);
	struct item *item = value ? find_or_add(kv, (orasi_str){key, strlen(key)}) : NULL;
	int64_t len;

	if (!item) {
		free(value);
		return err_set(err, ERR_NOMEM, "out of memory");
	}
	len = base64_decode(json_str(text, ""), n, value, n);
	if (len < 0 || json_type(text) != JSON_STRING || !is_key(key, strlen(key))) {
		free(value);
		return err_set(err, ERR_CORRUPT, "the state of the plugin is damaged at '%.100s'", key);
	}
	set_value(kv, item, value, (size_t)len);
	return 0;
}

int kv_new(const struct json *stored, struct kv **ret, struct err *err)
{
	struct kv *kv = calloc(1, sizeof(*kv));
	const struct json *text;
	const char *key;
	size_t at = 0;
	int r = kv ? 0 : err_set(err, ERR_NOMEM, "out of memory");

	while (!r && json_each(stored, &at, &key, &text))
		r = load(kv, key, text, err);
	if (r) {
		kv_free(kv);
		return r;
	}
	*ret = kv;
	return 0;
}

void kv_free(struct kv *kv)
{
	if (!kv)
		return;
	for (size_t i = 0; i < kv->n; i++) {
		free(kv->items[i].key);
		free(kv->items[i].value);
	}
	free(kv->items);
	free(kv);
}

/* ---- what the plugin asks ------------------------------------------------------------------------------------------------- */

/* That it was not there has been seen too. Without room to note it, everything counts as seen. */
static void note_missing(struct kv *kv, orasi_str key)
{
	struct item *item = kv->n < 4 * KV_KEYS_MAX ? find_or_add(kv, key) : NULL;

	if (item)
		item->read = 1;
	else
		kv->read_all = 1;
}

orasi_status kv_get(struct kv *kv, orasi_str key, orasi_bytes *ret)
{
	struct item *item;

	if (!is_key(key.ptr, key.len))
		return ORASI_E_INVALID;
	item = find(kv, key);
	if (!item) {
		note_missing(kv, key);
		return ORASI_E_NOTFOUND;
	}
	item->read |= !item->changed; /* its own words tell it nothing of others */
	if (!item->value)
		return ORASI_E_NOTFOUND;
	*ret = (orasi_bytes){item->value, item->len};
	return ORASI_OK;
}

orasi_status kv_put(struct kv *kv, orasi_str key, orasi_bytes value, orasi_error *err)
{
	const struct item *old;
	struct item *item;
	uint8_t *copy;

	if (!is_key(key.ptr, key.len))
		return refuse(err, ORASI_E_INVALID, "a key of kv is text of 1 to 128 bytes without control characters");
	if (value.len > KV_BYTES_MAX || (value.len && !value.ptr))
		return refuse(err, ORASI_E_LIMIT, "the state of a plugin has at most 64 KiB, keys included");
	old = find(kv, key);
	if (kv->bytes - (old && old->value ? old->len + key.len : 0) + key.len + value.len > KV_BYTES_MAX)
		return refuse(err, ORASI_E_LIMIT,
		              "the state of a plugin has at most 64 KiB, keys included: remove something first");
	if ((!old || !old->value) && (kv->keys == KV_KEYS_MAX || kv->n >= 8 * KV_KEYS_MAX))
		return refuse(err, ORASI_E_LIMIT, "the state of a plugin has at most 1024 keys");
	copy = malloc(value.len + 1);
	item = copy ? find_or_add(kv, key) : NULL;
	if (!item) {
		free(copy);
		return refuse(err, ORASI_E_NOMEM, "no memory for the state of the plugin");
	}
	if (value.len)
		memcpy(copy, value.ptr, value.len);
	set_value(kv, item, copy, value.len);
	item->changed = 1;
	return ORASI_OK;
}

orasi_status kv_remove(struct kv *kv, orasi_str key, orasi_error *err)
{
	struct item *item;

	if (!is_key(key.ptr, key.len))
		return refuse(err, ORASI_E_INVALID, "a key of kv is text of 1 to 128 bytes without control characters");
	item = kv->n < 8 * KV_KEYS_MAX ? find_or_add(kv, key) : find(kv, key);
	if (!item)
		return refuse(err, ORASI_E_LIMIT, "too many keys are touched by one attempt");
	drop_value(kv, item);
	item->changed = 1;
	return ORASI_OK;
}

orasi_status kv_next(struct kv *kv, orasi_str after, orasi_str *ret_key)
{
	size_t at = 0;

	kv->read_all = 1;
	if (after.len)
		at = place_of(kv, after);
	for (; at < kv->n; at++) {
		const struct item *item = &kv->items[at];

		if (!item->value || (after.len && !compare(item, after)))
			continue;
		*ret_key = (orasi_str){item->key, strlen(item->key)};
		return ORASI_OK;
	}
	return ORASI_END;
}

/* ---- what is to become of it -------------------------------------------------------------------------------------------------- */

static int report_change(const struct item *item, struct json *changed, struct err *err)
{
	char *text;

	if (!item->value) {
		json_set(changed, item->key, json_new_null());
		return 0;
	}
	text = malloc(base64_len(item->len));
	if (!text)
		return err_set(err, ERR_NOMEM, "no memory for the state of the plugin");
	base64_encode(item->value, item->len, text);
	json_set_str(changed, item->key, text);
	free(text);
	return 0;
}

static int is_touched(const struct kv *kv)
{
	if (kv->read_all)
		return 1;
	for (size_t i = 0; i < kv->n; i++)
		if (kv->items[i].read || kv->items[i].changed)
			return 1;
	return 0;
}

int kv_report(const struct kv *kv, struct json **ret, struct err *err)
{
	struct json *report, *read, *changed;
	int r = 0;

	*ret = NULL;
	if (!is_touched(kv))
		return 0;
	report = json_new_object();
	read = json_new_array();
	changed = json_new_object();
	for (size_t i = 0; i < kv->n && !r; i++) {
		const struct item *item = &kv->items[i];

		if (item->read)
			json_push(read, json_new_str(item->key));
		if (item->changed)
			r = report_change(item, changed, err);
	}
	json_set(report, "read", read);
	json_set_bool(report, "read_all", kv->read_all);
	json_set(report, "changed", changed);
	if (r)
		json_free(report);
	else
		*ret = report;
	return r;
}

static int damaged(struct err *err)
{
	return err_set(err, ERR_PLUGIN, "the report about the state of the plugin is damaged");
}

static int is_json_key(const struct json *text)
{
	const char *p = json_str(text, NULL);

	return p && strlen(p) == json_str_len(text) && is_key(p, json_str_len(text));
}

static int check_changed(const struct json *changed, struct err *err)
{
	char *bytes = malloc(KV_BYTES_MAX);
	size_t at = 0, sum = 0;
	const struct json *text;
	const char *key;
	int r = bytes ? 0 : err_set(err, ERR_NOMEM, "out of memory");

	while (!r && json_each(changed, &at, &key, &text)) {
		int is_text = json_type(text) == JSON_STRING;
		int64_t n = is_text ? base64_decode(json_str(text, ""), json_str_len(text), bytes, KV_BYTES_MAX) : 0;

		if (!is_key(key, strlen(key)) || n < 0 || (!is_text && json_type(text) != JSON_NULL))
			r = damaged(err);
		else if (is_text && (sum += strlen(key) + (size_t)n) > KV_BYTES_MAX)
			r = err_set(err, ERR_PLUGIN, "the state of the plugin is larger than 64 KiB");
	}
	free(bytes);
	return r;
}

int kv_report_check(const struct json *report, struct err *err)
{
	const struct json *read = json_get(report, "read"), *changed = json_get(report, "changed");

	if (json_type(report) != JSON_OBJECT || json_type(read) != JSON_ARRAY || json_type(changed) != JSON_OBJECT ||
	    json_count(read) > 8 * KV_KEYS_MAX || json_count(changed) > 8 * KV_KEYS_MAX)
		return damaged(err);
	for (size_t i = 0; i < json_count(read); i++)
		if (!is_json_key(json_at(read, i)))
			return damaged(err);
	return check_changed(changed, err);
}
