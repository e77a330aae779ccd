/* SPDX-License-Identifier: Apache-2.0 */
/* What a writer keeps between commits: the state of the tables it wrote to last. Who commits often reads the few entries
 * that are new instead of the whole, whatever the table's size.
 *
 * A state is believed if the entry it ends with is still there as it was: a table that was dropped, or made anew, has
 * another. Entries of others are read behind it one by one until there is none. */
#include <stdlib.h>
#include <string.h>

#include "table/log.h"

#define KEPT 8
#define APPLIED_MAX 2000 /* replaced words pile up in memory */

struct kept {
	char *location;
	struct table_log *log;
	int64_t size, modified; /* of its last entry */
	int64_t begun;          /* the version it was read at */
};

static struct kept kept[KEPT];
static unsigned turn;

static void drop(struct kept *k)
{
	free(k->location);
	table_log_free(k->log);
	*k = (struct kept){0};
}

static int is_believed(struct blob *blob, const struct kept *k)
{
	int64_t size, modified;
	char name[64];

	table_entry_name(k->log->version, name);
	return k->log->version - k->begun < APPLIED_MAX && !blob_size(blob, name, &size, &modified, NULL) &&
	       size == k->size && modified == k->modified;
}

/* ERR_NOTFOUND is the good end. */
static int read_on(struct blob *blob, struct table_log *log)
{
	struct buf text;
	char name[64];
	int r;

	do {
		table_entry_name(log->version + 1, name);
		buf_init(&text, 0);
		r = blob_get(blob, name, ENTRY_MAX, &text, NULL);
		if (!r)
			r = table_log_apply(log, text.len ? text.data : "", text.len, NULL);
		log->version += !r;
		buf_done(&text);
	} while (!r);
	return r;
}

struct table_log *table_log_take(struct blob *blob)
{
	struct table_log *log = NULL;

	for (int i = 0; i < KEPT && !log; i++) {
		if (!kept[i].location || strcmp(kept[i].location, blob_location(blob)))
			continue;
		if (is_believed(blob, &kept[i]) && read_on(blob, kept[i].log) == ERR_NOTFOUND &&
		    !table_log_readable(kept[i].log, NULL)) {
			log = kept[i].log;
			log->begun = kept[i].begun;
			kept[i].log = NULL;
		}
		drop(&kept[i]);
	}
	return log;
}

void table_log_keep(struct blob *blob, struct table_log *log)
{
	struct kept *k = &kept[turn++ % KEPT];
	char name[64];

	drop(k);
	k->log = log;
	k->begun = log->begun >= 0 ? log->begun : log->version;
	table_entry_name(log->version, name);
	if (log->version < 0 || !(k->location = strdup(blob_location(blob))) ||
	    blob_size(blob, name, &k->size, &k->modified, NULL))
		drop(k);
}

int table_log_newest(struct blob *blob, const struct table_codec *codec, struct table_log **ret, struct err *err)
{
	struct table_log *log = table_log_take(blob);
	int r;

	if (log) {
		*ret = log;
		return 0;
	}
	log = table_log_new();
	r = log ? table_log_load(blob, codec, -1, log, err) : err_set(err, ERR_NOMEM, "out of memory");
	if (!r)
		*ret = log;
	else
		table_log_free(log);
	return r;
}
