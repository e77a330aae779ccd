/* SPDX-License-Identifier: Apache-2.0 */
/* A notifier: each event is one POST, signed as Standard Webhooks has it (standardwebhooks.com, specification 1.0).
 *
 *   webhook-id         the event's id, the same at every try: the receiver knows what it has had
 *   webhook-timestamp  seconds since 1970, of this try
 *   webhook-signature  "v1," and the base64 of HMAC-SHA256 over id.timestamp.body, one per secret
 *
 * Secrets are laid down by the operator as `signing` and, while one is changed for another, `signing-old`; each is
 * "whsec_" and base64, as the specification has them. Without a secret nothing is signed.
 *
 * Any 2xx is delivered. 408, 425, 429, 5xx and no answer come again later; everything else is given up. When no answer
 * comes the events behind are left for the next try: the receiver is away. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <orasi/plugin.h>
#include <orasi/sdk/fail.h>
#include <orasi/sdk/json.h>
#include <orasi/sdk/single.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#define PLUGIN_ID "org.orasi.notify.webhook"
#define PLUGIN_VERSION "0.1.0"
#define HEADERS_MAX 32
#define KEY_MAX 128
#define KEYS 2
#define SIGNATURE_MAX 64 /* "v1," and 44 characters of base64 */

ORASI_PLUGIN_NOTE(PLUGIN_ID, PLUGIN_VERSION);

/* clang-format off */
static const char config_schema[] =
	"{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"url\"],\"properties\":{"
	"\"url\":{\"type\":\"string\",\"format\":\"http-url\",\"maxLength\":4096,\"examples\":[\"https://hooks.example.com/orasi\"],"
	"\"description\":\"where events are posted to; its host must be granted to this plugin\"},"
	"\"form\":{\"type\":\"string\",\"enum\":[\"standard\",\"plain\"],\"default\":\"standard\","
	"\"description\":\"standard: {type, timestamp, data}; plain: the event as it is\"},"
	"\"headers\":{\"type\":\"array\",\"maxItems\":24,\"default\":[],\"items\":{\"type\":\"string\",\"maxLength\":1024},"
	"\"description\":\"further headers, as 'Name: value'\"},"
	"\"timeout\":{\"type\":\"string\",\"format\":\"duration\",\"default\":\"15s\","
	"\"description\":\"for one event\"}}}";
/* clang-format on */

struct key {
	uint8_t bytes[KEY_MAX];
	size_t n;
};

struct webhook {
	const orasi_host *host;
	const orasi_host_http *http;
	const orasi_host_job *job;
	const orasi_host_clock *clock;
	char *url;
	char *headers[HEADERS_MAX]; /* "Name: value" */
	uint32_t n_headers;
	int plain;
	int64_t timeout_ms;
	struct key keys[KEYS];
	uint32_t n_keys;
};

/* ---- options ----------------------------------------------------------------------------------------------------- */

