/* SPDX-License-Identifier: Apache-2.0 */
/* A host for examining plugins: it keeps what they say, counts what they take, and fails when asked to.
 *
 * Threading: rejects, logs and memory under a lock, because host functions are [any]. */
#ifndef AUTHOR_LAB_H
#define AUTHOR_LAB_H

#include <pthread.h>

#include <orasi/plugin.h>

#include "base/buf.h"
#include "json/json.h"

/* A list of hashes that stand for rows, or for rejected records. */
struct digest {
	uint64_t *items;
	size_t n, cap;
};
void digest_add(struct digest *digest, uint64_t item);
void digest_done(struct digest *digest);
uint64_t digest_bytes(uint64_t hash, const void *p, size_t n); /* hash 0 to start */

struct lab {
	orasi_host host;
	orasi_host_log log;
	orasi_host_job job;
	orasi_host_mem mem;
	orasi_host_reject reject;
	pthread_mutex_t lock;
	volatile int32_t cancel;
	int minimal; /* only what every host has, and what requires_ext names */
	const char *const *requires_ext;
	struct digest rejects;
	struct json *rejected; /* the records, for people; at most 1000 */
	char misused[128];     /* where misuse may stand */
	const char *misuse;    /* what the plugin did wrong towards the host, or NULL */
	struct buf said;       /* all log lines and reject messages */
	int64_t memory, blocks;
	struct buf checkpoint;  /* of a task */
	int stop_at_checkpoint; /* it is cancelled there */
	struct kv *kv;          /* what it remembers, as long as the lab */
	uint64_t spans, random;
	int http_asked, http_fail_at; /* the request that gets no answer; 0: none */
	int64_t time_ns;
};
void lab_init(struct lab *lab, const orasi_descriptor *descriptor);
void lab_done(struct lab *lab);

/* `function` is [inst]: it belongs to the thread that calls the plugin. */
void lab_must_be_inst(const orasi_host *host, const char *function);
/* The extensions that a host may lack, by id; NULL: there is no such. */
const void *lab_offer(const char *id);

/* A configuration over a JSON object that lives as long. */
struct lab_config {
	orasi_config config;
	const struct json *json;
};
void lab_config_init(struct lab_config *config, const struct json *json);

/* Bytes in memory as a source. */
struct lab_source {
	orasi_source source;
	const uint8_t *data;
	size_t len, at;
	size_t max_read;           /* 0: all that is asked for */
	size_t repeat;             /* the data again and again, so often */
	uint64_t reads, fail_at;   /* the read that fails; 0: none */
	const struct json *script; /* sizes of reads, of a recording */
	struct json *record;       /* where sizes of reads are noted */
	volatile int32_t *cancel;  /* set behind `cancel_at` reads */
	uint64_t cancel_at;
};
void lab_source_init(struct lab_source *source, const void *data, size_t len, int seek);

/* Blobs in memory as a store. */
struct lab_blob {
	char name[72];
	struct buf bytes;
	uint8_t *map; /* a read-only copy */
	size_t map_len;
	int opens;
};
struct lab_store {
	orasi_store store;
	struct lab_blob blobs[64];
	uint32_t n;
	int sealed;
	const char *misuse;
	int fail_at, calls; /* the call that fails; 0: none */
};
void lab_store_init(struct lab_store *store);
void lab_store_seal(struct lab_store *store); /* from now on it is read */
void lab_store_done(struct lab_store *store);
uint64_t lab_store_digest(const struct lab_store *store);

/* Bytes that are written. */
struct lab_output {
	orasi_output output;
	struct buf bytes;
};
void lab_output_init(struct lab_output *output);

#endif
