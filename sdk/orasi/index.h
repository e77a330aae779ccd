/* SPDX-License-Identifier: Apache-2.0 */
/* Index plugins: immutable segments built over rows of a dataset, and queries on them.
 *
 * A segment is a small folder of blobs that the plugin writes through orasi_store and never
 * changes after build_finish. Rows are known by a row id: 0,1,2… in the order of the files that
 * the segment covers; the host knows which file and row that is. Deletes are the host's: it passes
 * the set of rows that never may be returned.
 *
 * Every answer must equal a full scan with the same predicate. A plugin whose answers may hold too
 * many rows says LOSSY and the host checks again. Bytes of a segment are hostile when read. */
#ifndef ORASI_INDEX_H
#define ORASI_INDEX_H

#include <orasi/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ORASI_INDEX_FACTORY "orasi.factory.index/0"

/* The blob folder of ONE segment. Blob names: [a-z0-9._-], at most 64 bytes. The host syncs, and
 * keeps a checksum of each blob in its manifest. [inst] */
typedef struct orasi_store orasi_store;
struct orasi_store {
	uint32_t struct_size, reserved;
	void *ctx;
	/* build */
	orasi_status (*create)(orasi_store *store, const char *blob, uint64_t *ret_handle,
	                       orasi_error *err); /* [inst] */
	orasi_status (*append)(orasi_store *store, uint64_t handle, const void *buf, size_t len,
	                       orasi_error *err); /* [inst] */
	orasi_status (*pwrite)(orasi_store *store, uint64_t handle, uint64_t off, const void *buf, size_t len,
	                       orasi_error *err); /* [inst] inside what was appended */
	/* read */
	orasi_status (*open)(orasi_store *store, const char *blob, uint64_t *ret_handle, uint64_t *ret_size,
	                     orasi_error *err); /* [inst] */
	orasi_status (*pread)(orasi_store *store, uint64_t handle, uint64_t off, void *buf, size_t len,
	                      orasi_error *err); /* [inst] all of len, or E_CORRUPT */
	/* A read-only view of the whole blob, 8-byte aligned at least, until the handle is closed. */
	orasi_status (*map)(orasi_store *store, uint64_t handle, const uint8_t **ret, orasi_error *err); /* [inst] */
	orasi_status (*close)(orasi_store *store, uint64_t handle, orasi_error *err);                    /* [inst] */
};

/* caps.ops is a bitmap of 1u << ORASI_OP_*. */
typedef struct orasi_index_caps {
	uint32_t struct_size;
	uint32_t ops;
	uint32_t flags;       /* ORASI_INDEX_* */
	uint32_t max_columns; /* key columns */
} orasi_index_caps;
#define ORASI_INDEX_ORDERED 1u /* can return hits in key order */
#define ORASI_INDEX_SCORED 2u  /* hits carry a score, best first */
#define ORASI_INDEX_LOSSY 4u   /* may return too many rows: the host checks again */

typedef struct orasi_segment_info {
	uint32_t struct_size;
	uint32_t format_version;
	uint64_t rows;     /* rows fed */
	uint64_t entries;  /* keys or postings */
	uint64_t distinct; /* distinct keys or terms, 0 if not known */
	uint64_t bytes;
} orasi_segment_info;

/* A set of row ids owned by the host. NULL stands for the empty set. */
typedef struct orasi_rowset orasi_rowset;
struct orasi_rowset {
	uint32_t struct_size, reserved;
	void *ctx;
	uint64_t count;
	int32_t (*contains)(const orasi_rowset *set, uint64_t row_id); /* [any] */
};

/* All terms must hold. Valid during `query`; copy what the cursor needs. */
typedef struct orasi_query {
	uint32_t struct_size;
	uint32_t flags; /* ORASI_QUERY_* */
	const orasi_term *const *terms;
	uint32_t n_terms, reserved;
	const orasi_rowset *deleted; /* until the cursor is closed */
	uint64_t limit;              /* 0 = no limit; with SCORE: the best `limit` */
} orasi_query;
#define ORASI_QUERY_SCORE 1u /* best first, with scores; else ascending row ids */
#define ORASI_QUERY_ORDER 2u /* key order; ORDERED plugins only */
#define ORASI_QUERY_DESC 4u  /* with ORDER: descending, nulls last as ascending puts them first */

/* The caller's buffers. */
typedef struct orasi_hits {
	uint32_t struct_size;
	uint32_t cap; /* room in row_ids and scores */
	uint32_t n;   /* out */
	uint32_t reserved;
	uint64_t *row_ids;
	float *scores; /* NULL when scores are not wanted */
} orasi_hits;

typedef struct orasi_index_factory {
	uint32_t struct_size, reserved;
	orasi_status (*caps)(const char *id, orasi_index_caps *ret); /* [any] */
	/* [inst] `keys` is a struct schema with the key columns. E_CONFIG with a sentence when the
	 * plugin cannot index such a type. */
	orasi_status (*create)(const orasi_host *host, const char *id, const orasi_config *config,
	                       const struct ArrowSchema *keys, void **ret_self, orasi_error *err);
	void (*destroy)(void *self); /* [inst] */
	/* [inst] build_begin → build_add … → build_finish or build_abort. `first_row` is the row id of
	 * keys' row 0; rows follow each other without gaps inside a batch and ascend over calls. */
	orasi_status (*build_begin)(void *self, orasi_store *dst, void **ret_build, orasi_error *err);
	orasi_status (*build_add)(void *build, const struct ArrowArray *keys, uint64_t first_row,
	                          orasi_error *err);                                          /* [inst] */
	orasi_status (*build_finish)(void *build, orasi_segment_info *ret, orasi_error *err); /* [inst] frees */
	void (*build_abort)(void *build); /* [inst] frees; NULL is fine */
	/* [inst] k segments into one. Rows of src[i] get base[i] added; rows in drop[i] (may be NULL)
	 * are left out. NULL function: the host rebuilds instead. */
	orasi_status (*merge)(void *self, orasi_store *const *src, const uint64_t *base,
	                      const orasi_rowset *const *drop, uint32_t n, orasi_store *dst, orasi_segment_info *ret,
	                      orasi_error *err);
	/* [inst] */
	orasi_status (*open)(void *self, orasi_store *src, void **ret_reader, orasi_segment_info *ret,
	                     orasi_error *err);
	void (*close)(void *reader); /* [inst] */
	/* [any] on an open reader */
	orasi_status (*query)(void *reader, const orasi_query *query, void **ret_cursor, orasi_error *err);
	/* [cur] ORASI_OK with n > 0, or ORASI_END. */
	orasi_status (*next)(void *cursor, orasi_hits *hits, orasi_error *err);
	void (*cursor_close)(void *cursor); /* [cur] */
	/* [any] Rows it expects to return, without touching more than headers and a tree path. */
	orasi_status (*estimate)(void *reader, const orasi_query *query, uint64_t *ret_rows, orasi_error *err);
	/* [any] 0 headers, 1 checksums and structure, 2 every entry. */
	orasi_status (*verify)(void *reader, uint32_t level, orasi_error *err);
	const void *(*get_extension)(void *self, const char *id); /* [any] */
} orasi_index_factory;

#ifdef __cplusplus
}
#endif
#endif
