/* SPDX-License-Identifier: Apache-2.0 */
#include "lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <orasi/sdk/arrow.h>

#include "base/str.h"
#include "guard.h"
#include "plugin/kv.h"

#define REJECTED_MAX 1000
#define SAID_MAX (16u << 20)

/* ---- digests ---------------------------------------------------------------------------------------------------- */

uint64_t digest_bytes(uint64_t hash, const void *p, size_t n)
{
	return hash_bytes(hash ? hash : HASH_BEGIN, p, n);
}

void digest_add(struct digest *d, uint64_t item)
{
	if (d->n == d->cap) {
		d->cap = d->cap ? 2 * d->cap : 256;
		d->items = realloc(d->items, d->cap * sizeof(*d->items));
		if (!d->items)
			abort();
	}
	d->items[d->n++] = item;
}

void digest_done(struct digest *d)
{
	free(d->items);
	*d = (struct digest){0};
}

/* ---- log, job --------------------------------------------------------------------------------------------------- */

static struct lab *lab_of(const orasi_host *host)
{
	return host->ctx;
}

/* What the lab does for the plugin is not the plugin's: its own allocations are neither counted nor failed. */
static struct lab *lab_enter(const orasi_host *host, int *ret_armed)
{
	struct lab *lab = lab_of(host);

	*ret_armed = guard_pause();
	pthread_mutex_lock(&lab->lock);
	return lab;
}

static void lab_leave(struct lab *lab, int armed)
{
	pthread_mutex_unlock(&lab->lock);
	guard_resume(armed);
}

static void say(struct lab *lab, const char *text, size_t n)
{
	if (lab->said.len + n < SAID_MAX) {
		buf_add(&lab->said, text, n);
		buf_putc(&lab->said, '\n');
	}
}

static void on_log(const orasi_host *host, int32_t level, orasi_str message, const orasi_kv *kv, uint32_t n)
{
	int armed;
	struct lab *lab = lab_enter(host, &armed);

	if (level < ORASI_LOG_DEBUG || level > ORASI_LOG_ERROR)
		lab->misuse = "log was called with a level that does not exist";
	say(lab, message.ptr, message.len);
	for (uint32_t i = 0; i < n; i++) {
		say(lab, kv[i].key.ptr, kv[i].key.len);
		say(lab, kv[i].value.ptr, kv[i].value.len);
	}
	lab_leave(lab, armed);
}

static void on_progress(const orasi_host *host, uint64_t done, uint64_t total, orasi_str note)
{
	int armed;
	struct lab *lab = lab_enter(host, &armed);

	if (total && done > total)
		lab->misuse = "progress was told more done than there is in total";
	say(lab, note.ptr, note.len);
	lab_leave(lab, armed);
}

static orasi_status on_checkpoint(const orasi_host *host, orasi_bytes state, orasi_error *err)
{
	int armed;
	struct lab *lab = lab_enter(host, &armed);

	(void)err;
	if (state.len > 64 << 10)
		lab->misuse = "a checkpoint is longer than 64 KiB";
	buf_clear(&lab->checkpoint);
	buf_add(&lab->checkpoint, state.ptr, state.len);
	if (lab->stop_at_checkpoint)
		lab->cancel = 1;
	lab_leave(lab, armed);
	return ORASI_OK;
}

/* ---- mem: a size in front of every block ------------------------------------------------------------------------ */

struct block {
	size_t size, align;
	void *start;
	uint64_t magic;
};
#define BLOCK_MAGIC 0x6f72617369626c6bull

static void *on_alloc(const orasi_host *host, size_t n, size_t align)
{
	struct lab *lab = lab_of(host);
	struct block *block;
	char *start, *p;

	if (align < 16)
		align = 16;
	if (n > (size_t)INT64_MAX / 2 || align > 1u << 20 || (align & (align - 1)))
		return NULL;
	start = malloc(n + align + sizeof(*block)); /* the guard counts it and may fail it */
	if (!start)
		return NULL;
	p = (char *)(((uintptr_t)start + sizeof(*block) + align - 1) & ~(uintptr_t)(align - 1));
	block = (struct block *)p - 1;
	*block = (struct block){n, align, start, BLOCK_MAGIC};
	pthread_mutex_lock(&lab->lock);
	lab->memory += (int64_t)n;
	lab->blocks++;
	pthread_mutex_unlock(&lab->lock);
	return p; /* cppcheck-suppress memleak */
}

