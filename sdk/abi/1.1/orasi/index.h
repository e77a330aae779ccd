/* SPDX-License-Identifier: Apache-2.0 */
/* Index plugins: immutable segments built over rows of a dataset, and queries on them.
 *
 * A segment is a small folder of blobs that the plugin writes through orasi_store and never
 * changes after build_finish. Rows are known by a row id: 0,1,2… in the order of the files that
 * the segment covers; the host knows which file and row that is. Deletes are the host's: it passes
 * the set of rows that never may be returned.
 *
 * Every answer must equal a full scan with the same predicate. A plugin whose answers may hold too
 * many rows says LOSSY and the host checks again. Bytes of a segment are hostile when read.
 *
 * Order. create → builds and readers, several one after the other → destroy. A build is one build_begin,
 * build_add …, then build_finish or build_abort; a reader is one open, queries, close; a cursor is one query,
 * next …, cursor_close. Cursors are closed before their reader, readers and builds before the instance. A query
 * that failed leaves its reader as it was; after a next that failed comes cursor_close. */
#ifndef ORASI_INDEX_H
#define ORASI_INDEX_H

#include <orasi/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ORASI_INDEX_FACTORY "orasi.factory.index/1"

/* The blob folder of ONE segment, at most 64 blobs. Blob names: [a-z0-9._-], not beginning with '.', at most 64
 * bytes. The host syncs, and keeps a checksum of each blob in its manifest. A store lives until the build or reader
 * it was given to is at its end. The functions for building are [inst]; those for reading [any]. A handle is good
 * until it is closed; what is open at the end the host closes. */
typedef struct orasi_store orasi_store;
struct orasi_store {
	uint32_t struct_size, reserved;
	void *ctx;
	/* build; after close nothing is written to a blob any more */
	orasi_status (*create)(orasi_store *store, const char *blob, uint64_t *ret_handle,
	                       orasi_error *err); /* [inst] */
	orasi_status (*append)(orasi_store *store, uint64_t handle, const void *buf, size_t len,
	                       orasi_error *err); /* [inst] */
	orasi_status (*pwrite)(orasi_store *store, uint64_t handle, uint64_t off, const void *buf, size_t len,
	                       orasi_error *err); /* [inst] inside what was appended */
	/* read */
	orasi_status (*open)(orasi_store *store, const char *blob, uint64_t *ret_handle, uint64_t *ret_size,
	                     orasi_error *err); /* [any] ORASI_E_NOTFOUND when there is no such blob */
	orasi_status (*pread)(orasi_store *store, uint64_t handle, uint64_t off, void *buf, size_t len,
	                      orasi_error *err); /* [any] all of len, or E_CORRUPT */
	/* A read-only view of the whole blob, 8-byte aligned at least, until the handle is closed. */
	orasi_status (*map)(orasi_store *store, uint64_t handle, const uint8_t **ret, orasi_error *err); /* [any] */
	orasi_status (*close)(orasi_store *store, uint64_t handle,
	                      orasi_error *err); /* [inst] when building, else [any] */
};

/* caps.ops is a bitmap of 1u << ORASI_OP_*. */
typedef struct orasi_index_caps {
	uint32_t struct_size;
	uint32_t ops;
	uint32_t flags;       /* ORASI_INDEX_* */
	uint32_t max_columns; /* key columns */
} orasi_index_caps;
#define ORASI_INDEX_ORDERED 1u   /* can return hits in key order */
#define ORASI_INDEX_SCORED 2u    /* hits carry a score, best first */
#define ORASI_INDEX_LOSSY 4u     /* may return too many rows: the host checks again */
#define ORASI_INDEX_RESUMABLE 8u /* hits carry a token, from which another cursor goes on */

typedef struct orasi_segment_info {
	uint32_t struct_size;
	uint32_t format_version;
	uint64_t rows;     /* rows fed */
	uint64_t entries;  /* keys or postings */
	uint64_t distinct; /* distinct keys or terms, 0 if not known */
	uint64_t bytes;
} orasi_segment_info;

/* A set of row ids owned by the host. */
typedef struct orasi_rowset orasi_rowset;
struct orasi_rowset {
	uint32_t struct_size, reserved;
	void *ctx;
	uint64_t count;
	int32_t (*contains)(const orasi_rowset *set, uint64_t row_id); /* [any] 0 or 1; 0 for ids it does not know */
};

