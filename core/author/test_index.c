/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of index plugins: every answer is held against a look at all rows. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batches.h"
#include "exam.h"

#define ROWS_MAX 2000

/* An index over made-up keys, and the rows it was built from. */
struct index {
	struct exam *exam;
	const orasi_index_factory *f;
	const char *format;
	struct lab *lab;
	orasi_index_caps caps;
	void *self;
	int32_t values[ROWS_MAX];
	uint64_t n;
	uint8_t dropped[ROWS_MAX]; /* by a merge */
	int tolerant;              /* of damaged bytes: a refusal with a reason is fine */
};

static int index_failed(const struct index *x, const char *function, orasi_status status, const orasi_error *error)
{
	return x->tolerant ? exam_error(x->exam, function, status, error)
	                   : work_failed(x->exam, function, status, error);
}

/* 0; 1: it does not take keys of this format; -1. */
static int index_open(struct index *x, struct exam *exam, struct lab *lab, const struct json *config,
                      const char *format)
{
	struct lab_config lab_config;
	struct ArrowSchema keys;
	orasi_error error = exam_no_error();
	orasi_status status;

	*x = (struct index){.exam = exam, .f = exam->subject.index, .format = format, .lab = lab};
	x->caps.struct_size = sizeof(x->caps);
	status = CALL(exam, "caps", x->f->caps(exam->subject.descriptor->id, &x->caps));
	if (status)
		return exam_fail(exam, "caps fails (%d)", status);
	if (!x->caps.ops || !x->caps.max_columns)
		return exam_fail(exam, "caps names no operators or no columns");
	keys_schema(&keys, format);
	if (config)
		lab_config_init(&lab_config, config);
	status = CALL(exam, "create",
	              x->f->create(&lab->host, exam->subject.descriptor->id, config ? &lab_config.config : NULL, &keys,
	                           &x->self, &error));
	arrow_schema_release(&keys); /* the plugin has kept its own copy */
	if (status == ORASI_E_CONFIG && error.message[0])
		return 1;
	if (status)
		return index_failed(x, "create", status, &error) ? -1 : 1;
	return 0;
}

static void index_close(struct index *x)
{
	if (x->self)
		CALL_VOID(x->exam, "destroy", x->f->destroy(x->self));
}

static int build_rows(struct index *x, void *build, uint64_t from, uint64_t n, uint64_t base)
{
	orasi_error error = exam_no_error();

	for (uint64_t at = from; at < from + n;) {
		uint64_t step = 1 + exam_random(x->exam, 300);
		struct ArrowArray keys;
		orasi_status status;

		if (step > from + n - at)
			step = from + n - at;
		keys_make(x->exam, x->format, (int64_t)step, x->values + at, &keys);
		status = CALL(x->exam, "build_add", x->f->build_add(build, &keys, at - base, &error));
		if (!keys.release)
			return exam_fail(x->exam, "build_add has released the keys, which stay the host's");
		arrow_array_release(&keys);
		if (status)
			return index_failed(x, "build_add", status, &error) ? -1 : 1;
		at += step;
	}
	return 0;
}

/* A segment over n new rows, whose ids begin at 0. 1: failed as it should. */
static int index_build(struct index *x, struct lab_store *store, uint64_t n)
{
	orasi_segment_info info = {.struct_size = sizeof(info)};
	orasi_error error = exam_no_error();
	void *build = NULL;
	orasi_status status;
	int r;

	lab_store_init(store);
	status = CALL(x->exam, "build_begin", x->f->build_begin(x->self, &store->store, &build, &error));
	if (status)
		return index_failed(x, "build_begin", status, &error) ? -1 : 1;
	r = build_rows(x, build, x->n, n, x->n);
	if (r) {
		CALL_VOID(x->exam, "build_abort", x->f->build_abort(build));
		return r;
	}
	status = CALL(x->exam, "build_finish", x->f->build_finish(build, &info, &error));
	if (status)
		return index_failed(x, "build_finish", status, &error) ? -1 : 1;
	if (store->misuse)
		return exam_fail(x->exam, "the store: %s", store->misuse);
	if (info.rows != n)
		return exam_fail(x->exam, "build_finish says %llu rows, it was fed %llu", (unsigned long long)info.rows,
		                 (unsigned long long)n);
	lab_store_seal(store);
	x->n += n;
	return 0;
}

