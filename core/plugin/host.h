/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files that make up the host of a plugin; inside the plugin room only. */
#ifndef PLUGIN_HOST_H
#define PLUGIN_HOST_H

#include "plugin/loader.h"

#define STATE_MAX (64u << 10) /* of a checkpoint */

/* One extension: what the host offers under an id since a minor of the ABI; NULL: not to this instance. */
struct host_offer {
	const char *id;
	unsigned since;
	const void *(*offer)(const struct loader_host *host);
};
extern const struct host_offer host_extras[]; /* ends with a NULL id */
/* What a host of this minor offers under the id; NULL: nothing, or something newer. */
const void *host_offer_find(const struct host_offer *offers, unsigned minor, const struct loader_host *h,
                            const char *id);
extern const orasi_host_http host_http; /* http.c */
extern const orasi_host_blob host_blob; /* scratch.c */
void host_scratch_init(struct loader_host *h, const char *folder);
void host_scratch_done(struct loader_host *h);
void host_answer_free(struct host_answer *answer);

static inline struct loader_host *host_of(const orasi_host *host)
{
	return host->ctx;
}

struct log_budget {
	int64_t since, lines, dropped;
};
/* loader_enter for a plugin that is not known yet: the page names its bundle. */
void loader_note(struct loader *loader, const char *plugin, const char *function, struct loader_frame *ret_before);
int64_t loader_memory(const struct loader *loader); /* INT64_MAX: no limit */
int64_t loader_deadline(const struct loader *loader);
struct log_budget *loader_log_budget(struct loader *loader);
const struct loader_attempt *loader_attempt_of(const struct loader *loader); /* never NULL */
/* What plugins have counted, see extras.c. */
struct host_counts;
struct host_counts **loader_counts(struct loader *loader);
struct json *host_counts_take(struct host_counts *counts);

#endif
