/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/fakehost.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

static char *copy(const void *p, size_t n)
{
	char *s = must(malloc(n + 1));

	if (n)
		memcpy(s, p, n);
	s[n] = 0;
	return s;
}

/* ---- host -------------------------------------------------------------------------------- */

#define HIDDEN_MAX 8

struct fakehost {
	orasi_host host;
	orasi_host_log log;
	orasi_host_job job;
	orasi_host_mem mem;
	orasi_host_reject reject;
	orasi_host_pool pool;
	uint32_t threads;
	uint64_t pooled;
	pthread_mutex_t lock;
	volatile int32_t cancel;
	struct fakehost_reject *rejects;
	size_t n_rejects, budget;
	char **logs;
	size_t n_logs;
	const char *hidden[HIDDEN_MAX];
	int64_t memory, memory_budget;
};

/* Before each block of orasi.host.mem. */
struct block {
	size_t size, align;
};

static struct fakehost *fake_of(const orasi_host *host)
{
	return host->ctx;
}

static orasi_status on_reject(const orasi_host *host, const orasi_rejected *r)
{
	struct fakehost *fake = fake_of(host);
	orasi_status status;

	pthread_mutex_lock(&fake->lock);
	fake->rejects = must(realloc(fake->rejects, (fake->n_rejects + 1) * sizeof(*fake->rejects)));
	fake->rejects[fake->n_rejects++] = (struct fakehost_reject){
		.code = copy(r->code, strlen(r->code)),
		.message = copy(r->message.ptr, r->message.len),
		.column = copy(r->column.ptr, r->column.len),
		.byte_offset = r->byte_offset,
		.line = r->line,
		.row = r->row,
		.raw = (uint8_t *)copy(r->raw.ptr, r->raw.len),
		.raw_have = r->raw.len,
		.raw_len = r->raw_len,
	};
	status = fake->n_rejects > fake->budget ? ORASI_E_BUDGET : ORASI_OK;
	pthread_mutex_unlock(&fake->lock);
	return status;
}

static void on_log(const orasi_host *host, int32_t level, orasi_str message, const orasi_kv *kv, uint32_t n)
{
	struct fakehost *fake = fake_of(host);
	struct buf line;

	(void)level;
	buf_init(&line, 0);
	buf_add(&line, message.ptr, message.len);
	for (uint32_t i = 0; i < n; i++)
		buf_printf(&line, " %.*s=%.*s", (int)kv[i].key.len, kv[i].key.ptr, (int)kv[i].value.len,
		           kv[i].value.ptr);
	pthread_mutex_lock(&fake->lock);
	fake->logs = must(realloc(fake->logs, (fake->n_logs + 1) * sizeof(*fake->logs)));
	fake->logs[fake->n_logs++] = must(buf_steal(&line));
	pthread_mutex_unlock(&fake->lock);
}

static void on_progress(const orasi_host *host, uint64_t done, uint64_t total, orasi_str note)
{
	(void)host, (void)done, (void)total, (void)note;
}

static orasi_status on_checkpoint(const orasi_host *host, orasi_bytes state, orasi_error *err)
{
	(void)host, (void)state, (void)err;
	return ORASI_OK;
}

static orasi_status on_reserve(const orasi_host *host, int64_t delta)
{
	struct fakehost *fake = fake_of(host);
	orasi_status status = ORASI_OK;

	pthread_mutex_lock(&fake->lock);
	if (delta > 0 && fake->memory + delta > fake->memory_budget)
		status = ORASI_E_QUOTA;
	else
		fake->memory += delta;
	pthread_mutex_unlock(&fake->lock);
	return status;
}

static size_t block_head(size_t align)
{
	return align > sizeof(struct block) ? align : sizeof(struct block);
}

static struct block *block_of(void *p)
{
	return (struct block *)((char *)p - sizeof(struct block));
}

static void *on_alloc(const orasi_host *host, size_t n, size_t align)
{
	size_t head = block_head(align);
	void *p;

	if (n > INT64_MAX / 2 || on_reserve(host, (int64_t)n))
		return NULL;
	if (posix_memalign(&p, align < 16 ? 16 : align, head + n))
		abort();
	p = (char *)p + head;
	*block_of(p) = (struct block){n, align};
	return p;
}

static void on_release(const orasi_host *host, void *p)
{
	if (!p)
		return;
	on_reserve(host, -(int64_t)block_of(p)->size);
	free((char *)p - block_head(block_of(p)->align));
}

