/* SPDX-License-Identifier: Apache-2.0 */
/* Transform plugins: batches in, batches out, between decoding and writing.
 *
 * create → bind → process … (save) … → flush → (bind again, with another schema) → destroy.
 *
 * Rows leave in the order they came, unless the descriptor has the feature "reorders". A transform that keeps rows
 * or sums between batches gives them out in `flush` and must be able to `save` itself: the host saves at the marks
 * of the ingest, and a fresh instance bound with that state goes on exactly there. Killed at any point, the rows that
 * come out are the same.
 *
 * Ownership: `process` owns its input whatever it returns; a batch that is pushed is the sink's, also when push
 * fails. After a failure only destroy comes. */
#ifndef ORASI_TRANSFORM_H
#define ORASI_TRANSFORM_H

#include <orasi/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ORASI_TRANSFORM_FACTORY "orasi.factory.transform/1"

/* Where batches go. The host's, during the call it was handed to. */
typedef struct orasi_sink orasi_sink;
struct orasi_sink {
	uint32_t struct_size, reserved;
	void *ctx;
	/* Takes the batch, of the schema that bind gave. Not ORASI_OK: unwind and return it as it came; it needs no
	 * sentence. */
	orasi_status (*push)(orasi_sink *sink, struct ArrowArray *batch); /* [inst] */
};

/* What comes, and from where to go on. Valid during bind. */
typedef struct orasi_transform_bind {
	uint32_t struct_size, flags;  /* 0 */
	const struct ArrowSchema *in; /* of the batches to come; a struct */
	/* What `save` gave, or empty. As hostile as the input: what it cannot be gives ORASI_E_STATE. */
	orasi_bytes state;
} orasi_transform_bind;

typedef struct orasi_transform_factory {
	uint32_t struct_size, reserved;
	/* [inst] ORASI_E_NOTFOUND for an id that this bundle does not describe. */
	orasi_status (*create)(const orasi_host *host, const char *id, const orasi_config *config, void **ret_self,
	                       orasi_error *err);
	void (*destroy)(void *self); /* [inst] NULL is fine */
	/* [inst] Told the schema of what comes, answers with the schema of what goes. ORASI_E_CONFIG when it cannot
	 * work on such columns. Never called with batches kept: flush came before. */
	orasi_status (*bind)(void *self, const orasi_transform_bind *bind, struct ArrowSchema *ret_out,
	                     orasi_error *err);
	/* [inst] Any number of pushes, also none. */
	orasi_status (*process)(void *self, struct ArrowArray *in, orasi_sink *out, orasi_error *err);
	/* [inst] The end of the stream, or of this schema: give out what is kept. Or NULL, with ORASI_FLAG_STATELESS. */
	orasi_status (*flush)(void *self, orasi_sink *out, orasi_error *err);
	/* [inst] At most 64 KiB, portable; lives until the next call. Or NULL, with ORASI_FLAG_STATELESS. */
	orasi_status (*save)(void *self, orasi_bytes *ret_state, orasi_error *err);
	const void *(*get_extension)(void *self, const char *id); /* [any] or NULL; gives NULL when unknown */
} orasi_transform_factory;

#ifdef __cplusplus
}
#endif
#endif