static void on_release(const orasi_host *host, void *p)
{
	struct lab *lab = lab_of(host);
	struct block *block = p ? (struct block *)p - 1 : NULL;

	if (!block)
		return;
	pthread_mutex_lock(&lab->lock);
	if (block->magic != BLOCK_MAGIC) {
		lab->misuse = "mem.release was given a block that is not from mem.alloc, or twice";
		pthread_mutex_unlock(&lab->lock);
		return;
	}
	lab->memory -= (int64_t)block->size;
	lab->blocks--;
	pthread_mutex_unlock(&lab->lock);
	block->magic = 0;
	free(block->start);
}

static void *on_resize(const orasi_host *host, void *p, size_t n)
{
	struct block *block = p ? (struct block *)p - 1 : NULL;
	void *fresh = on_alloc(host, n, block ? block->align : 0);

	if (fresh && block) {
		memcpy(fresh, p, block->size < n ? block->size : n);
		on_release(host, p);
	}
	return fresh;
}

static orasi_status on_reserve(const orasi_host *host, int64_t delta)
{
	struct lab *lab = lab_of(host);

	pthread_mutex_lock(&lab->lock);
	lab->memory += delta;
	pthread_mutex_unlock(&lab->lock);
	return ORASI_OK;
}

static uint64_t on_budget(const orasi_host *host)
{
	(void)host;
	return 1ull << 30;
}

/* ---- reject ------------------------------------------------------------------------------------------------------ */

static struct json *text_of(const char *p, size_t n)
{
	return arrow_utf8_valid(p, n) ? json_new_strn(p, n) : json_new_null();
}

static void keep_rejected(struct lab *lab, const orasi_rejected *r)
{
	struct json *one;

	if (json_count(lab->rejected) >= REJECTED_MAX)
		return;
	one = json_new_object();
	json_set_str(one, "code", r->code);
	json_set(one, "message", text_of(r->message.ptr, r->message.len));
	json_set_int(one, "byte_offset", r->byte_offset);
	json_set_int(one, "line", r->line);
	json_set_int(one, "row", r->row);
	json_push(lab->rejected, one);
}

static orasi_status on_reject(const orasi_host *host, const orasi_rejected *r)
{
	int armed;
	struct lab *lab = lab_enter(host, &armed);
	uint64_t hash;

	if (!r->code || !*r->code || !r->message.len)
		lab->misuse = "a record was rejected without a code or a message";
	else if (!arrow_utf8_valid(r->message.ptr, r->message.len))
		lab->misuse = "the message of a rejected record is no UTF-8";
	else if (r->raw_len < r->raw.len)
		lab->misuse = "raw_len of a rejected record is less than the bytes that came with it";
	if (!lab->misuse || r->code) {
		hash = digest_bytes(0, r->code, strlen(r->code));
		hash = digest_bytes(hash, &r->byte_offset, sizeof(r->byte_offset));
		hash = digest_bytes(hash, r->raw.ptr, r->raw.len);
		digest_add(&lab->rejects, hash);
		say(lab, r->message.ptr, r->message.len);
		keep_rejected(lab, r);
	}
	lab_leave(lab, armed);
	return ORASI_OK;
}

/* ---- the host ---------------------------------------------------------------------------------------------------- */

static int is_required(const struct lab *lab, const char *id)
{
	for (int i = 0; lab->requires_ext && lab->requires_ext[i]; i++)
		if (!strcmp(lab->requires_ext[i], id))
			return 1;
	return 0;
}

static const void *get_extension(const orasi_host *host, const char *id)
{
	struct lab *lab = lab_of(host);
	const struct {
		const char *id;
		const void *functions;
		int mandatory;
	} extensions[] = {
		{ORASI_HOST_LOG, &lab->log, 1},
		{ORASI_HOST_JOB, &lab->job, 1},
		{ORASI_HOST_MEM, &lab->mem, 1},
		{ORASI_HOST_REJECT, &lab->reject, 0},
	};

	if (!id) {
		lab->misuse = "get_extension was asked for NULL";
		return NULL;
	}
	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++)
		if (!strcmp(extensions[i].id, id))
			return extensions[i].mandatory || !lab->minimal || is_required(lab, id)
			               ? extensions[i].functions
			               : NULL;
	return !lab->minimal || is_required(lab, id) ? lab_offer(id) : NULL;
}

