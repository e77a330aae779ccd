/* SPDX-License-Identifier: Apache-2.0 */
/* A host for tests of plugins: it keeps every reject and log line, gives configurations from JSON
 * text, and lends memory as sources, outputs and index stores.
 *
 *   struct fakehost *fake = fakehost_new();
 *   struct fakehost_config *config = fakehost_config_new("{\"mode\":\"ndjson\"}");
 *   factory->create(fakehost_host(fake), "org.acme.x", fakehost_config(config), &self, &error);
 *
 * Out of memory aborts. The host's extensions may be called from any thread; the rest is for the
 * test's own thread. */
#ifndef TESTS_FAKEHOST_H
#define TESTS_FAKEHOST_H

#include <orasi/plugin.h>

#include "base/buf.h"

/* ---- host -------------------------------------------------------------------------------- */

struct fakehost;

struct fakehost_reject {
	char *code, *message, *column;
	int64_t byte_offset, line, row;
	uint8_t *raw; /* a copy of what came, NUL-terminated */
	size_t raw_have;
	uint64_t raw_len;
};

struct fakehost *fakehost_new(void);
void fakehost_free(struct fakehost *fake); /* NULL is fine */
const orasi_host *fakehost_host(struct fakehost *fake);

size_t fakehost_rejects(const struct fakehost *fake);
const struct fakehost_reject *fakehost_reject(const struct fakehost *fake, size_t i);
/* From the n-th reject on the answer is ORASI_E_BUDGET. */
void fakehost_reject_budget(struct fakehost *fake, size_t n);

size_t fakehost_logs(const struct fakehost *fake);
/* "message key=value key=value". */
const char *fakehost_log(const struct fakehost *fake, size_t i);
/* How many log lines contain `text`. */
size_t fakehost_logs_with(const struct fakehost *fake, const char *text);

void fakehost_cancel(struct fakehost *fake, int cancel);   /* sets orasi.host.job's flag */
void fakehost_hide(struct fakehost *fake, const char *id); /* this extension is not there */
/* Threads that orasi.host.pool lends, the caller's among them: 3 at first, at most 16. */
void fakehost_threads(struct fakehost *fake, uint32_t n);
uint64_t fakehost_pooled(const struct fakehost *fake); /* how often they were lent */
/* Counted bytes that plugins hold through orasi.host.mem, and the budget for them. */
int64_t fakehost_memory(const struct fakehost *fake);
void fakehost_memory_budget(struct fakehost *fake, int64_t bytes);

/* ---- configuration ----------------------------------------------------------------------- */

/* `json` is the text of an object; NULL is "{}". Defaults of a schema are not applied. */
struct fakehost_config;
struct fakehost_config *fakehost_config_new(const char *json);
void fakehost_config_free(struct fakehost_config *config);
const orasi_config *fakehost_config(const struct fakehost_config *config);

/* ---- source ------------------------------------------------------------------------------ */

/* Memory as a source. Set the other members after fakehost_source_init as the test needs. */
struct fakehost_source {
	orasi_source source;
	const uint8_t *data;
	size_t len, at;
	size_t max_read;   /* a read gives at most so many bytes, 0 = no limit */
	uint64_t random;   /* not 0: reads give 1..max_read bytes by chance, from this seed */
	orasi_status fail; /* not 0: reads at or after fail_at fail with it */
	size_t fail_at;
	uint64_t reads; /* calls so far, of both kinds */
};

void fakehost_source_init(struct fakehost_source *source, const void *data, size_t len, int seek);

/* ---- output ------------------------------------------------------------------------------ */

struct fakehost_output {
	orasi_output output;
	struct buf buf;
};

void fakehost_output_init(struct fakehost_output *output);
void fakehost_output_done(struct fakehost_output *output);

/* ---- index store ------------------------------------------------------------------------- */

/* One segment's blobs in memory. */
struct fakehost_store;
struct fakehost_store *fakehost_store_new(void);
void fakehost_store_free(struct fakehost_store *store);
orasi_store *fakehost_store(struct fakehost_store *store);
/* The bytes of a blob, to look at or to damage; NULL if there is none. */
struct buf *fakehost_store_blob(struct fakehost_store *store, const char *name);

#endif
