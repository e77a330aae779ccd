/* SPDX-License-Identifier: Apache-2.0 */
/* A task: gets one document and submits its ingest, which begins if and when this attempt succeeds. A request that is
 * made twice is harmless, so nothing is kept between attempts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <orasi/plugin.h>
#include <orasi/sdk/arrow.h>
#include <orasi/sdk/fail.h>
#include <orasi/sdk/json.h>
#include <orasi/sdk/single.h>

#define PLUGIN_ID "org.orasi.task.fetch"
#define PLUGIN_VERSION "0.1.0"
#define HEADERS_MAX 32
#define DOCUMENT_MAX (200u << 10) /* a task has at most 256 KiB */
#define SHOWN_MAX (64u << 10)     /* of a document in the result */

ORASI_PLUGIN_NOTE(PLUGIN_ID, PLUGIN_VERSION);

/* clang-format off */
static const char config_schema[] =
	"{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"url\"],\"properties\":{"
	"\"url\":{\"type\":\"string\",\"format\":\"http-url\",\"maxLength\":4096,\"examples\":[\"https://api.example.com/orders.ndjson\"],"
	"\"description\":\"the document; its host must be granted to this plugin\"},"
	"\"headers\":{\"type\":\"array\",\"maxItems\":32,\"default\":[],\"items\":{\"type\":\"string\",\"maxLength\":1024},"
	"\"description\":\"of the request, as 'Name: value'\"},"
	"\"dataset\":{\"type\":\"string\",\"maxLength\":128,\"default\":\"\",\"description\":\"where it goes; empty: into the result\"},"
	"\"format\":{\"type\":\"string\",\"maxLength\":128,\"default\":\"auto\",\"description\":\"the plugin that reads it\"},"
	"\"timeout\":{\"type\":\"string\",\"format\":\"duration\",\"default\":\"30s\",\"description\":\"for all of it\"}}}";
static const char result_schema_text[] =
	"{\"type\":\"object\",\"required\":[\"status\",\"bytes\"],\"properties\":{\"status\":{\"type\":\"integer\"},"
	"\"bytes\":{\"type\":\"integer\"},\"content_type\":{\"type\":\"string\"},\"submitted\":{\"type\":\"boolean\"},"
	"\"body\":{\"type\":\"string\"}}}";
/* clang-format on */

struct fetch {
	const orasi_host *host;
	const orasi_host_http *http;
	const orasi_host_submit *submit;
	char *url, *dataset, *format;
	char *lines[HEADERS_MAX]; /* of the request */
	orasi_kv headers[HEADERS_MAX];
	uint32_t n_headers;
	int64_t timeout_ms;
	struct jsonw result;
};

/* ---- options ----------------------------------------------------------------------------------------------------- */

static char *read_text(const orasi_config *config, const char *ptr, const char *otherwise)
{
	orasi_str value = {otherwise, strlen(otherwise)};

	config->get_str(config, ptr, &value);
	return strndup(value.ptr, value.len);
}

static orasi_status read_header(struct fetch *f, const orasi_config *config, uint32_t i, orasi_error *err)
{
	char item[32], *line, *colon, *value;

	snprintf(item, sizeof(item), "/headers/%u", i);
	line = read_text(config, item, "");
	if (!line)
		return orasi_fail(err, ORASI_E_NOMEM, "no memory for the options");
	f->lines[f->n_headers] = line;
	colon = strchr(line, ':');
	if (!colon || colon == line)
		return orasi_fail(err, ORASI_E_CONFIG, "the header '%.60s' is not 'Name: value'", line);
	value = colon + 1 + strspn(colon + 1, " ");
	f->headers[f->n_headers++] = (orasi_kv){{line, (size_t)(colon - line)}, {value, strlen(value)}};
	return ORASI_OK;
}

