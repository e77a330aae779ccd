/* SPDX-License-Identifier: Apache-2.0 */
/* A task for tests: counts to "to" with a checkpoint at every step, uses what the host offers, and can be made to die
 * at a step of its first attempt. */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "plugins/plugin.h"

#ifndef COUNT_VERSION
#define COUNT_VERSION "1.0.0"
#endif
#define ID "org.orasi.test.count"
ORASI_PLUGIN_NOTE(ID, COUNT_VERSION);

struct count {
	const orasi_host *host;
	int64_t to, die_at, nap_ms;
	int submit;
	char result[512];
};

static orasi_status create(const orasi_host *host, const char *id, const orasi_config *config, void **ret_self,
                           orasi_error *err)
{
	struct count *c = calloc(1, sizeof(*c));

	(void)id;
	if (!c)
		return test_fail(err, ORASI_E_NOMEM, "out of memory");
	c->host = host;
	config->get_i64(config, "/to", &c->to);
	config->get_i64(config, "/die_at", &c->die_at);
	config->get_i64(config, "/nap", &c->nap_ms);
	config->get_bool(config, "/submit", &c->submit);
	*ret_self = c;
	return ORASI_OK;
}

static void destroy(void *self)
{
	free(self);
}

static void add_one(void *arg, uint32_t i)
{
	atomic_fetch_add((atomic_uint *)arg, i + 1);
}

/* Memory of the host: counted, aligned as asked, kept when it grows, refused beyond the budget. */
static int try_mem(const orasi_host *host)
{
	const orasi_host_mem *mem = host->get_extension(host, ORASI_HOST_MEM);
	uint64_t budget = mem->budget(host);
	char *p = mem->alloc(host, 100000, 64), *grown;
	int fine = p && (uintptr_t)p % 64 == 0 && mem->budget(host) == budget - 100000;

	if (!p)
		return 0;
	memset(p, 'x', 100000);
	grown = mem->resize(host, p, 200000);
	fine = fine && grown && grown[99999] == 'x' && mem->budget(host) == budget - 200000;
	mem->release(host, grown ? grown : p);
	fine = fine && !mem->reserve(host, 1000) && mem->budget(host) == budget - 1000 && !mem->reserve(host, -1000);
	return fine && mem->budget(host) == budget && !mem->alloc(host, (size_t)budget + 1, 0) &&
	       mem->reserve(host, (int64_t)budget + 1) == ORASI_E_QUOTA;
}

/* Scratch files: more than memory likes to hold, read back from any place. */
static int try_blob(const orasi_host *host)
{
	const orasi_host_blob *blob = host->get_extension(host, ORASI_HOST_BLOB);
	orasi_error err = ORASI_NO_ERROR;
	char buf[4096], got[4096];
	uint64_t handle;
	int fine;

	if (!blob || blob->create(host, &handle, &err))
		return 0;
	for (uint64_t i = 0; i < 64; i++) {
		memset(buf, 'a' + (int)(i % 26), sizeof(buf));
		if (blob->pwrite(host, handle, i * sizeof(buf), buf, sizeof(buf), &err))
			return 0;
	}
	fine = !blob->pread(host, handle, 63 * sizeof(buf), got, sizeof(got), &err) && !memcmp(got, buf, sizeof(got)) &&
	       blob->pread(host, handle, 64 * sizeof(buf), got, 1, &err) == ORASI_E_IO && err.message[0];
	blob->close(host, handle);
	return fine && blob->pread(host, handle, 0, got, 1, &err) == ORASI_E_INVALID;
}

