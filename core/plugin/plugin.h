/* SPDX-License-Identifier: Apache-2.0 */
/* Plugins as the agent sees them: files, notes, versions, states; no code of theirs is run here.
 *
 *   file appears → settles 500 ms → ELF note read → version decision → hash and copy to
 *   <cas>/<sha256>.so → scan worker describes it → active
 *
 * A file without our note is ignored. New content under the same bundle id is a new generation: running
 * attempts end on the old copy, new ones take the new. Two bundles that claim one plugin id: the later
 * is `shadowed`, unless it came with the agent: that gives way to no stranger. Every refusal keeps a sentence with the remedy. The registry survives restarts in
 * <state>/registry.json, so a known file (by hash) is not scanned again.
 *
 * Threading: loop thread only. */
#ifndef PLUGIN_PLUGIN_H
#define PLUGIN_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/metric.h"
#include "json/json.h"

struct plugin_note {
	unsigned abi_major, target_minor;
	unsigned sdk_minor; /* for messages only */
	char bundle_id[64], bundle_version[32];
};
/* Reads the note of a shared object without running it. ERR_NOTFOUND: no note, not one of ours;
 * ERR_CORRUPT: not a proper ELF file for this machine. */
int plugin_note_read(const char *path, struct plugin_note *ret, struct err *err);
/* The minor of the ABI that is offered: the newest, or less when an older agent is to be shown (--abi-minor). Once, at
 * the start. */
void plugin_set_abi_minor(unsigned minor);
unsigned plugin_abi_minor(void);
/* The one place where compatibility is decided; the sentence has both numbers and the remedy. */
int plugin_version_check(const struct plugin_note *note, struct err *err);

/* JSON Schema subset (type, properties, required, enum, const, default, minimum/maximum and exclusive
 * forms, min/maxLength, items, min/maxItems, uniqueItems, additionalProperties (default false), format
 * bytes|duration|uri|path|regex|column|timestamp, title, description, examples, x-secret).
 * Checks `value` and applies defaults in place; sizes and durations become integers (bytes, ms).
 * `errors` (a JSON array) gets {"pointer","detail"} per problem, below `pointer`. 0 or ERR_INVALID. */
int plugin_config_check(const struct json *schema, struct json *value, const char *pointer, struct json *errors);
/* Is the schema itself in the subset? For the scan of a new plugin. */
int plugin_config_schema_check(const struct json *schema, struct err *err);

struct plugin_registry;

/* Asks for a description of one file (a scan worker's job); must call plugin_registry_scanned later. */
typedef void (*plugin_scan_fn)(void *ctx, const char *cas_path);

/* Who decides what may be loaded (plugin/trust.h, docs/PLUGIN-TRUST.md). */
struct plugin_config {
	int trust; /* index into off, warn, enforce */
	const char *trust_file;
	const char *secrets; /* folder: <plugin id>/<name>; "" = none */
	size_t n_own; /* so many of `dirs`, the first, hold what came with the agent: what is in others is a stranger */
};
void plugin_configure(struct plugin_registry *registry, const struct plugin_config *config); /* before the first step */
#define SECRET_MAX 4096                                                                      /* bytes of one */
/* {"<id>":{"<name>":"<base64>"}} of what the operator laid down for the plugin; NULL: nothing, or nothing until 10 ms ago.
 * Caller frees. */
struct json *plugin_secrets(struct plugin_registry *registry, const char *id);
/* A plugin has become usable; plugin_registry_due_in has a new answer. */
struct plugin_events {
	void *ctx;
	void (*on_active)(void *ctx);
	void (*on_due)(void *ctx);
};
void plugin_on_events(struct plugin_registry *registry, const struct plugin_events *events);

/* Watches `dirs` (NULL-ended; missing ones are watched for by rescans). */
int plugin_registry_new(const char *const *dirs, const char *state_dir, plugin_scan_fn scan, void *ctx,
                        struct plugin_registry **ret, struct err *err);
void plugin_registry_free(struct plugin_registry *registry);

/* The scan worker's answer for `cas_path`: a description (see worker.h) or an error. */
void plugin_registry_scanned(struct plugin_registry *registry, const char *cas_path, const struct json *description,
                             const struct err *err);

