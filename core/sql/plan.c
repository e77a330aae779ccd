/* SPDX-License-Identifier: Apache-2.0 */
/* Planning: what SQLite asks is which conditions a table can make use of, and at what cost.
 *
 * Comparisons with constants go to the decoder; those on the column of an index go to the index, if it makes the
 * statement cheaper. SQLite checks every row again, except for MATCH, which only a full-text index can answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/inside.h"

/* What is left of the rows, as a guess, and the name of the operator in EXPLAIN. */
static const struct operator
{
	int op;
	double keeps;
	const char *text;
}
operators[] = {
	{SQLITE_INDEX_CONSTRAINT_EQ, 0.001, "= ?"},
	{SQLITE_INDEX_CONSTRAINT_MATCH, 0.01, "MATCH ?"},
	{SQLITE_INDEX_CONSTRAINT_GLOB, 0.05, "GLOB ?"},
	{SQLITE_INDEX_CONSTRAINT_LT, 0.3, "< ?"},
	{SQLITE_INDEX_CONSTRAINT_LE, 0.3, "<= ?"},
	{SQLITE_INDEX_CONSTRAINT_GT, 0.3, "> ?"},
	{SQLITE_INDEX_CONSTRAINT_GE, 0.3, ">= ?"},
	{SQLITE_INDEX_CONSTRAINT_ISNULL, 0.1, "IS NULL"},
	{SQLITE_INDEX_CONSTRAINT_ISNOTNULL, 0.9, "IS NOT NULL"},
};

static const struct operator* operator_of(int op)
{
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
		if (operators[i].op == op)
			return &operators[i];
	return NULL;
}

static const char *column_name(const struct dataset *dataset, int column)
{
	return dataset->snapshot.schema.children[column]->name;
}

/* ---- conditions ---------------------------------------------------------------------------------------------- */

static int is_useful(const struct dataset *dataset, sqlite3_index_info *info, int i)
{
	const struct sqlite3_index_constraint *c = &info->aConstraint[i];
	const char *collation;

	if (!c->usable || !operator_of(c->op) || c->iColumn < 0 || c->iColumn >= dataset->snapshot.schema.n_children)
		return 0;
	if (c->op < SQLITE_INDEX_CONSTRAINT_EQ || c->op > SQLITE_INDEX_CONSTRAINT_GE)
		return 1;
	collation = sqlite3_vtab_collation(info, i);
	return collation && !sqlite3_stricmp(collation, "BINARY");
}

static void add_term(struct plan *plan, sqlite3_index_info *info, int i)
{
	const struct sqlite3_index_constraint *c = &info->aConstraint[i];
	struct plan_term *term = &plan->terms[plan->n_terms++];

	*term = (struct plan_term){.op = c->op, .column = c->iColumn};
	if (c->op == SQLITE_INDEX_CONSTRAINT_EQ && sqlite3_vtab_in(info, i, -1))
		term->is_in = sqlite3_vtab_in(info, i, 1) || 1;
	info->aConstraintUsage[i].argvIndex = plan->n_terms;
	info->aConstraintUsage[i].omit = c->op == SQLITE_INDEX_CONSTRAINT_MATCH;
}

/* SQLITE_CONSTRAINT: a MATCH whose text is not known yet makes this order of tables impossible. */
static int take_terms(const struct dataset *dataset, sqlite3_index_info *info, struct plan *plan)
{
	for (int i = 0; i < info->nConstraint; i++) {
		if (info->aConstraint[i].op == SQLITE_INDEX_CONSTRAINT_MATCH && !info->aConstraint[i].usable)
			return SQLITE_CONSTRAINT;
		if (plan->n_terms < PLAN_TERMS_MAX && is_useful(dataset, info, i))
			add_term(plan, info, i);
	}
	return SQLITE_OK;
}

/* ---- choosing an index ------------------------------------------------------------------------------------------ */

static int is_answered(const struct dataset *dataset, size_t index, const struct plan_term *term)
{
	return indexes_answer(dataset->indexes, index, column_name(dataset, term->column), value_op(term->op));
}

static double keeps_of(const struct plan_term *term)
{
	return operator_of(term->op)->keeps * (term->is_in ? 10 : 1);
}

/* What the index leaves of the rows; 1: nothing gained. */
static double share_of(const struct dataset *dataset, size_t index, const struct plan *plan)
{
	double share = 1;

	for (int i = 0; i < plan->n_terms; i++)
		if (is_answered(dataset, index, &plan->terms[i]))
			share *= keeps_of(&plan->terms[i]);
	return share;
}

