/* SPDX-License-Identifier: Apache-2.0 */
/* Being fed (orasi.ingest.feed/1, since ABI 1.1) for a format plugin that fits agents of 1.0 too, which never ask for it:
 * the table of orasi/ingest.h under names that need no ORASI_TARGET_MINOR. Linked statically (liborasi-sdk), no part of
 * the ABI. */
#ifndef ORASI_SDK_FED_H
#define ORASI_SDK_FED_H

#include <orasi/ingest.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FED_LAST 1u /* ORASI_FEED_LAST: no bytes follow */

/* As orasi_ingest_feed says. */
struct fed {
	uint32_t struct_size, reserved;
	orasi_status (*open)(void *self, const orasi_ingest_open *open, uint64_t *ret_from,
	                     struct ArrowSchema *ret_schema, orasi_error *err);
	orasi_status (*feed)(void *self, orasi_bytes bytes, uint32_t flags, orasi_error *err);
};

#define FED(open, feed)                             \
	{                                           \
		sizeof(struct fed), 0, (open), feed \
	}

/* For get_extension of the factory: the table, when `id` asks for it, or NULL. Thread-safe; takes over nothing. */
const void *fed_extension(const struct fed *fed, const char *id);

#ifdef __cplusplus
}
#endif

#endif
