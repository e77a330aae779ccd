/* SPDX-License-Identifier: Apache-2.0 */
/* What a plugin gave out to be handed to it again - the state of a mark, what a transform saved, the checkpoint of a task -
 * is kept with the name of who wrote it, and goes to nobody who does not say that he reads it. */
#include <string.h>

#include "plugin/loader.h"

struct json *loader_sign_state(const struct loader_plugin *plugin)
{
	const orasi_descriptor *d = plugin->descriptor;
	struct json *by = json_new_object();

	json_set_str(by, "plugin", d->id);
	json_set_str(by, "version", d->version);
	json_set_int(by, "state_version", d->state_version);
	return by;
}

int loader_check_state(const struct loader_plugin *plugin, const struct json *by, struct err *err)
{
	const orasi_descriptor *d = plugin->descriptor;
	const char *writer = json_get_str(by, "plugin", d->id), *version = json_get_str(by, "version", "?");
	int64_t written = json_get_int(by, "state_version", d->state_version);

	if (strcmp(writer, d->id))
		return err_set(err, ERR_UNSUPPORTED,
		               "what was done before stands in a state of plugin '%.63s' (%.31s), from which '%.63s' "
		               "cannot go on: bring that plugin back, or do it anew as a new task",
		               writer, version, d->id);
	if (written < d->state_version_min || written > d->state_version)
		return err_set(err, ERR_UNSUPPORTED,
		               "what was done before stands in a state of version %lld, written by '%.63s' %.31s; its "
		               "version %.31s reads %u to %u: bring one back that reads it ('orasi plugin pin'), or do "
		               "it anew as a new task",
		               (long long)written, d->id, version, d->version, d->state_version_min, d->state_version);
	return 0;
}
