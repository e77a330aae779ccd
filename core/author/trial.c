/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "trial.h"

int trial_failed(const struct index *x, const char *function, orasi_status status, const orasi_error *error)
{
	return x->tolerant ? exam_error(x->exam, function, status, error)
	                   : work_failed(x->exam, function, status, error);
}

/* 0; 1: it does not take keys of this format; -1. */
int trial_open(struct index *x, struct exam *exam, struct lab *lab, const struct json *config, const char *format)
{
	struct lab_config lab_config;
	struct ArrowSchema keys;
	orasi_error error = exam_no_error();
	EXAM_GUARDED(orasi_index_caps) caps;
	orasi_status status;

	*x = (struct index){.exam = exam, .f = exam->subject.index, .format = format, .lab = lab};
	EXAM_GUARD(caps);
	status = CALL(exam, "caps", x->f->caps(exam->subject.descriptor->id, &caps.it));
	if (status)
		return exam_fail(exam, "caps fails (%d)", status);
	if (exam_check_behind(exam, caps.behind, "caps", "caps"))
		return -1;
	x->caps = caps.it;
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
		return trial_failed(x, "create", status, &error) ? -1 : 1;
	return 0;
}

void trial_close(struct index *x)
{
	if (x->self)
		CALL_VOID(x->exam, "destroy", x->f->destroy(x->self));
}

int trial_add_rows(struct index *x, void *build, uint64_t from, uint64_t n, uint64_t base)
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
			return trial_failed(x, "build_add", status, &error) ? -1 : 1;
		at += step;
	}
	return 0;
}

/* A segment over n new rows, whose ids begin at 0. 1: failed as it should. */
int trial_build(struct index *x, struct lab_store *store, uint64_t n)
{
	EXAM_GUARDED(orasi_segment_info) info;
	orasi_error error = exam_no_error();
	void *build = NULL;
	orasi_status status;
	int r;

	lab_store_init(store);
	status = CALL(x->exam, "build_begin", x->f->build_begin(x->self, &store->store, &build, &error));
	if (status)
		return trial_failed(x, "build_begin", status, &error) ? -1 : 1;
	r = trial_add_rows(x, build, x->n, n, x->n);
	if (r) {
		CALL_VOID(x->exam, "build_abort", x->f->build_abort(build));
		return r;
	}
	EXAM_GUARD(info);
	status = CALL(x->exam, "build_finish", x->f->build_finish(build, &info.it, &error));
	if (status)
		return trial_failed(x, "build_finish", status, &error) ? -1 : 1;
	if (exam_check_behind(x->exam, info.behind, "build_finish", "segment info"))
		return -1;
	if (store->misuse)
		return exam_fail(x->exam, "the store: %s", store->misuse);
	if (info.it.rows != n)
		return exam_fail(x->exam, "build_finish says %llu rows, it was fed %llu",
		                 (unsigned long long)info.it.rows, (unsigned long long)n);
	lab_store_seal(store);
	x->n += n;
	return 0;
}

int trial_reader_open(struct index *x, struct lab_store *store, void **ret)
{
	EXAM_GUARDED(orasi_segment_info) info;
	orasi_error error = exam_no_error();
	orasi_status status;

	EXAM_GUARD(info);
	status = CALL(x->exam, "open", x->f->open(x->self, &store->store, ret, &info.it, &error));
	if (status)
		return trial_failed(x, "open", status, &error) ? -1 : 1;
	return exam_check_behind(x->exam, info.behind, "open", "segment info");
}

void trial_reader_close(struct index *x, void *reader)
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

uint64_t trial_count(const struct index *x, const struct question *q)
{
	uint64_t n = 0;

	for (uint64_t row = 0; row < x->n; row++)
		n += (uint64_t)(holds(x, q->op, x->values[row], q->wanted, q->n) && !x->dropped[row]);
	return n;
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

int32_t trial_contains(const orasi_rowset *set, uint64_t row)
{
	const struct rowset *own = set->ctx;

	return row < own->n && own->dead[row];
}

const char *trial_op_name(uint32_t op)
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
		EXAM_GUARDED(orasi_hits) guarded;
		orasi_hits *hits = &guarded.it;
		orasi_error error = exam_no_error();
		orasi_status status;

		EXAM_GUARD(guarded, .cap = q->cap, .row_ids = rows, .scores = scores);
		memset(rows, 0xA5, sizeof(rows));
		status = CALL(x->exam, "next", x->f->next(cursor, hits, &error));
		if (exam_check_behind(x->exam, guarded.behind, "next", "hits"))
			return -1;
		if (status == ORASI_END && q->token)
			q->token->ended = 1;
		if (status == ORASI_END)
			return 0;
		if (status)
			return trial_failed(x, "next", status, &error) ? -1 : 1;
		if (!hits->n || hits->n > q->cap)
			return exam_fail(x->exam, "next returned ORASI_OK with %u hits, there was room for %u", hits->n,
			                 q->cap);
		if (q->cap < 64 && rows[q->cap] != 0xA5A5A5A5A5A5A5A5ull)
			return exam_fail(x->exam, "next wrote behind the room for %u hits", q->cap);
		for (uint32_t i = 0; i < hits->n; i++) {
			if (q->flags & ORASI_QUERY_SCORE && any++ && scores[i] > last)
				return exam_fail(x->exam, "scores are not from the best to the worst");
			last = scores[i];
			digest_add(ret, rows[i]);
		}
		if (q->token)
			return keep_token(x, hits, q->token);
	}
}

