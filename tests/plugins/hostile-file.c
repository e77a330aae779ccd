/* SPDX-License-Identifier: Apache-2.0 */
/* Files that should never become active: one per HOSTILE_FILE, see tests/worker/test.am. */
#include <unistd.h>

#include <orasi/plugin.h>

static void *volatile nowhere = (void *)8;

#if HOSTILE_FILE == 1 /* crashes when it is loaded */
#define NAME "constructor"
static void __attribute__((constructor)) on_load(void)
{
	*(volatile int *)nowhere = 1;
}
#elif HOSTILE_FILE == 2 /* crashes in init */
#define NAME "init"
#elif HOSTILE_FILE == 3 /* never comes back from init */
#define NAME "hang"
#elif HOSTILE_FILE == 4 /* its entry says what its note does not */
#define NAME "note"
#elif HOSTILE_FILE == 5 /* built for another ABI */
#define NAME "version"
#elif HOSTILE_FILE == 6 /* needs a symbol that is nowhere */
#define NAME "symbol"
extern int nobody_has_this(void);
#elif HOSTILE_FILE == 7 /* a schema outside of the subset */
#define NAME "schema"
#elif HOSTILE_FILE == 8 /* says that it has more plugins than it has */
#define NAME "count"
#define TEST_COUNT 3
#elif HOSTILE_FILE == 9 /* exits in init, as if nothing were wrong */
#define NAME "exit"
#else /* prints in init, and is fine otherwise */
#define NAME "print"
#endif
#define ID "org.orasi.test.file-" NAME

#define TEST_INIT hostile_init
static orasi_status hostile_init(const orasi_host *host, orasi_error *err)
{
	(void)host;
	(void)err;
#if HOSTILE_FILE == 2
	*(volatile int *)nowhere = 1;
#elif HOSTILE_FILE == 3
	for (;;)
		pause();
#elif HOSTILE_FILE == 6
	return nobody_has_this();
#elif HOSTILE_FILE == 9
	_exit(0);
#elif HOSTILE_FILE == 10
	if (write(1, "hello from init\n", 16) < 0)
		return ORASI_OK;
#endif
	return ORASI_OK;
}

#include "plugins/plugin.h"

#if HOSTILE_FILE == 5
__attribute__((section(ORASI_NOTE_SECTION), used, aligned(4))) static const orasi_note orasi_plugin_note = {
	6, sizeof(orasi_note) - 20, ORASI_NOTE_TYPE, ORASI_NOTE_OWNER, ORASI_ABI_MAJOR, 999, 999, 0, ID, "1.0.0"};
#elif HOSTILE_FILE == 4
ORASI_PLUGIN_NOTE("org.orasi.ingest.json", "1.0.0");
#else
ORASI_PLUGIN_NOTE(ID, "1.0.0");
#endif

static orasi_status create(const orasi_host *host, const char *id, const orasi_config *config, void **ret_self,
                           orasi_error *err)
{
	(void)host;
	(void)id;
	(void)config;
	(void)err;
	*ret_self = NULL;
	return ORASI_OK;
}

static void destroy(void *self)
{
	(void)self;
}

static orasi_status run(void *self, const orasi_task_run *task, orasi_str *ret, orasi_error *err)
{
	(void)self;
	(void)task;
	(void)ret;
	(void)err;
	return ORASI_OK;
}

static const orasi_task_factory factory = {
	.struct_size = sizeof(factory), .create = create, .destroy = destroy, .run = run};
static const char *const none[] = {NULL};
static const orasi_descriptor descriptor = {.struct_size = sizeof(descriptor),
                                            .kind = ORASI_KIND_TASK,
                                            .id = ID,
                                            .name = "file-" NAME,
                                            .version = "1.0.0",
                                            .summary = "Is not what it should be",
#if HOSTILE_FILE == 7
                                            .config_schema = "{\"type\":\"object\",\"anyOf\":[]}",
#else
                                            .config_schema = "{\"type\":\"object\"}",
#endif
                                            .features = none,
                                            .requires_ext = none};

TEST_PLUGIN(ID, descriptor, ORASI_TASK_FACTORY, factory)
