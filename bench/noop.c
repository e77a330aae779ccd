/* SPDX-License-Identifier: Apache-2.0 */
/* A task plugin that does nothing, or waits `ms`, and says when it began: {"at": ns since 1970, "pid", "attempt"}.
 * For benchmarks of everything around it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <orasi/plugin.h>

#define ID "org.orasi.bench.noop"
ORASI_PLUGIN_NOTE(ID, "1.0.0");

struct noop {
	int64_t ms;
	char result[96];
};

static orasi_status init(const orasi_host *host, orasi_error *err)
{
	(void)host;
	(void)err;
	return ORASI_OK;
}

static orasi_status create(const orasi_host *host, const char *id, const orasi_config *config, void **ret_self,
                           orasi_error *err)
{
	struct noop *noop = calloc(1, sizeof(*noop));

	(void)host;
	(void)id;
	if (!noop) {
		snprintf(err->message, sizeof(err->message), "out of memory");
		return ORASI_E_NOMEM;
	}
	config->get_i64(config, "/ms", &noop->ms);
	*ret_self = noop;
	return ORASI_OK;
}

static orasi_status run(void *self, const orasi_task_run *task, orasi_str *ret, orasi_error *err)
{
	struct noop *noop = self;
	struct timespec now;

	(void)err;
	clock_gettime(CLOCK_REALTIME, &now);
	if (noop->ms)
		nanosleep(&(struct timespec){noop->ms / 1000, noop->ms % 1000 * 1000000}, NULL);
	snprintf(noop->result, sizeof(noop->result), "{\"at\":%lld,\"pid\":%d,\"attempt\":%u}",
	         (long long)now.tv_sec * 1000000000 + now.tv_nsec, (int)getpid(), task->attempt);
	*ret = (orasi_str){noop->result, strlen(noop->result)};
	return ORASI_OK;
}

static const orasi_task_factory factory = {
	.struct_size = sizeof(factory), .create = create, .destroy = free, .run = run};
static const char *const none[] = {NULL};
static const orasi_descriptor descriptor = {
	.struct_size = sizeof(descriptor),
	.kind = ORASI_KIND_TASK,
	.id = ID,
	.name = "noop",
	.version = "1.0.0",
	.summary = "Does nothing",
	.config_schema =
		"{\"type\":\"object\",\"properties\":{\"ms\":{\"type\":\"integer\",\"minimum\":0,\"default\":0},"
		"\"pad\":{\"type\":\"string\",\"default\":\"\"}}}",
	.features = none,
	.requires_ext = none,
};

static uint32_t count(void)
{
	return 1;
}

static const orasi_descriptor *describe(uint32_t i)
{
	return i ? NULL : &descriptor;
}

static const void *get_factory(const char *id)
{
	return strcmp(id, ORASI_TASK_FACTORY) ? NULL : &factory;
}

ORASI_EXPORT const orasi_entry *orasi_plugin_entry_v1(void)
{
	static const orasi_entry entry = {.struct_size = sizeof(entry),
	                                  .abi_major = ORASI_ABI_MAJOR,
	                                  .abi_target_minor = ORASI_TARGET_MINOR,
	                                  .bundle_id = ID,
	                                  .bundle_version = "1.0.0",
	                                  .vendor = "orasi",
	                                  .license = "Apache-2.0",
	                                  .init = init,
	                                  .count = count,
	                                  .describe = describe,
	                                  .get_factory = get_factory};

	return &entry;
}
