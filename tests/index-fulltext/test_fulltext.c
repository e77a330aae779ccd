/* SPDX-License-Identifier: Apache-2.0 */
/* Full text against the plainest of oracles: cut every row into words and look at each. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/arrow.h>

#include "index-fulltext/parse.h"
#include "index-fulltext/plugin.h"
#include "index-fulltext/run.h"
#include "lib/memstore.h"
#include "lib/test.h"

#define ROWS 900
#define BATCH 128
#define WORDS_MAX 14

static const char *const vocabulary[] = {"a", "ab", "abc", "abd", "b", "bank", "orders", "Ürün", "error"};
#define VOCABULARY 9

static struct memstore store;
static orasi_error error;
static struct ArrowSchema keys;
static void *self, *reader;
static orasi_segment_info info;
static struct row {
	int words[WORDS_MAX], n; /* n -1: null */
} rows[ROWS];
static int n_rows;

static void ck_status(orasi_status r)
{
	ck_assert_msg(r == ORASI_OK, "%d: %s", r, error.message);
}

/* ---- building ---------------------------------------------------------------------------------------------- */

static orasi_status get_memory(const orasi_config *config, const char *pointer, int64_t *ret)
{
	(void)pointer;
	*ret = *(int64_t *)config->ctx;
	return ORASI_OK;
}

static void make_keys(void)
{
	arrow_schema_make(&keys, "+s", "", 0, 1);
	arrow_schema_make(keys.children[0], "u", "message", 1, 0);
}

static void begin(int64_t memory, void **ret_build)
{
	orasi_config config = {.struct_size = sizeof(config), .ctx = &memory, .get_i64 = get_memory};

	memstore_init(&store);
	make_keys();
	ck_status(fulltext_factory.create(NULL, FULLTEXT_ID, &config, &keys, &self, &error));
	ck_status(fulltext_factory.build_begin(self, &store.store, ret_build, &error));
}

static void add_texts(void *build, const char *const *texts, int n, uint64_t first)
{
	struct arrow_builder *b = arrow_builder_new(&keys);
	struct ArrowArray batch;

	for (int i = 0; i < n; i++) {
		if (texts[i])
			arrow_append_bytes(arrow_builder_child(b, 0), texts[i], strlen(texts[i]));
		else
			arrow_append_null(arrow_builder_child(b, 0));
		arrow_end_struct(b);
	}
	ck_assert_int_eq(arrow_builder_finish(b, &batch), 0);
	arrow_builder_free(b);
	ck_status(fulltext_factory.build_add(build, &batch, first, &error));
	arrow_array_release(&batch);
}

static void end(void *build)
{
	ck_status(fulltext_factory.build_finish(build, &info, &error));
	ck_status(fulltext_factory.open(self, &store.store, &reader, &info, &error));
}

static void make_row(struct row *row, char *text)
{
	static const char *const gaps[] = {" ", ", ", "-", " / ", "…"};

	*text = '\0';
	row->n = rand() % 12 ? rand() % WORDS_MAX : -1;
	for (int i = 0; i < row->n; i++) {
		row->words[i] = rand() % VOCABULARY;
		strcat(text, i ? gaps[rand() % 5] : "");
		strcat(text, vocabulary[row->words[i]]);
	}
}

static void build_random(int n, int64_t memory)
{
	static char texts[BATCH][WORDS_MAX * 16];
	const char *list[BATCH];
	void *build;

	srand(7);
	begin(memory, &build);
	n_rows = n;
	for (int at = 0; at < n; at += BATCH) {
		int k = 0;

		for (; k < BATCH && at + k < n; k++) {
			make_row(&rows[at + k], texts[k]);
			list[k] = rows[at + k].n < 0 ? NULL : texts[k];
		}
		add_texts(build, list, k, (uint64_t)at);
	}
	end(build);
}

static void build_texts(const char *const *texts, int n)
{
	void *build;

	begin(1 << 20, &build);
	add_texts(build, texts, n, 0);
	end(build);
}

static void teardown(void)
{
	fulltext_factory.close(reader);
	fulltext_factory.destroy(self);
	arrow_schema_release(&keys);
	memstore_done(&store);
}

/* ---- asking -------------------------------------------------------------------------------------------------- */

