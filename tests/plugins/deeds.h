/* SPDX-License-Identifier: Apache-2.0 */
/* A task with a table of deeds, of which its configuration names one. */
#ifndef TEST_DEEDS_H
#define TEST_DEEDS_H

#include "plugins/doer.h"

typedef orasi_status (*deed_fn)(struct doer *h, const orasi_task_run *run, orasi_str *ret, orasi_error *err);
#define DEED(name)                                                                  \
	static orasi_status name(struct doer *h __attribute__((unused)),            \
	                         const orasi_task_run *run __attribute__((unused)), \
	                         orasi_str *ret __attribute__((unused)), orasi_error *err __attribute__((unused)))

struct deed {
	const char *name;
	deed_fn fn;
};

/* The end of the file: `table` is its deeds, `result` the schema of what they answer. */
#define DEEDS_PLUGIN(bundle, called, says, with_flags, table, result)                                          \
	static orasi_status deeds_create(const orasi_host *host, const char *id, const orasi_config *config,   \
	                                 void **ret_self, orasi_error *err)                                    \
	{                                                                                                      \
		(void)id;                                                                                      \
		return doer_new(sizeof(struct doer), host, config, ret_self, err);                             \
	}                                                                                                      \
	static orasi_status deeds_run(void *self, const orasi_task_run *run, orasi_str *ret, orasi_error *err) \
	{                                                                                                      \
		for (size_t i = 0; i < sizeof(table) / sizeof((table)[0]); i++)                                \
			if (doer_is(self, (table)[i].name))                                                    \
				return (table)[i].fn(self, run, ret, err);                                     \
		return test_fail(err, ORASI_E_CONFIG, "no such deed");                                         \
	}                                                                                                      \
	static const char *deeds_result(const char *id)                                                        \
	{                                                                                                      \
		(void)id;                                                                                      \
		return result;                                                                                 \
	}                                                                                                      \
	static const orasi_task_factory deeds_factory = {.struct_size = sizeof(deeds_factory),                 \
	                                                 .result_schema = deeds_result,                        \
	                                                 .create = deeds_create,                               \
	                                                 .destroy = free,                                      \
	                                                 .run = deeds_run};                                    \
	static const char *const deeds_none[] = {NULL};                                                        \
	static const orasi_descriptor deeds_descriptor = {.struct_size = sizeof(deeds_descriptor),             \
	                                                  .kind = ORASI_KIND_TASK,                             \
	                                                  .id = bundle,                                        \
	                                                  .name = called,                                      \
	                                                  .version = "1.0.0",                                  \
	                                                  .summary = says,                                     \
	                                                  .config_schema = DOER_CONFIG,                        \
	                                                  .flags = with_flags,                                 \
	                                                  .features = deeds_none,                              \
	                                                  .requires_ext = deeds_none};                         \
	TEST_PLUGIN(bundle, deeds_descriptor, ORASI_TASK_FACTORY, deeds_factory)

#endif
