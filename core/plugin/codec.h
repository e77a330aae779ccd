/* SPDX-License-Identifier: Apache-2.0 */
/* The checkpoints of tables through the plugin that datasets are made of. The table room names no format and no
 * plugin: it takes these as a struct table_codec.
 *
 * Threading: that of the loader. */
#ifndef PLUGIN_CODEC_H
#define PLUGIN_CODEC_H

#include <orasi/sdk/arrow.h>

#include "base/buf.h"
#include "blob/blob.h"
#include "plugin/loader.h"

/* Initializes a struct table_codec. */
#define CODEC(loader)                             \
	{                                         \
		(loader), codec_read, codec_write \
	}

/* Gives `each` all rows of a file, batch by batch, with these columns; what the file lacks is null. Non-zero stops
 * and is returned. */
int codec_read(void *loader, struct blob *blob, const char *name, const struct ArrowSchema *want,
               int (*each)(void *to, const struct ArrowArray *rows, struct err *err), void *to, struct err *err);
/* Appends a file of the batches that `next` makes (1: one, 0: that was all). */
int codec_write(void *loader, const struct ArrowSchema *schema,
                int (*next)(void *from, struct ArrowArray *ret, struct err *err), void *from, struct buf *ret,
                struct err *err);

#endif