static orasi_status open_query(const char *text, uint32_t flags, uint64_t limit, void **ret_cursor)
{
	struct arrow_builder *b = arrow_builder_new(keys.children[0]);
	struct ArrowArray values;
	orasi_term term = {sizeof(term), ORASI_OP_MATCH, {"message", 7}, keys.children[0], &values};
	const orasi_term *terms[] = {&term};
	orasi_query query = {.struct_size = sizeof(query),
	                     .flags = flags,
	                     .terms = terms,
	                     .n_terms = 1,
	                     .limit = limit};
	orasi_status r;

	arrow_append_bytes(b, text, strlen(text));
	ck_assert_int_eq(arrow_builder_finish(b, &values), 0);
	arrow_builder_free(b);
	r = fulltext_factory.query(reader, &query, ret_cursor, &error);
	arrow_array_release(&values);
	return r;
}

static size_t ask(const char *text, uint32_t flags, uint64_t limit, uint64_t *ret_rows, float *ret_scores)
{
	size_t n = 0;
	void *cursor;

	ck_status(open_query(text, flags, limit, &cursor));
	for (;;) {
		orasi_hits hits = {.struct_size = sizeof(hits),
		                   .cap = 50,
		                   .row_ids = ret_rows + n,
		                   .scores = ret_scores ? ret_scores + n : NULL};

		if (fulltext_factory.next(cursor, &hits, &error) == ORASI_END)
			break;
		n += hits.n;
	}
	fulltext_factory.cursor_close(cursor);
	return n;
}

static size_t count(const char *text)
{
	static uint64_t found[ROWS + 50];

	return ask(text, 0, 0, found, NULL);
}

/* ---- the oracle ------------------------------------------------------------------------------------------------- */

/* A query as text and as what it means. */
struct query {
	enum { WORD, PHRASE, PREFIX, AND, OR, NOT } kind;
	int first, second;
	struct query *left, *right;
	char *text;
};

static struct query *random_query(int depth)
{
	struct query *q = calloc(1, sizeof(*q));
	int n;

	q->kind = depth ? rand() % 6 : rand() % 3;
	q->first = rand() % VOCABULARY;
	q->second = rand() % VOCABULARY;
	if (q->kind >= AND)
		q->left = random_query(depth - 1);
	if (q->kind == AND || q->kind == OR)
		q->right = random_query(depth - 1);
	if (q->kind == WORD)
		n = asprintf(&q->text, "%s", vocabulary[q->first]);
	else if (q->kind == PHRASE)
		n = asprintf(&q->text, rand() % 2 ? "\"%s, %s\"" : "%s/%s", vocabulary[q->first],
		             vocabulary[q->second]);
	else if (q->kind == PREFIX)
		n = asprintf(&q->text, "%.1s*", vocabulary[q->first % 5]);
	else if (q->kind == NOT)
		n = asprintf(&q->text, "NOT (%s)", q->left->text);
	else
		n = asprintf(&q->text, "(%s)%s(%s)", q->left->text,
		             q->kind == OR ? " OR "
		             : rand() % 2  ? " AND "
		                           : "",
		             q->right->text);
	ck_assert_int_gt(n, 0);
	return q;
}

static void free_query(struct query *q)
{
	if (!q)
		return;
	free_query(q->left);
	free_query(q->right);
	free(q->text);
	free(q);
}

static int holds(const struct query *q, const struct row *row)
{
	if (row->n < 0)
		return 0;
	if (q->kind == AND)
		return holds(q->left, row) && holds(q->right, row);
	if (q->kind == OR)
		return holds(q->left, row) || holds(q->right, row);
	if (q->kind == NOT)
		return !holds(q->left, row);
	for (int i = 0; i < row->n; i++)
		if ((q->kind == WORD && row->words[i] == q->first) ||
		    (q->kind == PREFIX && *vocabulary[row->words[i]] == *vocabulary[q->first % 5]) ||
		    (q->kind == PHRASE && row->words[i] == q->first && i + 1 < row->n &&
		     row->words[i + 1] == q->second))
			return 1;
	return 0;
}

static void check_query(const struct query *q)
{
	static uint64_t found[ROWS + 50];
	size_t n = ask(q->text, 0, 0, found, NULL), at = 0;

	for (int i = 0; i < n_rows; i++) {
		if (!holds(q, &rows[i]))
			continue;
		ck_assert_msg(at < n && found[at] == (uint64_t)i, "row %d is missing: %s", i, q->text);
		at++;
	}
	ck_assert_msg(at == n, "%zu rows too many: %s", n - at, q->text);
}

/* ---- answers ---------------------------------------------------------------------------------------------------- */

static const int64_t memories[] = {64 << 20, 37 << 10}; /* one run, several runs */

