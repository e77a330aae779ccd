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
 * fails. */
#ifndef ORASI_TRANSFORM_H
#define ORASI_TRANSFORM_H

#include <orasi/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ORASI_TRANSFORM_FACTORY "orasi.factory.transform/0"

/* Where batches go. [inst] with the call it was handed to. */
typedef struct orasi_sink orasi_sink;
struct orasi_sink {
	uint32_t struct_size, reserved;
	void *ctx;
	/* Takes the batch, of the schema that bind gave. Not ORASI_OK: unwind and return it as it came. */
	orasi_status (*push)(orasi_sink *sink, struct ArrowArray *batch); /* [inst] */
};

typedef struct orasi_transform_factory {
	uint32_t struct_size, reserved;
	/* [inst] */
	orasi_status (*create)(const orasi_host *host, const char *id, const orasi_config *config, void **ret_self,
	                       orasi_error *err);
	void (*destroy)(void *self); /* [inst] NULL is fine */
	/* [inst] Told the schema of what comes (a struct), answers with the schema of what goes. E_CONFIG when it cannot
	 * work on such columns. `state` is what `save` gave, or empty. Never called with batches kept: flush came before. */
	orasi_status (*bind)(void *self, const struct ArrowSchema *in, orasi_bytes state, struct ArrowSchema *ret_out,
	                     orasi_error *err);
	/* [inst] Any number of pushes, also none. */
	orasi_status (*process)(void *self, struct ArrowArray *in, orasi_sink *out, orasi_error *err);
	/* [inst] The end of the stream, or of this schema: give out what is kept. NULL with ORASI_FLAG_STATELESS. */
	orasi_status (*flush)(void *self, orasi_sink *out, orasi_error *err);
	/* [inst] At most 64 KiB, portable; lives until the next call. NULL with ORASI_FLAG_STATELESS. */
	orasi_status (*save)(void *self, orasi_bytes *ret_state, orasi_error *err);
	const void *(*get_extension)(void *self, const char *id); /* [any] may be NULL */
} orasi_transform_factory;

#ifdef __cplusplus
}
#endif
#endif
