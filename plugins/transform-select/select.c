/* SPDX-License-Identifier: Apache-2.0 */
/* A transform: which columns go on, under which names and types, and which rows. Keeps nothing between batches.
 *
 * The filter sees the columns as they come. A value that cannot be cast sends its row to quarantine, or is null with
 * on_misfit: null. Columns that are neither cast nor filtered are handed on as they are.
 *
 * options.c reads what was asked for, columns.c holds it against the columns that come; here the rows go through. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/plugin.h>
#include <orasi/sdk/fail.h>
#include <orasi/sdk/number.h>
#include <orasi/sdk/single.h>

#include "select.h"

#define PLUGIN_ID "org.orasi.transform.select"
#define PLUGIN_VERSION "0.1.0"
#define SHOWN 80

ORASI_PLUGIN_NOTE(PLUGIN_ID, PLUGIN_VERSION);

/* ---- making ------------------------------------------------------------------------------------------------------ */

static void destroy(void *self)
{
	struct select *s = self;

	if (!s)
		return;
	select_unbind(s);
	select_free_options(s);
	free(s);
}

static orasi_status create(const orasi_host *host, const char *id, const orasi_config *config, void **ret,
                           orasi_error *err)
{
	struct select *s;
	orasi_status status;

	if (strcmp(id, PLUGIN_ID))
		return orasi_fail(err, ORASI_E_NOTFOUND, "this file has no plugin '%.100s'", id);
	s = calloc(1, sizeof(*s));
	if (!s)
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	s->host = host;
	s->reject = host->get_extension(host, ORASI_HOST_REJECT);
	status = select_read_options(s, config, err);
	if (status) {
		destroy(s);
		return status;
	}
	*ret = s;
	return ORASI_OK;
}