START_TEST(every_query_finds_what_a_scan_finds)
{
	build_random(ROWS, memories[_i]);
	ck_assert_uint_eq(info.rows, ROWS);
	ck_assert_int_eq(_i ? store.n > 2 : store.n == 1, 1);
	for (int i = 0; i < 600; i++) {
		struct query *q;

		srand(1000u + (unsigned)i);
		q = random_query(rand() % 4);
		check_query(q);
		free_query(q);
	}
	ck_status(fulltext_factory.verify(reader, 2, &error));
	teardown();
}
END_TEST

/* BM25 by the book, for one word. */
static double score_of(int word, const struct row *row)
{
	double docs = 0, tokens = 0, have = 0, tf = 0;

	for (int i = 0; i < n_rows; i++) {
		int times = 0;

		docs += rows[i].n >= 0;
		tokens += rows[i].n > 0 ? rows[i].n : 0;
		for (int k = 0; k < rows[i].n; k++)
			times += rows[i].words[k] == word;
		have += times > 0;
		tf = &rows[i] == row ? times : tf;
	}
	return log(1 + (docs - have + 0.5) / (have + 0.5)) * tf * 2.2 /
	       (tf + 1.2 * (1 - 0.75 + 0.75 * row->n / (tokens / docs)));
}

START_TEST(scores_are_bm25_and_the_best_come_first)
{
	static uint64_t found[ROWS + 50], best[ROWS + 50];
	static float scores[ROWS + 50];
	char text[64];
	size_t n;

	build_random(ROWS, memories[_i]);
	snprintf(text, sizeof(text), "%s %s", vocabulary[5], vocabulary[7]);
	n = ask(text, ORASI_QUERY_SCORE, 0, found, scores);
	ck_assert_int_gt(n, 10);
	for (size_t i = 0; i < n; i++) {
		double wanted = score_of(5, &rows[found[i]]) + score_of(7, &rows[found[i]]);

		ck_assert_msg(fabs(scores[i] - wanted) < 1e-4 * wanted, "%f, wanted %f", (double)scores[i], wanted);
		if (i)
			ck_assert(scores[i - 1] > scores[i] || (scores[i - 1] == scores[i] && found[i - 1] < found[i]));
	}
	ck_assert_uint_eq(ask(text, ORASI_QUERY_SCORE, 5, best, scores), 5);
	ck_assert_mem_eq(best, found, 5 * sizeof(*best));
	teardown();
}
END_TEST

START_TEST(words_are_found_in_any_case_and_script)
{
	static const char *const texts[] = {"Straße ÄÖÜ naïve",
	                                    "ПРИВЕТ мир",
	                                    "ΑΘΗΝΑ",
	                                    "日本語の本",
	                                    "a\xff"
	                                    "b snake_case x1",
	                                    NULL,
	                                    ""};
	static const struct {
		const char *query;
		size_t n;
	} cases[] = {{"straße", 1}, {"äöü", 1},    {"NAÏVE", 1}, {"привет", 1},  {"αθηνα", 1},
	             {"本", 1},     {"日本", 1},   {"本日", 0},  {"\"a b\"", 1}, {"snake_case", 1},
	             {"snake", 0},  {"snake*", 1}, {"X1", 1},    {"NOT x1", 5}};

	build_texts(texts, 7);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(count(cases[i].query) == cases[i].n, "%s: %zu", cases[i].query, count(cases[i].query));
	teardown();
}
END_TEST

START_TEST(a_long_word_is_cut_and_found)
{
	static char word[2000];
	const char *texts[] = {word};

	memset(word, 'x', sizeof(word) - 1);
	build_texts(texts, 1);
	ck_assert_uint_eq(count(word), 1);
	teardown();
}
END_TEST

START_TEST(a_query_that_is_wrong_is_refused_with_the_place)
{
	static const struct {
		const char *query, *place;
	} cases[] = {{"", "a word is missing"}, {"--", "no word"},
	             {"a AND", "character 6"},  {"(a", "')' is missing"},
	             {"a)", "without its '('"}, {"\"a", "character 1: the quotation"},
	             {"OR a", "character 1"},   {"a OR OR b", "character 6"},
	             {"NOT", "character 4"}};
	static const char *const texts[] = {"a b"};

	build_texts(texts, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		void *cursor;

		ck_assert_msg(open_query(cases[i].query, 0, 0, &cursor) == ORASI_E_INVALID, "%s", cases[i].query);
		ck_assert_msg(strstr(error.message, cases[i].place) != NULL, "%s: %s", cases[i].query, error.message);
	}
	teardown();
}
END_TEST

