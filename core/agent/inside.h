/* SPDX-License-Identifier: Apache-2.0 */
/* Shared inside the agent's room only: the agent whole, and what the files beside agent.c do for it. */
#ifndef AGENT_INSIDE_H
#define AGENT_INSIDE_H

#include <limits.h>

#include "agent/agent.h"
#include "base/id.h"
#include "catalog/catalog.h"
#include "health/health.h"
#include "loop/loop.h"
#include "plugin/plugin.h"

#define PLUGIN_DIRS_MAX 16

struct agent {
	const struct agent_config *config;
	struct supervise_config workers; /* with the program found */
	char data[PATH_MAX], program[PATH_MAX], here[PATH_MAX], id[UUID_LEN];
	char plugin_dirs_text[4 * PATH_MAX], secrets[PATH_MAX + 16];
	const char *plugin_dirs[PLUGIN_DIRS_MAX + 1];
	size_t n_own_dirs; /* of these: they came with the agent */
	struct loop *loop;
	struct loop_wake *store_wake;
	struct loop_timer *queue_timer, *plugin_timer;
	struct loop_watch *plugin_watch;
	struct loop_signal *on_term, *on_int, *on_hup;
	struct store *store;
	struct catalog *catalog;
	struct supervise *supervise;
	struct queue *queue;
	struct plugin_registry *plugins;
	struct health *health;
	struct api *api;
	struct http_server *http;
	struct auth *auth;
	struct loop_watch *auth_watch;
	int ready; /* the plugins are known: tasks may start */
	int stopping, stopped;
};

/* agent.c: once, as soon as the plugins are known. Tasks may start from here on, and everybody is told. */
void agent_ready(struct agent *agent);

/* plugins.c */
int agent_open_plugins(struct agent *agent, struct err *err);
void agent_step_plugins(struct agent *agent); /* looks at the folders, and at what their scans have found */

/* access.c */
int agent_needs_auth(const struct agent_config *config); /* 0: everybody may do everything, nothing is asked */
int agent_open_auth(struct agent *agent, struct err *err);

/* address.c: <data>/agent.address says where the agent of a data folder answers, for programs that know the folder. */
int agent_write_address(const struct agent *agent, struct err *err);
void agent_remove_address(const struct agent *agent);

#endif
