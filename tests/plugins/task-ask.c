/* SPDX-License-Identifier: Apache-2.0 */
/* A task for tests: makes the request that its options say and gives back what came of it. */
#include "plugins/plugin.h"

#include <orasi/sdk/json.h>

#define ID "org.orasi.test.ask"
ORASI_PLUGIN_NOTE(ID, "1.0.0");

struct asker {
	const orasi_host *host;
	char url[1024], method[32], header[256];
	size_t body;
	int64_t timeout_ms;
	struct jsonw result;
};

static void copy(const orasi_config *config, const char *ptr, char *ret, size_t cap)
{
	orasi_str value;

	if (!config->get_str(config, ptr, &value))
		snprintf(ret, cap, "%.*s", (int)value.len, value.ptr);
}

static orasi_status create(const orasi_host *host, const char *id, const orasi_config *config, void **ret_self,
                           orasi_error *err)
{
	struct asker *asker = calloc(1, sizeof(*asker));
	int64_t body = 0;

	(void)id;
	(void)err;
	asker->host = host;
	strcpy(asker->method, "GET");
	copy(config, "/url", asker->url, sizeof(asker->url));
	copy(config, "/method", asker->method, sizeof(asker->method));
	copy(config, "/header", asker->header, sizeof(asker->header));
	config->get_i64(config, "/body", &body);
	config->get_i64(config, "/timeout_ms", &asker->timeout_ms);
	asker->body = (size_t)body;
	*ret_self = asker;
	return ORASI_OK;
}

static void destroy(void *self)
{
	struct asker *asker = self;

	if (asker)
		jsonw_done(&asker->result);
	free(asker);
}

static orasi_status run(void *self, const orasi_task_run *run, orasi_str *ret, orasi_error *err)
{
	struct asker *asker = self;
	const orasi_host_http *http = asker->host->get_extension(asker->host, ORASI_HOST_HTTP);
	uint8_t *body = calloc(1, asker->body + 1);
	orasi_kv header = {{"x-test", 6}, {asker->header, strlen(asker->header)}};
	orasi_http_request request = {.struct_size = sizeof(request),
	                              .timeout_ms = (uint32_t)asker->timeout_ms,
	                              .method = {asker->method, strlen(asker->method)},
	                              .url = {asker->url, strlen(asker->url)},
	                              .headers = &header,
	                              .n_headers = 1,
	                              .body = {body, asker->body}};
	orasi_http_response response = {.struct_size = sizeof(response)};
	orasi_error why = ORASI_NO_ERROR;
	struct jsonw *w = &asker->result;
	orasi_status status;

	(void)run;
	(void)err;
	status = http ? http->request(asker->host, &request, &response, &why) : -4;
	free(body);
	jsonw_object(w);
	jsonw_key(w, "outcome");
	jsonw_int(w, status);
	jsonw_key(w, "why");
	jsonw_string(w, why.message, strlen(why.message));
	jsonw_key(w, "status");
	jsonw_int(w, response.status);
	jsonw_key(w, "odd");
	for (uint32_t i = 0; i < response.n_headers; i++)
		if (response.headers[i].key.len == 5 && !memcmp(response.headers[i].key.ptr, "x-odd", 5))
			jsonw_string(w, response.headers[i].value.ptr, response.headers[i].value.len);
	if (w->data[w->len - 1] == ':')
		jsonw_null(w);
	jsonw_key(w, "body");
	jsonw_string(w, (const char *)response.body.ptr, response.body.len);
	jsonw_end_object(w);
	*ret = (orasi_str){w->data, w->len};
	return status == ORASI_E_CANCELLED ? status : ORASI_OK;
}

static const orasi_task_factory factory = {
	.struct_size = sizeof(factory), .create = create, .destroy = destroy, .run = run};
static const char *const none[] = {NULL};
static const orasi_descriptor descriptor = {
	.struct_size = sizeof(descriptor),
	.kind = ORASI_KIND_TASK,
	.flags = ORASI_FLAG_NEEDS_HTTP,
	.id = ID,
	.name = "ask",
	.version = "1.0.0",
	.summary = "Makes one request",
	.config_schema =
		"{\"type\":\"object\",\"properties\":{\"url\":{\"type\":\"string\"},\"method\":{\"type\":\"string\"},"
		"\"header\":{\"type\":\"string\"},\"body\":{\"type\":\"integer\"},\"timeout_ms\":{\"type\":\"integer\"}"
		"}}",
	.features = none,
	.requires_ext = none};
TEST_PLUGIN(ID, descriptor, ORASI_TASK_FACTORY, factory)