static int base64_digit(uint8_t c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Bytes, or -1. */
static int64_t decode(const uint8_t *p, size_t n, uint8_t *ret, size_t cap)
{
	uint32_t bits = 0;
	size_t have = 0, len = 0;

	while (n && p[n - 1] == '=')
		n--;
	for (size_t i = 0; i < n; i++) {
		int digit = base64_digit(p[i]);

		if (digit < 0)
			return -1;
		bits = bits << 6 | (uint32_t)digit;
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		if (len == cap)
			return -1;
		ret[len++] = (uint8_t)(bits >> have);
	}
	return (int64_t)len;
}

static orasi_status read_key(struct webhook *w, const orasi_host_secret *secret, orasi_str name, orasi_error *err)
{
	static const char prefix[] = "whsec_";
	struct key *key = &w->keys[w->n_keys];
	orasi_bytes text;
	int64_t n;

	if (!secret || secret->get(w->host, name, &text))
		return ORASI_OK;
	while (text.len && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r'))
		text.len--;
	if (text.len > 6 && !memcmp(text.ptr, prefix, 6)) {
		text.ptr += 6;
		text.len -= 6;
	}
	n = decode(text.ptr, text.len, key->bytes, sizeof(key->bytes));
	if (n < 16)
		return orasi_fail(
			err, ORASI_E_CONFIG,
			"the secret '%.*s' is not 'whsec_' and the base64 of 24 to 64 bytes: openssl rand -base64 "
			"32 makes one",
			(int)name.len, name.ptr);
	key->n = (size_t)n;
	w->n_keys++;
	return ORASI_OK;
}

static orasi_status read_headers(struct webhook *w, const orasi_config *config, orasi_error *err)
{
	uint32_t n = 0;

	config->count(config, "/headers", &n);
	for (; w->n_headers < n && w->n_headers < HEADERS_MAX; w->n_headers++) {
		orasi_str value = ORASI_STR("");
		char item[32], *text;

		snprintf(item, sizeof(item), "/headers/%u", w->n_headers);
		config->get_str(config, item, &value);
		if (!memchr(value.ptr, ':', value.len) || value.ptr[0] == ':')
			return orasi_fail(err, ORASI_E_CONFIG, "the header '%.*s' is not 'Name: value'",
			                  (int)(value.len < 60 ? value.len : 60), value.ptr);
		text = strndup(value.ptr, value.len);
		if (!text)
			return orasi_fail(err, ORASI_E_NOMEM, "no memory for the options");
		w->headers[w->n_headers] = text;
	}
	return ORASI_OK;
}

static orasi_status read_options(struct webhook *w, const orasi_config *config, orasi_error *err)
{
	const orasi_host_secret *secret = w->host->get_extension(w->host, ORASI_HOST_SECRET);
	orasi_str url = ORASI_STR(""), form = ORASI_STR("standard");
	orasi_status status;

	config->get_str(config, "/url", &url);
	config->get_str(config, "/form", &form);
	w->plain = form.len == 5 && !memcmp(form.ptr, "plain", 5);
	w->timeout_ms = 15000;
	config->get_i64(config, "/timeout", &w->timeout_ms);
	if (url.len < 8 || (memcmp(url.ptr, "http://", 7) && memcmp(url.ptr, "https://", 8)))
		return orasi_fail(err, ORASI_E_CONFIG, "the option 'url' must begin with http:// or https://");
	if (w->timeout_ms < 1 || w->timeout_ms > 300000)
		return orasi_fail(err, ORASI_E_CONFIG, "the option 'timeout' must be 1 ms to 5 min");
	w->url = strndup(url.ptr, url.len);
	if (!w->url)
		return orasi_fail(err, ORASI_E_NOMEM, "no memory for the options");
	status = read_headers(w, config, err);
	if (!status)
		status = read_key(w, secret, ORASI_STR("signing"), err);
	return status ? status : read_key(w, secret, ORASI_STR("signing-old"), err);
}

static void destroy(void *self)
{
	struct webhook *w = self;

	if (!w)
		return;
	for (uint32_t i = 0; i < w->n_headers; i++)
		free(w->headers[i]);
	free(w->url);
	explicit_bzero(w->keys, sizeof(w->keys));
	free(w);
}

static orasi_status create(const orasi_host *host, const char *id, const orasi_config *config, void **ret,
                           orasi_error *err)
{
	struct webhook *w;
	orasi_status status;

	if (strcmp(id, PLUGIN_ID))
		return orasi_fail(err, ORASI_E_NOTFOUND, "this file has no plugin '%.100s'", id);
	w = calloc(1, sizeof(*w));
	if (!w)
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	w->host = host;
	w->http = host->get_extension(host, ORASI_HOST_HTTP);
	w->job = host->get_extension(host, ORASI_HOST_JOB);
	w->clock = host->get_extension(host, ORASI_HOST_CLOCK);
	status = w->http ? read_options(w, config, err)
	                 : orasi_fail(err, ORASI_E_UNSUPPORTED, "the host makes no requests for this plugin");
	if (status) {
		destroy(w);
		return status;
	}
	*ret = w;
	return ORASI_OK;
}

/* ---- one event --------------------------------------------------------------------------------------------------- */

/* RFC 3339 with milliseconds. */
static void put_time(struct jsonw *w, int64_t unix_ns)
{
	time_t seconds = (time_t)(unix_ns / 1000000000);
	char text[40];
	struct tm tm;
	size_t n;

	if (!gmtime_r(&seconds, &tm)) {
		jsonw_null(w);
		return;
	}
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	n += (size_t)snprintf(text + n, sizeof(text) - n, ".%03dZ", (int)(unix_ns / 1000000 % 1000));
	jsonw_string(w, text, n);
}

static char *body_of(const struct webhook *w, const orasi_event *event, size_t *ret_len)
{
	struct jsonw json = {0};
	size_t head;
	char *body;

	if (w->plain) {
		*ret_len = event->json.len;
		return event->json.len ? strndup(event->json.ptr, event->json.len) : strdup("");
	}
	jsonw_object(&json);
	jsonw_key(&json, "type");
	jsonw_string(&json, event->type.ptr, event->type.len);
	jsonw_key(&json, "timestamp");
	put_time(&json, event->time_unix_ns);
	jsonw_key(&json, "data");
	head = json.len;
	body = json.failed ? NULL : malloc(head + event->json.len + 2);
	if (body) {
		memcpy(body, json.data, head);
		memcpy(body + head, event->json.ptr, event->json.len);
		memcpy(body + head + event->json.len, "}", 2);
		*ret_len = head + event->json.len + 1;
	}
	jsonw_done(&json);
	return body;
}

static size_t encode(const uint8_t *p, size_t n, char *ret)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *at = ret;

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v =
			(uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) | (i + 2 < n ? p[i + 2] : 0);

		*at++ = digits[v >> 18];
		*at++ = digits[v >> 12 & 63];
		*at++ = i + 1 < n ? digits[v >> 6 & 63] : '=';
		*at++ = i + 2 < n ? digits[v & 63] : '=';
	}
	return (size_t)(at - ret);
}