static int reader_open(struct index *x, struct lab_store *store, void **ret)
{
	orasi_segment_info info = {.struct_size = sizeof(info)};
	orasi_error error = exam_no_error();
	orasi_status status = CALL(x->exam, "open", x->f->open(x->self, &store->store, ret, &info, &error));

	if (status)
		return index_failed(x, "open", status, &error) ? -1 : 1;
	return 0;
}

static void reader_close(struct index *x, void *reader)
{
	CALL_VOID(x->exam, "close", x->f->close(reader));
}

/* ---- what a look at all rows finds ------------------------------------------------------------------------------- */

static int compare_keys(const struct index *x, int32_t a, int32_t b)
{
	char one[32], other[32];

	if (*x->format != 'u')
		return a < b ? -1 : a > b;
	keys_text(a, one);
	keys_text(b, other);
	return strcmp(one, other);
}

static int is_prefix(int32_t value, int32_t prefix)
{
	char text[32], start[32];

	keys_text(value, text);
	keys_text(prefix, start);
	return !strncmp(text, start, strlen(start));
}

static int holds(const struct index *x, uint32_t op, int32_t value, const int32_t *wanted, int64_t n)
{
	int c;

	if (op == ORASI_OP_IS_NULL || op == ORASI_OP_NOT_NULL)
		return (value < 0) == (op == ORASI_OP_IS_NULL);
	if (value < 0)
		return 0;
	for (int64_t i = 0; op == ORASI_OP_IN && i < n; i++)
		if (wanted[i] == value)
			return 1;
	c = compare_keys(x, value, wanted[0]);
	switch (op) {
	case ORASI_OP_EQ:
	case ORASI_OP_MATCH:
		return c == 0;
	case ORASI_OP_LT:
		return c < 0;
	case ORASI_OP_LE:
		return c <= 0;
	case ORASI_OP_GT:
		return c > 0;
	case ORASI_OP_GE:
		return c >= 0;
	case ORASI_OP_PREFIX:
		return is_prefix(value, wanted[0]);
	default:
		return 0;
	}
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

struct rowset {
	orasi_rowset set;
	const uint8_t *dead;
	uint64_t n;
};

static int32_t set_contains(const orasi_rowset *set, uint64_t row)
{
	const struct rowset *own = set->ctx;

	return row < own->n && own->dead[row];
}

#define TOKEN_MAX 1024

/* Where a cursor stopped. */
struct token {
	uint8_t bytes[TOKEN_MAX];
	size_t len;
	int ended;
};

struct question {
	struct token *token; /* ask from here, and only once; NULL: all */
	uint32_t op, flags, cap;
	int32_t wanted[4];
	int64_t n;
	uint64_t limit;
	const uint8_t *dead;
};

static const char *op_name(uint32_t op)
{
	static const char *const names[] = {
		"?", "=", "<", "<=", ">", ">=", "IN", "PREFIX", "IS NULL", "IS NOT NULL", "MATCH"};

	return op < sizeof(names) / sizeof(names[0]) ? names[op] : "?";
}

static int keep_token(const struct index *x, const orasi_hits *hits, struct token *token)
{
	if (!hits->resume.len || hits->resume.len > TOKEN_MAX)
		return exam_fail(x->exam, "it says RESUMABLE, and the token of its hits has %zu bytes: 1 to %d",
		                 hits->resume.len, TOKEN_MAX);
	memcpy(token->bytes, hits->resume.ptr, hits->resume.len);
	token->len = hits->resume.len;
	return 0;
}

static int collect(struct index *x, void *cursor, const struct question *q, struct digest *ret)
{
	uint64_t rows[64];
	float scores[64], last = 0;
	int any = 0;

	for (;;) {
		orasi_hits hits = {.struct_size = sizeof(hits), .cap = q->cap, .row_ids = rows, .scores = scores};
		orasi_error error = exam_no_error();
		orasi_status status;

		memset(rows, 0xA5, sizeof(rows));
		status = CALL(x->exam, "next", x->f->next(cursor, &hits, &error));
		if (status == ORASI_END && q->token)
			q->token->ended = 1;
		if (status == ORASI_END)
			return 0;
		if (status)
			return index_failed(x, "next", status, &error) ? -1 : 1;
		if (!hits.n || hits.n > q->cap)
			return exam_fail(x->exam, "next returned ORASI_OK with %u hits, there was room for %u", hits.n,
			                 q->cap);
		if (q->cap < 64 && rows[q->cap] != 0xA5A5A5A5A5A5A5A5ull)
			return exam_fail(x->exam, "next wrote behind the room for %u hits", q->cap);
		for (uint32_t i = 0; i < hits.n; i++) {
			if (q->flags & ORASI_QUERY_SCORE && any++ && scores[i] > last)
				return exam_fail(x->exam, "scores are not from the best to the worst");
			last = scores[i];
			digest_add(ret, rows[i]);
		}
		if (q->token)
			return keep_token(x, &hits, q->token);
	}
}

/* The rows that the index answers. 1: failed as it should. */
static int ask(struct index *x, void *reader, const struct question *q, struct digest *ret)
{
	struct ArrowSchema type;
	struct ArrowArray values;
	orasi_term term = {.struct_size = sizeof(term), .op = q->op, .column = ORASI_STR("key")};
	const orasi_term *terms[] = {&term};
	struct rowset set = {.dead = q->dead, .n = x->n};
	orasi_query query = {.struct_size = sizeof(query),
	                     .flags = q->flags,
	                     .terms = terms,
	                     .n_terms = 1,
	                     .limit = q->limit};
	orasi_error error = exam_no_error();
	void *cursor = NULL;
	orasi_status status;
	int r;

	keys_literals(q->op == ORASI_OP_MATCH ? "u" : x->format, q->wanted, q->n, &type, &values);
	term.type = &type;
	term.values = q->n ? &values : NULL;
	if (q->token)
		query.resume = (orasi_bytes){q->token->bytes, q->token->len};
	if (q->dead) {
		set.set = (orasi_rowset){sizeof(set.set), 0, &set, x->n, set_contains};
		query.deleted = &set.set;
	}
	status = CALL(x->exam, "query", x->f->query(reader, &query, &cursor, &error));
	arrow_array_release(&values);
	arrow_schema_release(&type);
	if (status)
		return index_failed(x, "query", status, &error) ? -1 : 1;
	r = collect(x, cursor, q, ret);
	CALL_VOID(x->exam, "cursor_close", x->f->cursor_close(cursor));
	return r;
}

static int check_order(const struct index *x, const struct question *q, const struct digest *got)
{
	for (size_t i = 1; i < got->n; i++) {
		int32_t a = x->values[got->items[i - 1]], b = x->values[got->items[i]];

		if (q->flags & ORASI_QUERY_ORDER) {
			int c = a < 0 || b < 0 ? (a >= 0) - (b >= 0) : compare_keys(x, a, b);

			if (q->flags & ORASI_QUERY_DESC ? c < 0 : c > 0)
				return exam_fail(x->exam, "%s with ORDER: rows do not come in the order of their keys",
				                 op_name(q->op));
		} else if (!(q->flags & ORASI_QUERY_SCORE) && got->items[i] <= got->items[i - 1]) {
			return exam_fail(x->exam, "%s: row ids do not ascend: %llu behind %llu", op_name(q->op),
			                 (unsigned long long)got->items[i], (unsigned long long)got->items[i - 1]);
		}
	}
	return 0;
}

static int check_answer(const struct index *x, const struct question *q, const struct digest *got)
{
	uint8_t seen[ROWS_MAX] = {0};
	uint64_t expected = 0;

	for (size_t i = 0; i < got->n; i++) {
		uint64_t row = got->items[i];

		if (row >= x->n || seen[row]++)
			return exam_fail(x->exam, "%s: row %llu is out of range or comes twice", op_name(q->op),
			                 (unsigned long long)row);
		if ((q->dead && q->dead[row]) || x->dropped[row])
			return exam_fail(x->exam, "%s: row %llu is deleted and comes all the same", op_name(q->op),
			                 (unsigned long long)row);
		if (!(x->caps.flags & ORASI_INDEX_LOSSY) && !holds(x, q->op, x->values[row], q->wanted, q->n))
			return exam_fail(x->exam, "%s: row %llu does not fit; a scan would not find it", op_name(q->op),
			                 (unsigned long long)row);
	}
	for (uint64_t row = 0; row < x->n; row++) {
		int fits = holds(x, q->op, x->values[row], q->wanted, q->n) && !(q->dead && q->dead[row]) &&
		           !x->dropped[row];

		expected += (uint64_t)fits;
		if (fits && !seen[row] && !q->limit)
			return exam_fail(x->exam, "%s: row %llu is missing; a scan finds it", op_name(q->op),
			                 (unsigned long long)row);
	}
	if (q->limit && !(x->caps.flags & ORASI_INDEX_LOSSY) && got->n != (expected < q->limit ? expected : q->limit))
		return exam_fail(x->exam, "%s with limit %llu: %zu rows of %llu", op_name(q->op),
		                 (unsigned long long)q->limit, got->n, (unsigned long long)expected);
	return check_order(x, q, got);
}

static int can(const struct index *x, uint32_t op)
{
	int text = *x->format == 'u';

	return (x->caps.ops >> op & 1) && (text || (op != ORASI_OP_PREFIX && op != ORASI_OP_MATCH));
}

static void make_question(struct index *x, struct question *q, uint32_t op)
{
	static const uint32_t caps[] = {1, 3, 63};

	*q = (struct question){.op = op, .cap = caps[exam_random(x->exam, 3)]};
	q->n = op == ORASI_OP_IS_NULL || op == ORASI_OP_NOT_NULL ? 0
	       : op == ORASI_OP_IN                               ? 1 + (int64_t)exam_random(x->exam, 4)
	                                                         : 1;
	for (int64_t i = 0; i < q->n; i++)
		q->wanted[i] = (int32_t)exam_random(x->exam, 40); /* some are not there */
	if (x->caps.flags & ORASI_INDEX_SCORED && op == ORASI_OP_MATCH && exam_random(x->exam, 2))
		q->flags = ORASI_QUERY_SCORE;
	else if (x->caps.flags & ORASI_INDEX_ORDERED && exam_random(x->exam, 3) == 0)
		q->flags = ORASI_QUERY_ORDER | (exam_random(x->exam, 2) ? ORASI_QUERY_DESC : 0);
	if (exam_random(x->exam, 4) == 0)
		q->limit = 1 + exam_random(x->exam, 30);
}

/* Every operator, `rounds` times, against the rows. */
static int ask_all(struct index *x, void *reader, int rounds, const uint8_t *dead)
{
	int r = 0;

	for (uint32_t op = ORASI_OP_EQ; op <= ORASI_OP_MATCH && !r; op++)
		for (int i = 0; i < rounds && can(x, op) && !r; i++) {
			struct digest got = {0};
			struct question q;

			make_question(x, &q, op);
			q.dead = dead;
			r = ask(x, reader, &q, &got);
			if (!r)
				r = check_answer(x, &q, &got);
			digest_done(&got);
		}
	return r;
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

/* Runs `fn` on an index over each kind of key that the plugin takes. */
static int each_format(struct exam *exam, int (*fn)(struct index *x))
{
	struct index *x = malloc(sizeof(*x));
	int taken = 0, r = x ? 0 : exam_fail(exam, "out of memory");

	for (int i = 0; !r && keys_format(i); i++) {
		r = index_open(x, exam, &exam->lab, exam->config, keys_format(i));
		if (r == 1) {
			r = 0;
			continue;
		}
		taken++;
		if (!r)
			r = fn(x);
		index_close(x);
	}
	free(x);
	if (!r && !taken)
		r = exam_skip(exam, "it takes neither an integer, a text nor a number as its key");
	return r;
}

static int oracle(struct index *x)
{
	static const uint64_t sizes[] = {1, 2, 700};
	int r = 0;

	for (int i = 0; i < 3 && !r; i++) {
		uint8_t dead[ROWS_MAX];
		struct lab_store store;
		void *reader;

		x->n = 0;
		r = index_build(x, &store, sizes[i]);
		if (!r)
			r = reader_open(x, &store, &reader);
		if (r)
			return r;
		for (uint64_t k = 0; k < x->n; k++)
			dead[k] = exam_random(x->exam, 3) == 0;
		r = ask_all(x, reader, 20, NULL);
		if (!r)
			r = ask_all(x, reader, 10, dead);
		reader_close(x, reader);
		lab_store_done(&store);
	}
	return r;
}

static int answers_like_a_scan(struct exam *exam)
{
	return each_format(exam, oracle);
}

struct flip {
	struct index *x;
	struct lab_store *store;
};

/* One batch of hits from each reader, the next one told where the last one stopped; until there are more than `most`. */
static int ask_in_pieces(struct index *x, struct lab_store *store, struct question *q, size_t most, struct digest *ret)
{
	struct token token = {.len = 0};
	int r = 0;

	for (q->token = &token; !r && !token.ended && ret->n <= most;) {
		void *reader;

		r = reader_open(x, store, &reader);
		if (!r)
			r = ask(x, reader, q, ret);
		if (!r)
			reader_close(x, reader);
	}
	q->token = NULL;
	return r;
}

static int resume_one(struct index *x, struct lab_store *store, void *reader, struct question *q)
{
	struct digest whole = {0}, pieces = {0};
	int r = ask(x, reader, q, &whole);

	if (!r)
		r = ask_in_pieces(x, store, q, whole.n, &pieces);
	if (!r && (whole.n != pieces.n || (whole.n && memcmp(whole.items, pieces.items, whole.n * 8))))
		r = exam_fail(x->exam, "%s, stopped and resumed behind every batch: %zu rows instead of %zu, or others",
		              op_name(q->op), pieces.n, whole.n);
	digest_done(&whole);
	digest_done(&pieces);
	return r;
}

/* In a fork: any answer or refusal will do. */
static int ask_with_garbage(struct exam *exam, void *ctx)
{
	struct flip *flip = ctx;

	for (int i = 0; i < 200; i++) {
		struct token token = {.len = exam_random(exam, 20)};
		struct digest got = {0};
		struct question q;
		void *reader;
		int r;

		for (size_t k = 0; k < token.len; k++)
			token.bytes[k] = (uint8_t)exam_random(exam, 256);
		flip->x->tolerant = 1;
		make_question(flip->x, &q, ORASI_OP_EQ);
		q.token = &token;
		r = reader_open(flip->x, flip->store, &reader);
		if (!r && can(flip->x, q.op))
			r = ask(flip->x, reader, &q, &got);
		digest_done(&got);
		if (r < 0)
			return -1;
		reader_close(flip->x, reader);
	}
	return 0;
}

static int resume_all(struct index *x)
{
	struct lab_store store;
	void *reader;
	int r;

	x->n = 0;
	r = index_build(x, &store, 300);
	if (!r)
		r = reader_open(x, &store, &reader);
	for (uint32_t op = ORASI_OP_EQ; op <= ORASI_OP_MATCH && !r; op++)
		for (int i = 0; i < 6 && can(x, op) && !r; i++) {
			struct question q;

			make_question(x, &q, op);
			r = resume_one(x, &store, reader, &q);
		}
	if (!r)
		r = exam_fork(x->exam, ask_with_garbage, &(struct flip){x, &store});
	if (!r)
		reader_close(x, reader);
	lab_store_done(&store);
	return r;
}

static int resumes(struct exam *exam)
{
	orasi_index_caps caps = {.struct_size = sizeof(caps)};

	CALL(exam, "caps", exam->subject.index->caps(exam->subject.descriptor->id, &caps));
	if (!(caps.flags & ORASI_INDEX_RESUMABLE))
		return exam_skip(exam, "it does not say RESUMABLE");
	return each_format(exam, resume_all);
}

static int verify_reader(struct index *x, void *reader, uint32_t level, orasi_error *error)
{
	*error = exam_no_error();
	return CALL(x->exam, "verify", x->f->verify(reader, level, error));
}

/* In a fork: damaged bytes are read, asked and verified; 0 when that was survived and the damage was seen. */
static int look_at_damage(struct exam *exam, void *ctx)
{
	struct flip *flip = ctx;
	orasi_segment_info info = {.struct_size = sizeof(info)};
	orasi_error error = exam_no_error();
	void *reader = NULL;
	orasi_status status;

	alarm(20);
	flip->x->tolerant = 1;
	status = CALL(exam, "open", flip->x->f->open(flip->x->self, &flip->store->store, &reader, &info, &error));
	if (status)
		return exam_error(exam, "open", status, &error);
	for (uint32_t op = ORASI_OP_EQ; op <= ORASI_OP_MATCH; op++)
		if (can(flip->x, op)) {
			struct digest got = {0};
			struct question q;

			make_question(flip->x, &q, op);
			if (ask(flip->x, reader, &q, &got) < 0) /* any answer or refusal */
				return -1;
			digest_done(&got);
		}
	status = verify_reader(flip->x, reader, 2, &error);
	if (!status)
		return exam_fail(exam, "verify at level 2 does not see it");
	return exam_error(exam, "verify", status, &error);
}

static int flip_bytes(struct index *x)
{
	int rounds = x->exam->level == LEVEL_BASIC ? 80 : 400, r;
	struct lab_store store;

	x->n = 0;
	r = index_build(x, &store, 120);
	for (int i = 0; i < rounds && !r; i++) {
		struct flip flip = {x, &store};
		uint32_t blob = (uint32_t)exam_random(x->exam, store.n);
		struct buf *bytes = &store.blobs[blob].bytes;
		size_t at = bytes->len ? exam_random(x->exam, bytes->len) : 0;
		uint8_t bit = (uint8_t)(1u << exam_random(x->exam, 8));

		if (!bytes->len)
			continue;
		bytes->data[at] = (char)(bytes->data[at] ^ bit);
		r = exam_fork(x->exam, look_at_damage, &flip);
		bytes->data[at] = (char)(bytes->data[at] ^ bit);
		if (r) {
			size_t len = strlen(x->exam->page->sentence);

			snprintf(x->exam->page->sentence + len, sizeof(x->exam->page->sentence) - len,
			         " (byte %zu of blob '%s' flipped, seed %llu)", at, store.blobs[blob].name,
			         (unsigned long long)x->exam->seed);
		}
	}
	lab_store_done(&store);
	return r;
}

static int finds_damage(struct exam *exam)
{
	if (!exam->subject.index->verify)
		return exam_fail(exam, "the factory has no verify");
	return each_format(exam, flip_bytes);
}

static int verify_good(struct index *x)
{
	struct lab_store store;
	orasi_error error;
	void *reader;
	int r;

	x->n = 0;
	r = index_build(x, &store, 500);
	if (!r)
		r = reader_open(x, &store, &reader);
	if (r)
		return r;
	for (uint32_t level = 0; level < 3 && !r; level++)
		if (verify_reader(x, reader, level, &error))
			r = exam_fail(x->exam, "verify at level %u refuses a good segment: %s", level, error.message);
	reader_close(x, reader);
	lab_store_done(&store);
	return r;
}

static int accepts_good_segments(struct exam *exam)
{
	return each_format(exam, verify_good);
}

static int build_twice(struct index *x)
{
	struct lab_store a, b;
	uint64_t random = x->exam->random;
	int r;

	x->n = 0;
	r = index_build(x, &a, 400);
	x->n = 0;
	x->exam->random = random;
	if (!r)
		r = index_build(x, &b, 400);
	if (!r && lab_store_digest(&a) != lab_store_digest(&b))
		r = exam_fail(x->exam, "it says DETERMINISTIC, but builds other bytes from the same rows");
	if (!r) {
		lab_store_done(&a);
		lab_store_done(&b);
	}
	return r;
}

static int builds_the_same_bytes(struct exam *exam)
{
	if (!(exam->subject.descriptor->flags & ORASI_FLAG_DETERMINISTIC))
		return exam_skip(exam, "it does not say DETERMINISTIC");
	return each_format(exam, build_twice);
}

static int merge_two(struct index *x)
{
	struct lab_store parts[2], merged;
	orasi_store *const sources[] = {&parts[0].store, &parts[1].store};
	uint64_t bases[2] = {0, 300};
	struct rowset drop = {.dead = x->dropped, .n = 300};
	const orasi_rowset *drops[2] = {&drop.set, NULL};
	orasi_index_merge merge = {sizeof(merge), 2, sources, bases, drops, &merged.store};
	orasi_segment_info info = {.struct_size = sizeof(info)};
	orasi_error error = exam_no_error();
	void *reader;
	orasi_status status;
	int r;

	x->n = 0;
	drop.set = (orasi_rowset){sizeof(drop.set), 0, &drop, 0, set_contains};
	r = index_build(x, &parts[0], 300);
	if (!r)
		r = index_build(x, &parts[1], 200);
	if (r)
		return r;
	for (int i = 0; i < 300; i++)
		drop.set.count += x->dropped[i] = exam_random(x->exam, 4) == 0;
	lab_store_init(&merged);
	status = CALL(x->exam, "merge", x->f->merge(x->self, &merge, &info, &error));
	if (status)
		return index_failed(x, "merge", status, &error);
	lab_store_seal(&merged);
	r = reader_open(x, &merged, &reader);
	if (r)
		return r;
	r = ask_all(x, reader, 15, NULL);
	if (!r && verify_reader(x, reader, 2, &error))
		r = exam_fail(x->exam, "verify refuses a merged segment: %s", error.message);
	reader_close(x, reader);
	memset(x->dropped, 0, sizeof(x->dropped));
	return r;
}

static int merges(struct exam *exam)
{
	if (!exam->subject.index->merge)
		return exam_skip(exam, "it has no merge: the host rebuilds");
	return each_format(exam, merge_two);
}

static int abort_builds(struct index *x)
{
	int64_t before = 0;

	for (int i = 0; i < 12; i++) {
		orasi_error error = exam_no_error();
		struct lab_store store;
		void *build = NULL;

		if (i == 2)
			before = guard_blocks();
		lab_store_init(&store);
		if (CALL(x->exam, "build_begin", x->f->build_begin(x->self, &store.store, &build, &error)))
			return exam_fail(x->exam, "build_begin fails: %s", error.message);
		if (i % 3 && build_rows(x, build, 0, 200, 0))
			return -1;
		CALL_VOID(x->exam, "build_abort", x->f->build_abort(build));
		lab_store_done(&store);
	}
	CALL_VOID(x->exam, "build_abort", x->f->build_abort(NULL));
	if (guard_counts() && guard_blocks() - before >= 5)
		return exam_fail(x->exam, "build_abort leaks: %lld blocks after 10 builds",
		                 (long long)(guard_blocks() - before));
	return 0;
}

static int aborts(struct exam *exam)
{
	return each_format(exam, abort_builds);
}

static int fail_stores(struct index *x)
{
	for (int n = 1; n < 60; n++) {
		struct lab_store store;
		orasi_segment_info info = {.struct_size = sizeof(info)};
		orasi_error error = exam_no_error();
		void *build = NULL;
		orasi_status status;
		const char *function = "build_begin";
		struct ArrowArray keys;

		lab_store_init(&store);
		store.fail_at = n;
		keys_make(x->exam, x->format, 200, x->values, &keys);
		status = CALL(x->exam, function, x->f->build_begin(x->self, &store.store, &build, &error));
		if (!status) {
			function = "build_add";
			status = CALL(x->exam, function, x->f->build_add(build, &keys, 0, &error));
			if (status)
				CALL_VOID(x->exam, "build_abort", x->f->build_abort(build));
		}
		if (!status) {
			function = "build_finish";
			status = CALL(x->exam, function, x->f->build_finish(build, &info, &error));
		}
		arrow_array_release(&keys);
		lab_store_done(&store);
		if (!status)
			return store.calls >= n ? exam_fail(x->exam, "the store failed, and '%s' says that all is well",
			                                    function)
			                        : 0;
		if (status != ORASI_E_IO)
			return exam_fail(x->exam, "the store fails with ORASI_E_IO (-100), and '%s' makes %d of it",
			                 function, status);
		if (exam_error(x->exam, function, status, &error))
			return -1;
	}
	return 0;
}

static int hands_on_store_errors(struct exam *exam)
{
	return each_format(exam, fail_stores);
}

static int estimate_some(struct index *x)
{
	struct lab_store store;
	void *reader;
	int r;

	if (!x->f->estimate)
		return exam_fail(x->exam, "the factory has no estimate");
	x->n = 0;
	r = index_build(x, &store, 600);
	if (!r)
		r = reader_open(x, &store, &reader);
	for (uint32_t op = ORASI_OP_EQ; op <= ORASI_OP_MATCH && !r; op++) {
		struct ArrowSchema type;
		struct ArrowArray values;
		int32_t wanted = 5;
		orasi_term term = {.struct_size = sizeof(term), .op = op, .column = ORASI_STR("key")};
		const orasi_term *terms[] = {&term};
		orasi_query query = {.struct_size = sizeof(query), .terms = terms, .n_terms = 1};
		orasi_error error = exam_no_error();
		uint64_t rows = UINT64_MAX;

		if (!can(x, op))
			continue;
		keys_literals(op == ORASI_OP_MATCH ? "u" : x->format, &wanted, 1, &type, &values);
		term.type = &type;
		term.values = op == ORASI_OP_IS_NULL || op == ORASI_OP_NOT_NULL ? NULL : &values;
		if (CALL(x->exam, "estimate", x->f->estimate(reader, &query, &rows, &error)))
			r = exam_fail(x->exam, "estimate of %s fails: %s", op_name(op), error.message);
		else if (rows > x->n)
			r = exam_fail(x->exam, "estimate of %s expects %llu rows of %llu", op_name(op),
			              (unsigned long long)rows, (unsigned long long)x->n);
		arrow_array_release(&values);
		arrow_schema_release(&type);
	}
	return r;
}

static int estimates(struct exam *exam)
{
	return each_format(exam, estimate_some);
}

/* ---- for the tests that hold for every kind ---------------------------------------------------------------------- */

static int work_on(struct index *x, struct digest *ret)
{
	struct lab_store store;
	void *reader;
	int r = index_build(x, &store, 300);

	if (!r && ret)
		digest_add(ret, lab_store_digest(&store));
	if (!r) {
		r = reader_open(x, &store, &reader);
		if (!r) {
			r = ask_all(x, reader, 2, NULL);
			reader_close(x, reader);
		}
	}
	lab_store_done(&store);
	return r;
}

int work_index(struct exam *exam, struct lab *lab, const struct json *config, struct digest *ret)
{
	struct index *x = malloc(sizeof(*x));
	int r = x ? 1 : exam_fail(exam, "out of memory");

	for (int i = 0; r == 1 && keys_format(i) && !guard_has_failed(); i++) {
		r = index_open(x, exam, lab, config, keys_format(i));
		if (!r) {
			r = work_on(x, ret);
			index_close(x);
			r = r == 1 ? 0 : r;
		}
	}
	free(x);
	return r == 1 ? 0 : r;
}

#define KIND FOR_KIND(ORASI_KIND_INDEX)
const struct test tests_index[] = {
	{"index.scan", "each operator answers what a look at all rows finds, deleted rows left out", KIND, 0,
         answers_like_a_scan},
	{"index.bytes", "the same rows give the same bytes", KIND, 0, builds_the_same_bytes},
	{"index.merge", "merged segments answer like one built from the rows that survive", KIND, 0, merges},
	{"index.resume",
         "a cursor that is stopped behind every batch goes on in a fresh reader; tokens of garbage are survived", KIND,
         0, resumes},
	{"index.verify", "verify accepts good segments at every level", KIND, 0, accepts_good_segments},
	{"index.damage", "each flipped bit is survived, and found by verify", KIND, 0, finds_damage},
	{"index.abort", "builds can be aborted and leave nothing", KIND, 0, aborts},
	{"index.io", "a store that fails is handed on as it came", KIND, 0, hands_on_store_errors},
	{"index.estimate", "estimates stay within the number of rows", KIND, 0, estimates},
	{0},
};