static orasi_status read_options(struct fetch *f, const orasi_config *config, orasi_error *err)
{
	orasi_status status = ORASI_OK;
	uint32_t n = 0;

	f->url = read_text(config, "/url", "");
	f->dataset = read_text(config, "/dataset", "");
	f->format = read_text(config, "/format", "auto");
	if (!f->url || !f->dataset || !f->format)
		return orasi_fail(err, ORASI_E_NOMEM, "no memory for the options");
	if (strncmp(f->url, "http://", 7) && strncmp(f->url, "https://", 8))
		return orasi_fail(err, ORASI_E_CONFIG, "the option 'url' must begin with http:// or https://");
	f->timeout_ms = 30000;
	config->get_i64(config, "/timeout", &f->timeout_ms);
	if (f->timeout_ms < 1 || f->timeout_ms > 300000)
		return orasi_fail(err, ORASI_E_CONFIG, "the option 'timeout' must be 1 ms to 5 min");
	config->count(config, "/headers", &n);
	for (uint32_t i = 0; i < n && i < HEADERS_MAX && !status; i++)
		status = read_header(f, config, i, err);
	return status;
}

static void destroy(void *self)
{
	struct fetch *f = self;

	if (!f)
		return;
	for (size_t i = 0; i < HEADERS_MAX; i++)
		free(f->lines[i]);
	free(f->url);
	free(f->dataset);
	free(f->format);
	jsonw_done(&f->result);
	free(f);
}

static orasi_status create(const orasi_host *host, const char *id, const orasi_config *config, void **ret,
                           orasi_error *err)
{
	struct fetch *f;
	orasi_status status;

	if (strcmp(id, PLUGIN_ID))
		return orasi_fail(err, ORASI_E_NOTFOUND, "this file has no plugin '%.100s'", id);
	f = calloc(1, sizeof(*f));
	if (!f)
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	f->host = host;
	f->http = host->get_extension(host, ORASI_HOST_HTTP);
	f->submit = host->get_extension(host, ORASI_HOST_SUBMIT);
	status = f->http && f->submit
	                 ? read_options(f, config, err)
	                 : orasi_fail(err, ORASI_E_UNSUPPORTED, "the host makes no requests for this plugin");
	if (status) {
		destroy(f);
		return status;
	}
	*ret = f;
	return ORASI_OK;
}

/* ---- the task ---------------------------------------------------------------------------------------------------- */

static orasi_status get(const struct fetch *f, orasi_http_response *ret, orasi_error *err)
{
	const orasi_http_request request = {.struct_size = sizeof(request),
	                                    .timeout_ms = (uint32_t)f->timeout_ms,
	                                    .method = ORASI_STR("GET"),
	                                    .url = {f->url, strlen(f->url)},
	                                    .headers = f->headers,
	                                    .n_headers = f->n_headers};
	orasi_status status = f->http->request(f->host, &request, ret, err);

	if (status || (ret->status >= 200 && ret->status < 300))
		return status;
	if (ret->status == 408 || ret->status == 425 || ret->status == 429 || ret->status >= 500)
		return orasi_fail(err, ORASI_E_BUSY, "%.200s answered %d", f->url, ret->status);
	return orasi_fail(err, ORASI_E_NOTFOUND, "%.200s answered %d, not 2xx", f->url, ret->status);
}

static orasi_status submit(const struct fetch *f, const orasi_http_response *response, orasi_error *err)
{
	struct jsonw w = {0};
	orasi_status status;

	if (response->body.len > DOCUMENT_MAX)
		return orasi_fail(err, ORASI_E_LIMIT,
		                  "%.200s has %zu bytes: a document that goes into a dataset has at most %u", f->url,
		                  response->body.len, DOCUMENT_MAX);
	if (!arrow_utf8_valid(response->body.ptr, response->body.len))
		return orasi_fail(err, ORASI_E_UNSUPPORTED, "%.200s is not UTF-8 text", f->url);
	jsonw_object(&w);
	jsonw_key(&w, "kind");
	jsonw_string(&w, "ingest", 6);
	jsonw_key(&w, "dataset");
	jsonw_string(&w, f->dataset, strlen(f->dataset));
	jsonw_key(&w, "source");
	jsonw_object(&w);
	jsonw_key(&w, "inline");
	jsonw_string(&w, (const char *)response->body.ptr, response->body.len);
	jsonw_end_object(&w);
	jsonw_key(&w, "format");
	jsonw_object(&w);
	jsonw_key(&w, "plugin");
	jsonw_string(&w, f->format, strlen(f->format));
	jsonw_end_object(&w);
	jsonw_end_object(&w);
	status = jsonw_finish(&w) ? f->submit->submit(f->host, (orasi_str){w.data, w.len}, err)
	                          : orasi_fail(err, ORASI_E_NOMEM, "no memory for the document");
	jsonw_done(&w);
	return status;
}