void lab_init(struct lab *lab, const orasi_descriptor *descriptor)
{
	memset(lab, 0, sizeof(*lab));
	lab->host =
		(orasi_host){sizeof(lab->host), ORASI_ABI_MAJOR, ORASI_ABI_MINOR, lab, ORASI_VERSION, get_extension};
	lab->log = (orasi_host_log){sizeof(lab->log), ORASI_LOG_DEBUG, on_log};
	lab->job = (orasi_host_job){sizeof(lab->job), 1, &lab->cancel, 0, on_progress, on_checkpoint};
	lab->mem = (orasi_host_mem){sizeof(lab->mem), 0, on_alloc, on_resize, on_release, on_reserve, on_budget};
	lab->reject = (orasi_host_reject){sizeof(lab->reject), 0, on_reject};
	lab->requires_ext = descriptor ? descriptor->requires_ext : NULL;
	lab->rejected = json_new_array();
	buf_init(&lab->said, 0);
	buf_init(&lab->checkpoint, 0);
	kv_new(NULL, &lab->kv, NULL);
	pthread_mutex_init(&lab->lock, NULL);
}

void lab_done(struct lab *lab)
{
	digest_done(&lab->rejects);
	json_free(lab->rejected);
	buf_done(&lab->said);
	buf_done(&lab->checkpoint);
	kv_free(lab->kv);
	pthread_mutex_destroy(&lab->lock);
}

/* ---- configuration ---------------------------------------------------------------------------------------------- */

static const struct json *config_at(const orasi_config *config, const char *ptr)
{
	return json_pointer(((const struct lab_config *)config->ctx)->json, ptr);
}

/* Something of another type is as good as nothing. */
static orasi_status get_i64(const orasi_config *config, const char *ptr, int64_t *ret)
{
	const struct json *v = config_at(config, ptr);

	if (json_type(v) != JSON_INT && (json_type(v) != JSON_DOUBLE || json_int(v, 0) != json_int(v, 1)))
		return ORASI_E_NOTFOUND;
	*ret = json_int(v, 0);
	return ORASI_OK;
}

static orasi_status get_f64(const orasi_config *config, const char *ptr, double *ret)
{
	const struct json *v = config_at(config, ptr);

	if (json_type(v) != JSON_INT && json_type(v) != JSON_DOUBLE)
		return ORASI_E_NOTFOUND;
	*ret = json_double(v, 0);
	return ORASI_OK;
}

static orasi_status get_bool(const orasi_config *config, const char *ptr, int32_t *ret)
{
	const struct json *v = config_at(config, ptr);

	if (json_type(v) != JSON_BOOL)
		return ORASI_E_NOTFOUND;
	*ret = json_bool(v, 0) != 0;
	return ORASI_OK;
}

static orasi_status get_str(const orasi_config *config, const char *ptr, orasi_str *ret)
{
	const struct json *v = config_at(config, ptr);

	if (json_type(v) != JSON_STRING)
		return ORASI_E_NOTFOUND;
	*ret = (orasi_str){json_str(v, ""), json_str_len(v)};
	return ORASI_OK;
}

static orasi_status get_count(const orasi_config *config, const char *ptr, uint32_t *ret)
{
	const struct json *v = config_at(config, ptr);

	if (json_type(v) != JSON_ARRAY && json_type(v) != JSON_OBJECT)
		return ORASI_E_NOTFOUND;
	*ret = (uint32_t)json_count(v);
	return ORASI_OK;
}

void lab_config_init(struct lab_config *c, const struct json *json)
{
	const char *text = json_text(json);

	c->json = json;
	c->config = (orasi_config){sizeof(c->config), 0,       c,        {text, strlen(text)}, get_i64, get_f64,
	                           get_bool,          get_str, get_count};
}

/* ---- source ------------------------------------------------------------------------------------------------------ */

static orasi_status source_fails(struct lab_source *s, orasi_error *err)
{
	s->reads++;
	if (s->cancel && s->reads > s->cancel_at)
		*s->cancel = 1;
	if (!s->fail_at || s->reads < s->fail_at)
		return ORASI_OK;
	if (err)
		snprintf(err->message, sizeof(err->message), "the disk of the examination fails at read %llu",
		         (unsigned long long)s->reads);
	return ORASI_E_IO;
}

static size_t wanted_size(struct lab_source *s, size_t n)
{
	int64_t scripted = json_int(json_at(s->script, (size_t)s->reads - 1), 0);

	if (s->script && scripted > 0 && (size_t)scripted < n)
		return (size_t)scripted;
	return s->max_read && n > s->max_read ? s->max_read : n;
}

