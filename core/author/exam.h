/* SPDX-License-Identifier: Apache-2.0 */
/* One test of the conformance suite: a function over an exam. It runs in a process of its own, which may die: what
 * the plugin was doing stands in the page, and the parent reads it. */
#ifndef AUTHOR_EXAM_H
#define AUTHOR_EXAM_H

#include "author.h"
#include "guard.h"
#include "lab.h"
#include "subject.h"

enum outcome { OUTCOME_NONE, OUTCOME_PASS, OUTCOME_FAIL, OUTCOME_SKIP };

/* Shared with the parent, as descriptor 3. */
struct page {
	int32_t outcome;
	char plugin[64];   /* whose code ran last: an id, or the file while that is unknown */
	char function[32]; /* of it, that runs; empty between */
	char last[32];     /* of it, that runs or ran last */
	char sentence[1024];
	char note[256]; /* a remark on a test that passed */
	int32_t fatal;  /* it could not even be loaded: all other tests would say the same */
	/* of `run` */
	uint64_t batch; /* that it is at, from 1; 0: at none */
	int32_t back;   /* the end was reached, or it was killed as it was told */
};

#define SAMPLES_MAX 16
struct sample {
	const char *name;
	uint8_t *data;
	size_t len;
};

enum level { LEVEL_BASIC, LEVEL_FULL, LEVEL_STRESS };

struct exam {
	const struct typed *typed;
	const char *file, *scratch;
	struct page *page;
	struct subject subject;
	struct json *config; /* checked, with defaults */
	struct lab lab;      /* the host that init got */
	struct sample samples[SAMPLES_MAX];
	size_t n_samples;
	uint64_t seed, random;
	enum level level;
	double load_ms; /* of CPU, that loading the file took */
};