int plugin_registry_fd(const struct plugin_registry *registry);         /* inotify: poll for reading */
void plugin_registry_step(struct plugin_registry *registry);            /* after fd is readable or when due */
int64_t plugin_registry_due_in(const struct plugin_registry *registry); /* ms, -1 = nothing timed */
void plugin_registry_rescan(struct plugin_registry *registry);
int plugin_registry_busy(const struct plugin_registry *registry); /* some file has not been judged yet */

/* By id or short name, newest active generation; kind "ingest", "index", "transform", "task" or
 * "notifier", NULL for any. NULL: unknown; `err` then
 * tells why, e.g. that a file with it was refused. The JSON object has id, name, kind, version, path
 * (CAS), features, config_schema, flags, sha256, bundle; it lives until the loop runs again. */
const struct json *plugin_find(const struct plugin_registry *registry, const char *kind, const char *id_or_name,
                               struct err *err);
/* The same for bundles with several: `plugin` may be the bundle's id, `type` (or NULL) the name of one of them. */
const struct json *plugin_find_type(const struct plugin_registry *registry, const char *kind, const char *plugin,
                                    const char *type, struct err *err);
/* The one that writes a file: by id or name, or for "auto" the one that claims the ending of `path`. As plugin_find. */
const struct json *plugin_find_encoder(const struct plugin_registry *registry, const char *id_or_name, const char *path,
                                       struct err *err);
/* Rights it asks for and was granted, as the bits of ORASI_FLAG_NEEDS_* shifted down to 1, 2, 4. 0 for an unknown one. */
unsigned plugin_rights(const struct plugin_registry *registry, const char *kind, const char *id_or_name);
/* Of a plugin that did not come with the agent: a number that stands for its file in this generation, which
 * is never given twice. 0: ours, or unknown. While it is loaded, it goes by the id of its bundle. */
int64_t plugin_stranger(const struct plugin_registry *registry, const char *kind, const char *id_or_name);
/* The same of all that are of a kind; returns how many there are, and writes `cap` of them at most. */
size_t plugin_strangers(const struct plugin_registry *registry, const char *kind, int64_t *ret, size_t cap);
/* Does it need requests over HTTP (ORASI_FLAG_NEEDS_HTTP)? */
int plugin_asks(const struct plugin_registry *registry, const char *id_or_name);
/* May it send one to this host? 0, or ERR_PERM with the remedy. */
int plugin_may_ask(const struct plugin_registry *registry, const char *id_or_name, const char *host, unsigned port,
                   struct err *err);
/* "host", "host:port", "*.domain", "*.domain:port"; without a port any is meant. */
int plugin_host_fits(const char *pattern, const char *host, unsigned port);
/* JSON array for orders: all active plugins {id,name,kind,path,features,stranger (plugin_stranger, or absent)}, or those
 * only that came with the agent, which stand first. Caller frees. */
struct json *plugin_orders(const struct plugin_registry *registry, int own_only);
/* Another number when that list is another one. */
uint64_t plugin_orders_mark(const struct plugin_registry *registry);
/* JSON array for people: every file with state, since, reason, remedy, versions, plugins. Caller frees. */
struct json *plugin_list(const struct plugin_registry *registry);

/* A worker died inside this plugin, loaded from the copy `path` (NULL: not known). Three in ten minutes quarantine the
 * generation (10 minutes, doubling) and roll back to the previous one, if any. A death of an old generation, on which an
 * attempt was still running, is only counted. */
void plugin_crashed(struct plugin_registry *registry, const char *id, const char *path, const char *function,
                    int signal);
int plugin_clear(struct plugin_registry *registry, const char *bundle_or_id, struct err *err);
/* Holds the bundle to a generation: its version or the beginning of its hash, "" is the one in use. Newer ones are held
 * back until plugin_unpin, also by the agents that start after this one. ERR_NOTFOUND. */
int plugin_pin(struct plugin_registry *registry, const char *bundle_or_id, const char *generation, struct err *err);
int plugin_unpin(struct plugin_registry *registry, const char *bundle_or_id, struct err *err);

const struct metric *plugin_metrics(struct plugin_registry *registry);
/* What plugins count themselves, from a worker (WIRE_METRICS), becomes metrics, at most 256. Each new one is told
 * to `on_new` as a table of one row, which lives as long as the registry. */
void plugin_count(struct plugin_registry *registry, const struct json *counts);
void plugin_on_count(struct plugin_registry *registry, void (*on_new)(void *ctx, const struct metric *row), void *ctx);

#endif
