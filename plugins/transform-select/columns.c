/* SPDX-License-Identifier: Apache-2.0 */
/* Which columns go out, as what and under which name, once it is known which come. */
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/fail.h>

#include "select.h"

void select_unbind(struct select *s)
{
	arrow_schema_release(&s->in);
	arrow_schema_release(&s->out);
	free(s->outs);
	s->in.release = s->out.release = NULL;
	s->outs = NULL;
	s->n_outs = s->casts = 0;
}

/* What stands behind "name=" in the list, or NULL. */
static const char *pair_of(const struct list *list, const char *name)
{
	size_t n = strlen(name);

	for (uint32_t i = 0; i < list->n; i++)
		if (!strncmp(list->at[i], name, n) && list->at[i][n] == '=')
			return list->at[i] + n + 1;
	return NULL;
}

static int is_in(const struct list *list, const char *name)
{
	for (uint32_t i = 0; i < list->n; i++)
		if (!strcmp(list->at[i], name))
			return 1;
	return 0;
}

/* Every name that an option mentions is there. */
static orasi_status check_names(const struct select *s, const struct list *list, const char *what, orasi_error *err)
{
	for (uint32_t i = 0; i < list->n; i++) {
		size_t n = *what == 'r' || !strcmp(what, "cast") ? strcspn(list->at[i], "=") : strlen(list->at[i]);

		if (arrow_schema_find(&s->in, list->at[i], n) < 0)
			return orasi_fail(err, ORASI_E_CONFIG, "'%s' names the column '%.*s', which is not there", what,
			                  (int)(n < 100 ? n : 100), list->at[i]);
	}
	return ORASI_OK;
}

static orasi_status make_field(struct select *s, struct column *column, const struct ArrowSchema *field,
                               struct ArrowSchema *ret, orasi_error *err)
{
	const char *type = pair_of(&s->cast, field->name), *renamed = pair_of(&s->rename, field->name);
	const char *format = type ? cast_format(type, strlen(type)) : NULL;
	struct arrow_type_info from;
	char *name;

	column->cast = format && strcmp(format, field->format) != 0;
	s->casts += column->cast;
	if (!column->cast && arrow_schema_copy(ret, field))
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	if (column->cast) {
		if (arrow_type_parse(field->format, &from) || arrow_type_parse(format, &column->type) ||
		    !cast_is_known(&from, &column->type))
			return orasi_fail(err, ORASI_E_CONFIG,
			                  "the column '%.100s' of the Arrow type '%s' cannot be cast to %s",
			                  field->name, field->format, type);
		if (arrow_schema_make(ret, format, field->name, 1, 0))
			return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	}
	name = strdup(renamed ? renamed : field->name);
	if (!name)
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	free((char *)ret->name);
	ret->name = name;
	return ORASI_OK;
}

static orasi_status add_out(struct select *s, int64_t from, orasi_error *err)
{
	struct column *column = &s->outs[s->n_outs];
	struct ArrowSchema field = {0};
	orasi_status status;

	column->from = from;
	status = make_field(s, column, s->in.children[from], &field, err);
	if (!status && arrow_schema_find(&s->out, field.name, strlen(field.name)) >= 0)
		status = orasi_fail(err, ORASI_E_CONFIG, "two columns would be called '%.100s'", field.name);
	if (!status && arrow_schema_append(&s->out, &field))
		status = orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	if (status)
		arrow_schema_release(&field);
	else
		s->n_outs++;
	return status;
}

static orasi_status choose(struct select *s, orasi_error *err)
{
	orasi_status status = ORASI_OK;

	s->outs = calloc((size_t)s->in.n_children + s->columns.n + 1, sizeof(*s->outs));
	if (!s->outs || arrow_schema_make(&s->out, "+s", "", 0, 0))
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	for (uint32_t i = 0; i < s->columns.n && !status; i++)
		if (!is_in(&s->drop, s->columns.at[i]))
			status = add_out(s, arrow_schema_find(&s->in, s->columns.at[i], strlen(s->columns.at[i])), err);
	for (int64_t i = 0; !s->columns.n && i < s->in.n_children && !status; i++)
		if (!is_in(&s->drop, s->in.children[i]->name))
			status = add_out(s, i, err);
	if (!status && !s->n_outs)
		status = orasi_fail(err, ORASI_E_CONFIG, "no column is left");
	return status;
}

orasi_status select_bind(struct select *s, const struct ArrowSchema *in, orasi_error *err)
{
	orasi_status status;

	if (arrow_schema_copy(&s->in, in)) {
		s->in.release = NULL;
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	}
	status = check_names(s, &s->columns, "columns", err);
	if (!status)
		status = check_names(s, &s->drop, "drop", err);
	if (!status)
		status = check_names(s, &s->rename, "rename", err);
	if (!status)
		status = check_names(s, &s->cast, "cast", err);
	for (uint32_t i = 0; i < s->n_filter && !status; i++)
		status = condition_bind(&s->filter[i], &s->in, err);
	return status ? status : choose(s, err);
}
