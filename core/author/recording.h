/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings of `run`: how reads were cut, and what came of every batch. A replay cuts reads in the same way and says
 * where something else comes out. */
#ifndef AUTHOR_RECORDING_H
#define AUTHOR_RECORDING_H

#include "author.h"

struct recording {
	struct json *made;       /* NULL: nothing is recorded */
	struct json *reads;      /* sizes, of what is recorded */
	const struct json *held; /* against what is replayed, or NULL */
	size_t n;                /* noted */
	int differs;
};

/* What --record and --replay say; 0 or an AUTHOR_ code. `plugin`: the id of what is run. */
int recording_open(struct recording *recording, const struct typed *typed, const char *plugin);
/* Rows of a batch of the recording that is replayed; else `otherwise`. */
int64_t recording_batch(const struct recording *recording, int64_t otherwise);
const struct json *recording_script(const struct recording *recording);
int recording_wanted(const struct recording *recording);
/* What came of the next step; takes it over. */
void recording_note(struct recording *recording, struct json *one);
/* The file is written; 0, or AUTHOR_FAILED when a replay came to something else. */
int recording_close(struct recording *recording, const struct typed *typed);

void recording_hash(struct json *one, const char *key, uint64_t hash);

#endif
