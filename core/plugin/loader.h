/* SPDX-License-Identifier: Apache-2.0 */
/* Plugins as a worker sees them: loaded by libltdl, asked for their factories, called under watch. Linked into the
 * worker only. What is loaded stays until the process ends: plugins leave behind release callbacks, thread-local
 * data and runtimes that do not survive a dlclose.
 *
 * Threading: one loader per process, one thread. */
#ifndef PLUGIN_LOADER_H
#define PLUGIN_LOADER_H

#include <pthread.h>

#include <orasi/plugin.h>

#include "base/buf.h"
#include "base/err.h"
#include "json/json.h"

struct kv;
struct loader;
struct wire_page;

struct loader_plugin {
	const orasi_descriptor *descriptor;
	const orasi_entry *entry;
	const orasi_ingest_factory *ingest;       /* of kind ingest */
	const orasi_encode_factory *encode;       /* if it encodes */
	const orasi_index_factory *index;         /* of kind index */
	const orasi_transform_factory *transform; /* one of these three, of its kind */
	const orasi_task_factory *task;
	const orasi_notifier_factory *notifier;
	struct json **defaults;      /* of its options, once they were asked for */
	struct json **result_schema; /* likewise */
};

/* `plugins` is the order's list; it is copied. */
int loader_new(struct wire_page *page, struct loader **ret, struct err *err);
/* Which strangers of that list ("stranger") may be loaded: an array of their numbers, which the loader copies; NULL: none. */
void loader_set_strangers(struct loader *loader, const struct json *strangers);
void loader_set_plugins(struct loader *loader, const struct json *plugins);
/* Has it loaded what is not listed any more, an old generation? It cannot be unloaded: the process should be replaced. */
int loader_is_stale(const struct loader *loader);
/* Loads the file if it is not there yet. `kind` is "ingest", "index", "transform", "task" or "notifier". */
int loader_find(struct loader *loader, const char *kind, const char *id_or_name, const struct loader_plugin **ret,
                struct err *err);
/* Of all instances made from now on: bytes that the mem extension gives out at most, 0 = no limit; when the attempt runs out
 * of time, monotonic ns, 0 = never. */
void loader_set_limits(struct loader *loader, int64_t memory, int64_t deadline_ns);
/* The order's cancel flag; NULL without a page. */
const volatile int32_t *loader_cancel_flag(const struct loader *loader);
/* All that are listed of a kind, loaded; those that cannot be are left out. */
size_t loader_all(struct loader *loader, const char *kind, const struct loader_plugin **ret, size_t cap);
/* A description of one file for the registry (see worker.h), for the scan role. */
int loader_describe(struct loader *loader, const char *path, struct json **ret, struct err *err);

/* ---- calling --------------------------------------------------------------------------------------------------- */

/* What the crash page said before. Calls nest: a plugin's call into us may make us call another plugin. */
struct loader_frame {
	char plugin[64], function[32];
};
/* Notes in the crash page that `function` of the plugin is about to run, and that it has come back. */
void loader_enter(struct loader *loader, const struct loader_plugin *plugin, const char *function,
                  struct loader_frame *ret_before);
void loader_leave(struct loader *loader, const struct loader_frame *before);
/* r = loader_call(loader, plugin, "next", factory->next(…)) */
#define loader_call(loader, plugin, function, expression)                      \
	(__extension__({                                                       \
		struct loader_frame loader_before_;                            \
		orasi_status loader_r_;                                        \
		loader_enter((loader), (plugin), (function), &loader_before_); \
		loader_r_ = (expression);                                      \
		loader_leave((loader), &loader_before_);                       \
		loader_r_;                                                     \
	}))
/* The same for functions that return nothing. */
#define loader_call_void(loader, plugin, function, expression) \
	((void)loader_call((loader), (plugin), (function), ((expression), ORASI_OK)))
/* A status into our codes and a sentence that names plugin and function. A failure without a sentence, or a status
 * that does not belong there, is the plugin's fault and said so. */
int loader_fail(const struct loader_plugin *plugin, const char *function, orasi_status status, const orasi_error *error,
                struct err *err);

/* What the results of a task plugin must be; it stays the loader's. NULL: anything. */
int loader_result_schema(const struct loader_plugin *plugin, const struct json **ret, struct err *err);

/* ---- states ------------------------------------------------------------------------------------------------------ */

/* Who writes the states that this plugin gives out: {"plugin","version","state_version"}; the caller frees. */
struct json *loader_sign_state(const struct loader_plugin *plugin);
/* Whether the plugin may be handed a state that `by` has signed: its own, and of a version that it says it reads. What an
 * earlier agent has kept without a signature (NULL) it has to judge itself. ERR_UNSUPPORTED. */
int loader_check_state(const struct loader_plugin *plugin, const struct json *by, struct err *err);

/* ---- what plugins may ask of us ---------------------------------------------------------------------------------- */

/* What all plugins of one order share. Belongs to the caller, until the next loader_set_attempt. */
struct loader_attempt {
	const char *trace;          /* W3C traceparent, may be "" */
	const struct json *secrets; /* {"<plugin id>":{"<name>":"<base64>"}} or NULL */
	struct json *next;          /* array that submitted tasks are pushed to; NULL: no such extension */
	/* Of a task, by this plugin (or NULL, when it calls by the host of its init): durable when it returns 0. NULL: none. */
	int (*on_checkpoint)(void *ctx, const struct loader_plugin *plugin, orasi_bytes state, struct err *err);
	struct kv *kv; /* the state of the order's plugin; NULL: no such extension */
	/* A request over HTTP (blob/fetch.h): its answer, the caller's. NULL: none may be made. */
	int (*on_ask)(void *ctx, const struct json *request, struct json **ret, struct err *err);
	void *ctx;
};
void loader_set_attempt(struct loader *loader, const struct loader_attempt *attempt); /* NULL: none; copied */
/* What plugins have counted since the last time: {"<plugin id>":{"<name>":{"type","help","value"}}}; the caller frees.
 * NULL: nothing. */
struct json *loader_take_metrics(struct loader *loader);

/* The host of one instance: where its rejects, logs and progress go. The caller owns it, as long as the instance. */
struct loader_host {
	orasi_host host;
	struct loader *loader;
	const struct loader_plugin *plugin; /* whose instance it is, see loader_host_for */
	orasi_host_job job;
	orasi_status (*on_reject)(void *ctx, const orasi_rejected *rejected); /* NULL: no such extension */
	void (*on_progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
	const char *scratch; /* folder for scratch files, NULL: none */
	int64_t memory_used, memory_max;
	int scratch_fds[16];
	pthread_t thread;           /* that made it: the one that calls the plugin */
	uint8_t *secret;            /* the one that was asked for last: SECRET_MAX bytes, wiped at the end */
	struct host_answer *answer; /* to the last request over HTTP */
};
void loader_host_init(struct loader_host *host, struct loader *loader, const char *scratch, int attempt,
                      int64_t memory_max);
/* The host is for an instance of `plugin`. ERR_UNSUPPORTED when the plugin requires what is not offered. */
int loader_host_for(struct loader_host *host, const struct loader_plugin *plugin, struct err *err);
void loader_host_done(struct loader_host *host); /* fine on a zeroed one, and twice */

/* The options of an instance, for its create: those in `json` (an object, or NULL), and the defaults of the others. */
struct loader_config {
	orasi_config config;
	struct json *json;
	struct buf text;
};
void loader_config_init(struct loader_config *config, const struct loader_plugin *plugin, const struct json *json);
void loader_config_done(struct loader_config *config); /* fine on a zeroed one */

#endif