static orasi_status bind_schema(void *self, const orasi_transform_bind *bind, struct ArrowSchema *ret, orasi_error *err)
{
	struct select *s = self;
	orasi_status status;

	select_unbind(s);
	status = select_bind(s, bind->in, err);
	if (!status && arrow_schema_copy(ret, &s->out))
		status = orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	if (status)
		select_unbind(s);
	return status;
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static orasi_status reject(struct select *s, const struct column *column, int64_t i, orasi_error *err)
{
	char text[SHOWN + 1], message[256];
	const char *name = s->in.children[column->from]->name;
	size_t n = cast_show(&column->view, i, text, sizeof(text));
	orasi_rejected rejected;
	orasi_status status;

	n = n < SHOWN ? n : SHOWN;
	while (n && !arrow_utf8_valid(text, n))
		n--;
	snprintf(message, sizeof(message), "a value that cannot be cast: %.*s", (int)n, text);
	rejected = (orasi_rejected){.struct_size = sizeof(rejected),
	                            .code = "select.cast",
	                            .message = {message, strlen(message)},
	                            .column = {name, strlen(name)},
	                            .byte_offset = -1,
	                            .line = -1,
	                            .row = s->seen + i,
	                            .raw = {(const uint8_t *)text, n},
	                            .raw_len = n};
	status = s->reject ? s->reject->reject(s->host, &rejected) : ORASI_E_INVALID;
	if (status >= 0)
		return ORASI_OK;
	err->row = s->seen + i;
	return orasi_fail(err, status, "the column '%.100s' has %s", name, message);
}

static int is_wanted(const struct select *s, const struct arrow_view *views, int64_t i)
{
	for (uint32_t k = 0; k < s->n_filter; k++)
		if (!condition_holds(&s->filter[k], &views[k], i))
			return 0;
	return 1;
}

/* The casts of one row. *ret_kept: 0 when a value does not fit and was rejected. */
static orasi_status cast_row(struct select *s, int64_t i, int *ret_kept, orasi_error *err)
{
	int64_t before = -1;

	*ret_kept = 1;
	for (int64_t k = 0; k < s->n_outs; k++) {
		struct column *column = &s->outs[k];
		enum cast cast;

		if (!column->cast)
			continue;
		if (before < 0)
			before = arrow_builder_length(column->builder);
		cast = cast_value(column->builder, &column->type, &column->view, i);
		if (cast == CAST_MISFIT && s->null_misfits)
			cast = arrow_append_null(column->builder) ? CAST_NOMEM : CAST_OK;
		if (cast == CAST_NOMEM)
			return orasi_fail(err, ORASI_E_NOMEM, "no memory for a batch of rows");
		if (cast == CAST_OK)
			continue;
		for (int64_t j = 0; j <= k; j++)
			if (s->outs[j].cast)
				arrow_builder_truncate(s->outs[j].builder, before);
		*ret_kept = 0;
		return reject(s, column, i, err);
	}
	return ORASI_OK;
}

static orasi_status choose_rows(struct select *s, const struct arrow_view *views, int64_t length, int64_t *kept,
                                int64_t *ret_n, orasi_error *err)
{
	*ret_n = 0;
	for (int64_t i = 0; i < length; i++) {
		int keep = is_wanted(s, views, i);
		orasi_status status = keep && s->casts ? cast_row(s, i, &keep, err) : ORASI_OK;

		if (status)
			return status;
		if (keep)
			kept[(*ret_n)++] = i;
	}
	return ORASI_OK;
}

static int copy_rows(struct column *column, const int64_t *kept, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		if (copy_value(column->builder, &column->view, kept[i]))
			return -1;
	return 0;
}

/* Is the column of the batch still needed by a later column that goes out? */
static int is_last_use(const struct select *s, int64_t k)
{
	for (int64_t j = k + 1; j < s->n_outs; j++)
		if (s->outs[j].from == s->outs[k].from)
			return 0;
	return 1;
}

static int make_column(struct select *s, int64_t k, struct ArrowArray *in, const int64_t *kept, int64_t n,
                       struct ArrowArray *ret)
{
	struct column *column = &s->outs[k];

	if (!column->cast && n == in->length && is_last_use(s, k) && !in->offset) {
		*ret = *in->children[column->from];
		in->children[column->from]->release = NULL;
		return 0;
	}
	if (!column->cast && copy_rows(column, kept, n))
		return -1;
	return arrow_builder_finish(column->builder, ret);
}

static int prepare(struct select *s, const struct ArrowArray *in, struct arrow_view *views)
{
	struct arrow_view root;

	if (arrow_view_init(&root, &s->in, in))
		return -1;
	for (uint32_t k = 0; k < s->n_filter; k++)
		if (arrow_view_child(&root, s->filter[k].at, &views[k]))
			return -1;
	for (int64_t k = 0; k < s->n_outs; k++) {
		s->outs[k].builder = arrow_builder_new(s->out.children[k]);
		if (!s->outs[k].builder || arrow_view_child(&root, s->outs[k].from, &s->outs[k].view))
			return -1;
	}
	return 0;
}

static orasi_status make_batch(struct select *s, struct ArrowArray *in, struct ArrowArray *ret, int64_t *ret_n,
                               orasi_error *err)
{
	struct arrow_view *views = calloc((size_t)s->n_filter + 1, sizeof(*views));
	struct ArrowArray *columns = calloc((size_t)s->n_outs + 1, sizeof(*columns));
	int64_t *kept = calloc((size_t)in->length + 1, sizeof(*kept));
	orasi_status status = ORASI_OK;
	int r = !views || !columns || !kept || prepare(s, in, views);

	if (!r)
		status = choose_rows(s, views, in->length, kept, ret_n, err);
	for (int64_t k = 0; k < s->n_outs && !r && !status && *ret_n; k++)
		r = make_column(s, k, in, kept, *ret_n, &columns[k]);
	if (!r && !status && *ret_n)
		r = arrow_array_struct(ret, *ret_n, columns, s->n_outs);
	for (int64_t k = 0; columns && k < s->n_outs; k++) {
		arrow_array_release(&columns[k]); /* what was not moved into the batch */
		arrow_builder_free(s->outs[k].builder);
		s->outs[k].builder = NULL;
	}
	free(views);
	free(columns);
	free(kept);
	return r ? orasi_fail(err, ORASI_E_NOMEM, "no memory for a batch of rows") : status;
}

static orasi_status process(void *self, struct ArrowArray *in, orasi_sink *out, orasi_error *err)
{
	struct select *s = self;
	struct ArrowArray batch = {0};
	int64_t n = 0, length = in->length;
	orasi_status status = make_batch(s, in, &batch, &n, err);

	arrow_array_release(in);
	s->seen += length;
	if (status || !n)
		return status;
	return out->push(out, &batch);
}

static const orasi_transform_factory factory = {
	.struct_size = sizeof(factory),
	.create = create,
	.destroy = destroy,
	.bind = bind_schema,
	.process = process,
	.get_extension = orasi_no_extension,
};

/* ---- entry ------------------------------------------------------------------------------------------------------- */

static const char *const features[] = {"transform:select", "rows:filter", NULL};
static const char *const requires_ext[] = {NULL};

static const orasi_descriptor descriptor = {
	.struct_size = sizeof(descriptor),
	.kind = ORASI_KIND_TRANSFORM,
	.flags = ORASI_FLAG_DETERMINISTIC | ORASI_FLAG_STATELESS,
	.state_version = 1,
	.state_version_min = 1,
	.id = PLUGIN_ID,
	.name = "select",
	.version = PLUGIN_VERSION,
	.summary = "Chooses, renames and casts columns, and filters rows",
	.config_schema = select_config_schema,
	.features = features,
	.requires_ext = requires_ext,
};

static orasi_status init(const orasi_host *host, orasi_error *err)
{
	(void)host, (void)err;
	number_init();
	return ORASI_OK;
}

static const void *get_factory(const char *id)
{
	return strcmp(id, ORASI_TRANSFORM_FACTORY) ? NULL : &factory;
}

ORASI_SINGLE_PLUGIN(descriptor, .bundle_id = PLUGIN_ID, .bundle_version = PLUGIN_VERSION, .vendor = "Orasi",
                    .license = "Apache-2.0", .init = init, .get_factory = get_factory)
