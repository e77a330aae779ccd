/* SPDX-License-Identifier: Apache-2.0 */
/* An ingest whose format is found by content may need another worker: one with the rights of that format's plugin. The
 * worker that found it cannot be believed more than that: it names a unit and a plugin, each unit once, and the plugin is
 * one that the agent knows and that was granted its rights. In the other worker it is the named format of that unit. */
#include "supervise/kind.h"

#include <string.h>

#include "base/log.h"
#include "plugin/plugin.h"

/* Transforms run in the same worker as the format, and might have said what suits them. */
static int check(struct supervise *sup, const struct task *task, const struct json *body, const struct json *again,
                 const struct json *found, struct err *err)
{
	const char *plugin = json_get_str(again, "plugin", NULL);
	int64_t unit = json_get_int(again, "unit", -1), units = (int64_t)json_count(json_pointer(body, "/source/uris"));

	if (strcmp(task->kind, "ingest") != 0 || json_type(again) != JSON_OBJECT ||
	    strcmp(json_str(json_pointer(body, "/format/plugin"), "auto"), "auto") != 0)
		return err_set(err, ERR_INTERNAL, "the worker asks for another order out of turn");
	if (plugin && json_count(json_get(body, "transform")))
		return err_set(err, ERR_PERM,
		               "a source looks like the format '%.100s', whose plugin has rights: name it with "
		               "format.plugin, since the transforms of the task will run beside it",
		               plugin);
	if (!plugin) /* goes on without */
		return found ? 0 : err_set(err, ERR_INTERNAL, "the worker asks for the same order again");
	if (unit <= json_get_int(found, "last", -1) || unit >= (units ? units : 1))
		return err_set(err, ERR_INTERNAL, "the worker asks for another order out of turn");
	return plugin_find(sup->env.plugins, "ingest", plugin, err) ? 0 : err->code;
}

int again_take(struct supervise *sup, const struct task *task, const struct json *body, const struct json *result,
               struct json **found, struct err *err)
{
	const struct json *again = json_get(result, "again");
	struct json *next;

	if (!again)
		return 0;
	if (check(sup, task, body, again, *found, err))
		return err->code;
	next = json_copy(again);
	json_set_int(next, "last", json_get_int(again, "unit", json_get_int(*found, "last", -1)));
	json_free(*found);
	*found = next;
	if (json_get(again, "plugin"))
		log_info("task.format", LOG_INT("task", task->id), LOG_STR("plugin", json_get_str(again, "plugin", "")),
		         LOG_STR("effect", "it is read by a worker with the rights of this plugin"));
	return 1;
}
