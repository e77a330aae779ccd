/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at the files by day beside the database of the rig. */
#ifndef TESTS_QUEUE_ARCHIVE_H
#define TESTS_QUEUE_ARCHIVE_H

#include "queue/rig.h"

#define MINUTE 60000
#define DAY (24 * 3600 * (int64_t)1000)

const char *beside(const char *name); /* the path of a file in that folder; until the next call */
size_t files(void);                   /* by day */
int64_t ask_file(const char *file, const char *sql);
int64_t in_database(void); /* tasks */
void in_store(const char *sql);
void sweep(void); /* until nothing is left to move */
int is_gone(int64_t id);
int64_t end_one(struct task_spec spec, int code); /* puts and ends one */
/* "12 11 9 …": the ids of all that match, read in pages; in the arena. */
const char *ids_of(struct queue_filter filter, size_t limit);

#endif
