/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest plugin there is, a task that does nothing, for tests of versions and sizes: the numbers come from the
 * headers it is compiled with, flaws from -D. */
#include <stdlib.h>
#include <string.h>

#include <orasi/plugin.h>

#ifndef MORE
#define MORE 0
#endif
#ifndef LESS_DESCRIPTOR
#define LESS_DESCRIPTOR 0
#endif
#ifndef LESS_FACTORY
#define LESS_FACTORY 0
#endif
#ifndef LESS_ENTRY
#define LESS_ENTRY 0
#endif
#ifndef FLAGS
#define FLAGS 0
#endif
#ifndef RESERVED
#define RESERVED 0
#endif
#ifndef ID
#define ID "com.example.tiny"
#endif
#ifndef NAME
#define NAME "tiny"
#endif
#ifndef NEEDS
#define NEEDS NULL
#endif

ORASI_PLUGIN_NOTE(ID, "1.0.0");

static orasi_status create(const orasi_host *host, const char *id, const orasi_config *config, void **ret,
                           orasi_error *err)
{
	(void)host, (void)config;
	if (strcmp(id, ID)) {
		strcpy(err->message, "this file has no such plugin");
		return ORASI_E_NOTFOUND;
	}
	*ret = malloc(1);
	if (*ret)
		return ORASI_OK;
	strcpy(err->message, "out of memory");
	return ORASI_E_NOMEM;
}

#ifndef NO_RUN
static orasi_status run(void *self, const orasi_task_run *run, orasi_str *ret, orasi_error *err)
{
	(void)self, (void)run, (void)ret, (void)err;
	return ORASI_OK;
}
#endif

/* Behind each struct lies what a newer SDK would have added; nobody may take it for anything. */
static const struct {
	orasi_task_factory factory;
	char tail[64];
} table = {
	.factory = {.struct_size = sizeof(orasi_task_factory) + MORE - LESS_FACTORY,
                    .reserved = RESERVED,
                    .create = create,
                    .destroy = free,
#ifndef NO_RUN
                    .run = run
#endif
        },
	.tail = "what is here is of no concern to you",
};
static const char *const none[] = {NULL};
static const char *const needs[] = {NEEDS, NULL};
static const struct {
	orasi_descriptor descriptor;
	char tail[64];
} described = {
	.descriptor = {.struct_size = sizeof(orasi_descriptor) + MORE - LESS_DESCRIPTOR,
                       .kind = ORASI_KIND_TASK,
                       .flags = FLAGS,
                       .id = ID,
                       .name = NAME,
                       .version = "1.0.0",
                       .summary = "Does nothing",
                       .config_schema = "{\"type\":\"object\"}",
                       .features = none,
                       .requires_ext = needs},
	.tail = "nor is this",
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

static const orasi_descriptor *describe(uint32_t i)
{
	return i ? NULL : &described.descriptor;
}

static const void *get_factory(const char *id)
{
	return strcmp(id, ORASI_TASK_FACTORY) ? NULL : &table;
}

const orasi_entry *orasi_plugin_entry_v1(void)
{
	static const struct {
		orasi_entry entry;
		char tail[64];
	} face = {
		.entry = {.struct_size = sizeof(orasi_entry) + MORE - LESS_ENTRY,
	                  .abi_major = ORASI_ABI_MAJOR,
	                  .abi_target_minor = ORASI_TARGET_MINOR,
	                  .bundle_id = ID,
	                  .bundle_version = "1.0.0",
	                  .vendor = "test",
	                  .license = "Apache-2.0",
	                  .init = init,
	                  .count = count,
	                  .describe = describe,
	                  .get_factory = get_factory},
		.tail = "nor this",
	};

	return &face.entry;
}
