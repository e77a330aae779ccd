/* SPDX-License-Identifier: Apache-2.0 */
/* A notifier plugin for Orasi: every event becomes a line of the agent's log.
 *
 * A real one would speak to a mail or chat server; what matters here is the same: each event has a status of its own,
 * a transient one brings the event again, and the receiver can tell by its id that it has come before. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/plugin.h>
#include <orasi/sdk/arrow.h>

#define PLUGIN_ID "com.example.logbook"
#define PLUGIN_NAME "logbook"
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

static const char config_schema[] = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
				    "\"prefix\":{\"type\":\"string\",\"default\":\"event\",\"maxLength\":64,"
				    "\"description\":\"What every line begins with\"}}}";

struct logbook {
	const orasi_host *host;
	const orasi_host_log *log;
	char prefix[260];
};

static void destroy(void *self)
{
	free(self);
}

static orasi_status create(const orasi_host *host, const char *id, const orasi_config *config, void **ret,
                           orasi_error *err)
{
	orasi_str prefix = ORASI_STR("event");
	struct logbook *logbook;

	if (strcmp(id, PLUGIN_ID))
		return fail(err, ORASI_E_NOTFOUND, "this file has no plugin '%.100s'", id);
	config->get_str(config, "/prefix", &prefix);
	logbook = calloc(1, sizeof(*logbook));
	if (!logbook)
		return fail(err, ORASI_E_NOMEM, "out of memory");
	logbook->host = host;
	logbook->log = host->get_extension(host, ORASI_HOST_LOG);
	snprintf(logbook->prefix, sizeof(logbook->prefix), "%.*s", (int)(prefix.len < 256 ? prefix.len : 256),
	         prefix.ptr);
	*ret = logbook;
	return ORASI_OK;
}

static int32_t level_of(uint32_t severity)
{
	return severity == ORASI_SEVERITY_CRITICAL  ? ORASI_LOG_ERROR
	       : severity == ORASI_SEVERITY_WARNING ? ORASI_LOG_WARN
	                                            : ORASI_LOG_INFO;
}

static orasi_status deliver(void *self, const orasi_event *const *events, uint32_t n, orasi_status *each,
                            orasi_error *err)
{
	const struct logbook *logbook = self;

	(void)err;
	for (uint32_t i = 0; i < n; i++) {
		const orasi_kv details[] = {{ORASI_STR("id"), events[i]->id},
		                            {ORASI_STR("type"), events[i]->type},
		                            {ORASI_STR("json"), events[i]->json}};

		logbook->log->log(logbook->host, level_of(events[i]->severity),
		                  (orasi_str){logbook->prefix, strlen(logbook->prefix)}, details, 3);
		each[i] = ORASI_OK;
	}
	return ORASI_OK;
}

static const orasi_notifier_factory factory = {
	.struct_size = sizeof(factory),
	.create = create,
	.destroy = destroy,
	.deliver = deliver,
};

/* ---- the face of the file ------------------------------------------------------------------------------------ */

static const char *const features[] = {"notifier:" PLUGIN_NAME, NULL};
static const char *const requires_ext[] = {NULL};

static const orasi_descriptor descriptor = {
	.struct_size = sizeof(descriptor),
	.kind = ORASI_KIND_NOTIFIER,
	.flags = ORASI_FLAG_DETERMINISTIC,
	.state_version = 1,
	.state_version_min = 1,
	.id = PLUGIN_ID,
	.name = PLUGIN_NAME,
	.version = PLUGIN_VERSION,
	.summary = "Events as lines of the log",
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
	return strcmp(id, ORASI_NOTIFIER_FACTORY) ? NULL : &factory;
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
