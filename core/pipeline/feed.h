/* SPDX-License-Identifier: Apache-2.0 */
/* A decoder that is fed (orasi/ingest.h): the pipeline reads the source and hands over what it got, so that between two
 * pieces it is the pipeline that looks whether the task was cancelled, whatever the plugin does. Inside the pipeline room
 * only.
 *
 * Threading: that of the order. */
#ifndef PIPELINE_FEED_H
#define PIPELINE_FEED_H

#include "plugin/loader.h"

struct feed {
	struct loader *loader;
	const struct loader_plugin *plugin;
	void *self;
	const orasi_ingest_feed *table; /* NULL: it reads by itself */
	orasi_source *source;
	uint8_t *piece;
	int last; /* all was handed over */
};

/* Is the source one to be fed, and does the instance offer it? Then feed->table is set. A source that can be read at a
 * place is left to the plugin, which may skip in it. ERR_PLUGIN: its table is no good. */
int feed_init(struct feed *feed, struct loader *loader, const struct loader_plugin *plugin, void *self,
              orasi_source *source, struct err *err);
void feed_done(struct feed *feed); /* fine on a zeroed one, and twice */
/* The `open` of the table, and the source goes to where the decoder wants to begin. */
orasi_status feed_open(struct feed *feed, const orasi_ingest_open *open, struct ArrowSchema *ret, orasi_error *error);
/* The next piece, behind an ORASI_AGAIN; the first one belongs to feed_open. *function: whose status it is, "feed", or
 * "read" of the source. */
orasi_status feed_more(struct feed *feed, const char **function, orasi_error *error);

#endif
