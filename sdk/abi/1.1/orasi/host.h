/* SPDX-License-Identifier: Apache-2.0 */
/* Host extensions: what a plugin may ask of its host. All are found by id with host->get_extension, which gives the
 * same answer at every call, and live as long as that host. Every host has log, job and mem (and hands a config to
 * create). The others may be NULL: an older host does not know them, a kind of plugin has no use for them, or the
 * operator did not grant them. Which kind gets what is in docs/PLUGINS.md. */
#ifndef ORASI_HOST_H
#define ORASI_HOST_H

#include <orasi/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ORASI_HOST_LOG "orasi.host.log/1"
#define ORASI_HOST_JOB "orasi.host.job/1"
#define ORASI_HOST_MEM "orasi.host.mem/1"
#define ORASI_HOST_REJECT "orasi.host.reject/1"
#define ORASI_HOST_BLOB "orasi.host.blob/1"
#define ORASI_HOST_METRICS "orasi.host.metrics/1"
#define ORASI_HOST_TRACE "orasi.host.trace/1"
#define ORASI_HOST_SECRET "orasi.host.secret/1"
#define ORASI_HOST_SUBMIT "orasi.host.submit/1"
#define ORASI_HOST_CLOCK "orasi.host.clock/1"
#define ORASI_HOST_RANDOM "orasi.host.random/1"
#define ORASI_HOST_POOL "orasi.host.pool/1"
#define ORASI_HOST_THREAD_CHECK "orasi.host.thread-check/1"
#define ORASI_HOST_HTTP "orasi.host.http/1"
#define ORASI_HOST_KV "orasi.host.kv/1"

#define ORASI_LOG_DEBUG 0
#define ORASI_LOG_INFO 1
#define ORASI_LOG_WARN 2
#define ORASI_LOG_ERROR 3

/* One structured line; the host adds task, attempt, plugin and trace id. Texts are cut at 1 KiB; lines beyond 100 in a
 * second are counted and dropped. */
typedef struct orasi_host_log {
	uint32_t struct_size;
	int32_t min_level; /* skip the formatting below this */
	void (*log)(const orasi_host *host, int32_t level, orasi_str message, const orasi_kv *kv,
	            uint32_t n); /* [any] kv or NULL, with n 0 */
} orasi_host_log;

/* The running attempt. Look at *cancel_flag, from any thread, at least every 100 ms of work; non-zero means: stop
 * and return ORASI_E_CANCELLED. It never goes back to 0. */
typedef struct orasi_host_job {
	uint32_t struct_size;
	uint32_t attempt; /* 1, 2, … */
	const volatile int32_t *cancel_flag;
	int64_t deadline_mono_ns; /* 0 = none */
	/* total 0 = unknown; the host passes on at most 4 a second. */
	void (*progress)(const orasi_host *host, uint64_t done, uint64_t total, orasi_str note); /* [inst] */
	/* Tasks only, ORASI_E_UNSUPPORTED to others (which have marks and save): at most 64 KiB. Comes back when the state
	 * is durable: whatever dies now, the next attempt gets it as orasi_task_run.checkpoint. */
	orasi_status (*checkpoint)(const orasi_host *host, orasi_bytes state, orasi_error *err); /* [inst] */
} orasi_host_job;

/* Counted memory. NULL when over budget: spill, or fail with ORASI_E_QUOTA. A block is released by the instance that
 * took it, before its destroy returns: what is handed out and may live longer (batches) does not stand in one. */
typedef struct orasi_host_mem {
	uint32_t struct_size, reserved;
	/* align: a power of two up to 1 MiB, 0 = any type. n may be 0: a block of no bytes. */
	void *(*alloc)(const orasi_host *host, size_t n, size_t align); /* [any] or NULL */
	/* Keeps the alignment, and the bytes that fit; p NULL: as alloc. When it gives NULL, p is as it was. */
	void *(*resize)(const orasi_host *host, void *p, size_t n); /* [any] or NULL */
	void (*release)(const orasi_host *host, void *p);           /* [any] NULL is fine */
	/* Accounts memory from elsewhere: + takes, - gives back. ORASI_E_QUOTA: not taken. */
	orasi_status (*reserve)(const orasi_host *host, int64_t delta); /* [any] */
	uint64_t (*budget)(const orasi_host *host);                     /* [any] bytes left */
} orasi_host_mem;

