/* SPDX-License-Identifier: Apache-2.0 */
/* Format plugins: bytes into Arrow record batches (decode) and back (encode).
 *
 * Decode. create → open → next … → close → (open again) → destroy. The host owns the bytes (files,
 * network, decompression); the plugin sees a source that gives short reads. Each batch is a struct
 * array without nulls at the top. A batch comes with a mark; a mark with ORASI_MARK_RESUMABLE says:
 * "a fresh instance opened with this state yields exactly the rows that follow". The contract is
 * on the sequence of rows, not on where batches end.
 *
 * Bad records go through the host extension orasi.host.reject/1 with reason, place and raw bytes,
 * or fail the open/next. Never skip one silently: rows emitted + rejected = rows seen.
 *
 * A schema that grows while reading (a new column in row 20,001): finish the rows before it, return
 * them, and at the following call return ORASI_SCHEMA. The host asks `schema` and goes on.
 *
 * After an open that failed comes destroy, without close. After a next or schema that failed come close
 * and destroy. Schemas and batches that are handed out are the host's and live on their own: they may be
 * released on another thread, and after destroy. */
#ifndef ORASI_INGEST_H
#define ORASI_INGEST_H

#include <orasi/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ORASI_INGEST_FACTORY "orasi.factory.ingest/1"
#define ORASI_ENCODE_FACTORY "orasi.factory.encode/1"

/* A byte source, owned by the host, already decompressed. Lives from open until close has returned; its functions are
 * [inst] with the instance it was opened for. */
typedef struct orasi_source orasi_source;
struct orasi_source {
	uint32_t struct_size;
	uint32_t flags; /* ORASI_SOURCE_* */
	void *ctx;
	int64_t size;  /* bytes, -1 if unknown (a pipe, a compressed file) */
	orasi_str uri; /* for messages */
	/* Reads on: up to cap bytes; short reads are normal; *ret_got == 0 with ORASI_OK is the end. */
	orasi_status (*read)(orasi_source *source, void *buf, size_t cap, size_t *ret_got,
	                     orasi_error *err); /* [inst] */
	/* Reads at a place, whatever was read before; NULL unless ORASI_SOURCE_SEEK. *ret_got < len only at the end. */
	orasi_status (*pread)(orasi_source *source, uint64_t off, void *buf, size_t len, size_t *ret_got,
	                      orasi_error *err); /* [inst] */
};
#define ORASI_SOURCE_SEEK 1u /* pread works and size is known */

/* What to decode and from where. Valid during open, except `source` (until close) and, if kept by
 * reference, nothing else: copy what you need. */
typedef struct orasi_ingest_open {
	uint32_t struct_size;
	uint32_t flags; /* ORASI_OPEN_* */
	orasi_source *source;
	/* SPLITTABLE plugins: the records that start in [range_begin, range_end) of the source belong
	 * to this reader. Both 0: all of it. A line-based format with range_begin > 0 first skips to
	 * the start of the next record. */
	uint64_t range_begin, range_end;
	/* State of a mark, empty = from the start (of the range). As hostile as the source: what it cannot be gives
	 * ORASI_E_STATE. */
	orasi_bytes checkpoint;
	/* The columns and types the host wants, or NULL for the plugin's own judgement. With
	 * ORASI_OPEN_PROJECT exactly these columns come back, in this order; without it they are the
	 * known part of a schema that may still grow. */
	const struct ArrowSchema *want;
	/* PUSHDOWN plugins may leave out rows for which the terms cannot hold; their marks are PLACED
	 * then, because the host knows rows by their ordinal. Or NULL, with n_terms 0. */
	const orasi_term *const *terms;
	uint32_t n_terms;
	uint32_t max_rows;  /* bound of a batch, at least 1 */
	uint64_t max_bytes; /* rough bound of a batch in memory, at least 1 */
	/* ROWS plugins: return exactly these rows (ascending ordinals in the source) and no others. */
	const uint64_t *rows;
	uint64_t n_rows;
} orasi_ingest_open;
#define ORASI_OPEN_PROJECT 1u
#define ORASI_OPEN_ROWS 2u  /* `rows` is in force, even if n_rows is 0 */
#define ORASI_OPEN_INFER 4u /* only the schema is wanted; next will not be called */

/* Where the reader stands after a batch; the host's, filled by a next that returns ORASI_OK. `state` is the
 * plugin's memory and lives until the next call on the instance. */
typedef struct orasi_mark {
	uint32_t struct_size;
	uint32_t flags;       /* ORASI_MARK_* */
	uint64_t rows_total;  /* rows emitted since the very beginning of this source or range */
	uint64_t bytes_total; /* bytes of the source that are done with, for progress */
	orasi_bytes state;    /* at most 64 KiB, portable, no pointers */
	uint64_t first_row;   /* PLACED; only if struct_size covers it */
} orasi_mark;
#define ORASI_MARK_RESUMABLE 1u
#define ORASI_MARK_PLACED 2u /* row i of the batch has the ordinal first_row + i in the source */