/* A line about every extension: what it said. */
static void describe_host(const struct count *c, char *ret, size_t cap)
{
	const orasi_host_secret *secret = c->host->get_extension(c->host, ORASI_HOST_SECRET);
	const orasi_host_pool *pool = c->host->get_extension(c->host, ORASI_HOST_POOL);
	const orasi_host_clock *clock = c->host->get_extension(c->host, ORASI_HOST_CLOCK);
	const orasi_host_random *random = c->host->get_extension(c->host, ORASI_HOST_RANDOM);
	const orasi_host_thread_check *check = c->host->get_extension(c->host, ORASI_HOST_THREAD_CHECK);
	const orasi_host_trace *trace = c->host->get_extension(c->host, ORASI_HOST_TRACE);
	atomic_uint sum = 0;
	orasi_bytes word = {(const uint8_t *)"-", 1};

	if (secret)
		secret->get(c->host, ORASI_STR("word"), &word);
	if (pool)
		pool->parallel_for(c->host, 100, add_one, &sum);
	snprintf(ret, cap,
	         "\"mem\":%d,\"blob\":%d,\"secret\":\"%.*s\",\"pool\":%u,\"clock\":%s,\"random\":%s,\"thread\":%d,"
	         "\"trace\":%zu",
	         try_mem(c->host), try_blob(c->host), (int)word.len, word.ptr, atomic_load(&sum),
	         clock && clock->unix_ns(c->host) > 0 ? "true" : "false",
	         random && random->u64(c->host) != random->u64(c->host) ? "true" : "false",
	         check ? check->is_call_thread(c->host) : -1, trace ? trace->traceparent(c->host).len : 0);
}

static orasi_status submit(const struct count *c, orasi_error *err)
{
	const orasi_host_submit *door = c->host->get_extension(c->host, ORASI_HOST_SUBMIT);

	if (!door)
		return test_fail(err, ORASI_E_UNSUPPORTED, "no submit");
	return door->submit(c->host, ORASI_STR("{\"kind\":\"custom\",\"plugin\":\"count\",\"config\":{\"to\":1}}"),
	                    err);
}

static orasi_status run(void *self, const orasi_task_run *task, orasi_str *ret, orasi_error *err)
{
	struct count *c = self;
	const orasi_host_job *job = c->host->get_extension(c->host, ORASI_HOST_JOB);
	const orasi_host_metrics *metrics = c->host->get_extension(c->host, ORASI_HOST_METRICS);
	uint32_t steps =
		metrics ? metrics->define(c->host, ORASI_METRIC_COUNTER, ORASI_STR("steps_total"), ORASI_STR("Steps."))
			: 0;
	int64_t at = 0, began;
	orasi_status status = ORASI_OK;
	char said[256];

	if (task->checkpoint.len == sizeof(at))
		memcpy(&at, task->checkpoint.ptr, sizeof(at));
	began = at;
	while (at < c->to && !status) {
		if (task->attempt == 1 && at == c->die_at)
			test_crash();
		if (*job->cancel_flag)
			return test_fail(err, ORASI_E_CANCELLED, "cancelled");
		usleep((useconds_t)c->nap_ms * 1000);
		at++;
		if (metrics)
			metrics->add(c->host, steps, 1);
		job->progress(c->host, (uint64_t)at, (uint64_t)c->to, ORASI_STR("counting"));
		status = job->checkpoint(c->host, (orasi_bytes){(const uint8_t *)&at, sizeof(at)}, err);
	}
	if (!status && c->submit)
		status = submit(c, err);
	describe_host(c, said, sizeof(said));
	snprintf(c->result, sizeof(c->result), "{\"counted\":%lld,\"began\":%lld,\"version\":\"" COUNT_VERSION "\",%s}",
	         (long long)at, (long long)began, said);
	*ret = (orasi_str){c->result, strlen(c->result)};
	return status;
}

static const char *result_schema(const char *id)
{
	(void)id;
	return "{\"type\":\"object\",\"required\":[\"counted\"],\"additionalProperties\":true,\"properties\":{"
	       "\"counted\":"
	       "{\"type\":\"integer\",\"minimum\":0}}}";
}

static const orasi_task_factory factory = {.struct_size = sizeof(factory),
                                           .result_schema = result_schema,
                                           .create = create,
                                           .destroy = destroy,
                                           .run = run};
static const char *const none[] = {NULL};
static const orasi_descriptor descriptor = {
	.struct_size = sizeof(descriptor),
	.kind = ORASI_KIND_TASK,
	.id = ID,
	.name = "count",
	.version = COUNT_VERSION,
	.summary = "Counts",
	.config_schema =
		"{\"type\":\"object\",\"properties\":{\"to\":{\"type\":\"integer\",\"minimum\":0,\"default\":3},"
		"\"die_at\":{\"type\":\"integer\",\"default\":-1},\"submit\":{\"type\":\"boolean\",\"default\":false},"
		"\"nap\":{\"type\":\"string\",\"format\":\"duration\",\"default\":\"0ms\"}}}",
	.features = none,
	.requires_ext = none};
TEST_PLUGIN(ID, descriptor, ORASI_TASK_FACTORY, factory)
