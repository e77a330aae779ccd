/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the registry share. Inside the plugin room only.
 *
 *   registry.c   the table of files; what is due; metrics
 *   watch.c      the folders: what is there, new or gone
 *   judge.c      is it ours, may it be loaded, what is in it
 *   life.c       which generation is used: activation, rights, crashes, quarantine
 *   pin.c        generations that the operator holds on to
 *   lookup.c     answers for others
 *   secrets.c    what the operator laid down for a plugin */
#ifndef PLUGIN_REGISTRY_H
#define PLUGIN_REGISTRY_H

#include <limits.h>

#include <orasi/abi.h>

#include "base/buf.h"
#include "base/list.h"
#include "plugin/counts.h"
#include "plugin/inside.h"
#include "plugin/trust.h"

#define DIRS_MAX 16
#define CRASHES_MAX 3

enum state {
	STATE_SETTLING,
	STATE_SCANNING,
	STATE_ACTIVE,
	STATE_PREVIOUS,
	STATE_HELD, /* back by a pin */
	STATE_SHADOWED,
	STATE_REFUSED,
	STATE_QUARANTINED,
	STATES
};
extern const char *const registry_states[STATES];

/* A plugin of a description, as far as it is looked up by. */
struct offer {
	const char *id, *name, *kind;
	const struct json *plugin;
};

struct file {
	struct list link;
	struct plugin_registry *registry;
	char path[PATH_MAX], cas[PATH_MAX], sha[65];
	enum state state;
	char reason[512], remedy[128], warning[512];
	int64_t since; /* wall ms */
	struct plugin_note note;
	struct json *description; /* the scan's answer, plugins with their details */
	struct offer *offers;     /* in it */
	size_t n_offers;
	int64_t settle_at, generation, quarantined_until, quarantine_ms;
	int64_t gone_at; /* when it counts as removed, 0: it is there */
	int64_t crashes[CRASHES_MAX];
	int n_crashes, present;
	int is_own; /* it came with the agent */
};

/* The answer to a question that is asked for every task, kept until something changes. */
struct found {
	uint64_t change; /* of the registry, when it was given; 0: never */
	char kind[16], name[64];
	const struct file *file, *of_bundle; /* in use: the one that has it, and the bundle of that name */
	const struct file *other;            /* the last that has it, or is that bundle, in use or not */
	const struct json *plugin;           /* in `file` */
	int64_t flags;                       /* its ORASI_FLAG_* */
};

#define FOUND_KEPT 64
struct answers {
	struct found found[FOUND_KEPT]; /* by hash of the question */
	struct found odd;               /* to what is too long to be kept */
	struct found *last;             /* the next question is mostly the same */
	uint64_t mark, mark_change;     /* plugin_orders_mark */
};

#define NO_SECRETS_KEPT 16
struct no_secrets {
	char id[64];
	int64_t seen_ms; /* monotonic, when it had none */
};

struct plugin_registry {
	const char *const *dirs;
	char state_dir[PATH_MAX];
	int fd, watches[DIRS_MAX];
	struct list files;
	uint64_t changes; /* of what is in use */
	struct answers *answers;
	struct json *known; /* sha → description */
	struct json *pins;  /* bundle → {"sha256", "version", "path"} */
	plugin_scan_fn scan;
	void *ctx;
	int64_t generations;
	_Atomic int64_t active, refused, scanned, crashed;
	struct metric metrics[5 + STATES];
	struct counts counts;
	struct plugin_config config;
	struct plugin_events events;
	struct no_secrets no_secrets[NO_SECRETS_KEPT]; /* by hash of the id */
	struct state_count {
		struct plugin_registry *registry;
		int state;
		char labels[32];
	} states[STATES];
};

/* ---- the table: registry.c --------------------------------------------------------------------------------------- */

struct file *registry_add(struct plugin_registry *reg, const char *path); /* NULL: out of memory */
void registry_file_free(struct file *file);
void registry_describe(struct file *file, struct json *description); /* takes it over */
void registry_enter(struct file *file, enum state state, const char *reason, const char *remedy);
void registry_refuse(struct plugin_registry *reg, struct file *file, const char *reason);
void registry_tell_due(struct plugin_registry *reg);
void registry_change(struct plugin_registry *reg); /* answers that were given before may be wrong now */

/* ---- judge.c ----------------------------------------------------------------------------------------------------- */

void registry_judge(struct plugin_registry *reg, struct file *file); /* it has settled; may free it */
/* 0, or ERR_PERM; with trust "warn" the sentence becomes the file's warning. */
int registry_check_trust(const struct plugin_registry *reg, struct file *file, const struct buf *bytes,
                         struct err *err);

/* ---- life.c ------------------------------------------------------------------------------------------------------ */

/* Were all the rights that its plugins ask for granted? ERR_PERM with the remedy. */
int registry_check_rights(const struct plugin_registry *reg, const struct file *file, struct err *err);
void registry_activate(struct plugin_registry *reg, struct file *file); /* if nothing speaks against it */
void registry_count_active(struct plugin_registry *reg);
/* The plugin of a file by id or name; NULL: it has none. */
const struct json *registry_find_in(const struct file *file, const char *kind, const char *name);
/* Another bundle that has one of its ids already; of a stranger also ours of the same name. */
struct file *registry_find_rival(struct plugin_registry *reg, const struct file *mine);

/* ---- watch.c ----------------------------------------------------------------------------------------------------- */

void registry_read_events(struct plugin_registry *reg);
void registry_forget_missing(struct plugin_registry *reg);

/* ---- pin.c ------------------------------------------------------------------------------------------------------- */

void registry_load_pins(struct plugin_registry *reg); /* and brings the generations back that they hold */
/* The file in use that a pin holds the bundle to, or NULL. */
const struct file *registry_pinned(const struct plugin_registry *reg, const char *bundle);

#endif