static orasi_str content_type(const orasi_http_response *response)
{
	static const char name[] = "content-type";

	for (uint32_t i = 0; i < response->n_headers; i++)
		if (response->headers[i].key.len == sizeof(name) - 1 &&
		    !strncasecmp(response->headers[i].key.ptr, name, sizeof(name) - 1))
			return response->headers[i].value;
	return ORASI_STR("");
}

static orasi_status tell(struct fetch *f, const orasi_http_response *response, orasi_str *ret, orasi_error *err)
{
	struct jsonw *w = &f->result;
	orasi_str type = content_type(response);

	jsonw_done(w);
	*w = (struct jsonw){0};
	jsonw_object(w);
	jsonw_key(w, "status");
	jsonw_int(w, response->status);
	jsonw_key(w, "bytes");
	jsonw_uint(w, response->body.len);
	jsonw_key(w, "content_type");
	jsonw_string(w, type.ptr, type.len);
	jsonw_key(w, "submitted");
	jsonw_bool(w, *f->dataset != '\0');
	if (!*f->dataset && response->body.len <= SHOWN_MAX &&
	    arrow_utf8_valid(response->body.ptr, response->body.len)) {
		jsonw_key(w, "body");
		jsonw_string(w, (const char *)response->body.ptr, response->body.len);
	}
	jsonw_end_object(w);
	if (!jsonw_finish(w))
		return orasi_fail(err, ORASI_E_NOMEM, "no memory for the result");
	*ret = (orasi_str){w->data, w->len};
	return ORASI_OK;
}

static orasi_status run_task(void *self, const orasi_task_run *run, orasi_str *ret, orasi_error *err)
{
	struct fetch *f = self;
	orasi_http_response response = {.struct_size = sizeof(response)};
	orasi_status status = get(f, &response, err);

	(void)run;
	if (!status && *f->dataset)
		status = submit(f, &response, err);
	return status ? status : tell(f, &response, ret, err);
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
	.get_extension = orasi_no_extension,
};

/* ---- entry ------------------------------------------------------------------------------------------------------- */

static const char *const features[] = {"task:fetch", NULL};
static const char *const requires_ext[] = {ORASI_HOST_HTTP, ORASI_HOST_SUBMIT, NULL};

static const orasi_descriptor descriptor = {
	.struct_size = sizeof(descriptor),
	.kind = ORASI_KIND_TASK,
	.flags = ORASI_FLAG_NEEDS_HTTP,
	.state_version = 1,
	.state_version_min = 1,
	.id = PLUGIN_ID,
	.name = "fetch",
	.version = PLUGIN_VERSION,
	.summary = "Gets a document over HTTP, into a dataset",
	.config_schema = config_schema,
	.features = features,
	.requires_ext = requires_ext,
};

static const void *get_factory(const char *id)
{
	return strcmp(id, ORASI_TASK_FACTORY) ? NULL : &factory;
}

ORASI_SINGLE_PLUGIN(descriptor, .bundle_id = PLUGIN_ID, .bundle_version = PLUGIN_VERSION, .vendor = "Orasi",
                    .license = "Apache-2.0", .init = orasi_init_nothing, .get_factory = get_factory)
