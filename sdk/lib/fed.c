/* SPDX-License-Identifier: Apache-2.0 */
/* The helper library sees the newest minor: here stands what plugins that say 1.0 cannot name. */
#include <orasi/sdk/fed.h>

#include <stddef.h>
#include <string.h>

_Static_assert(sizeof(struct fed) == sizeof(orasi_ingest_feed) &&
                       offsetof(struct fed, open) == offsetof(orasi_ingest_feed, open) &&
                       offsetof(struct fed, feed) == offsetof(orasi_ingest_feed, feed) && FED_LAST == ORASI_FEED_LAST,
               "struct fed is orasi_ingest_feed");

const void *fed_extension(const struct fed *fed, const char *id)
{
	return strcmp(id, ORASI_INGEST_FEED) ? NULL : fed;
}
