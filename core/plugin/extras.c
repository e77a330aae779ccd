/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker may offer to plugins beyond the mandatory: metrics, trace, secret, submit, kv, clock,
 * random, pool, thread-check. */
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/id.h"
#include "base/log.h"
#include "base/str.h"
#include "plugin/host.h"
#include "plugin/kv.h"
#include "plugin/plugin.h"

static const char *id_of(const struct loader_host *h)
{
	return h->plugin ? h->plugin->descriptor->id : "-";
}

/* ---- metrics: counted here, taken by the worker now and then
 * -------------------------------------------------- */

#define COUNTS_PER_PLUGIN 32
#define COUNTS_MAX 256

struct count {
	char plugin[64], name[41], help[128];
	uint32_t type;
	int changed;
	double value;
};

struct host_counts {
	pthread_mutex_t mutex;
	uint32_t n;
	struct count rows[COUNTS_MAX];
};

static struct host_counts *counts_of(const struct loader_host *h)
{
	static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER;
	struct host_counts **counts = loader_counts(h->loader), *found;

	pthread_mutex_lock(&first);
	if (!*counts) {
		*counts = calloc(1, sizeof(**counts));
		if (*counts)
			pthread_mutex_init(&(*counts)->mutex, NULL);
	}
	found = *counts;
	pthread_mutex_unlock(&first);
	return found;
}