/* All return -1, so that a test can end with them. */
int exam_fail(struct exam *exam, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int exam_skip(struct exam *exam, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void exam_note(struct exam *exam, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
uint64_t exam_random(struct exam *exam, uint64_t below);

/* r = CALL(exam, "next", factory->next(…)): the plugin's code runs between. */
void exam_enter(struct exam *exam, const char *function);
void exam_leave(struct exam *exam);
#define CALL(exam, function, expression)                       \
	(__extension__({                                       \
		exam_enter((exam), (function));                \
		__typeof__(expression) exam_r_ = (expression); \
		exam_leave(exam);                              \
		exam_r_;                                       \
	}))
#define CALL_VOID(exam, function, expression)   \
	do {                                    \
		exam_enter((exam), (function)); \
		expression;                     \
		exam_leave(exam);               \
	} while (0)

/* A failure must have a sentence and a status that belongs there. 0: it has. */
int exam_error(struct exam *exam, const char *function, orasi_status status, const orasi_error *error);
double exam_cpu_ms(void); /* of this process: a busy machine is not the plugin's fault */
/* An error to hand to the plugin, with a guard behind it. */
orasi_error exam_no_error(void);

/* A struct of ours that a plugin fills: what lies behind it is not the plugin's to touch. */
#define EXAM_BEHIND 0xA5
#define EXAM_GUARDED(type)          \
	struct {                    \
		type it;            \
		uint8_t behind[64]; \
	}
#define EXAM_GUARD(guarded, ...)                                                                               \
	do {                                                                                                   \
		(guarded).it = (__typeof__((guarded).it)){.struct_size = sizeof((guarded).it), ##__VA_ARGS__}; \
		memset((guarded).behind, EXAM_BEHIND, sizeof((guarded).behind));                               \
	} while (0)
/* 0: it is as it was. */
int exam_check_behind(struct exam *exam, const uint8_t behind[64], const char *function, const char *what);

struct test {
	const char *name;     /* "ingest.resume" */
	const char *sentence; /* what is proven */
	uint32_t kinds;       /* bitmap of 1u << ORASI_KIND_*; 0: all */
	int flags;            /* TEST_* */
	int (*fn)(struct exam *exam);
};
#define TEST_BARE 1    /* looks at the file only: nothing is loaded */
#define TEST_LOADED 2  /* loaded, init not called */
#define TEST_SAMPLE 4  /* needs a sample */
#define TEST_STRESS 8  /* only at level stress */
#define TEST_FULL 16   /* not at level basic */
#define TEST_RECORD 32 /* only with --record-golden, and then no other */

#define FOR_KIND(kind) (1u << (kind))

extern const struct test tests_file[], tests_scan[], tests_any[], tests_ingest[], tests_resume[], tests_promises[],
	tests_feed[], tests_index[], tests_transform[], tests_task[], tests_golden[], tests_inputs[],
	tests_stress[]; /* name NULL ends each */
/* The i-th of all; NULL behind the last. */
const struct test *test_at(size_t i);

/* ---- instances of any kind ----------------------------------------------------------------------------------- */

/* create with a configuration (NULL: none). An index gets one int64 key, or what it takes. */
orasi_status instance_create(struct exam *exam, struct lab *lab, const char *id, const struct json *config, void **ret,
                             orasi_error *err);
void instance_destroy(struct exam *exam, void *self);
/* Some work on a fresh instance, from create to destroy, whatever its kind; contract violations fail the exam. The
 * digest stands for all that came out. */
int instance_work(struct exam *exam, struct lab *lab, const struct json *config, struct digest *ret);

/* The parts of it, by kind. */
int work_index(struct exam *exam, struct lab *lab, const struct json *config, struct digest *ret);
int work_transform(struct exam *exam, struct lab *lab, const struct json *config, struct digest *ret);
int work_task(struct exam *exam, struct lab *lab, const struct json *config, struct digest *ret);
/* One run of a task from a checkpoint. -1: the contract was broken; else *ret_status is what run returned. */
int task_run(struct exam *exam, struct lab *lab, const struct json *config, orasi_bytes checkpoint, struct digest *ret,
             orasi_status *ret_status);
/* A failure inside of work: wanted (no memory) and with a reason, or the exam fails. */
int work_failed(struct exam *exam, const char *function, orasi_status status, const orasi_error *error);

/* ---- decoding ------------------------------------------------------------------------------------------------ */

struct mark {
	uint8_t *state;
	size_t len;
	uint64_t rows, rejects, rows_total;
	int resumable;
};

enum feeding {
	FEED_NOT,
	FEED_BYTES, /* one at a time */
	FEED_ANY,   /* in pieces of any size */
	FEED_STREAM /* as they come */
};

struct decode {
	/* in */
	const struct json *config; /* NULL: the exam's */
	uint32_t max_rows;         /* 0: 1024 */
	uint64_t range_begin, range_end;
	orasi_bytes state;
	int no_seek; /* the source cannot be read at a place, if the plugin can live without */
	size_t max_read, repeat;
	uint64_t fail_read, cancel_at;
	enum feeding fed; /* handed in instead of read; the plugin must offer it */
	int minimal;      /* a host with only what every host has */
	int kill_after;   /* SIGKILL behind the n-th batch; 0: never */
	int old_structs;  /* hand in structs as an earlier host had them */
	int damaged;      /* input that may say anything, also that two columns have one name */
	const struct ArrowSchema *want;
	uint32_t flags;
	const uint64_t *rows;
	uint64_t n_rows;
	int (*on_batch)(void *ctx, const struct ArrowSchema *schema, struct ArrowArray *batch, const struct mark *mark);
	void *ctx;
	/* What FEED_STREAM hands in: the next bytes, 0 at their end, or a status with its sentence. */
	int64_t (*more)(void *from, void *buf, size_t cap, orasi_error *error);
	void *from;
	/* for recordings */
	const struct json *script;
	struct json *record;
	/* out */
	struct digest digest; /* a hash per row */
	struct lab lab;
	struct mark *marks;
	size_t n_marks;
	orasi_status status; /* of what failed, or ORASI_END */
	orasi_error error;
	char function[16];
	struct ArrowSchema schema;
};
/* Can it be fed? 0 or 1; -1: the exam has failed. */
int decode_can_feed(struct exam *exam);
/* The table that a fresh instance offers for being fed; NULL: none. The exam has failed when it is no good. */
const orasi_ingest_feed *decode_feed(struct exam *exam, void *self);
/* Runs it all; -1 when the contract was broken (the exam has failed). */
int decode_run(struct exam *exam, const struct sample *sample, struct decode *d);
void decode_done(struct decode *d);
/* The same, without variations, and it must reach the end. */
int decode_whole(struct exam *exam, const struct sample *sample, struct decode *ret);
/* Fails the exam unless both gave the same rows and rejects; b begins at row and reject of a. */
int decode_compare(struct exam *exam, const struct decode *a, const struct decode *b, size_t row, size_t reject,
                   const char *what);

/* ---- other processes ----------------------------------------------------------------------------------------- */

/* Runs `fn` in a fork, with limits; the exam's sentence tells how it died. 0: it came back with 0. */
int exam_fork(struct exam *exam, int (*fn)(struct exam *exam, void *ctx), void *ctx);
/* The same program again for another step on the same file, in a process without memory of this one. Its exit status,
 * or -signal. `more` ends with NULL: options and values. */
int exam_again(struct exam *exam, const char *step, const char *const *more);

#endif
