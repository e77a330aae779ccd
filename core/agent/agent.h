/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon: builds the rooms in order, connects their callbacks, stops them in reverse.
 *
 * The agent never runs plugin code and never touches a data file: it keeps tasks, talks HTTP, and gives
 * orders to workers. */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "api/api.h"
#include "auth/auth.h"
#include "config/config.h"
#include "http/http.h"
#include "queue/queue.h"
#include "store/store.h"
#include "supervise/supervise.h"

struct agent_config {
	/* storage */
	char *data;
	/* plugins */
	char *plugin_path;
	int64_t abi_minor;
	int trust;
	char *trust_file, *secrets;
	/* log */
	int log_format;
	int log_level;
	/* agent */
	int64_t shutdown_grace_ms;
	/* the rooms' own */
	struct http_config http;
	struct auth_config auth;
	struct api_config api;
	struct queue_config queue;
	struct supervise_config workers;
	struct store_config store;
};

/* The sections of the configuration file, filled into one static struct. */
extern struct agent_config agent_config;
extern const struct config_section agent_sections[];
extern const struct option agent_storage_options[], agent_plugin_options[];

struct agent;

/* descriptors.c: raises the limit of open files as far as it may be; what it is too low for is taken off the connections.
 * `before`: the limit that it had. */
int agent_take_descriptors(int64_t *max_connections, int64_t *before, struct err *err);
/* Opens everything and listens. Prints one log line "agent.ready" when requests are served. */
int agent_start(const struct agent_config *config, struct agent **ret, struct err *err);
int agent_run(struct agent *agent);   /* until SIGTERM or SIGINT; the exit code */
void agent_free(struct agent *agent); /* NULL and half-made are fine */

#endif