static int is_metric_name(orasi_str name)
{
	if (!name.len || name.len > 40 || name.ptr[0] < 'a' || name.ptr[0] > 'z')
		return 0;
	for (size_t i = 0; i < name.len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789_", name.ptr[i]) || !name.ptr[i])
			return 0;
	return 1;
}

static uint32_t find_or_add(struct host_counts *counts, const char *plugin, uint32_t type, orasi_str name,
                            orasi_str help)
{
	uint32_t of_plugin = 0;
	struct count *row;

	for (uint32_t i = 0; i < counts->n; i++) {
		if (strcmp(counts->rows[i].plugin, plugin))
			continue;
		of_plugin++;
		if (strlen(counts->rows[i].name) == name.len && !memcmp(counts->rows[i].name, name.ptr, name.len))
			return counts->rows[i].type == type ? i + 1 : 0;
	}
	if (counts->n == COUNTS_MAX || of_plugin == COUNTS_PER_PLUGIN)
		return 0;
	row = &counts->rows[counts->n++];
	str_copy(row->plugin, sizeof(row->plugin), plugin);
	memcpy(row->name, name.ptr, name.len);
	memcpy(row->help, help.ptr ? help.ptr : "", help.len < sizeof(row->help) ? help.len : sizeof(row->help) - 1);
	row->type = type;
	return counts->n;
}

static uint32_t define_metric(const orasi_host *host, uint32_t type, orasi_str name, orasi_str help)
{
	struct host_counts *counts = counts_of(host_of(host));
	uint32_t metric;

	if (!counts || (type != ORASI_METRIC_COUNTER && type != ORASI_METRIC_GAUGE) || !is_metric_name(name))
		return 0;
	pthread_mutex_lock(&counts->mutex);
	metric = find_or_add(counts, id_of(host_of(host)), type, name, help);
	pthread_mutex_unlock(&counts->mutex);
	return metric;
}

static void count_up(struct count *row, double v)
{
	if (row->type == ORASI_METRIC_GAUGE)
		row->value = v;
	else if (v > 0)
		row->value += v;
	row->changed = 1;
}

static void add_metric(const orasi_host *host, uint32_t metric, double v)
{
	struct host_counts *counts = counts_of(host_of(host));

	if (!counts || !metric || v != v)
		return;
	pthread_mutex_lock(&counts->mutex);
	if (metric <= counts->n)
		count_up(&counts->rows[metric - 1], v);
	pthread_mutex_unlock(&counts->mutex);
}

static struct json *take_row(struct count *row)
{
	struct json *json = json_new_object();

	json_set_str(json, "type", row->type == ORASI_METRIC_GAUGE ? "gauge" : "counter");
	json_set_str(json, "help", row->help);
	json_set_double(json, "value", row->value);
	if (row->type == ORASI_METRIC_COUNTER)
		row->value = 0;
	row->changed = 0;
	return json;
}

struct json *host_counts_take(struct host_counts *counts)
{
	struct json *all = NULL;

	if (!counts)
		return NULL;
	pthread_mutex_lock(&counts->mutex);
	for (uint32_t i = 0; i < counts->n; i++) {
		struct count *row = &counts->rows[i];

		if (!row->changed)
			continue;
		if (!all)
			all = json_new_object();
		if (!json_get(all, row->plugin))
			json_set(all, row->plugin, json_new_object());
		json_set(json_get_mut(all, row->plugin), row->name, take_row(row));
	}
	pthread_mutex_unlock(&counts->mutex);
	return all;
}

static const orasi_host_metrics metrics_extension = {sizeof(orasi_host_metrics), 0, define_metric, add_metric};

/* ---- trace: a span is a log event with its duration
 * -------------------------------------------------------------- */

#define SPANS_MAX 64

static struct span {
	atomic_int used;
	char name[64];
	struct timespec begin;
	uint64_t parent;
} spans[SPANS_MAX];

static uint64_t begin_span(const orasi_host *host, orasi_str name, uint64_t parent)
{
	(void)host;
	for (uint64_t i = 0; i < SPANS_MAX; i++) {
		int free_one = 0;

		if (!atomic_compare_exchange_strong(&spans[i].used, &free_one, 1))
			continue;
		snprintf(spans[i].name, sizeof(spans[i].name), "%.*s", (int)(name.len < 63 ? name.len : 63), name.ptr);
		spans[i].parent = parent;
		clock_gettime(CLOCK_MONOTONIC, &spans[i].begin);
		return i + 1;
	}
	return 0;
}

static void end_span(const orasi_host *host, uint64_t span, orasi_status status)
{
	struct timespec now;
	struct span *s;

	if (!span || span > SPANS_MAX || !atomic_load(&spans[span - 1].used))
		return;
	s = &spans[span - 1];
	clock_gettime(CLOCK_MONOTONIC, &now);
	log_info("plugin.span", LOG_STR("plugin", id_of(host_of(host))), LOG_STR("span", s->name),
	         LOG_INT("id", (int64_t)span), LOG_INT("parent", (int64_t)s->parent), LOG_INT("status", status),
	         LOG_INT("us", (now.tv_sec - s->begin.tv_sec) * 1000000 + (now.tv_nsec - s->begin.tv_nsec) / 1000));
	atomic_store(&s->used, 0);
}

static orasi_str traceparent(const orasi_host *host)
{
	const char *trace = loader_attempt_of(host_of(host)->loader)->trace;

	return (orasi_str){trace ? trace : "", trace ? strlen(trace) : 0};
}

static const orasi_host_trace trace_extension = {sizeof(orasi_host_trace), 0, begin_span, end_span, traceparent};

/* ---- secret
 * ----------------------------------------------------------------------------------------------------------
 */

static orasi_status get_secret(const orasi_host *host, orasi_str name, orasi_bytes *ret)
{
	struct loader_host *h = host_of(host);
	const struct json *own = json_get(loader_attempt_of(h->loader)->secrets, id_of(h)), *value;
	char key[129];
	int64_t n;

	if (!name.len || name.len >= sizeof(key))
		return ORASI_E_NOTFOUND;
	memcpy(key, name.ptr, name.len);
	key[name.len] = '\0';
	value = json_get(own, key);
	if (!value)
		return ORASI_E_NOTFOUND;
	if (!h->secret)
		h->secret = malloc(SECRET_MAX);
	n = h->secret ? base64_decode(json_str(value, ""), json_str_len(value), h->secret, SECRET_MAX) : -1;
	if (n < 0)
		return ORASI_E_LIMIT;
	*ret = (orasi_bytes){h->secret, (size_t)n};
	return ORASI_OK;
}

static const orasi_host_secret secret_extension = {sizeof(orasi_host_secret), 0, get_secret};

/* ---- submit
 * ------------------------------------------------------------------------------------------------------------
 */

#define SUBMIT_MAX 100

static orasi_status submit_fail(orasi_error *err, orasi_status status, const char *text)
{
	if (err)
		str_copy(err->message, sizeof(err->message), text);
	return status;
}

static orasi_status submit_task(const orasi_host *host, orasi_str text, orasi_error *err)
{
	struct json *next = loader_attempt_of(host_of(host)->loader)->next, *task;
	struct err why = {0};

	if (json_count(next) >= SUBMIT_MAX)
		return submit_fail(err, ORASI_E_LIMIT, "an attempt submits at most 100 tasks");
	if (text.len > 256u << 10)
		return submit_fail(err, ORASI_E_LIMIT, "a task has at most 256 KiB");
	if (json_parse(text.ptr, text.len, &task, &why))
		return submit_fail(err, ORASI_E_INVALID, why.text);
	if (json_type(task) != JSON_OBJECT) {
		json_free(task);
		return submit_fail(err, ORASI_E_INVALID, "a task is a JSON object");
	}
	json_push(next, task);
	return ORASI_OK;
}

static const orasi_host_submit submit_extension = {sizeof(orasi_host_submit), 0, submit_task};

/* ---- kv: what is asked and wanted is kept beside the order, and told with its result
 * -------------------------------
 */

static struct kv *kv_of(const orasi_host *host)
{
	return loader_attempt_of(host_of(host)->loader)->kv;
}

static orasi_status get_kv(const orasi_host *host, orasi_str key, orasi_bytes *ret)
{
	return kv_get(kv_of(host), key, ret);
}

static orasi_status put_kv(const orasi_host *host, orasi_str key, orasi_bytes value, orasi_error *err)
{
	return kv_put(kv_of(host), key, value, err);
}

static orasi_status remove_kv(const orasi_host *host, orasi_str key, orasi_error *err)
{
	return kv_remove(kv_of(host), key, err);
}

static orasi_status next_kv(const orasi_host *host, orasi_str after, orasi_str *ret_key)
{
	return kv_next(kv_of(host), after, ret_key);
}

static const orasi_host_kv kv_extension = {sizeof(orasi_host_kv), 0, get_kv, put_kv, remove_kv, next_kv};

/* ---- clock, random
 * ------------------------------------------------------------------------------------------------------
 */

static int64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t mono_ns(const orasi_host *host)
{
	(void)host;
	return now_ns(CLOCK_MONOTONIC);
}

static int64_t unix_ns(const orasi_host *host)
{
	(void)host;
	return now_ns(CLOCK_REALTIME);
}

static uint64_t random_number(const orasi_host *host)
{
	(void)host;
	return random_u64();
}

static const orasi_host_clock clock_extension = {sizeof(orasi_host_clock), 0, mono_ns, unix_ns};
static const orasi_host_random random_extension = {sizeof(orasi_host_random), 0, random_number};

/* ---- pool
 * ------------------------------------------------------------------------------------------------------------------
 */

#define POOL_MAX 8
#define POOL_STACK (2u << 20) /* stacks count against the worker's memory */

struct pool_run {
	atomic_uint next;
	uint32_t n;
	void (*fn)(void *arg, uint32_t i);
	void *arg;
};

static void *pool_main(void *arg)
{
	struct pool_run *run = arg;

	for (uint32_t i; (i = atomic_fetch_add(&run->next, 1)) < run->n;)
		run->fn(run->arg, i);
	return NULL;
}

/* The processors that this process may run on. */
static uint32_t pool_width(const orasi_host *host)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);

	(void)host;
	return n < 1 ? 1 : n > POOL_MAX ? POOL_MAX : (uint32_t)n;
}

