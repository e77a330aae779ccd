/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks whose plugin is away: removed, refused, in quarantine, not scanned yet. They were accepted while it was there, so
 * they wait instead of failing: the attempt does not count, the reason stands with it, and when a plugin becomes usable
 * all of them are called again at once. */
#include "supervise/inside.h"

#include <string.h>

#include "base/clock.h"
#include "catalog/catalog.h"
#include "plugin/plugin.h"

#define WAIT_MIN_MS 1000
#define WAIT_MAX_MS 60000

static int is_there(struct supervise *sup, const char *kind, const char *name, struct err *err)
{
	struct err why;

	if (plugin_find(sup->env.plugins, kind, name, &why))
		return 0;
	return err_set(err, ERR_BUSY, "the task waits for its plugin: %.440s", why.text);
}

/* An index that is not known fails later, and says so. */
static int is_index_there(struct supervise *sup, const struct json *body, struct err *err)
{
	const struct catalog_index *index =
		catalog_index(sup->env.catalog, json_get_str(body, "dataset", ""), json_get_str(body, "index", ""));

	return index ? is_there(sup, "index", index->plugin, err) : 0;
}

static int are_formats_there(struct supervise *sup, const char *kind, const struct json *body, struct err *err)
{
	const struct json *steps = json_get(body, "transform");
	const char *format = json_str(json_pointer(body, "/format/plugin"), "auto");
	int r = 0;

	if (!strcmp(kind, "export"))
		return is_there(sup, "ingest", format, err);
	if (strcmp(format, "auto"))
		r = is_there(sup, "ingest", format, err);
	for (size_t i = 0; i < json_count(steps) && !r; i++)
		r = is_there(sup, "transform", json_get_str(json_at(steps, i), "name", ""), err);
	return r;
}

int missing_plugin(struct supervise *sup, const char *kind, const struct json *body, struct err *err)
{
	if (!strcmp(kind, "custom"))
		return is_there(sup, "task", json_get_str(body, "plugin", ""), err);
	if (!strcmp(kind, "notify"))
		return is_there(sup, "notifier", json_get_str(body, "plugin", ""), err);
	if (!strcmp(kind, "index"))
		return is_index_there(sup, body, err);
	return !strcmp(kind, "ingest") || !strcmp(kind, "export") ? are_formats_there(sup, kind, body, err) : 0;
}

int64_t missing_wait(struct supervise *sup, const struct task *task)
{
	int64_t wait = (clock_wall_ms() - task->created_at) / 4;

	if (sup->n_waiters < WAITERS_MAX)
		sup->waiters[sup->n_waiters++] = task->id;
	return wait < WAIT_MIN_MS ? WAIT_MIN_MS : wait > WAIT_MAX_MS ? WAIT_MAX_MS : wait;
}

/* Those that are not waiting any more do not mind. */
void supervise_on_plugin(struct supervise *sup)
{
	size_t n = sup->n_waiters;

	sup->n_waiters = 0;
	for (size_t i = 0; i < n && sup->queue && !sup->stopping; i++)
		queue_reschedule(sup->queue, sup->waiters[i], clock_wall_ms(), -1, NULL, NULL);
}
