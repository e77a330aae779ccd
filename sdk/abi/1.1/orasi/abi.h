/* SPDX-License-Identifier: Apache-2.0 */
/* The border between Orasi and a plugin: entry, descriptor, host, config, errors.
 *
 * A plugin is a shared object that exports one function, orasi_plugin_entry_v1, carries an ELF
 * note (ORASI_PLUGIN_NOTE) and links to nothing of the host. It runs inside an orasi-worker.
 *
 * Rules that hold everywhere, unless a comment says otherwise:
 *  - Structs. Whoever allocates a struct zeroes it and sets its struct_size. A reader looks at
 *    struct_size before a field that came with a later minor (ORASI_COVERS), a filler never writes
 *    behind it. Fixed-width members only; pointers and size_t have 8 bytes. orasi_str, orasi_bytes,
 *    orasi_kv, orasi_error and orasi_note are frozen: they never grow.
 *  - Flags and reserved members. A plugin sets the bits that its headers name and leaves the others,
 *    and everything reserved, 0: the host refuses what it does not know. Bits that come from the host
 *    and that a plugin does not know are nothing to it.
 *  - Memory. Nothing is freed by the other side. What is handed in (text, bytes, structs) lives for
 *    the call: copy to keep. What is handed out lives as long as its comment says.
 *  - Pointers are not NULL unless a comment says "or NULL". `err` of a plugin's function is never
 *    NULL; the `err` that a plugin hands to a function of the host may be. A `ret` is written when
 *    the call succeeds; what it holds after a failure means nothing.
 *  - Functions. A member is there unless its comment says "or NULL". They are called in the order that
 *    the header of the kind gives, and no other. What a function failed to make is not there: it is
 *    neither used nor closed. destroy comes once, last, at any time (also in the middle of the work,
 *    without close), and NULL is nothing to it. Nothing of an instance is called after its destroy, and
 *    it calls nothing of the host any more.
 *  - No exception, panic or longjmp crosses the border, in either direction.
 *  - Text is UTF-8. `const char *` ends with NUL, orasi_str does not. Times are int64 nanoseconds,
 *    monotonic or Unix UTC by name.
 *
 * Threading tags. Of a plugin's functions:
 *  [any]   thread-safe.
 *  [scan]  called once, no threads, no I/O, at most 100 ms.
 *  [inst]  one call at a time per `self`; different threads over time, the host orders them.
 *          Two instances may run at the same time on two threads.
 *  [cur]   like [inst], per cursor; several cursors of one reader may run at the same time.
 * Of the host's functions:
 *  [any]   from every thread, while the instance that got the host lives.
 *  [inst]  one call at a time per instance, and only while the host is inside of one of its functions.
 * Threads of a plugin's own are joined before its destroy returns, and block all signals.
 *
 * This is ABI 1.1. What is not inside of ORASI_SINCE is 1.0, frozen: docs/PLUGIN-ABI.md says what a later minor may add
 * and what no 1.x does. */
#ifndef ORASI_ABI_H
#define ORASI_ABI_H

#include <stddef.h>
#include <stdint.h>

#include <orasi/arrow.h>