typedef struct orasi_ingest_factory {
	uint32_t struct_size, reserved;
	/* [any] or NULL. How sure it is, 0..100, that bytes starting with `head` in a file called `name` are
	 * this plugin's format. */
	orasi_status (*sniff)(const char *id, orasi_bytes head, orasi_str name, uint32_t *ret_score);
	/* [inst] ORASI_E_NOTFOUND for an id that this bundle does not describe. */
	orasi_status (*create)(const orasi_host *host, const char *id, const orasi_config *config, void **ret_self,
	                       orasi_error *err);
	void (*destroy)(void *self); /* [inst] NULL is fine */
	/* [inst] Reads what it must to know the schema and writes it to *ret_schema. */
	orasi_status (*open)(void *self, const orasi_ingest_open *open, struct ArrowSchema *ret_schema,
	                     orasi_error *err);
	/* [inst] ORASI_OK with a batch of at least one row; ORASI_END; ORASI_SCHEMA without a batch. */
	orasi_status (*next)(void *self, struct ArrowArray *ret_batch, orasi_mark *mark, orasi_error *err);
	/* [inst] The schema in force now; after ORASI_SCHEMA. Old columns stay, new ones are appended
	 * (inside structs too). NULL: next never returns ORASI_SCHEMA. */
	orasi_status (*schema)(void *self, struct ArrowSchema *ret_schema, orasi_error *err);
	/* [inst] The source is gone when it has returned, also when it fails. */
	orasi_status (*close)(void *self, orasi_error *err);
	const void *(*get_extension)(void *self, const char *id); /* [any] or NULL; gives NULL when unknown */
} orasi_ingest_factory;

#if ORASI_SINCE(1)
/* ---- feed -------------------------------------------------------------------------------- */

/* Push. A decoder that offers this table (get_extension of the instance) can also be fed: the host hands it bytes as
 * they come, in pieces cut anywhere, and it never waits for more.
 *
 *   create → open → feed → next … until ORASI_AGAIN → feed → next … → feed with LAST → next … until ORASI_END → close
 *
 * `open` of this table takes the place of that of the factory; next, schema, close and destroy are the factory's, and
 * what they promise holds here too: the same bytes give the same rows, rejects and columns, fed or read, however they
 * are cut. What differs:
 *  - next returns ORASI_AGAIN, without a batch, when it needs more bytes to go on. Records that are whole are given out
 *    before that; only what cannot be known yet is held back (the types of a first sample, the end of a record). Behind
 *    LAST it returns ORASI_AGAIN no more, and before it no ORASI_END.
 *  - open may not know the columns yet: then it gives a schema without any, and next says ORASI_SCHEMA before the first
 *    batch.
 *
 * Memory stays bounded when each feed is followed by next until ORASI_AGAIN, as the host does. */
#define ORASI_INGEST_FEED "orasi.ingest.feed/1"

#define ORASI_FEED_LAST 1u /* no bytes follow */

typedef struct orasi_ingest_feed {
	uint32_t struct_size, reserved;
	/* [inst] As open of the factory. open->source is there for its uri and its size only, its functions are not called;
	 * range_begin, range_end, terms and rows are not used. *ret_from: the byte of the source that the first feed has to
	 * begin with, 0 without a checkpoint. ORASI_E_UNSUPPORTED: not with these options; the host may read instead, with
	 * a fresh instance. */
	orasi_status (*open)(void *self, const orasi_ingest_open *open, uint64_t *ret_from,
	                     struct ArrowSchema *ret_schema, orasi_error *err);
	/* [inst] The bytes that follow those before; copied, or used up, when it returns. Comes only first, and behind a next
	 * that returned ORASI_AGAIN. There may be none of them with LAST. */
	orasi_status (*feed)(void *self, orasi_bytes bytes, uint32_t flags, orasi_error *err);
} orasi_ingest_feed;
#endif

/* ---- encode ------------------------------------------------------------------------------ */

/* Encode. create → open → write … → finish → (open again) → destroy. After a failure only destroy comes; an
 * unfinished file is the host's to delete. */

/* Where encoded bytes go; append-only. The host's, from open until finish has returned. */
typedef struct orasi_output orasi_output;
struct orasi_output {
	uint32_t struct_size, reserved;
	void *ctx;
	/* All of it or a failure, which is returned as it came. [inst] */
	orasi_status (*write)(orasi_output *output, const void *buf, size_t len, orasi_error *err);
};

/* What to encode and where to. Valid during open, except `output`. */
typedef struct orasi_encode_open {
	uint32_t struct_size, flags; /* 0 */
	orasi_output *output;
	const struct ArrowSchema *schema; /* of all batches; a struct */
} orasi_encode_open;

/* What finish tells. stats_json is the plugin's memory, valid until the next call on the instance. It has the layout of
 * Delta's per-file statistics: {"numRecords":n,"minValues":{…},"maxValues":{…},"nullCount":{…}},
 * nested like the schema; columns without usable bounds are left out. */
typedef struct orasi_encode_info {
	uint32_t struct_size, reserved;
	uint64_t rows;
	uint64_t bytes;
	orasi_str stats_json; /* may be empty */
} orasi_encode_info;

typedef struct orasi_encode_factory {
	uint32_t struct_size, reserved;
	/* [inst] As of ingest. */
	orasi_status (*create)(const orasi_host *host, const char *id, const orasi_config *config, void **ret_self,
	                       orasi_error *err);
	void (*destroy)(void *self); /* [inst] NULL is fine; writes nothing any more */
	orasi_status (*open)(void *self, const orasi_encode_open *open, orasi_error *err); /* [inst] */
	/* The batch stays the caller's. */
	orasi_status (*write)(void *self, const struct ArrowArray *batch, orasi_error *err); /* [inst] */
	/* Bytes written so far plus an estimate of what is buffered; between open and finish. [inst] */
	uint64_t (*size_estimate)(void *self);
	/* Ends the file; after it only open (a new file) or destroy may follow. */
	orasi_status (*finish)(void *self, orasi_encode_info *ret_info, orasi_error *err); /* [inst] */
	const void *(*get_extension)(void *self, const char *id); /* [any] or NULL; gives NULL when unknown */
} orasi_encode_factory;

#ifdef __cplusplus
}
#endif
#endif
