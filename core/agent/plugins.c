/* SPDX-License-Identifier: Apache-2.0 */
/* The plugins' folders: which they are, who looks at them and when, and the workers that describe what is new there. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/inside.h"
#include "base/str.h"

/* No task starts, and nobody is told that we are ready, before the plugins that lay there at the start are known: a first
 * task would fail for the want of a plugin that is about to be there. */
static void look_at_plugins(struct agent *agent)
{
	loop_timer_set(agent->plugin_timer, plugin_registry_due_in(agent->plugins));
	if (!agent->ready && agent->http && !plugin_registry_busy(agent->plugins))
		agent_ready(agent);
}

void agent_step_plugins(struct agent *agent)
{
	plugin_registry_step(agent->plugins);
	look_at_plugins(agent);
}

static void on_plugin_news(void *ctx)
{
	agent_step_plugins(ctx);
}

struct scan {
	struct agent *agent;
	char path[PATH_MAX];
};

static void on_scanned(void *ctx, const struct json *result, const struct err *err)
{
	struct scan *scan = ctx;

	plugin_registry_scanned(scan->agent->plugins, scan->path, result, err);
	look_at_plugins(scan->agent);
	free(scan);
}

/* A plugin is described by a worker that is thrown away afterwards. */
static void scan_plugin(void *ctx, const char *path)
{
	struct agent *agent = ctx;
	struct scan *scan = calloc(1, sizeof(*scan));
	struct json *order = json_new_object();
	struct err err = {0};

	if (!scan) {
		json_free(order);
		return;
	}
	scan->agent = agent;
	str_copy(scan->path, sizeof(scan->path), path);
	json_set_str(order, "path", path);
	if (supervise_call(agent->supervise, "scan", order, on_scanned, scan, &err))
		on_scanned(scan, NULL, &err);
}

static void add_plugin_dir(struct agent *agent, char *dir)
{
	size_t n = 0;

	while (agent->plugin_dirs[n])
		n++;
	if (n < PLUGIN_DIRS_MAX && *dir)
		agent->plugin_dirs[n] = dir;
}

/* In a build tree every plugin has a folder of its own, with the .so in .libs. */
static void default_plugin_path(const struct agent *agent, char *ret, size_t cap)
{
	char pattern[2 * PATH_MAX];
	glob_t own = {0};
	size_t n = 0;

	snprintf(pattern, sizeof(pattern), "%s/plugins/*/.libs", agent->here);
	if (glob(pattern, 0, NULL, &own))
		n = (size_t)snprintf(ret, cap, "%s:", ORASI_PLUGINDIR);
	for (size_t i = 0; i < own.gl_pathc; i++)
		n += (size_t)snprintf(ret + n, n < cap ? cap - n : 0, "%s:", own.gl_pathv[i]);
	snprintf(ret + n, n < cap ? cap - n : 0, "%s/plugins/local", agent->data);
	globfree(&own);
}

/* Those before <data>/plugins/local, which is for strangers; of a path that the operator has set the first one. */
static size_t count_own_dirs(const struct agent *agent)
{
	char local[PATH_MAX + 16];
	size_t n = 0;

	snprintf(local, sizeof(local), "%s/plugins/local", agent->data);
	while (agent->plugin_dirs[n] && strcmp(agent->plugin_dirs[n], local) != 0)
		n++;
	return n && *agent->config->plugin_path ? 1 : n;
}

static void find_plugin_dirs(struct agent *agent)
{
	char *text = agent->plugin_dirs_text, *dir, *next = text;

	if (*agent->config->plugin_path)
		str_copy(text, sizeof(agent->plugin_dirs_text), agent->config->plugin_path);
	else
		default_plugin_path(agent, text, sizeof(agent->plugin_dirs_text));
	while ((dir = strsep(&next, ":")))
		add_plugin_dir(agent, dir);
	agent->n_own_dirs = count_own_dirs(agent);
}

static void on_plugin_active(void *ctx)
{
	struct agent *agent = ctx;

	supervise_on_plugin(agent->supervise);
}

static void on_plugin_due(void *ctx)
{
	struct agent *agent = ctx;

	if (agent->plugin_timer)
		loop_timer_set(agent->plugin_timer, plugin_registry_due_in(agent->plugins));
}

static void configure_plugins(struct agent *agent)
{
	struct plugin_events events = {agent, on_plugin_active, on_plugin_due};
	struct plugin_config config = {agent->config->trust, agent->config->trust_file, agent->config->secrets,
	                               agent->n_own_dirs};

	if (!*config.secrets) {
		snprintf(agent->secrets, sizeof(agent->secrets), "%s/secrets", agent->data);
		config.secrets = agent->secrets;
	}
	plugin_configure(agent->plugins, &config);
	plugin_on_events(agent->plugins, &events);
}

int agent_open_plugins(struct agent *agent, struct err *err)
{
	char state[PATH_MAX + 16];
	int r;

	plugin_set_abi_minor((unsigned)agent->config->abi_minor);
	snprintf(state, sizeof(state), "%s/plugins", agent->data);
	find_plugin_dirs(agent);
	r = plugin_registry_new(agent->plugin_dirs, state, scan_plugin, agent, &agent->plugins, err);
	if (!r)
		configure_plugins(agent);
	if (!r)
		r = loop_timer_new(agent->loop, on_plugin_news, agent, &agent->plugin_timer, err);
	if (!r)
		r = loop_watch_new(agent->loop, plugin_registry_fd(agent->plugins), on_plugin_news, agent,
		                   &agent->plugin_watch, err);
	return r;
}