static void *on_resize(const orasi_host *host, void *p, size_t n)
{
	void *moved = on_alloc(host, n, p ? block_of(p)->align : 0);

	if (moved && p) {
		memcpy(moved, p, block_of(p)->size < n ? block_of(p)->size : n);
		on_release(host, p);
	}
	return moved;
}

static uint64_t on_budget(const orasi_host *host)
{
	struct fakehost *fake = fake_of(host);

	return (uint64_t)(fake->memory_budget - fake->memory);
}

/* ---- pool: a few threads, whatever the machine has ------------------------------------------- */

#define POOL_MAX 16

struct shared_work {
	void (*fn)(void *arg, uint32_t i);
	void *arg;
	uint32_t n, next;
};

static void *do_work(void *arg)
{
	struct shared_work *work = arg;

	for (uint32_t i; (i = __atomic_fetch_add(&work->next, 1, __ATOMIC_RELAXED)) < work->n;)
		work->fn(work->arg, i);
	return NULL;
}

static uint32_t on_width(const orasi_host *host)
{
	return fake_of(host)->threads;
}

static void on_parallel(const orasi_host *host, uint32_t n, void (*fn)(void *arg, uint32_t i), void *arg)
{
	struct shared_work work = {fn, arg, n, 0};
	pthread_t threads[POOL_MAX];
	uint32_t more = fake_of(host)->threads - 1;

	__atomic_fetch_add(&fake_of(host)->pooled, 1, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < more; i++)
		if (pthread_create(&threads[i], NULL, do_work, &work))
			abort();
	do_work(&work);
	for (uint32_t i = 0; i < more; i++)
		pthread_join(threads[i], NULL);
}

static const void *get_extension(const orasi_host *host, const char *id)
{
	struct fakehost *fake = fake_of(host);
	const struct {
		const char *id;
		const void *functions;
	} extensions[] = {
		{ORASI_HOST_LOG, &fake->log},       {ORASI_HOST_JOB, &fake->job},   {ORASI_HOST_MEM, &fake->mem},
		{ORASI_HOST_REJECT, &fake->reject}, {ORASI_HOST_POOL, &fake->pool},
	};

	for (size_t i = 0; i < HIDDEN_MAX && fake->hidden[i]; i++)
		if (!strcmp(fake->hidden[i], id))
			return NULL;
	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++)
		if (!strcmp(extensions[i].id, id))
			return extensions[i].functions;
	return NULL;
}

struct fakehost *fakehost_new(void)
{
	struct fakehost *fake = must(calloc(1, sizeof(*fake)));

	fake->host = (orasi_host){sizeof(fake->host), ORASI_ABI_MAJOR, ORASI_ABI_MINOR, fake, "test", get_extension};
	fake->log = (orasi_host_log){sizeof(fake->log), ORASI_LOG_DEBUG, on_log};
	fake->job = (orasi_host_job){.struct_size = sizeof(fake->job),
	                             .attempt = 1,
	                             .cancel_flag = &fake->cancel,
	                             .progress = on_progress,
	                             .checkpoint = on_checkpoint};
	fake->mem = (orasi_host_mem){sizeof(fake->mem), 0, on_alloc, on_resize, on_release, on_reserve, on_budget};
	fake->reject = (orasi_host_reject){sizeof(fake->reject), 0, on_reject};
	fake->pool = (orasi_host_pool){sizeof(fake->pool), 0, on_width, on_parallel};
	fake->threads = 3;
	fake->budget = SIZE_MAX;
	fake->memory_budget = INT64_MAX;
	pthread_mutex_init(&fake->lock, NULL);
	return fake;
}

void fakehost_free(struct fakehost *fake)
{
	if (!fake)
		return;
	for (size_t i = 0; i < fake->n_rejects; i++) {
		free(fake->rejects[i].code);
		free(fake->rejects[i].message);
		free(fake->rejects[i].column);
		free(fake->rejects[i].raw);
	}
	for (size_t i = 0; i < fake->n_logs; i++)
		free(fake->logs[i]);
	free(fake->rejects);
	free(fake->logs);
	pthread_mutex_destroy(&fake->lock);
	free(fake);
}

const orasi_host *fakehost_host(struct fakehost *fake)
{
	return &fake->host;
}

size_t fakehost_rejects(const struct fakehost *fake)
{
	return fake->n_rejects;
}