static const struct plan_term *match_of(const struct plan *plan)
{
	for (int i = 0; i < plan->n_terms; i++)
		if (plan->terms[i].op == SQLITE_INDEX_CONSTRAINT_MATCH)
			return &plan->terms[i];
	return NULL;
}

/* Nothing but an index answers a MATCH, so all of a statement's on one table must be on one index. */
static int no_match(const struct dataset *dataset, const struct plan_term *term)
{
	struct err err;

	err_set(&err, ERR_INVALID,
	        "MATCH needs a full-text index on column '%s', one for all columns that a query matches: make it with "
	        "'orasi index create DATASET NAME --plugin fulltext --column %s'",
	        column_name(dataset, term->column), column_name(dataset, term->column));
	return vtab_failed(dataset->session, &err);
}

static int answers_all_matches(const struct dataset *dataset, size_t index, const struct plan *plan)
{
	for (int i = 0; i < plan->n_terms; i++)
		if (plan->terms[i].op == SQLITE_INDEX_CONSTRAINT_MATCH && !is_answered(dataset, index, &plan->terms[i]))
			return 0;
	return 1;
}

/* An index pays when it leaves less than half: its rows are read one by one. */
static int choose_index(const struct dataset *dataset, struct plan *plan, double *ret_share)
{
	const struct plan_term *match = match_of(plan);
	double best = match ? 2 : 0.5;

	for (size_t i = 0; i < indexes_count(dataset->indexes); i++) {
		double share = answers_all_matches(dataset, i, plan) ? share_of(dataset, i, plan) : 3;

		if (share < best) {
			best = share;
			plan->index = (int)i;
		}
	}
	if (match && plan->index < 0)
		return no_match(dataset, match);
	for (int i = 0; i < plan->n_terms && plan->index >= 0; i++)
		plan->terms[i].is_asked = is_answered(dataset, (size_t)plan->index, &plan->terms[i]);
	*ret_share = best;
	return SQLITE_OK;
}

/* ---- the answer --------------------------------------------------------------------------------------------------- */

/* What EXPLAIN QUERY PLAN shows. */
static char *describe(const struct dataset *dataset, const struct plan *plan)
{
	sqlite3_str *text = sqlite3_str_new(NULL);
	char label[160];
	int n = 0;

	if (plan->index >= 0)
		indexes_label(dataset->indexes, (size_t)plan->index, label, sizeof(label));
	sqlite3_str_appendf(text, plan->index >= 0 ? "index %s" : "scan", label);
	for (int i = 0; i < plan->n_terms; i++)
		if (plan->index < 0 || plan->terms[i].is_asked)
			sqlite3_str_appendf(text, "%s%s %s", n++ ? ", " : ": ",
			                    column_name(dataset, plan->terms[i].column),
			                    plan->terms[i].is_in ? "IN (?)" : operator_of(plan->terms[i].op)->text);
	return sqlite3_str_finish(text);
}

/* Without an index every file is read, so conditions save little. */
static void put_cost(const struct dataset *dataset, const struct plan *plan, double share, sqlite3_index_info *info)
{
	double all = dataset->snapshot.rows >= 0 ? (double)dataset->snapshot.rows : 1e6, left = all;

	for (int i = 0; i < plan->n_terms; i++)
		left *= keeps_of(&plan->terms[i]);
	info->estimatedRows = left < 1 ? 1 : (sqlite3_int64)left;
	info->estimatedCost = plan->index >= 0 ? 10 + all * share * 4 : 10 + all * (plan->n_terms ? 0.8 : 1);
}

static int keep(struct dataset *dataset, const struct plan *plan)
{
	struct plan *plans = realloc(dataset->plans, (dataset->n_plans + 1) * sizeof(*plans));

	if (!plans)
		return SQLITE_NOMEM;
	dataset->plans = plans;
	plans[dataset->n_plans++] = *plan;
	return SQLITE_OK;
}

int plan_best(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
	struct dataset *dataset = (struct dataset *)vtab;
	struct plan plan = {.used = info->colUsed, .index = -1};
	double share = 1;
	int r = take_terms(dataset, info, &plan);

	if (!r)
		r = choose_index(dataset, &plan, &share);
	if (!r)
		r = keep(dataset, &plan);
	if (r)
		return r;
	info->idxNum = (int)dataset->n_plans - 1;
	info->idxStr = describe(dataset, &plan);
	info->needToFreeIdxStr = 1;
	put_cost(dataset, &plan, share, info);
	return info->idxStr ? SQLITE_OK : SQLITE_NOMEM;
}