START_TEST(a_deep_or_long_query_is_refused)
{
	static const char *const texts[] = {"a b"};
	char *query = calloc(1, 100000);
	void *cursor;

	build_texts(texts, 1);
	memset(query, '(', 1000);
	ck_assert_int_eq(open_query(query, 0, 0, &cursor), ORASI_E_INVALID);
	for (int i = 0; i < 2000; i++)
		memcpy(query + i * 4, "NOT ", 4);
	ck_assert_int_eq(open_query(query, 0, 0, &cursor), ORASI_E_INVALID);
	for (int i = 0; i < 4000; i++)
		memcpy(query + i * 2, "a ", 2);
	ck_assert_int_eq(open_query(query, 0, 0, &cursor), ORASI_E_INVALID);
	free(query);
	teardown();
}
END_TEST

START_TEST(a_column_that_is_no_text_is_refused_by_name)
{
	struct ArrowSchema bad;

	arrow_schema_make(&bad, "+s", "", 0, 1);
	arrow_schema_make(bad.children[0], "l", "status", 1, 0);
	ck_assert_int_eq(fulltext_factory.create(NULL, FULLTEXT_ID, NULL, &bad, &self, &error), ORASI_E_CONFIG);
	ck_assert_ptr_nonnull(strstr(error.message, "status"));
	arrow_schema_release(&bad);
}
END_TEST

/* ---- damage ------------------------------------------------------------------------------------------------------- */

/* Whatever byte is wrong: verify says so, and no query crashes or returns a row that is not there. */
START_TEST(a_damaged_byte_is_noticed)
{
	static const char *const queries[] = {"orders", "\"a b\"", "a*", "NOT a"};
	struct memblob *blob;
	uint64_t found[200];
	void *whole;

	build_random(40, 1 << 20);
	whole = reader;
	blob = memstore_blob(&store, "run.0");
	for (uint64_t at = 0; at < blob->size; at++) {
		int noticed;

		blob->data[at] ^= 0x11;
		noticed = fulltext_factory.open(self, &store.store, &reader, &info, &error) != ORASI_OK;
		if (!noticed) {
			noticed = fulltext_factory.verify(reader, 2, &error) != ORASI_OK;
			for (int i = 0; i < 4; i++) {
				orasi_hits hits = {.struct_size = sizeof(hits), .cap = 200, .row_ids = found};
				void *cursor;

				if (open_query(queries[i], 0, 0, &cursor))
					continue;
				fulltext_factory.next(cursor, &hits, &error);
				fulltext_factory.cursor_close(cursor);
				for (uint32_t k = 0; k < hits.n; k++)
					ck_assert_uint_lt(found[k], 40);
			}
			fulltext_factory.close(reader);
		}
		blob->data[at] ^= 0x11;
		ck_assert_msg(noticed, "byte %d", (int)at);
	}
	reader = whole;
	teardown();
}
END_TEST

START_TEST(a_cut_segment_is_refused)
{
	struct memblob *blob;
	uint64_t size;
	void *cut;

	build_random(40, 1 << 20);
	blob = memstore_blob(&store, "run.0");
	size = blob->size;
	for (blob->size = 0; blob->size < size; blob->size++)
		ck_assert_int_ne(fulltext_factory.open(self, &store.store, &cut, &info, &error), ORASI_OK);
	teardown();
}
END_TEST

START_TEST(a_missing_run_is_refused)
{
	void *cut;

	build_random(ROWS, memories[1]);
	store.n--;
	ck_assert_int_ne(fulltext_factory.open(self, &store.store, &cut, &info, &error), ORASI_OK);
	store.n++;
	teardown();
}
END_TEST

static void fulltext_cases(Suite *suite)
{
	TCase *answers = tcase_create("answers"), *damage = tcase_create("damage");

	tcase_add_loop_test(answers, every_query_finds_what_a_scan_finds, 0, 2);
	tcase_add_loop_test(answers, scores_are_bm25_and_the_best_come_first, 0, 2);
	tcase_add_test(answers, words_are_found_in_any_case_and_script);
	tcase_add_test(answers, a_long_word_is_cut_and_found);
	tcase_add_test(answers, a_query_that_is_wrong_is_refused_with_the_place);
	tcase_add_test(answers, a_deep_or_long_query_is_refused);
	tcase_add_test(answers, a_column_that_is_no_text_is_refused_by_name);
	suite_add_tcase(suite, answers);
	tcase_add_test(damage, a_damaged_byte_is_noticed);
	tcase_add_test(damage, a_cut_segment_is_refused);
	tcase_add_test(damage, a_missing_run_is_refused);
	suite_add_tcase(suite, damage);
}

TEST_MAIN("fulltext", fulltext_cases)
