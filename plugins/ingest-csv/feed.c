/* SPDX-License-Identifier: Apache-2.0 */
/* Fed by the host instead of reading: for hosts that ask for it, which those of 1.0 do not. */
#define ORASI_TARGET_MINOR 1
#include <string.h>

#include "decode.h"

static orasi_status open_fed(void *self, const orasi_ingest_open *open, uint64_t *ret_from,
                             struct ArrowSchema *ret_schema, orasi_error *err)
{
	return decoder_open_fed(self, open, ret_from, ret_schema, err);
}

static orasi_status feed(void *self, orasi_bytes bytes, uint32_t flags, orasi_error *err)
{
	return decoder_feed(self, bytes, flags & ORASI_FEED_LAST, err);
}

static const orasi_ingest_feed table = {.struct_size = sizeof(table), .open = open_fed, .feed = feed};

const void *feed_extension(const char *id)
{
	return strcmp(id, ORASI_INGEST_FEED) ? NULL : &table;
}