/* The rows that the index answers. 1: failed as it should. */
int trial_ask(struct index *x, void *reader, const struct question *q, struct digest *ret)
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
		set.set = (orasi_rowset){sizeof(set.set), 0, &set, x->n, trial_contains};
		query.deleted = &set.set;
	}
	status = CALL(x->exam, "query", x->f->query(reader, &query, &cursor, &error));
	arrow_array_release(&values);
	arrow_schema_release(&type);
	if (status)
		return trial_failed(x, "query", status, &error) ? -1 : 1;
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
				                 trial_op_name(q->op));
		} else if (!(q->flags & ORASI_QUERY_SCORE) && got->items[i] <= got->items[i - 1]) {
			return exam_fail(x->exam, "%s: row ids do not ascend: %llu behind %llu", trial_op_name(q->op),
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
			return exam_fail(x->exam, "%s: row %llu is out of range or comes twice", trial_op_name(q->op),
			                 (unsigned long long)row);
		if ((q->dead && q->dead[row]) || x->dropped[row])
			return exam_fail(x->exam, "%s: row %llu is deleted and comes all the same",
			                 trial_op_name(q->op), (unsigned long long)row);
		if (!(x->caps.flags & ORASI_INDEX_LOSSY) && !holds(x, q->op, x->values[row], q->wanted, q->n))
			return exam_fail(x->exam, "%s: row %llu does not fit; a scan would not find it",
			                 trial_op_name(q->op), (unsigned long long)row);
	}
	for (uint64_t row = 0; row < x->n; row++) {
		int fits = holds(x, q->op, x->values[row], q->wanted, q->n) && !(q->dead && q->dead[row]) &&
		           !x->dropped[row];

		expected += (uint64_t)fits;
		if (fits && !seen[row] && !q->limit)
			return exam_fail(x->exam, "%s: row %llu is missing; a scan finds it", trial_op_name(q->op),
			                 (unsigned long long)row);
	}
	if (q->limit && !(x->caps.flags & ORASI_INDEX_LOSSY) && got->n != (expected < q->limit ? expected : q->limit))
		return exam_fail(x->exam, "%s with limit %llu: %zu rows of %llu", trial_op_name(q->op),
		                 (unsigned long long)q->limit, got->n, (unsigned long long)expected);
	return check_order(x, q, got);
}

int trial_can(const struct index *x, uint32_t op)
{
	int text = *x->format == 'u';

	return (x->caps.ops >> op & 1) && (text || (op != ORASI_OP_PREFIX && op != ORASI_OP_MATCH));
}

void trial_question(struct index *x, struct question *q, uint32_t op)
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
int trial_ask_all(struct index *x, void *reader, int rounds, const uint8_t *dead)
{
	int r = 0;

	for (uint32_t op = ORASI_OP_EQ; op <= ORASI_OP_MATCH && !r; op++)
		for (int i = 0; i < rounds && trial_can(x, op) && !r; i++) {
			struct digest got = {0};
			struct question q;

			trial_question(x, &q, op);
			q.dead = dead;
			r = trial_ask(x, reader, &q, &got);
			if (!r)
				r = check_answer(x, &q, &got);
			digest_done(&got);
		}
	return r;
}

/* Runs `fn` on an index over each kind of key that the plugin takes. */
int trial_each_format(struct exam *exam, int (*fn)(struct index *x))
{
	struct index *x = malloc(sizeof(*x));
	int taken = 0, r = x ? 0 : exam_fail(exam, "out of memory");

	for (int i = 0; !r && keys_format(i); i++) {
		r = trial_open(x, exam, &exam->lab, exam->config, keys_format(i));
		if (r == 1) {
			r = 0;
			continue;
		}
		taken++;
		if (!r)
			r = fn(x);
		trial_close(x);
	}
	free(x);
	if (!r && !taken)
		r = exam_skip(exam, "it takes neither an integer, a text nor a number as its key");
	return r;
}

int trial_verify(struct index *x, void *reader, uint32_t level, orasi_error *error)
{
	*error = exam_no_error();
	return CALL(x->exam, "verify", x->f->verify(reader, level, error));
}
