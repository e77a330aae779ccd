/* SPDX-License-Identifier: Apache-2.0 */
#include "feed.h"

#include <stdlib.h>
#include <string.h>

#include "plugin/plugin.h"

#define PIECE (256u << 10)
#define SINCE_MINOR 1

int feed_init(struct feed *feed, struct loader *loader, const struct loader_plugin *plugin, void *self,
              orasi_source *source, struct err *err)
{
	const orasi_ingest_factory *f = plugin->ingest;
	const orasi_ingest_feed *table = NULL;
	struct loader_frame before;

	*feed = (struct feed){.loader = loader, .plugin = plugin, .self = self, .source = source};
	if (source->flags & ORASI_SOURCE_SEEK || plugin_abi_minor() < SINCE_MINOR || !f->get_extension)
		return 0;
	loader_enter(loader, plugin, "get_extension", &before);
	table = f->get_extension(self, ORASI_INGEST_FEED);
	loader_leave(loader, &before);
	if (!table)
		return 0;
	if (!ORASI_COVERS(table, feed) || table->reserved || !table->open || !table->feed)
		return err_set(err, ERR_PLUGIN,
		               "plugin '%s' misbehaves: its table '" ORASI_INGEST_FEED
		               "' is too short, lacks a function, or has a reserved member that is not 0",
		               plugin->descriptor->id);
	feed->piece = malloc(PIECE);
	if (!feed->piece)
		return err_set(err, ERR_NOMEM, "out of memory");
	feed->table = table;
	return 0;
}

void feed_done(struct feed *feed)
{
	free(feed->piece);
	*feed = (struct feed){0};
}

static orasi_status read_piece(struct feed *feed, size_t cap, size_t *got, orasi_error *error)
{
	return feed->source->read(feed->source, feed->piece, cap < PIECE ? cap : PIECE, got, error);
}

/* A stream has no places: what the decoder has had goes by. */
static orasi_status go_to(struct feed *feed, uint64_t from, orasi_error *error)
{
	while (from) {
		size_t got = 0;
		orasi_status status = read_piece(feed, from < PIECE ? (size_t)from : PIECE, &got, error);

		if (status)
			return status;
		if (!got) {
			strcpy(error->message, "the source is shorter than when the checkpoint was made");
			return ORASI_E_STATE;
		}
		from -= got;
	}
	return ORASI_OK;
}

orasi_status feed_open(struct feed *feed, const orasi_ingest_open *open, struct ArrowSchema *ret, orasi_error *error)
{
	uint64_t from = 0;
	orasi_status status =
		loader_call(feed->loader, feed->plugin, "open", feed->table->open(feed->self, open, &from, ret, error));

	return status ? status : go_to(feed, from, error);
}

orasi_status feed_more(struct feed *feed, const char **function, orasi_error *error)
{
	size_t got = 0;
	orasi_status status;

	*function = "read";
	status = read_piece(feed, PIECE, &got, error);
	if (status)
		return status;
	*function = "feed";
	feed->last = !got;
	return loader_call(feed->loader, feed->plugin, "feed",
	                   feed->table->feed(feed->self, (orasi_bytes){got ? feed->piece : NULL, got},
	                                     feed->last ? ORASI_FEED_LAST : 0, error));
}
