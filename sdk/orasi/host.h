/* SPDX-License-Identifier: Apache-2.0 */
/* Host extensions: what a plugin may ask of its host. All are found by id with
 * host->get_extension, all functions are [any]. Every host of this ABI has log, job, mem and
 * reject; the others may be NULL. */
#ifndef ORASI_HOST_H
#define ORASI_HOST_H

#include <orasi/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ORASI_HOST_LOG "orasi.host.log/0"
#define ORASI_HOST_JOB "orasi.host.job/0"
#define ORASI_HOST_MEM "orasi.host.mem/0"
#define ORASI_HOST_REJECT "orasi.host.reject/0"
#define ORASI_HOST_BLOB "orasi.host.blob/0"

#define ORASI_LOG_DEBUG 0
#define ORASI_LOG_INFO 1
#define ORASI_LOG_WARN 2
#define ORASI_LOG_ERROR 3

/* One structured line; the host adds task, attempt, plugin and trace id. */
typedef struct orasi_host_log {
	uint32_t struct_size;
	int32_t min_level; /* skip the formatting below this */
	void (*log)(const orasi_host *host, int32_t level, orasi_str message, const orasi_kv *kv,
	            uint32_t n);
} orasi_host_log;

/* The running attempt. Look at *cancel_flag at least every 100 ms of work; non-zero means: stop
 * and return ORASI_E_CANCELLED. */
typedef struct orasi_host_job {
	uint32_t struct_size;
	uint32_t attempt; /* 1, 2, … */
	const volatile int32_t *cancel_flag;
	int64_t deadline_mono_ns; /* 0 = none */
	/* total 0 = unknown; the host passes on at most 4 a second. */
	void (*progress)(const orasi_host *host, uint64_t done, uint64_t total, orasi_str note);
	/* At most 64 KiB, kept with the next durable step of the attempt. */
	orasi_status (*checkpoint)(const orasi_host *host, orasi_bytes state, orasi_error *err);
} orasi_host_job;

/* Counted memory. NULL when over budget: spill, or fail with ORASI_E_QUOTA. */
typedef struct orasi_host_mem {
	uint32_t struct_size, reserved;
	void *(*alloc)(const orasi_host *host, size_t n, size_t align); /* align 0 = any type */
	void *(*resize)(const orasi_host *host, void *p, size_t n);
	void (*release)(const orasi_host *host, void *p);                   /* NULL is fine */
	orasi_status (*reserve)(const orasi_host *host, int64_t delta); /* account foreign memory */
	uint64_t (*budget)(const orasi_host *host);                     /* bytes left */
} orasi_host_mem;

/* A record that cannot become a row. */
typedef struct orasi_rejected {
	uint32_t struct_size;
	uint32_t flags;
	const char *code;    /* short stable word: "json.syntax", "type.mismatch", "utf8" */
	orasi_str message;   /* one sentence */
	orasi_str column;    /* path, may be empty */
	int64_t byte_offset; /* of the record in the (decompressed) source, -1 unknown */
	int64_t line;        /* from 1, -1 unknown */
	int64_t row;         /* ordinal among all records seen, from 0, -1 unknown */
	orasi_bytes raw;     /* the record, cut by the host at 64 KiB */
	uint64_t raw_len;    /* whole length */
} orasi_rejected;

/* ORASI_OK: go on. ORASI_E_BUDGET: the task allows no more; unwind and return it. */
typedef struct orasi_host_reject {
	uint32_t struct_size, reserved;
	orasi_status (*reject)(const orasi_host *host, const orasi_rejected *rejected);
} orasi_host_reject;

/* Scratch files that vanish with the attempt. A handle is valid until close. */
typedef struct orasi_host_blob {
	uint32_t struct_size, reserved;
	orasi_status (*create)(const orasi_host *host, uint64_t *ret_handle, orasi_error *err);
	orasi_status (*pwrite)(const orasi_host *host, uint64_t handle, uint64_t off, const void *buf,
	                       size_t len, orasi_error *err);
	orasi_status (*pread)(const orasi_host *host, uint64_t handle, uint64_t off, void *buf,
	                      size_t len, orasi_error *err);
	void (*close)(const orasi_host *host, uint64_t handle);
} orasi_host_blob;

#ifdef __cplusplus
}
#endif
#endif
