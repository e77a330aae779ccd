/* SPDX-License-Identifier: Apache-2.0 */
/* Which files this agent takes: one pure decision, and the sentence for who is not taken. docs/PLUGIN-ABI.md has the
 * policy. */
#include <stdio.h>

#include <orasi/abi.h>

#include "plugin/inside.h"

static unsigned offered = ORASI_ABI_MINOR;

static unsigned lower(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

void plugin_set_abi_minor(unsigned minor)
{
	offered = lower(minor, ORASI_ABI_MINOR);
}

unsigned plugin_abi_minor(void)
{
	return offered;
}

enum plugin_fit plugin_abi_fit(unsigned major, unsigned target_minor, unsigned host_major, unsigned host_minor)
{
	if (!major)
		return !host_major && target_minor == host_minor ? PLUGIN_FITS : PLUGIN_DRAFT;
	if (major != host_major)
		return major > host_major ? PLUGIN_MAJOR_NEWER : PLUGIN_MAJOR_OLDER;
	return target_minor <= host_minor ? PLUGIN_FITS : PLUGIN_MINOR_NEWER;
}

/* What to do, for each reason; %u is the host's major or minor. */
static const struct {
	const char *what;
	const char *remedy;
	int takes_minor;
} reasons[] = {
	[PLUGIN_DRAFT] = {", a draft", "rebuild it against SDK %u.0 or later", 0},
	[PLUGIN_MAJOR_OLDER] = {"", "rebuild it against an SDK of %u.x", 0},
	[PLUGIN_MAJOR_NEWER] = {"", "upgrade the agent, or build the plugin against an SDK of %u.x", 0},
	[PLUGIN_MINOR_NEWER] = {"", "upgrade the agent, or build the plugin with -DORASI_TARGET_MINOR=%u", 1},
};

int plugin_version_judge(const struct plugin_note *note, unsigned host_major, unsigned host_minor, struct err *err)
{
	enum plugin_fit fit = plugin_abi_fit(note->abi_major, note->target_minor, host_major, host_minor);
	char remedy[128];

	if (fit == PLUGIN_FITS)
		return 0;
	snprintf(remedy, sizeof(remedy), reasons[fit].remedy, reasons[fit].takes_minor ? host_minor : host_major);
	return err_set(err, ERR_UNSUPPORTED,
	               "bundle '%s' is built for plugin ABI %u.%u%s, this agent (" ORASI_VERSION ") offers %u.%u: %s",
	               note->bundle_id, note->abi_major, note->target_minor, reasons[fit].what, host_major, host_minor,
	               remedy);
}

int plugin_version_check(const struct plugin_note *note, struct err *err)
{
	return plugin_version_judge(note, ORASI_ABI_MAJOR, offered, err);
}
