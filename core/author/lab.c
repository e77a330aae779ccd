/* SPDX-License-Identifier: Apache-2.0 */
/* The host of an examined plugin; what it hands out beside is lab_config.c, lab_bytes.c, lab_store.c and offers.c. */
#include "lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

void lab_must_be_inst(const orasi_host *host, const char *function)
{
	int armed = guard_pause();

	if (!armed) {
		snprintf(lab_of(host)->misused, sizeof(lab_of(host)->misused),
		         "%s was called on a thread of the plugin's own: it is [inst]", function);
		lab_of(host)->misuse = lab_of(host)->misused;
	}
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
	struct lab *lab;

	lab_must_be_inst(host, "progress");
	lab = lab_enter(host, &armed);
	if (total && done > total)
		lab->misuse = "progress was told more done than there is in total";
	say(lab, note.ptr, note.len);
	lab_leave(lab, armed);
}

static orasi_status on_checkpoint(const orasi_host *host, orasi_bytes state, orasi_error *err)
{
	int armed;
	struct lab *lab;

	(void)err;
	lab_must_be_inst(host, "checkpoint");
	lab = lab_enter(host, &armed);
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
	struct lab *lab;
	uint64_t hash;

	lab_must_be_inst(host, "reject");
	lab = lab_enter(host, &armed);
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
