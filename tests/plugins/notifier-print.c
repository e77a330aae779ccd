/* SPDX-License-Identifier: Apache-2.0 */
/* A notifier for tests: prints what it delivers. An event of type "later" is not delivered at the first attempt, one of
 * type "never" is given up. */
#include "plugins/plugin.h"

#define ID "org.orasi.test.printer"
ORASI_PLUGIN_NOTE(ID, "1.0.0");

static const orasi_host_job *job;

static orasi_status create(const orasi_host *host, const char *id, const orasi_config *config, void **ret_self,
                           orasi_error *err)
{
	(void)id;
	(void)config;
	(void)err;
	job = host->get_extension(host, ORASI_HOST_JOB);
	*ret_self = &job;
	return ORASI_OK;
}

static void destroy(void *self)
{
	(void)self;
}

static int is(orasi_str text, const char *word)
{
	return text.len == strlen(word) && !memcmp(text.ptr, word, text.len);
}

static orasi_status deliver(void *self, const orasi_event *const *events, uint32_t n, orasi_status *each,
                            orasi_error *err)
{
	(void)self;
	(void)err;
	for (uint32_t i = 0; i < n; i++) {
		const orasi_event *e = events[i];

		each[i] = is(e->type, "never")                        ? ORASI_E_INVALID
		          : is(e->type, "later") && job->attempt == 1 ? ORASI_E_BUSY
		                                                      : ORASI_OK;
		if (!each[i])
			printf("delivered %.*s severity %u\n", (int)e->id.len, e->id.ptr, e->severity);
	}
	fflush(stdout);
	return ORASI_OK;
}

static const orasi_notifier_factory factory = {
	.struct_size = sizeof(factory), .create = create, .destroy = destroy, .deliver = deliver};
static const char *const none[] = {NULL};
static const orasi_descriptor descriptor = {.struct_size = sizeof(descriptor),
                                            .kind = ORASI_KIND_NOTIFIER,
                                            .id = ID,
                                            .name = "printer",
                                            .version = "1.0.0",
                                            .summary = "Prints events",
                                            .config_schema = "{\"type\":\"object\"}",
                                            .features = none,
                                            .requires_ext = none};
TEST_PLUGIN(ID, descriptor, ORASI_NOTIFIER_FACTORY, factory)
