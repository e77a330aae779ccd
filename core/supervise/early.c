/* SPDX-License-Identifier: Apache-2.0 */
/* Work that begins before its task is on disk (queue/early.c), so that a short task need not wait for the fsync of its own
 * submit. The submit may still be refused, by a full disk for instance, and then nothing may have happened. So it is for
 * tasks of plugins that reach nothing but their answer: with no right to the network, no request over HTTP, no file of
 * others. What they say is held by the queue, and their walls hold the rest. And it is for workers that are idle: under
 * load it is cheaper to wait, and to send many at once. */
#include "plugin/plugin.h"
#include "supervise/kind.h"

static int reaches_nothing(const struct supervise *sup, const char *plugin)
{
	return !plugin_rights(sup->env.plugins, "task", plugin) && !plugin_asks(sup->env.plugins, plugin);
}

static int is_idle(const struct supervise *sup, const char *plugin)
{
	struct strangers coming = {{plugin_stranger(sup->env.plugins, "task", plugin)}, 1};

	return pool_is_idle(sup, 0, &coming);
}

int early_may_start(struct supervise *sup, const struct task *task, struct json **ret_body)
{
	const struct kind *kind = kind_find(task->kind);
	struct json *body = NULL;

	if (!kind || !kind->is_early || !pool_is_idle(sup, 0, NULL) || kind_read_body(kind, task, &body, NULL))
		return 0;
	if (!is_idle(sup, json_get_str(body, "plugin", "")) || missing_plugin(sup, task->kind, body, NULL) ||
	    !reaches_nothing(sup, json_get_str(body, "plugin", ""))) {
		json_free(body);
		return 0;
	}
	*ret_body = body;
	return 1;
}