/* All terms must hold. Valid during `query`; copy what the cursor needs. */
typedef struct orasi_query {
	uint32_t struct_size;
	uint32_t flags; /* ORASI_QUERY_* */
	const orasi_term *const *terms;
	uint32_t n_terms, reserved;
	const orasi_rowset *deleted; /* until the cursor is closed; NULL stands for the empty set */
	uint64_t limit;              /* 0 = no limit; with SCORE: the best `limit`; counted from the very first hit */
	/* RESUMABLE plugins: the token of hits that a cursor over the same segment gave for the same query, perhaps in a
	 * process that is dead; hits go on behind them. Empty: from the first. As hostile as the segment: what it cannot be
	 * gives ORASI_E_STATE. */
	orasi_bytes resume;
} orasi_query;
#define ORASI_QUERY_SCORE 1u /* best first, with scores; else ascending row ids */
#define ORASI_QUERY_ORDER 2u /* key order; ORDERED plugins only */
#define ORASI_QUERY_DESC 4u  /* with ORDER: descending, nulls last as ascending puts them first */

/* The caller's buffers. */
typedef struct orasi_hits {
	uint32_t struct_size;
	uint32_t cap; /* room in row_ids and scores, at least 1 */
	uint32_t n;   /* out */
	uint32_t reserved;
	uint64_t *row_ids;
	float *scores; /* NULL when scores are not wanted */
	/* out: the token behind the last of these hits, at most 1 KiB, portable, no pointers; the plugin's memory until the
	 * next call on the cursor. Empty: not from here. */
	orasi_bytes resume;
} orasi_hits;

/* Segments to be made into one. Valid during merge. */
typedef struct orasi_index_merge {
	uint32_t struct_size, n;         /* how many there are */
	orasi_store *const *src;         /* n, as build_finish left them */
	const uint64_t *base;            /* n: rows of src[i] get base[i] added */
	const orasi_rowset *const *drop; /* n: rows of src[i], as it counts them, that are left out; each or NULL */
	orasi_store *dst;
} orasi_index_merge;

typedef struct orasi_index_factory {
	uint32_t struct_size, reserved;
	orasi_status (*caps)(const char *id, orasi_index_caps *ret); /* [any] the same at every call */
	/* [inst] `keys` is a struct schema with the key columns. ORASI_E_CONFIG with a sentence when the
	 * plugin cannot index such a type. */
	orasi_status (*create)(const orasi_host *host, const char *id, const orasi_config *config,
	                       const struct ArrowSchema *keys, void **ret_self, orasi_error *err);
	void (*destroy)(void *self); /* [inst] NULL is fine */
	/* [inst] build_begin → build_add … → build_finish or build_abort. `first_row` is the row id of
	 * keys' row 0; rows follow each other without gaps inside a batch and ascend over calls. */
	orasi_status (*build_begin)(void *self, orasi_store *dst, void **ret_build, orasi_error *err);
	orasi_status (*build_add)(void *build, const struct ArrowArray *keys, uint64_t first_row,
	                          orasi_error *err); /* [inst] the keys stay the host's */
	orasi_status (*build_finish)(void *build, orasi_segment_info *ret,
	                             orasi_error *err); /* [inst] frees, whatever it returns */
	void (*build_abort)(void *build);               /* [inst] frees; NULL is fine */
	/* [inst] or NULL: the host rebuilds instead. Equal to a build of the rows that are left. */
	orasi_status (*merge)(void *self, const orasi_index_merge *merge, orasi_segment_info *ret, orasi_error *err);
	/* [inst] */
	orasi_status (*open)(void *self, orasi_store *src, void **ret_reader, orasi_segment_info *ret,
	                     orasi_error *err);
	void (*close)(void *reader); /* [inst] NULL is fine */
	/* [any] on an open reader */
	orasi_status (*query)(void *reader, const orasi_query *query, void **ret_cursor, orasi_error *err);
	/* [cur] ORASI_OK with n > 0, or ORASI_END. */
	orasi_status (*next)(void *cursor, orasi_hits *hits, orasi_error *err);
	void (*cursor_close)(void *cursor); /* [cur] NULL is fine */
	/* [any] Rows it expects to return, without touching more than headers and a tree path. */
	orasi_status (*estimate)(void *reader, const orasi_query *query, uint64_t *ret_rows, orasi_error *err);
	/* [any] 0 headers, 1 checksums and structure, 2 every entry; higher as 2. */
	orasi_status (*verify)(void *reader, uint32_t level, orasi_error *err);
	const void *(*get_extension)(void *self, const char *id); /* [any] or NULL; gives NULL when unknown */
} orasi_index_factory;

#ifdef __cplusplus
}
#endif
#endif
