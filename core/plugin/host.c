/* SPDX-License-Identifier: Apache-2.0 */
/* What every worker offers to plugins: log, job, mem, reject; blob is in scratch.c, the rest in extras.c. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "plugin/host.h"
#include "plugin/plugin.h"

/* ---- log -------------------------------------------------------------------------------------------------- */

/* A plugin that logs without end must not drown the agent's log, nor wait for it: LINES_PER_SECOND go through, the
 * others are counted. */
#define LINES_PER_SECOND 100
#define DROPPED "lines were dropped: more than 100 in a second"

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER; /* plugins log from threads of theirs */

static int may_log(struct log_budget *budget)
{
	int64_t now = clock_mono_ms(), dropped = 0;
	int may;

	pthread_mutex_lock(&log_lock);
	if (now - budget->since >= 1000) {
		dropped = budget->dropped;
		*budget = (struct log_budget){now, 0, 0};
	}
	may = budget->lines < LINES_PER_SECOND;
	budget->lines += may;
	budget->dropped += !may;
	pthread_mutex_unlock(&log_lock);
	if (dropped)
		log_warn("plugin.log", LOG_STR("line", DROPPED), LOG_INT("dropped", dropped));
	return may;
}

/* What was dropped last is told with the attempt that it belongs to. */
static void tell_dropped(const struct loader_host *h)
{
	struct log_budget *budget = loader_log_budget(h->loader);
	int64_t dropped;

	pthread_mutex_lock(&log_lock);
	dropped = budget->dropped;
	budget->dropped = 0;
	pthread_mutex_unlock(&log_lock);
	if (dropped)
		log_warn("plugin.log", LOG_STR("plugin", h->plugin ? h->plugin->descriptor->id : "-"),
		         LOG_STR("line", DROPPED), LOG_INT("dropped", dropped));
}

static int clip(size_t n)
{
	return n > 1024 ? 1024 : (int)n;
}

static void host_log(const orasi_host *host, int32_t level, orasi_str message, const orasi_kv *kv, uint32_t n)
{
	const struct loader_host *h = host_of(host);
	char line[2048];
	size_t at;

	if (level < ORASI_LOG_INFO || !may_log(loader_log_budget(h->loader)))
		return;
	at = (size_t)snprintf(line, sizeof(line), "%.*s", clip(message.len), message.ptr ? message.ptr : "");
	for (uint32_t i = 0; i < n && at < sizeof(line); i++)
		at += (size_t)snprintf(line + at, sizeof(line) - at, " %.*s=%.*s", clip(kv[i].key.len), kv[i].key.ptr,
		                       clip(kv[i].value.len), kv[i].value.ptr);
	log_at(level == ORASI_LOG_INFO   ? LOG_INFO
	       : level == ORASI_LOG_WARN ? LOG_WARN
	                                 : LOG_ERROR,
	       "plugin.log", LOG_STR("plugin", h->plugin ? h->plugin->descriptor->id : "-"), LOG_STR("line", line));
}

static const orasi_host_log log_extension = {sizeof(orasi_host_log), ORASI_LOG_INFO, host_log};

/* ---- job -------------------------------------------------------------------------------------------------- */

static void host_progress(const orasi_host *host, uint64_t done, uint64_t total, orasi_str note)
{
	struct loader_host *h = host_of(host);

	(void)note;
	if (h->on_progress)
		h->on_progress(h->ctx, done, total);
}

static orasi_status checkpoint_fail(orasi_error *err, orasi_status status, const char *text)
{
	if (err)
		str_copy(err->message, sizeof(err->message), text);
	return status;
}

static orasi_status host_checkpoint(const orasi_host *host, orasi_bytes state, orasi_error *err)
{
	const struct loader_attempt *attempt = loader_attempt_of(host_of(host)->loader);
	struct err why = {0};

	if (!attempt->on_checkpoint)
		return checkpoint_fail(err, ORASI_E_UNSUPPORTED,
		                       "checkpoints of this kind of plugin travel with its marks");
	if (state.len > STATE_MAX || (state.len && !state.ptr))
		return checkpoint_fail(err, ORASI_E_LIMIT, "a checkpoint has at most 64 KiB");
	switch (attempt->on_checkpoint(attempt->ctx, host_of(host)->plugin, state, &why)) {
	case 0:
		return ORASI_OK;
	case ERR_CANCELLED:
		return checkpoint_fail(err, ORASI_E_CANCELLED, why.text);
	default:
		return checkpoint_fail(err, ORASI_E_IO, why.text);
	}
}

/* ---- mem: a size in front of every block ------------------------------------------------------------------ */

struct block {
	size_t size, align;
	void *start;
};

