/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's own options, and the list of all sections. */
#include "agent/agent.h"

#include <stddef.h>

#define OWN(field) offsetof(struct agent_config, field)

struct agent_config agent_config;

static const char *const log_formats[] = {"text", "json", NULL};
static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};

const struct option agent_storage_options[] = {
	{"data", OPTION_STR, OWN(data), ORASI_LOCALSTATEDIR "/lib/orasi", 0, 0, NULL,
         "Folder for everything that must survive: the store, datasets, uploads, plugin copies."},
	OPTION_END,
};

static const char *const trust_modes[] = {"off", "warn", "enforce", NULL};

const struct option agent_plugin_options[] = {
	{"path", OPTION_STR, OWN(plugin_path), "", 0, 0, NULL,
         "Folders with plugins, separated by ':'. Empty: the installed ones (or those of the build tree the\n"
         "agent runs from) and <data>/plugins/local. They are watched: dropping a file in is enough. What lies in the\n"
         "first one is taken to have come with the agent; see docs/PLUGIN-TRUST.md."},
	{"trust", OPTION_ENUM, OWN(trust), "off", 0, 0, trust_modes,
         "Which files may be loaded. off: all in the folders above; warn: all, but the log and the list of\n"
         "plugins tell which are not trusted; enforce: only those that the trust file lists or whose signature\n"
         "it accepts, in folders that nobody else can write. See docs/PLUGIN-TRUST.md."},
	{"trust_file", OPTION_STR, OWN(trust_file), ORASI_SYSCONFDIR "/orasi/trust.json", 0, 0, NULL,
         "The operator's list of hashes, keys, revocations and granted rights."},
	{"secrets", OPTION_STR, OWN(secrets), "", 0, 0, NULL,
         "Folder with secrets for plugins: <plugin id>/<name>, files of mode 0600. Empty: <data>/secrets."},
	{"abi_minor", OPTION_INT, OWN(abi_minor), "99", 0, 99, NULL,
         "Offer plugins no newer ABI than this minor, as an older agent would: for testing plugins."},
	OPTION_END,
};

static const struct option log_options[] = {
	{"format", OPTION_ENUM, OWN(log_format), "text", 0, 0, log_formats,
         "One line per event on stderr, as key=value text or as JSON."},
	{"level", OPTION_ENUM, OWN(log_level), "info", 0, 0, log_levels, "The least that is logged."},
	OPTION_END,
};

static const struct option own_options[] = {
	{"shutdown_grace", OPTION_DURATION, OWN(shutdown_grace_ms), "10s", 0, 3600000, NULL,
         "How long running requests and attempts may take to end after SIGTERM. Attempts that do not\n"
         "are started again at the next start."},
	OPTION_END,
};

const struct config_section agent_sections[] = {
	{"agent", own_options, &agent_config, "The agent itself."},
	{"storage", agent_storage_options, &agent_config, "Where things are kept."},
	{"http", http_options, &agent_config.http, "The HTTP server."},
	{"auth", auth_options, &agent_config.auth, "Who may use it."},
	{"api", api_options, &agent_config.api, "The API behind it."},
	{"queue", queue_options, &agent_config.queue, "Tasks that wait."},
	{"workers", supervise_options, &agent_config.workers, "Worker processes."},
	{"callbacks", supervise_callback_options, &agent_config.workers, "Ends of tasks told to a URL."},
	{"store", store_options, &agent_config.store, "The SQLite store."},
	{"plugins", agent_plugin_options, &agent_config, "Plugins."},
	{"log", log_options, &agent_config, "Logs."},
	CONFIG_END,
};