/* A record that cannot become a row. */
typedef struct orasi_rejected {
	uint32_t struct_size;
	uint32_t flags;      /* must be 0 */
	const char *code;    /* short stable word: "json.syntax", "type.mismatch", "utf8"; at most 63 bytes */
	orasi_str message;   /* one sentence */
	orasi_str column;    /* path, may be empty */
	int64_t byte_offset; /* of the record in the (decompressed) source, -1 unknown */
	int64_t line;        /* from 1, -1 unknown */
	int64_t row;         /* ordinal among all records seen, from 0, -1 unknown */
	orasi_bytes raw;     /* the record, cut by the host at 64 KiB */
	uint64_t raw_len;    /* whole length */
} orasi_rejected;

/* ORASI_OK: go on. ORASI_E_BUDGET: the task allows no more. It and any other status: unwind and return it. */
typedef struct orasi_host_reject {
	uint32_t struct_size, reserved;
	orasi_status (*reject)(const orasi_host *host, const orasi_rejected *rejected); /* [inst] */
} orasi_host_reject;

/* Scratch files without a name that vanish with the instance, at most 16 at a time. A handle is good until close;
 * ORASI_E_INVALID for one that is none. */
typedef struct orasi_host_blob {
	uint32_t struct_size, reserved;
	orasi_status (*create)(const orasi_host *host, uint64_t *ret_handle, orasi_error *err); /* [inst] */
	orasi_status (*pwrite)(const orasi_host *host, uint64_t handle, uint64_t off, const void *buf, size_t len,
	                       orasi_error *err); /* [any] */
	orasi_status (*pread)(const orasi_host *host, uint64_t handle, uint64_t off, void *buf, size_t len,
	                      orasi_error *err);                /* [any] all of len, or ORASI_E_IO */
	void (*close)(const orasi_host *host, uint64_t handle); /* [inst] */
} orasi_host_blob;

/* Counters and gauges beside the agent's own, as orasi_plugin_<name>{plugin="…",…}. */
#define ORASI_METRIC_COUNTER 1u
#define ORASI_METRIC_GAUGE 2u
typedef struct orasi_host_metrics {
	uint32_t struct_size, reserved;
	/* `name`: [a-z][a-z0-9_]*, at most 40 bytes. The same name again gives the same metric. 0: refused (a bad name, or
	 * more than 32 of them). */
	uint32_t (*define)(const orasi_host *host, uint32_t type, orasi_str name, orasi_str help); /* [any] */
	/* Adds to a counter (v >= 0), or sets a gauge. Kept in the worker, passed on a few times a second. Metric 0: nothing. */
	void (*add)(const orasi_host *host, uint32_t metric, double v); /* [any] */
} orasi_host_metrics;

/* Spans below the attempt's; they become log events with their duration. */
typedef struct orasi_host_trace {
	uint32_t struct_size, reserved;
	uint64_t (*begin)(const orasi_host *host, orasi_str name,
	                  uint64_t parent); /* [any] parent 0: the attempt; 0: too many */
	void (*end)(const orasi_host *host, uint64_t span, orasi_status status); /* [any] once; span 0: nothing */
	orasi_str (*traceparent)(
		const orasi_host *host); /* [any] W3C, for outgoing calls; may be empty. As long as the host. */
} orasi_host_trace;

/* What the operator has laid down for this plugin, at most 4 KiB each. Never in the configuration, never in a log. */
typedef struct orasi_host_secret {
	uint32_t struct_size, reserved;
	orasi_status (*get)(const orasi_host *host, orasi_str name,
	                    orasi_bytes *ret); /* [inst] *ret until the next get; or ORASI_E_NOTFOUND */
} orasi_host_secret;

/* Tasks that begin if and when this attempt succeeds, in the same transaction: the body of POST /v1/tasks as JSON
 * text, at most 256 KiB. At most 100, ORASI_E_LIMIT beyond. Refused when the body breaks the rules of its kind, with
 * the reason. */
typedef struct orasi_host_submit {
	uint32_t struct_size, reserved;
	orasi_status (*submit)(const orasi_host *host, orasi_str task_json, orasi_error *err); /* [inst] */
} orasi_host_submit;

/* Time and chance that a test can fix. */
typedef struct orasi_host_clock {
	uint32_t struct_size, reserved;
	int64_t (*mono_ns)(const orasi_host *host); /* [any] */
	int64_t (*unix_ns)(const orasi_host *host); /* [any] */
} orasi_host_clock;