/* From any thread. Who gives back more than was taken has taken nothing. */
static int take(struct loader_host *h, int64_t n)
{
	int64_t used = __atomic_load_n(&h->memory_used, __ATOMIC_RELAXED), next;

	do {
		if (__builtin_add_overflow(used, n, &next) || (n > 0 && next > h->memory_max))
			return -1;
		next = next < 0 ? 0 : next;
	} while (!__atomic_compare_exchange_n(&h->memory_used, &used, next, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return 0;
}

static void *host_alloc(const orasi_host *host, size_t n, size_t align)
{
	struct loader_host *h = host_of(host);
	struct block *block;
	char *start, *p;

	if (align < 16)
		align = 16;
	if (n > (size_t)INT64_MAX / 2 || align > 1u << 20 || (align & (align - 1)) || take(h, (int64_t)n))
		return NULL;
	start = malloc(n + align + sizeof(*block));
	if (!start) {
		take(h, -(int64_t)n);
		return NULL;
	}
	p = (char *)(((uintptr_t)start + sizeof(*block) + align - 1) & ~(uintptr_t)(align - 1));
	block = (struct block *)p - 1;
	*block = (struct block){n, align, start}; /* host_release finds it there */
	return p;                                 /* cppcheck-suppress memleak */
}

static void host_release(const orasi_host *host, void *p)
{
	struct block *block = p ? (struct block *)p - 1 : NULL;

	if (!block)
		return;
	take(host_of(host), -(int64_t)block->size);
	free(block->start);
}

static void *host_resize(const orasi_host *host, void *p, size_t n)
{
	struct block *block = p ? (struct block *)p - 1 : NULL;
	void *fresh = host_alloc(host, n, block ? block->align : 0);

	if (fresh && block) {
		memcpy(fresh, p, block->size < n ? block->size : n);
		host_release(host, p);
	}
	return fresh;
}

static orasi_status host_reserve(const orasi_host *host, int64_t delta)
{
	return take(host_of(host), delta) ? ORASI_E_QUOTA : ORASI_OK;
}

static uint64_t host_budget(const orasi_host *host)
{
	const struct loader_host *h = host_of(host);
	int64_t used = __atomic_load_n(&h->memory_used, __ATOMIC_RELAXED);

	return used >= h->memory_max ? 0 : (uint64_t)(h->memory_max - used);
}

static const orasi_host_mem mem_extension = {sizeof(orasi_host_mem), 0,          host_alloc, host_resize, host_release,
                                             host_reserve,           host_budget};

/* ---- reject -------------------------------------------------------------------------------------------------- */

static orasi_status host_reject(const orasi_host *host, const orasi_rejected *rejected)
{
	struct loader_host *h = host_of(host);

	return rejected && ORASI_COVERS(rejected, raw_len) ? h->on_reject(h->ctx, rejected) : ORASI_E_INVALID;
}

static const orasi_host_reject reject_extension = {sizeof(orasi_host_reject), 0, host_reject};

/* ---- the host ------------------------------------------------------------------------------------------------- */

static const void *offer_log(const struct loader_host *h)
{
	(void)h;
	return &log_extension;
}

static const void *offer_job(const struct loader_host *h)
{
	return &h->job;
}

static const void *offer_mem(const struct loader_host *h)
{
	(void)h;
	return &mem_extension;
}

static const void *offer_reject(const struct loader_host *h)
{
	return h->on_reject ? &reject_extension : NULL;
}

static const void *offer_blob(const struct loader_host *h)
{
	return h->scratch ? &host_blob : NULL;
}

static const struct host_offer own_offers[] = {
	{ORASI_HOST_LOG, 0, offer_log},       {ORASI_HOST_JOB, 0, offer_job},   {ORASI_HOST_MEM, 0, offer_mem},
	{ORASI_HOST_REJECT, 0, offer_reject}, {ORASI_HOST_BLOB, 0, offer_blob}, {NULL, 0, NULL},
};

const void *host_offer_find(const struct host_offer *offers, unsigned minor, const struct loader_host *h,
                            const char *id)
{
	for (; offers->id; offers++)
		if (!strcmp(offers->id, id))
			return offers->since <= minor ? offers->offer(h) : NULL;
	return NULL;
}

static const void *get_extension(const orasi_host *host, const char *id)
{
	const void *found;

	if (!id)
		return NULL;
	found = host_offer_find(own_offers, plugin_abi_minor(), host_of(host), id);
	return found ? found : host_offer_find(host_extras, plugin_abi_minor(), host_of(host), id);
}

void loader_host_init(struct loader_host *h, struct loader *loader, const char *scratch, int attempt,
                      int64_t memory_max)
{
	static const volatile int32_t never;

	memset(h, 0, sizeof(*h));
	h->host = (orasi_host){sizeof(h->host), ORASI_ABI_MAJOR, (uint16_t)plugin_abi_minor(), h,
	                       ORASI_VERSION,   get_extension};
	h->loader = loader;
	h->thread = pthread_self();
	host_scratch_init(h, scratch);
	h->memory_max = memory_max < loader_memory(loader) ? memory_max : loader_memory(loader);
	h->job = (orasi_host_job){sizeof(h->job),          (uint32_t)attempt, &never,
	                          loader_deadline(loader), host_progress,     host_checkpoint};
	if (loader_cancel_flag(loader))
		h->job.cancel_flag = loader_cancel_flag(loader);
}

int loader_host_for(struct loader_host *h, const struct loader_plugin *plugin, struct err *err)
{
	const char *const *wanted = plugin->descriptor->requires_ext;

	h->plugin = plugin;
	for (; wanted && *wanted; wanted++)
		if (!get_extension(&h->host, *wanted))
			return err_set(err, ERR_UNSUPPORTED,
			               "plugin '%s' needs '%s', which this agent does not offer it: upgrade the "
			               "agent, or see docs/PLUGINS.md",
			               plugin->descriptor->id, *wanted);
	return 0;
}

void loader_host_done(struct loader_host *h)
{
	if (!h->loader)
		return;
	tell_dropped(h);
	host_scratch_done(h);
	if (h->secret)
		explicit_bzero(h->secret, SECRET_MAX);
	free(h->secret);
	h->secret = NULL;
	host_answer_free(h->answer);
	h->answer = NULL;
	h->loader = NULL;
}
