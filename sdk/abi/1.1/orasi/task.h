/* SPDX-License-Identifier: Apache-2.0 */
/* Task plugins: kinds of work of your own, run by the queue. Each descriptor of a bundle is one task type, named by
 * its `name`; POST /v1/tasks {"kind":"custom","plugin":…,"type":…,"config":{…}} asks for it.
 *
 * create → run → destroy: an instance runs once.
 *
 * A task may run more than once: an attempt dies, the next one begins. So effects outside of the host must be
 * harmless when repeated; `task_id` is the same in all attempts and serves as the key. What is long says
 * job->checkpoint now and then and goes on from there. job->cancel_flag is looked at every 100 ms. */
#ifndef ORASI_TASK_H
#define ORASI_TASK_H

#include <orasi/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ORASI_TASK_FACTORY "orasi.factory.task/1"

/* Valid during run. */
typedef struct orasi_task_run {
	uint32_t struct_size;
	uint32_t attempt; /* 1, 2, … */
	orasi_str task_id;
	/* The last one that became durable, or empty: at most 64 KiB. Of another version perhaps: what it cannot be gives
	 * ORASI_E_STATE. */
	orasi_bytes checkpoint;
} orasi_task_run;

typedef struct orasi_task_factory {
	uint32_t struct_size, reserved;
	/* [any] or NULL. JSON Schema (the subset of configurations) that results are checked by; gives NULL: any
	 * JSON object. Static storage. */
	const char *(*result_schema)(const char *id);
	/* [inst] ORASI_E_NOTFOUND for an id that this bundle does not describe. */
	orasi_status (*create)(const orasi_host *host, const char *id, const orasi_config *config, void **ret_self,
	                       orasi_error *err);
	void (*destroy)(void *self); /* [inst] NULL is fine */
	/* [inst] The whole work. *ret_result: a JSON object, at most 1 MiB, the plugin's memory until destroy; left empty it
	 * is {}. */
	orasi_status (*run)(void *self, const orasi_task_run *run, orasi_str *ret_result, orasi_error *err);
	const void *(*get_extension)(void *self, const char *id); /* [any] or NULL; gives NULL when unknown */
} orasi_task_factory;

#ifdef __cplusplus
}
#endif
#endif