/* "v1,… v1,…": one signature per key, of "id.timestamp.body". 0 when there is no memory. */
static size_t sign(const struct webhook *w, orasi_str id, const char *stamp, const char *body, size_t n, char *ret)
{
	size_t len = 0, head = id.len + strlen(stamp) + 2;
	char *message = malloc(head + n + 1);

	if (!message)
		return 0;
	snprintf(message, head + 1, "%.*s.%s.", (int)id.len, id.ptr, stamp);
	memcpy(message + head, body, n);
	for (uint32_t i = 0; i < w->n_keys; i++) {
		uint8_t mac[SHA256_DIGEST_LENGTH];

		HMAC(EVP_sha256(), w->keys[i].bytes, (int)w->keys[i].n, (uint8_t *)message, head + n, mac, NULL);
		len += (size_t)sprintf(ret + len, "%sv1,", i ? " " : "");
		len += encode(mac, sizeof(mac), ret + len);
	}
	free(message);
	return len;
}

static orasi_kv own_header(const char *line)
{
	const char *colon = strchr(line, ':'), *value = colon + 1 + strspn(colon + 1, " ");

	return (orasi_kv){{line, (size_t)(colon - line)}, {value, strlen(value)}};
}

static orasi_status judge(int32_t status)
{
	if (status >= 200 && status < 300)
		return ORASI_OK;
	return status == 408 || status == 425 || status == 429 || status >= 500 ? ORASI_E_BUSY : ORASI_E_INVALID;
}