typedef struct orasi_host_random {
	uint32_t struct_size, reserved;
	uint64_t (*u64)(const orasi_host *host); /* [any] */
} orasi_host_random;

/* fn(arg, i) for i in 0..n-1, on threads of the host and on the caller's, in no order; comes back when all are done, and
 * sees what they wrote. fn may call what is [any] of the host, parallel_for too. */
typedef struct orasi_host_pool {
	uint32_t struct_size, reserved;
	uint32_t (*width)(const orasi_host *host); /* [any] how many at the same time, at least 1 */
	void (*parallel_for)(const orasi_host *host, uint32_t n, void (*fn)(void *arg, uint32_t i),
	                     void *arg); /* [any] */
} orasi_host_pool;

/* For asserting the threading tags. */
typedef struct orasi_host_thread_check {
	uint32_t struct_size, reserved;
	int32_t (*is_call_thread)(const orasi_host *host); /* [any] 1 on the thread that calls the plugin */
} orasi_host_thread_check;

/* A request over HTTP or HTTPS that another process makes: the plugin needs no sockets, and reaches only hosts that the
 * operator lists for its bundle (docs/PLUGIN-TRUST.md). Redirects are not followed: the answer says where to. */
typedef struct orasi_http_request {
	uint32_t struct_size;
	uint32_t timeout_ms; /* for all of it; 0: 30 s; at most 5 minutes */
	orasi_str method;    /* GET, HEAD, POST, PUT, PATCH, DELETE */
	orasi_str url;       /* http:// or https://, without user and password, at most 4,096 bytes */
	/* At most 64, 16 KiB in all; Host, Content-Length, Connection and Transfer-Encoding are the host's. */
	const orasi_kv *headers;
	uint32_t n_headers, reserved;
	orasi_bytes body;  /* at most 1 MiB */
	uint64_t max_body; /* of the answer; 0: 1 MiB; at most 4 MiB */
} orasi_http_request;

/* Memory of the host, until the next request of the same instance. */
typedef struct orasi_http_response {
	uint32_t struct_size;
	int32_t status; /* of any kind: 404 is an answer */
	const orasi_kv *headers;
	uint32_t n_headers, reserved;
	orasi_bytes body;
} orasi_http_response;

typedef struct orasi_host_http {
	uint32_t struct_size, reserved;
	/* ORASI_E_CONFIG: the host is not listed, or the request breaks the rules above; ORASI_E_LIMIT: the answer is larger;
	 * ORASI_E_IO and other transient ones: no answer came, and what was asked may have been done. [inst] */
	orasi_status (*request)(const orasi_host *host, const orasi_http_request *request, orasi_http_response *ret,
	                        orasi_error *err);
} orasi_host_http;

/* What a plugin remembers from one task to the next: a small map, of its id, whatever the task or the version of the
 * plugin. An attempt begins with what is there, and what it changes comes true when it succeeds, in the same transaction
 * as its result; an attempt that fails or dies has changed nothing. When another task has changed meanwhile what this one
 * has read, this one is called again and sees it. So a counter counts right, however many tasks run at a time.
 *
 * Keys are UTF-8 text of 1 to 128 bytes without control characters; all keys and values together have at most 64 KiB, at
 * most 1,024 keys. All functions are [inst]. */
typedef struct orasi_host_kv {
	uint32_t struct_size, reserved;
	/* [inst] *ret is the host's, until the key is changed or the instance destroyed. ORASI_E_NOTFOUND: there is no such
	 * key; ORASI_E_INVALID: it can be none. */
	orasi_status (*get)(const orasi_host *host, orasi_str key, orasi_bytes *ret);
	/* [inst] Key and value are copied. ORASI_E_LIMIT: it would be too much. */
	orasi_status (*put)(const orasi_host *host, orasi_str key, orasi_bytes value, orasi_error *err);
	/* [inst] Also fine when it is not there. */
	orasi_status (*remove)(const orasi_host *host, orasi_str key, orasi_error *err);
	/* [inst] The first key behind `after` (empty: of all) in the order of their bytes; *ret_key as the value of get.
	 * ORASI_END. A task that asks this has read everything. */
	orasi_status (*next)(const orasi_host *host, orasi_str after, orasi_str *ret_key);
} orasi_host_kv;

#ifdef __cplusplus
}
#endif
#endif
