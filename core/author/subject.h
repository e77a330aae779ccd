/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin file that is looked at, loaded into this process. What is loaded stays until the process ends. */
#ifndef AUTHOR_SUBJECT_H
#define AUTHOR_SUBJECT_H

#include <orasi/plugin.h>

#include "base/err.h"
#include "plugin/plugin.h"
#include "plugin/shape.h"
#include "json/json.h"

struct subject {
	const char *path;
	struct plugin_note note;
	const orasi_entry *entry;
	const orasi_descriptor *descriptor; /* the one that was chosen */
	const orasi_ingest_factory *ingest;
	const orasi_encode_factory *encode;
	const orasi_index_factory *index;
	const orasi_transform_factory *transform;
	const orasi_task_factory *task;
	const orasi_notifier_factory *notifier;
	struct json *schema;  /* of its options */
	const char *function; /* that runs now or ran last */
};

/* Loads the file and takes its entry; nothing of it was called but the entry. */
int subject_load(struct subject *s, const char *path, struct err *err);
/* After init: the plugin of that id or name, NULL: the first. */
int subject_choose(struct subject *s, const char *id_or_name, struct err *err);
/* The descriptor's problem, NULL when it is complete. */
const char *subject_flaw(const orasi_descriptor *d);
const char *kind_name(uint32_t kind); /* "ingest"; NULL: no such kind */

#endif
