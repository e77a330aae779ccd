/* SPDX-License-Identifier: Apache-2.0 */
/* A task for tests: remembers from one run to the next, through the extension kv. It adds to a counter, and can be made to
 * die, fail, wait or ask for too much between what it has put and its end. */
#include <unistd.h>

#include "plugins/plugin.h"

#define ID "org.orasi.test.keep"
ORASI_PLUGIN_NOTE(ID, "1.0.0");

struct keep {
	const orasi_host *host;
	const orasi_host_kv *kv;
	int64_t add, big, nap_ms;
	int32_t die, fail, forget, list;
	char key[64], result[4096];
};

static orasi_status create(const orasi_host *host, const char *id, const orasi_config *config, void **ret_self,
                           orasi_error *err)
{
	struct keep *k = calloc(1, sizeof(*k));
	orasi_str key = ORASI_STR("n");

	(void)id;
	if (!k)
		return test_fail(err, ORASI_E_NOMEM, "out of memory");
	k->host = host;
	k->kv = host->get_extension(host, ORASI_HOST_KV);
	k->add = 1;
	config->get_i64(config, "/add", &k->add);
	config->get_i64(config, "/big", &k->big);
	config->get_i64(config, "/nap", &k->nap_ms);
	config->get_bool(config, "/die", &k->die);
	config->get_bool(config, "/fail", &k->fail);
	config->get_bool(config, "/forget", &k->forget);
	config->get_bool(config, "/list", &k->list);
	config->get_str(config, "/key", &key);
	snprintf(k->key, sizeof(k->key), "%.*s", (int)key.len, key.ptr);
	*ret_self = k;
	return ORASI_OK;
}

static void destroy(void *self)
{
	free(self);
}

static orasi_str key_of(const struct keep *k)
{
	return (orasi_str){k->key, strlen(k->key)};
}

static orasi_status count_up(const struct keep *k, int64_t *ret, orasi_error *err)
{
	orasi_bytes value;
	orasi_status status = k->kv->get(k->host, key_of(k), &value);

	*ret = 0;
	if (!status && value.len == sizeof(*ret))
		memcpy(ret, value.ptr, sizeof(*ret));
	if (status && status != ORASI_E_NOTFOUND)
		return test_fail(err, status, "get failed");
	*ret += k->add;
	return k->add ? k->kv->put(k->host, key_of(k), (orasi_bytes){(const uint8_t *)ret, sizeof(*ret)}, err)
	              : ORASI_OK;
}

static orasi_status put_big(const struct keep *k, orasi_error *err)
{
	uint8_t *value = calloc(1, (size_t)k->big);
	orasi_status status = value ? k->kv->put(k->host, ORASI_STR("big"), (orasi_bytes){value, (size_t)k->big}, err)
	                            : test_fail(err, ORASI_E_NOMEM, "out of memory");

	free(value);
	return status;
}

/* "a b c": every key in order. */
static void list_keys(const struct keep *k, char *ret, size_t cap)
{
	orasi_str key = ORASI_STR("");
	size_t n = 0;

	*ret = '\0';
	while (k->list && !k->kv->next(k->host, key, &key) && n < cap)
		n += (size_t)snprintf(ret + n, cap - n, "%s%.*s", n ? " " : "", (int)key.len, key.ptr);
}

static orasi_status run(void *self, const orasi_task_run *task, orasi_str *ret, orasi_error *err)
{
	struct keep *k = self;
	char keys[2048];
	int64_t n;
	orasi_status status;

	if (!k->kv)
		return test_fail(err, ORASI_E_UNSUPPORTED, "no kv");
	status = count_up(k, &n, err);
	if (!status && k->big)
		status = put_big(k, err);
	if (!status && k->forget)
		status = k->kv->remove(k->host, key_of(k), err);
	if (status)
		return status;
	list_keys(k, keys, sizeof(keys));
	usleep((useconds_t)k->nap_ms * 1000);
	if (k->die && task->attempt == 1)
		test_crash();
	if (k->fail)
		return test_fail(err, ORASI_E_INVALID, "failed behind its put");
	snprintf(k->result, sizeof(k->result), "{\"n\":%lld,\"keys\":\"%s\"}", (long long)n, keys);
	*ret = (orasi_str){k->result, strlen(k->result)};
	return ORASI_OK;
}

static const orasi_task_factory factory = {
	.struct_size = sizeof(factory), .create = create, .destroy = destroy, .run = run};
static const char *const none[] = {NULL};
static const orasi_descriptor descriptor = {
	.struct_size = sizeof(descriptor),
	.kind = ORASI_KIND_TASK,
	.id = ID,
	.name = "keep",
	.version = "1.0.0",
	.summary = "Remembers",
	.config_schema =
		"{\"type\":\"object\",\"properties\":{\"add\":{\"type\":\"integer\"},\"big\":{\"type\":\"integer\"},"
		"\"nap\":{\"type\":\"integer\"},\"die\":{\"type\":\"boolean\"},\"fail\":{\"type\":\"boolean\"},"
		"\"forget\":{\"type\":\"boolean\"},\"list\":{\"type\":\"boolean\"},\"key\":{\"type\":\"string\"}}}",
	.features = none,
	.requires_ext = none};
TEST_PLUGIN(ID, descriptor, ORASI_TASK_FACTORY, factory)