#ifdef __cplusplus
static_assert(sizeof(void *) == 8 && sizeof(size_t) == 8, "the plugin ABI is for 64-bit machines");
extern "C" {
#else
_Static_assert(sizeof(void *) == 8 && sizeof(size_t) == 8, "the plugin ABI is for 64-bit machines");
#endif

#define ORASI_ABI_MAJOR 1
#define ORASI_ABI_MINOR 1
/* The minor a plugin is built for, which its note and its entry say: the oldest agent that takes it. What is newer cannot
 * be seen. It stays 0 unless the author defines it before the first include, on purpose. */
#ifndef ORASI_TARGET_MINOR
#define ORASI_TARGET_MINOR 0
#endif
/* Is what came with minor n to be seen? New members and names stand inside of #if ORASI_SINCE(n). */
#define ORASI_SINCE(n) (ORASI_TARGET_MINOR >= (n))
#if ORASI_TARGET_MINOR > ORASI_ABI_MINOR
#error "ORASI_TARGET_MINOR is newer than this SDK: take the SDK of that minor, or a lower target"
#endif

/* Is struct `p` long enough to hold `field`? */
#define ORASI_COVERS(p, field) ((p)->struct_size >= offsetof(__typeof__(*(p)), field) + sizeof((p)->field))
/* The same, and the field (a pointer) is set. */
#define ORASI_HAS(p, field) (ORASI_COVERS(p, field) && (p)->field)

/* ---- status ------------------------------------------------------------------------------ */

/* 0 and above: fine. -1..-99: permanent, the same input fails again. -100..-199: transient, the
 * host retries. -200 and below: the host wanted it; unwind and return it as it came. An unknown
 * code is judged by its range. */
typedef int32_t orasi_status;

#define ORASI_OK 0
#define ORASI_END 1    /* no more items; so do further calls say */
#define ORASI_AGAIN 2  /* nothing now, call again; only where a comment allows it */
#define ORASI_SCHEMA 3 /* the schema has grown: ask `schema`, then call again */

#define ORASI_E_INVALID (-1)     /* an argument breaks the contract */
#define ORASI_E_CONFIG (-2)      /* the configuration cannot work */
#define ORASI_E_CORRUPT (-3)     /* the input is not what it claims to be */
#define ORASI_E_UNSUPPORTED (-4) /* the input needs a feature that is not here; name it */
#define ORASI_E_STATE (-5)       /* a checkpoint or token does not belong to this source or version */
#define ORASI_E_NOTFOUND (-6)
#define ORASI_E_INTERNAL (-7) /* the plugin is in a state it should not be in */
#define ORASI_E_LIMIT (-8)    /* a documented limit is exceeded */
#define ORASI_E_IO (-100)
#define ORASI_E_NOMEM (-101)
#define ORASI_E_BUSY (-102)
#define ORASI_E_CANCELLED (-200) /* the task was cancelled */
#define ORASI_E_DEADLINE (-201)  /* the attempt ran out of time */
#define ORASI_E_QUOTA (-202)     /* memory or space budget exceeded */
#define ORASI_E_BUDGET (-203)    /* too many rejected records */

/* ---- frozen types ------------------------------------------------------------------------ */

typedef struct orasi_str {
	const char *ptr; /* UTF-8, not NUL-terminated; or NULL when len is 0 */
	size_t len;
} orasi_str;

typedef struct orasi_bytes {
	const uint8_t *ptr; /* or NULL when len is 0 */
	size_t len;
} orasi_bytes;

typedef struct orasi_kv {
	orasi_str key, value;
} orasi_kv;

#ifdef __cplusplus
#define ORASI_STR(literal) (orasi_str{(literal), sizeof(literal) - 1})
#else
#define ORASI_STR(literal) ((orasi_str){(literal), sizeof(literal) - 1})
#endif

/* The caller allocates it and begins with ORASI_NO_ERROR, the callee fills it; nothing to free. A
 * failure without a message is a contract violation. */
typedef struct orasi_error {
	uint32_t struct_size;
	int32_t vendor_code;     /* errno or a library's code, 0 if none */
	uint32_t retry_after_ms; /* hint for transient errors, 0 if none */
	uint32_t flags;          /* must be 0 */
	int64_t row;             /* offending record, counted from 0, -1 if unknown */
	int64_t offset;          /* byte offset in the source, -1 if unknown */
	char where[128];         /* column path or JSON pointer, may be empty; ends with NUL, as message */
	char message[512];       /* one sentence that names the thing, the place and the remedy */
} orasi_error;

/* orasi_error err = ORASI_NO_ERROR; */
#define ORASI_NO_ERROR                                       \
	{                                                    \
		sizeof(orasi_error), 0, 0, 0, -1, -1, "", "" \
	}

/* ---- host -------------------------------------------------------------------------------- */

/* What the host offers. Extensions are found by id (see orasi/host.h) and may be NULL; a plugin
 * lists those it cannot live without in requires_ext. The host that init gets, and its extensions,
 * live until the process ends; those of create until the destroy of that instance has returned. */
typedef struct orasi_host orasi_host;
struct orasi_host {
	uint32_t struct_size;
	uint16_t abi_major, abi_minor;                                        /* what this host offers */
	void *ctx;                                                            /* the host's own */
	const char *agent_version;                                            /* for logs only, never for decisions */
	const void *(*get_extension)(const orasi_host *host, const char *id); /* [any] NULL when it has none */
};

/* A plugin instance's configuration: already checked against config_schema, defaults applied,
 * sizes and durations turned into integers (bytes, milliseconds). Valid during create only. */
typedef struct orasi_config orasi_config;
struct orasi_config {
	uint32_t struct_size, reserved;
	void *ctx;
	orasi_str json; /* the same data as JSON text, an object */
	/* `ptr` is a JSON pointer (RFC 6901) such as "/delimiter" or "/hosts/0". ORASI_E_NOTFOUND when nothing is
	 * there, or something of another type; *ret stays as it is then. [any] */
	orasi_status (*get_i64)(const orasi_config *config, const char *ptr, int64_t *ret);
	orasi_status (*get_f64)(const orasi_config *config, const char *ptr, double *ret);   /* [any] any number */
	orasi_status (*get_bool)(const orasi_config *config, const char *ptr, int32_t *ret); /* [any] 0 or 1 */
	orasi_status (*get_str)(const orasi_config *config, const char *ptr,
	                        orasi_str *ret); /* [any] until create ends */
	orasi_status (*count)(const orasi_config *config, const char *ptr,
	                      uint32_t *ret); /* [any] items of an array, members of an object */
};

/* ---- descriptor and entry ---------------------------------------------------------------- */

#define ORASI_KIND_INGEST 1
#define ORASI_KIND_INDEX 2
#define ORASI_KIND_TRANSFORM 3
#define ORASI_KIND_TASK 4
#define ORASI_KIND_NOTIFIER 5

/* descriptor.flags */
#define ORASI_FLAG_DETERMINISTIC 0x01u /* same input, same output */
#define ORASI_FLAG_RANDOM_ACCESS 0x02u /* ingest: needs source.pread and a known size */
#define ORASI_FLAG_SPLITTABLE 0x04u    /* ingest: honours range_begin/range_end */
#define ORASI_FLAG_PUSHDOWN 0x08u      /* ingest: prunes by terms (may return more, never less) */
#define ORASI_FLAG_ROWS 0x10u          /* ingest: honours `rows` (exact row ordinals) */
#define ORASI_FLAG_ENCODES 0x20u       /* ingest: also offers ORASI_ENCODE_FACTORY */
#define ORASI_FLAG_STATELESS 0x40u     /* transform: keeps nothing between batches; flush and save may be NULL */
/* Rights: what the plugin cannot do without. The operator grants them one by one (see docs/PLUGIN-TRUST.md);
 * without the grant the plugin is not used, and the agent says so. */
#define ORASI_FLAG_NEEDS_NET 0x100u  /* sockets of its own */
#define ORASI_FLAG_NEEDS_FS 0x200u   /* files outside of its sources and its scratch folder */
#define ORASI_FLAG_NEEDS_EXEC 0x400u /* other programs */
#define ORASI_FLAG_NEEDS_HTTP 0x800u /* orasi.host.http/1, to hosts that the operator lists */

/* Static storage; valid from load to process exit, never changed. */
typedef struct orasi_descriptor {
	uint32_t struct_size;
	uint32_t kind;
	uint32_t flags;
	uint32_t state_version;     /* of the checkpoints or segments it writes */
	uint32_t state_version_min; /* oldest it still reads */
	uint32_t reserved;
	const char *id;                  /* "org.orasi.ingest.json": stable for ever; at most 63 bytes */
	const char *name;                /* short name people type: "json" */
	const char *version;             /* semantic version */
	const char *summary;             /* one line */
	const char *doc_url;             /* or NULL */
	const char *config_schema;       /* JSON Schema subset, mandatory; "{\"type\":\"object\"}" at least */
	const char *const *features;     /* NULL-ended: "format:ndjson", "mime:application/json",
	                                    "ext:.json", "index:btree" */
	const char *const *requires_ext; /* NULL-ended host ids without which create is not called */
} orasi_descriptor;

/* What orasi_plugin_entry_v1 returns; static storage, never changed. init comes first, the others only after it
 * has succeeded. */
typedef struct orasi_entry {
	uint32_t struct_size;
	uint16_t abi_major, abi_target_minor; /* ORASI_ABI_MAJOR, ORASI_TARGET_MINOR: as the note says */
	const char *bundle_id, *bundle_version, *vendor, *license;
	orasi_status (*init)(const orasi_host *host,
	                     orasi_error *err);              /* [scan] once per process; again after deinit */
	void (*deinit)(void);                                /* [scan] or NULL; may never be called */
	uint32_t (*count)(void);                             /* [any] 1 to 8 plugins */
	const orasi_descriptor *(*describe)(uint32_t index); /* [any] NULL when out of range */
	/* [any] The table of functions of a kind (ORASI_INGEST_FACTORY, …), static storage; NULL when unknown. */
	const void *(*get_factory)(const char *factory_id);
	const void *(*get_extension)(const char *id); /* [any] or NULL; gives NULL when unknown */
} orasi_entry;

#if defined(__GNUC__)
#define ORASI_EXPORT __attribute__((visibility("default")))
#else
#define ORASI_EXPORT
#endif

#define ORASI_ENTRY_SYMBOL "orasi_plugin_entry_v1"
ORASI_EXPORT const orasi_entry *orasi_plugin_entry_v1(void); /* [any] the same at every call, never NULL */

/* ---- predicates -------------------------------------------------------------------------- */

#define ORASI_OP_EQ 1
#define ORASI_OP_LT 2
#define ORASI_OP_LE 3
#define ORASI_OP_GT 4
#define ORASI_OP_GE 5
#define ORASI_OP_IN 6
#define ORASI_OP_PREFIX 7
#define ORASI_OP_IS_NULL 8
#define ORASI_OP_NOT_NULL 9
#define ORASI_OP_MATCH 10 /* full-text query string */

/* One conjunct: column OP values. Terms travel as an array of pointers and are ANDed. SQL rules:
 * a comparison with NULL is not true. Operators are 1 to 31; one that is not known here is refused by an index
 * (which is asked only for those of its caps), and left out by a decoder that prunes. */
typedef struct orasi_term {
	uint32_t struct_size;
	uint32_t op;
	orasi_str column;                /* top-level column name */
	const struct ArrowSchema *type;  /* of the values; the column's own type unless MATCH; or NULL, as values */
	const struct ArrowArray *values; /* 1 value; n for IN; NULL for IS_NULL and NOT_NULL */
} orasi_term;

/* ---- ELF note ---------------------------------------------------------------------------- */

/* The note lets the agent judge a file without running it: owner "ORASI", type 1 holds the ABI
 * numbers, the bundle id and its version. Put ORASI_PLUGIN_NOTE("org.acme.syslog", "1.2.0") at
 * file scope in exactly one source file. Strings have at most 63 and 31 bytes. A frozen type: what comes
 * later gets a note of its own, of another type. */
#define ORASI_NOTE_OWNER "ORASI"
#define ORASI_NOTE_TYPE 1
#define ORASI_NOTE_SECTION ".note.orasi"

typedef struct orasi_note {
	uint32_t namesz, descsz, type;
	char owner[8];
	uint16_t abi_major, abi_target_minor;
	uint16_t sdk_minor; /* of the headers it was built with: for messages, never for decisions */
	uint16_t reserved;
	char bundle_id[64];
	char bundle_version[32];
} orasi_note;

#define ORASI_PLUGIN_NOTE(id, vers)                                                                                  \
	__attribute__((section(ORASI_NOTE_SECTION), used, aligned(4))) static const orasi_note orasi_plugin_note = { \
		6,                                                                                                   \
		sizeof(orasi_note) - 20,                                                                             \
		ORASI_NOTE_TYPE,                                                                                     \
		ORASI_NOTE_OWNER,                                                                                    \
		ORASI_ABI_MAJOR,                                                                                     \
		ORASI_TARGET_MINOR,                                                                                  \
		ORASI_ABI_MINOR,                                                                                     \
		0,                                                                                                   \
		id,                                                                                                  \
		vers}

#ifdef __cplusplus
}
#endif
#endif