const struct fakehost_reject *fakehost_reject(const struct fakehost *fake, size_t i)
{
	return i < fake->n_rejects ? &fake->rejects[i] : NULL;
}

void fakehost_reject_budget(struct fakehost *fake, size_t n)
{
	fake->budget = n ? n - 1 : 0;
}

size_t fakehost_logs(const struct fakehost *fake)
{
	return fake->n_logs;
}

const char *fakehost_log(const struct fakehost *fake, size_t i)
{
	return i < fake->n_logs ? fake->logs[i] : NULL;
}

size_t fakehost_logs_with(const struct fakehost *fake, const char *text)
{
	size_t n = 0;

	for (size_t i = 0; i < fake->n_logs; i++)
		n += strstr(fake->logs[i], text) != NULL;
	return n;
}

void fakehost_cancel(struct fakehost *fake, int cancel)
{
	fake->cancel = cancel;
}

void fakehost_hide(struct fakehost *fake, const char *id)
{
	for (size_t i = 0; i < HIDDEN_MAX; i++)
		if (!fake->hidden[i]) {
			fake->hidden[i] = id;
			return;
		}
	abort();
}

void fakehost_threads(struct fakehost *fake, uint32_t n)
{
	if (n < 1 || n > POOL_MAX)
		abort();
	fake->threads = n;
}

uint64_t fakehost_pooled(const struct fakehost *fake)
{
	return fake->pooled;
}

int64_t fakehost_memory(const struct fakehost *fake)
{
	return fake->memory;
}

void fakehost_memory_budget(struct fakehost *fake, int64_t bytes)
{
	fake->memory_budget = bytes;
}

/* ---- configuration ----------------------------------------------------------------------- */

struct fakehost_config {
	orasi_config config;
	struct json *json;
};

static const struct json *config_at(const orasi_config *config, const char *ptr)
{
	const struct fakehost_config *fake = config->ctx;

	return json_pointer(fake->json, ptr);
}

static orasi_status get_i64(const orasi_config *config, const char *ptr, int64_t *ret)
{
	const struct json *value = config_at(config, ptr);

	if (json_type(value) != JSON_INT)
		return ORASI_E_NOTFOUND;
	*ret = json_int(value, 0);
	return ORASI_OK;
}

static orasi_status get_f64(const orasi_config *config, const char *ptr, double *ret)
{
	const struct json *value = config_at(config, ptr);

	if (json_type(value) != JSON_DOUBLE && json_type(value) != JSON_INT)
		return ORASI_E_NOTFOUND;
	*ret = json_double(value, 0);
	return ORASI_OK;
}

static orasi_status get_bool(const orasi_config *config, const char *ptr, int32_t *ret)
{
	const struct json *value = config_at(config, ptr);

	if (json_type(value) != JSON_BOOL)
		return ORASI_E_NOTFOUND;
	*ret = json_bool(value, 0);
	return ORASI_OK;
}

static orasi_status get_str(const orasi_config *config, const char *ptr, orasi_str *ret)
{
	const struct json *value = config_at(config, ptr);

	if (json_type(value) != JSON_STRING)
		return ORASI_E_NOTFOUND;
	*ret = (orasi_str){json_str(value, ""), json_str_len(value)};
	return ORASI_OK;
}

static orasi_status get_count(const orasi_config *config, const char *ptr, uint32_t *ret)
{
	const struct json *value = config_at(config, ptr);

	if (!value)
		return ORASI_E_NOTFOUND;
	*ret = (uint32_t)json_count(value);
	return ORASI_OK;
}

struct fakehost_config *fakehost_config_new(const char *json)
{
	struct fakehost_config *fake = must(calloc(1, sizeof(*fake)));
	struct err err;
	const char *text;

	if (!json)
		json = "{}";
	if (json_parse(json, strlen(json), &fake->json, &err)) {
		fprintf(stderr, "a test's configuration: %s\n", err.text);
		abort();
	}
	text = json_text(fake->json);
	fake->config = (orasi_config){.struct_size = sizeof(fake->config),
	                              .ctx = fake,
	                              .json = {text, strlen(text)},
	                              .get_i64 = get_i64,
	                              .get_f64 = get_f64,
	                              .get_bool = get_bool,
	                              .get_str = get_str,
	                              .count = get_count};
	return fake;
}

void fakehost_config_free(struct fakehost_config *fake)
{
	if (!fake)
		return;
	json_free(fake->json);
	free(fake);
}

