/* SPDX-License-Identifier: Apache-2.0 */
/* A task plugin for Orasi: counts the primes up to a number.
 *
 * It looks at the cancel flag and makes a checkpoint every few milliseconds of work: when the worker dies, the next
 * attempt goes on where the last checkpoint was made. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/plugin.h>
#include <orasi/sdk/arrow.h>

#define PLUGIN_ID "com.example.primes"
#define PLUGIN_NAME "primes"
#define PLUGIN_VERSION "1.0.0"

ORASI_PLUGIN_NOTE(PLUGIN_ID, PLUGIN_VERSION);

static orasi_status fail(orasi_error *err, orasi_status status, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(err->message, sizeof(err->message), format, ap);
	va_end(ap);
	return status;
}

#define STEP 20000 /* numbers between two looks at the host */

static const char config_schema[] =
	"{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
	"\"up_to\":{\"type\":\"integer\",\"default\":100000,\"minimum\":0,\"maximum\":10000000,"
	"\"description\":\"Primes from 2 to this number are counted\"}}}";

static const char result_schema_text[] = "{\"type\":\"object\",\"properties\":{\"primes\":{\"type\":\"integer\","
					 "\"minimum\":0}},\"required\":[\"primes\"]}";

struct primes {
	const orasi_host *host;
	const orasi_host_job *job;
	int64_t up_to;
	char result[64];
};

/* The state of a checkpoint. */
struct state {
	int64_t next, found;
};

static void destroy(void *self)
{
	free(self);
}

static orasi_status create(const orasi_host *host, const char *id, const orasi_config *config, void **ret,
                           orasi_error *err)
{
	struct primes *primes;
	int64_t up_to = 100000;

	if (strcmp(id, PLUGIN_ID))
		return fail(err, ORASI_E_NOTFOUND, "this file has no plugin '%.100s'", id);
	config->get_i64(config, "/up_to", &up_to);
	if (up_to < 0 || up_to > 10000000)
		return fail(err, ORASI_E_CONFIG, "up_to is %lld, it must be 0 to 10000000", (long long)up_to);
	primes = calloc(1, sizeof(*primes));
	if (!primes)
		return fail(err, ORASI_E_NOMEM, "out of memory");
	primes->host = host;
	primes->job = host->get_extension(host, ORASI_HOST_JOB);
	primes->up_to = up_to;
	*ret = primes;
	return ORASI_OK;
}

static int is_prime(int64_t n)
{
	if (n < 2 || (n > 2 && n % 2 == 0))
		return 0;
	for (int64_t i = 3; i * i <= n; i += 2)
		if (n % i == 0)
			return 0;
	return 1;
}

/* A look at the host: stop, tell, keep. */
static orasi_status pause_work(const struct primes *primes, const struct state *state, orasi_error *err)
{
	if (*primes->job->cancel_flag)
		return fail(err, ORASI_E_CANCELLED, "the task was cancelled");
	primes->job->progress(primes->host, (uint64_t)state->next, (uint64_t)primes->up_to + 1, ORASI_STR("counting"));
	return primes->job->checkpoint(primes->host, (orasi_bytes){(const uint8_t *)state, sizeof(*state)}, err);
}

static orasi_status run_task(void *self, const orasi_task_run *run, orasi_str *ret, orasi_error *err)
{
	struct primes *primes = self;
	struct state state = {2, 0};
	orasi_status status = ORASI_OK;

	if (run->checkpoint.len) {
		if (run->checkpoint.len != sizeof(state))
			return fail(err, ORASI_E_STATE, "the checkpoint is not of this plugin");
		memcpy(&state, run->checkpoint.ptr, sizeof(state));
		if (state.next < 2 || state.next > primes->up_to + 1 || state.found < 0 || state.found > state.next)
			return fail(err, ORASI_E_STATE, "the checkpoint is damaged");
	}
	for (; state.next <= primes->up_to && !status; state.next++) {
		if (state.next % STEP == 0)
			status = pause_work(primes, &state, err);
		if (!status)
			state.found += is_prime(state.next);
	}
	if (status)
		return status;
	ret->len =
		(size_t)snprintf(primes->result, sizeof(primes->result), "{\"primes\":%lld}", (long long)state.found);
	ret->ptr = primes->result;
	return ORASI_OK;
}

static const char *result_schema(const char *id)
{
	(void)id;
	return result_schema_text;
}

static const orasi_task_factory factory = {
	.struct_size = sizeof(factory),
	.result_schema = result_schema,
	.create = create,
	.destroy = destroy,
	.run = run_task,
};

/* ---- the face of the file ------------------------------------------------------------------------------------ */

static const char *const features[] = {"task:" PLUGIN_NAME, NULL};
static const char *const requires_ext[] = {NULL};

static const orasi_descriptor descriptor = {
	.struct_size = sizeof(descriptor),
	.kind = ORASI_KIND_TASK,
	.flags = ORASI_FLAG_DETERMINISTIC,
	.state_version = 1,
	.state_version_min = 1,
	.id = PLUGIN_ID,
	.name = PLUGIN_NAME,
	.version = PLUGIN_VERSION,
	.summary = "Counts primes",
	.config_schema = config_schema,
	.features = features,
	.requires_ext = requires_ext,
};

static orasi_status init(const orasi_host *host, orasi_error *err)
{
	(void)host, (void)err;
	return ORASI_OK;
}

static uint32_t count(void)
{
	return 1;
}

static const orasi_descriptor *describe(uint32_t index)
{
	return index ? NULL : &descriptor;
}

static const void *get_factory(const char *id)
{
	return strcmp(id, ORASI_TASK_FACTORY) ? NULL : &factory;
}

static const orasi_entry entry = {
	.struct_size = sizeof(entry),
	.abi_major = ORASI_ABI_MAJOR,
	.abi_target_minor = ORASI_TARGET_MINOR,
	.bundle_id = PLUGIN_ID,
	.bundle_version = PLUGIN_VERSION,
	.vendor = "Example",
	.license = "Apache-2.0",
	.init = init,
	.count = count,
	.describe = describe,
	.get_factory = get_factory,
};

ORASI_EXPORT const orasi_entry *orasi_plugin_entry_v1(void)
{
	return &entry;
}