static orasi_status source_read(orasi_source *source, void *buf, size_t cap, size_t *got, orasi_error *err)
{
	struct lab_source *s = source->ctx;
	orasi_status status = source_fails(s, err);
	size_t n;

	*got = 0;
	if (status)
		return status;
	if (s->at == s->len && s->repeat) {
		s->repeat--;
		s->at = 0;
	}
	n = s->len - s->at < cap ? s->len - s->at : cap;
	n = wanted_size(s, n);
	if (n)
		memcpy(buf, s->data + s->at, n);
	s->at += n;
	*got = n;
	if (s->record) {
		int armed = guard_pause();

		json_push(s->record, json_new_int((int64_t)n));
		guard_resume(armed);
	}
	return ORASI_OK;
}

static orasi_status source_pread(orasi_source *source, uint64_t off, void *buf, size_t len, size_t *got,
                                 orasi_error *err)
{
	struct lab_source *s = source->ctx;
	orasi_status status = source_fails(s, err);
	size_t at = off < s->len ? (size_t)off : s->len;

	*got = 0;
	if (status)
		return status;
	*got = s->len - at < len ? s->len - at : len;
	if (*got)
		memcpy(buf, s->data + at, *got);
	return ORASI_OK;
}

void lab_source_init(struct lab_source *s, const void *data, size_t len, int seek)
{
	*s = (struct lab_source){.data = data, .len = len};
	s->source = (orasi_source){sizeof(s->source),         seek ? ORASI_SOURCE_SEEK : 0, s,
	                           seek ? (int64_t)len : -1,  ORASI_STR("sample"),          source_read,
	                           seek ? source_pread : NULL};
}

/* ---- store ------------------------------------------------------------------------------------------------------- */

static orasi_status store_fail(struct lab_store *s, orasi_error *err, orasi_status status, const char *what)
{
	if (status == ORASI_E_INVALID)
		s->misuse = what;
	if (err)
		snprintf(err->message, sizeof(err->message), "%s", what);
	return status;
}

static struct lab_blob *blob_of(struct lab_store *s, uint64_t handle)
{
	return handle < s->n && s->blobs[handle].opens ? &s->blobs[handle] : NULL;
}

static orasi_status store_broken(struct lab_store *s, orasi_error *err)
{
	return s->fail_at && ++s->calls >= s->fail_at
	               ? store_fail(s, err, ORASI_E_IO, "the disk of the examination fails")
	               : ORASI_OK;
}