const orasi_config *fakehost_config(const struct fakehost_config *fake)
{
	return &fake->config;
}

/* ---- source ------------------------------------------------------------------------------ */

static size_t random_below(uint64_t *seed, size_t n)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (size_t)(*seed % n);
}

static orasi_status source_fails(struct fakehost_source *s, size_t at, orasi_error *err)
{
	s->reads++;
	if (!s->fail || at < s->fail_at)
		return ORASI_OK;
	snprintf(err->message, sizeof(err->message), "the test wanted a failure at byte %zu", at);
	return s->fail;
}

static orasi_status source_read(orasi_source *source, void *buf, size_t cap, size_t *got, orasi_error *err)
{
	struct fakehost_source *s = source->ctx;
	size_t n = s->len - s->at < cap ? s->len - s->at : cap;
	orasi_status status = source_fails(s, s->at, err);

	if (status)
		return status;
	if (s->max_read && n > s->max_read)
		n = s->max_read;
	if (s->random && n)
		n = 1 + random_below(&s->random, n);
	if (n)
		memcpy(buf, s->data + s->at, n);
	s->at += n;
	*got = n;
	return ORASI_OK;
}

static orasi_status source_pread(orasi_source *source, uint64_t off, void *buf, size_t len, size_t *got,
                                 orasi_error *err)
{
	struct fakehost_source *s = source->ctx;
	size_t at = off < s->len ? (size_t)off : s->len;
	orasi_status status = source_fails(s, at, err);

	if (status)
		return status;
	*got = s->len - at < len ? s->len - at : len;
	if (*got)
		memcpy(buf, s->data + at, *got);
	return ORASI_OK;
}

void fakehost_source_init(struct fakehost_source *s, const void *data, size_t len, int seek)
{
	memset(s, 0, sizeof(*s));
	s->data = data;
	s->len = len;
	s->source = (orasi_source){.struct_size = sizeof(s->source),
	                           .flags = seek ? ORASI_SOURCE_SEEK : 0,
	                           .ctx = s,
	                           .size = seek ? (int64_t)len : -1,
	                           .uri = ORASI_STR("memory:test"),
	                           .read = source_read,
	                           .pread = seek ? source_pread : NULL};
}

/* ---- output ------------------------------------------------------------------------------ */

static orasi_status output_write(orasi_output *output, const void *p, size_t n, orasi_error *err)
{
	struct fakehost_output *o = output->ctx;

	(void)err;
	return buf_add(&o->buf, p, n) ? ORASI_E_NOMEM : ORASI_OK;
}

void fakehost_output_init(struct fakehost_output *o)
{
	buf_init(&o->buf, 0);
	o->output = (orasi_output){sizeof(o->output), 0, o, output_write};
}

void fakehost_output_done(struct fakehost_output *o)
{
	buf_done(&o->buf);
}

/* ---- index store ------------------------------------------------------------------------- */

struct blob {
	char *name;
	struct buf buf;
};

/* What create and open give; handle 1 is the first. */
struct handle {
	struct blob *blob; /* NULL once closed */
	uint8_t *map;      /* a copy of its own, so that a sanitizer sees reads beyond it */
};

struct fakehost_store {
	orasi_store store;
	struct blob *blobs[64];
	size_t n_blobs;
	struct handle *handles;
	size_t n_handles;
};

static orasi_status store_fail(orasi_error *err, orasi_status status, const char *what)
{
	snprintf(err->message, sizeof(err->message), "test store: %s", what);
	return status;
}

static struct handle *handle_of(orasi_store *store, uint64_t handle)
{
	struct fakehost_store *fake = store->ctx;

	if (handle - 1 >= fake->n_handles || !fake->handles[handle - 1].blob)
		return NULL;
	return &fake->handles[handle - 1];
}

static struct blob *blob_of(orasi_store *store, uint64_t handle)
{
	struct handle *h = handle_of(store, handle);

	return h ? h->blob : NULL;
}

static uint64_t handle_new(struct fakehost_store *fake, struct blob *blob)
{
	size_t n = fake->n_handles + 1;

	fake->handles = must(realloc(fake->handles, n * sizeof(*fake->handles)));
	fake->handles[fake->n_handles++] = (struct handle){blob, NULL};
	return n;
}

static struct blob *blob_find(struct fakehost_store *fake, const char *name)
{
	for (size_t i = 0; i < fake->n_blobs; i++)
		if (!strcmp(fake->blobs[i]->name, name))
			return fake->blobs[i];
	return NULL;
}