/* Threads that cannot be started are not needed: the caller's own does what is left. */
static void parallel_for(const orasi_host *host, uint32_t n, void (*fn)(void *arg, uint32_t i), void *arg)
{
	struct pool_run run = {.n = n, .fn = fn, .arg = arg};
	pthread_t threads[POOL_MAX];
	uint32_t started = 0, width = pool_width(host);
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, POOL_STACK);
	while (started + 1 < width && started + 1 < n && !pthread_create(&threads[started], &attr, pool_main, &run))
		started++;
	pthread_attr_destroy(&attr);
	pool_main(&run);
	while (started)
		pthread_join(threads[--started], NULL);
}

static const orasi_host_pool pool_extension = {sizeof(orasi_host_pool), 0, pool_width, parallel_for};

/* ---- thread-check
 * -----------------------------------------------------------------------------------------------------------
 */

static int32_t is_call_thread(const orasi_host *host)
{
	return pthread_equal(pthread_self(), host_of(host)->thread) != 0;
}

static const orasi_host_thread_check thread_check_extension = {sizeof(orasi_host_thread_check), 0, is_call_thread};

/* ---- what is offered to whom
 * ------------------------------------------------------------------------------------------------
 */

#define ALWAYS(name, extension)                              \
	static const void *name(const struct loader_host *h) \
	{                                                    \
		(void)h;                                     \
		return &(extension);                         \
	}
ALWAYS(offer_metrics, metrics_extension)
ALWAYS(offer_trace, trace_extension)
ALWAYS(offer_clock, clock_extension)
ALWAYS(offer_random, random_extension)
ALWAYS(offer_pool, pool_extension)
ALWAYS(offer_thread_check, thread_check_extension)

static const void *offer_secret(const struct loader_host *h)
{
	return json_get(loader_attempt_of(h->loader)->secrets, id_of(h)) ? &secret_extension : NULL;
}

static const void *offer_submit(const struct loader_host *h)
{
	return loader_attempt_of(h->loader)->next ? &submit_extension : NULL;
}

static const void *offer_kv(const struct loader_host *h)
{
	return loader_attempt_of(h->loader)->kv ? &kv_extension : NULL;
}

static const void *offer_http(const struct loader_host *h)
{
	return loader_attempt_of(h->loader)->on_ask ? &host_http : NULL;
}

const struct host_offer host_extras[] = {
	{ORASI_HOST_METRICS, 0, offer_metrics},
	{ORASI_HOST_TRACE, 0, offer_trace},
	{ORASI_HOST_SECRET, 0, offer_secret},
	{ORASI_HOST_SUBMIT, 0, offer_submit},
	{ORASI_HOST_CLOCK, 0, offer_clock},
	{ORASI_HOST_RANDOM, 0, offer_random},
	{ORASI_HOST_POOL, 0, offer_pool},
	{ORASI_HOST_THREAD_CHECK, 0, offer_thread_check},
	{ORASI_HOST_HTTP, 0, offer_http},
	{ORASI_HOST_KV, 0, offer_kv},
	{NULL, 0, NULL},
};