/* What became of it; *ret_answered: 0 when nobody was there. */
static orasi_status post(const struct webhook *w, const orasi_event *event, int *ret_answered, orasi_error *err)
{
	char stamp[32], signature[KEYS * SIGNATURE_MAX];
	orasi_http_response response = {.struct_size = sizeof(response)};
	orasi_kv headers[HEADERS_MAX + 5];
	orasi_status status;
	uint32_t n = 0;
	size_t len;
	char *body = body_of(w, event, &len);
	orasi_http_request request = {.struct_size = sizeof(request),
	                              .timeout_ms = (uint32_t)w->timeout_ms,
	                              .method = ORASI_STR("POST"),
	                              .url = {w->url, strlen(w->url)},
	                              .headers = headers,
	                              .max_body = 64 << 10};

	*ret_answered = 1;
	if (!body)
		return orasi_fail(err, ORASI_E_NOMEM, "no memory for an event");
	snprintf(stamp, sizeof(stamp), "%lld",
	         (long long)(w->clock ? w->clock->unix_ns(w->host) / 1000000000 : (int64_t)time(NULL)));
	headers[n++] = (orasi_kv){ORASI_STR("Content-Type"), ORASI_STR("application/json")};
	headers[n++] = (orasi_kv){ORASI_STR("User-Agent"), ORASI_STR("Orasi")};
	headers[n++] = (orasi_kv){ORASI_STR("webhook-id"), event->id};
	headers[n++] = (orasi_kv){ORASI_STR("webhook-timestamp"), {stamp, strlen(stamp)}};
	if (w->n_keys) {
		size_t signed_len = sign(w, event->id, stamp, body, len, signature);

		if (!signed_len) {
			free(body);
			return orasi_fail(err, ORASI_E_NOMEM, "no memory to sign an event");
		}
		headers[n++] = (orasi_kv){ORASI_STR("webhook-signature"), {signature, signed_len}};
	}
	for (uint32_t i = 0; i < w->n_headers; i++)
		headers[n++] = own_header(w->headers[i]);
	request.n_headers = n;
	request.body = (orasi_bytes){(const uint8_t *)body, len};
	status = w->http->request(w->host, &request, &response, err);
	free(body);
	*ret_answered = !status;
	if (!status && judge(response.status))
		status = orasi_fail(err, judge(response.status), "%.200s answered %d", w->url, response.status);
	return status;
}

/* The sentence is that of the first failure; statuses are per event. */
static orasi_status deliver(void *self, const orasi_event *const *events, uint32_t n, orasi_status *each,
                            orasi_error *err)
{
	const struct webhook *w = self;

	for (uint32_t i = 0; i < n; i++) {
		orasi_error why = ORASI_NO_ERROR;
		int answered;

		if (w->job && w->job->cancel_flag && *w->job->cancel_flag)
			return orasi_fail(err, ORASI_E_CANCELLED, "the task was cancelled");
		each[i] = post(w, events[i], &answered, &why);
		if (each[i] && !err->message[0])
			orasi_fail(err, each[i], "event '%.*s': %.400s",
			           (int)(events[i]->id.len < 64 ? events[i]->id.len : 64), events[i]->id.ptr,
			           why.message);
		if (!answered)
			return each[i];
	}
	for (uint32_t i = 0; i < n; i++)
		if (each[i] <= -100)
			return each[i];
	return ORASI_OK;
}

static const orasi_notifier_factory factory = {
	.struct_size = sizeof(factory),
	.create = create,
	.destroy = destroy,
	.deliver = deliver,
	.get_extension = orasi_no_extension,
};

/* ---- entry ------------------------------------------------------------------------------------------------------- */

static const char *const features[] = {"notifier:webhook", NULL};
static const char *const requires_ext[] = {ORASI_HOST_HTTP, NULL};

static const orasi_descriptor descriptor = {
	.struct_size = sizeof(descriptor),
	.kind = ORASI_KIND_NOTIFIER,
	.flags = ORASI_FLAG_NEEDS_HTTP,
	.state_version = 1,
	.state_version_min = 1,
	.id = PLUGIN_ID,
	.name = "webhook",
	.version = PLUGIN_VERSION,
	.summary = "Events as signed POST requests (Standard Webhooks)",
	.config_schema = config_schema,
	.features = features,
	.requires_ext = requires_ext,
};

static const void *get_factory(const char *id)
{
	return strcmp(id, ORASI_NOTIFIER_FACTORY) ? NULL : &factory;
}

ORASI_SINGLE_PLUGIN(descriptor, .bundle_id = PLUGIN_ID, .bundle_version = PLUGIN_VERSION, .vendor = "Orasi",
                    .license = "Apache-2.0", .init = orasi_init_nothing, .get_factory = get_factory)