static orasi_status store_create(orasi_store *store, const char *name, uint64_t *ret_handle, orasi_error *err)
{
	struct fakehost_store *fake = store->ctx;
	struct blob *blob;

	if (blob_find(fake, name))
		return store_fail(err, ORASI_E_INVALID, "the blob is already there");
	if (fake->n_blobs == sizeof(fake->blobs) / sizeof(fake->blobs[0]))
		return store_fail(err, ORASI_E_LIMIT, "too many blobs");
	blob = must(calloc(1, sizeof(*blob)));
	blob->name = copy(name, strlen(name));
	fake->blobs[fake->n_blobs++] = blob;
	*ret_handle = handle_new(fake, blob);
	return ORASI_OK;
}

static orasi_status store_append(orasi_store *store, uint64_t handle, const void *p, size_t n, orasi_error *err)
{
	struct blob *blob = blob_of(store, handle);

	if (!blob)
		return store_fail(err, ORASI_E_INVALID, "no such handle");
	return buf_add(&blob->buf, p, n) ? ORASI_E_NOMEM : ORASI_OK;
}

static orasi_status store_pwrite(orasi_store *store, uint64_t handle, uint64_t off, const void *p, size_t n,
                                 orasi_error *err)
{
	struct blob *blob = blob_of(store, handle);

	if (!blob || off > blob->buf.len || n > blob->buf.len - off)
		return store_fail(err, ORASI_E_INVALID, "a write outside of the blob");
	if (n)
		memcpy(blob->buf.data + off, p, n);
	return ORASI_OK;
}

static orasi_status store_open(orasi_store *store, const char *name, uint64_t *ret_handle, uint64_t *ret_size,
                               orasi_error *err)
{
	struct blob *blob = blob_find(store->ctx, name);

	if (!blob)
		return store_fail(err, ORASI_E_NOTFOUND, "no such blob");
	*ret_handle = handle_new(store->ctx, blob);
	*ret_size = blob->buf.len;
	return ORASI_OK;
}

static orasi_status store_pread(orasi_store *store, uint64_t handle, uint64_t off, void *p, size_t n, orasi_error *err)
{
	struct blob *blob = blob_of(store, handle);

	if (!blob || off > blob->buf.len || n > blob->buf.len - off)
		return store_fail(err, ORASI_E_CORRUPT, "a read outside of the blob");
	if (n)
		memcpy(p, blob->buf.data + off, n);
	return ORASI_OK;
}

static orasi_status store_map(orasi_store *store, uint64_t handle, const uint8_t **ret, orasi_error *err)
{
	struct handle *h = handle_of(store, handle);

	if (!h)
		return store_fail(err, ORASI_E_INVALID, "no such handle");
	if (!h->map)
		h->map = (uint8_t *)copy(h->blob->buf.data, h->blob->buf.len);
	*ret = h->map;
	return ORASI_OK;
}

static orasi_status store_close(orasi_store *store, uint64_t handle, orasi_error *err)
{
	struct handle *h = handle_of(store, handle);

	if (!h)
		return store_fail(err, ORASI_E_INVALID, "no such handle");
	free(h->map);
	*h = (struct handle){0};
	return ORASI_OK;
}

struct fakehost_store *fakehost_store_new(void)
{
	struct fakehost_store *fake = must(calloc(1, sizeof(*fake)));

	fake->store = (orasi_store){.struct_size = sizeof(fake->store),
	                            .ctx = fake,
	                            .create = store_create,
	                            .append = store_append,
	                            .pwrite = store_pwrite,
	                            .open = store_open,
	                            .pread = store_pread,
	                            .map = store_map,
	                            .close = store_close};
	return fake;
}

void fakehost_store_free(struct fakehost_store *fake)
{
	if (!fake)
		return;
	for (size_t i = 0; i < fake->n_blobs; i++) {
		free(fake->blobs[i]->name);
		buf_done(&fake->blobs[i]->buf);
		free(fake->blobs[i]);
	}
	for (size_t i = 0; i < fake->n_handles; i++)
		free(fake->handles[i].map);
	free(fake->handles);
	free(fake);
}

orasi_store *fakehost_store(struct fakehost_store *fake)
{
	return &fake->store;
}

struct buf *fakehost_store_blob(struct fakehost_store *fake, const char *name)
{
	struct blob *blob = blob_find(fake, name);

	return blob ? &blob->buf : NULL;
}