static orasi_status store_create(orasi_store *store, const char *name, uint64_t *ret, orasi_error *err)
{
	struct lab_store *s = store->ctx;
	size_t n = name ? strlen(name) : 0;

	if (store_broken(s, err))
		return ORASI_E_IO;
	if (s->sealed || !n || n > 64 || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") != n)
		return store_fail(s, err, ORASI_E_INVALID,
		                  "create: the segment is sealed, or the blob's name is not allowed");
	for (uint32_t i = 0; i < s->n; i++)
		if (!strcmp(s->blobs[i].name, name))
			return store_fail(s, err, ORASI_E_INVALID, "create: a blob was created twice");
	if (s->n == 64)
		return store_fail(s, err, ORASI_E_LIMIT, "a segment may have 64 blobs");
	snprintf(s->blobs[s->n].name, sizeof(s->blobs[s->n].name), "%s", name);
	buf_init(&s->blobs[s->n].bytes, 0);
	s->blobs[s->n].opens = 1;
	*ret = s->n++;
	return ORASI_OK;
}

static orasi_status store_append(orasi_store *store, uint64_t handle, const void *p, size_t n, orasi_error *err)
{
	struct lab_store *s = store->ctx;
	struct lab_blob *b = blob_of(s, handle);
	int armed;

	if (store_broken(s, err))
		return ORASI_E_IO;
	if (s->sealed || !b)
		return store_fail(s, err, ORASI_E_INVALID, "append: there is no such open blob");
	armed = guard_pause();
	buf_add(&b->bytes, p, n);
	guard_resume(armed);
	return ORASI_OK;
}

static orasi_status store_pwrite(orasi_store *store, uint64_t handle, uint64_t off, const void *p, size_t n,
                                 orasi_error *err)
{
	struct lab_store *s = store->ctx;
	struct lab_blob *b = blob_of(s, handle);

	if (store_broken(s, err))
		return ORASI_E_IO;
	if (s->sealed || !b || off > b->bytes.len || n > b->bytes.len - off)
		return store_fail(s, err, ORASI_E_INVALID, "pwrite: outside of what was appended");
	if (n)
		memcpy(b->bytes.data + off, p, n);
	return ORASI_OK;
}

static orasi_status store_open(orasi_store *store, const char *name, uint64_t *ret, uint64_t *ret_size,
                               orasi_error *err)
{
	struct lab_store *s = store->ctx;

	if (store_broken(s, err))
		return ORASI_E_IO;
	for (uint32_t i = 0; name && i < s->n; i++)
		if (!strcmp(s->blobs[i].name, name)) {
			s->blobs[i].opens++;
			*ret = i;
			*ret_size = s->blobs[i].bytes.len;
			return ORASI_OK;
		}
	return store_fail(s, err, ORASI_E_NOTFOUND, "there is no such blob");
}

static orasi_status store_pread(orasi_store *store, uint64_t handle, uint64_t off, void *p, size_t n, orasi_error *err)
{
	struct lab_store *s = store->ctx;
	struct lab_blob *b = blob_of(s, handle);

	if (store_broken(s, err))
		return ORASI_E_IO;
	if (!b)
		return store_fail(s, err, ORASI_E_INVALID, "pread: there is no such open blob");
	if (off > b->bytes.len || n > b->bytes.len - off)
		return store_fail(s, err, ORASI_E_CORRUPT, "the blob ends early");
	if (n)
		memcpy(p, b->bytes.data + off, n);
	return ORASI_OK;
}

/* A copy behind which a page lies that cannot be touched: reading beyond the end is seen. */
static orasi_status store_map(orasi_store *store, uint64_t handle, const uint8_t **ret, orasi_error *err)
{
	struct lab_store *s = store->ctx;
	struct lab_blob *b = blob_of(s, handle);

	if (store_broken(s, err))
		return ORASI_E_IO;
	if (!s->sealed || !b)
		return store_fail(s, err, ORASI_E_INVALID, "map: there is no such open blob of a sealed segment");
	if (!b->map)
		b->map = guard_page_copy(b->bytes.data, b->bytes.len, &b->map_len);
	*ret = b->map + b->map_len - ((b->bytes.len + 7) & ~(size_t)7);
	return ORASI_OK;
}

static orasi_status store_close(orasi_store *store, uint64_t handle, orasi_error *err)
{
	struct lab_store *s = store->ctx;
	struct lab_blob *b = blob_of(s, handle);

	if (!b)
		return store_fail(s, err, ORASI_E_INVALID, "close: there is no such open blob");
	b->opens--;
	return ORASI_OK;
}

void lab_store_init(struct lab_store *s)
{
	memset(s, 0, sizeof(*s));
	s->store = (orasi_store){sizeof(s->store), 0,          s,           store_create, store_append,
	                         store_pwrite,     store_open, store_pread, store_map,    store_close};
}

void lab_store_seal(struct lab_store *s)
{
	s->sealed = 1;
	for (uint32_t i = 0; i < s->n; i++)
		s->blobs[i].opens = 0;
}

void lab_store_done(struct lab_store *s)
{
	for (uint32_t i = 0; i < s->n; i++) {
		buf_done(&s->blobs[i].bytes);
		if (s->blobs[i].map)
			guard_page_free(s->blobs[i].map, s->blobs[i].map_len);
	}
	s->n = 0;
}

uint64_t lab_store_digest(const struct lab_store *s)
{
	uint64_t hash = 0;

	for (uint32_t i = 0; i < s->n; i++) {
		hash = digest_bytes(hash, s->blobs[i].name, strlen(s->blobs[i].name));
		hash = digest_bytes(hash, s->blobs[i].bytes.data, s->blobs[i].bytes.len);
	}
	return hash;
}

/* ---- output ------------------------------------------------------------------------------------------------------ */

static orasi_status output_write(orasi_output *output, const void *p, size_t n, orasi_error *err)
{
	struct lab_output *o = output->ctx;
	int armed = guard_pause();
	int r = buf_add(&o->bytes, p, n);

	(void)err;
	guard_resume(armed);
	return r ? ORASI_E_NOMEM : ORASI_OK;
}

void lab_output_init(struct lab_output *o)
{
	buf_init(&o->bytes, 0);
	o->output = (orasi_output){sizeof(o->output), 0, o, output_write};
}
