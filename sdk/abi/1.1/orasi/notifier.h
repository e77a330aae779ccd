/* SPDX-License-Identifier: Apache-2.0 */
/* Notifier plugins: events to people and systems, each with a status of its own.
 *
 * create → deliver … → destroy. Delivery is at least once: an event that was not said to be delivered comes again,
 * so receivers tell duplicates by `id`. The host keeps the events, batches, retries with backoff and gives up; the
 * plugin only delivers. */
#ifndef ORASI_NOTIFIER_H
#define ORASI_NOTIFIER_H

#include <orasi/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ORASI_NOTIFIER_FACTORY "orasi.factory.notifier/1"

#define ORASI_SEVERITY_INFO 1u
#define ORASI_SEVERITY_WARNING 2u
#define ORASI_SEVERITY_CRITICAL 3u /* higher ones, of a later minor, are graver */

/* Valid during deliver. */
typedef struct orasi_event {
	uint32_t struct_size;
	uint32_t severity; /* ORASI_SEVERITY_* */
	int64_t time_unix_ns;
	orasi_str id;   /* the same at every try */
	orasi_str type; /* "task.failed", …; types are added */
	orasi_str json; /* the whole event as a JSON object */
} orasi_event;

typedef struct orasi_notifier_factory {
	uint32_t struct_size, reserved;
	/* [inst] ORASI_E_NOTFOUND for an id that this bundle does not describe. */
	orasi_status (*create)(const orasi_host *host, const char *id, const orasi_config *config, void **ret_self,
	                       orasi_error *err);
	void (*destroy)(void *self); /* [inst] NULL is fine */
	/* [inst] each[i] tells what became of events[i] (ORASI_OK, a transient status: again later, a permanent one: give
	 * up); the host has filled it with ORASI_E_IO. n is at least 1. The return value counts for those left untouched: a
	 * failure of the whole batch needs no entry each. */
	orasi_status (*deliver)(void *self, const orasi_event *const *events, uint32_t n, orasi_status *each,
	                        orasi_error *err);
	const void *(*get_extension)(void *self, const char *id); /* [any] or NULL; gives NULL when unknown */
} orasi_notifier_factory;

#ifdef __cplusplus
}
#endif
#endif
