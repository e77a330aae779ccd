/* SPDX-License-Identifier: Apache-2.0 */
/* The encoder: record batches into NDJSON, one object per line, every column of every row, nulls
 * too, so that what was written reads back with the same columns. How each type is written is told in form.c. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/fail.h>
#include <orasi/sdk/single.h>

#include "encode.h"
#include "plugin.h"
#include "text.h"

/* ---- fields ------------------------------------------------------------------------------- */

static void field_done(struct field *f)
{
	for (int64_t i = 0; i < f->n_children; i++)
		field_done(&f->children[i]);
	free(f->children);
	free(f->key);
	*f = (struct field){0};
}

static int make_key(struct field *f, const char *name)
{
	size_t n = strlen(name);

	f->key = malloc(6 * n + 3);
	if (!f->key)
		return -1;
	f->key[0] = '"';
	n = text_escape(f->key + 1, (const uint8_t *)name, n);
	memcpy(f->key + 1 + n, "\":", 2);
	f->key_len = n + 3;
	return 0;
}

static bool can_write(const struct ArrowSchema *schema)
{
	struct arrow_type_info info;

	if (arrow_type_parse(schema->format, &info) || schema->dictionary || info.type == ARROW_DECIMAL256 ||
	    info.scale > 38)
		return false;
	if (info.type == ARROW_MAP)
		return schema->n_children == 1 && schema->children[0]->n_children == 2 &&
		       !strcmp(schema->children[0]->children[0]->format, "u");
	return true;
}

static orasi_status field_make(struct field *f, const struct ArrowSchema *schema, orasi_error *err)
{
	const char *name = schema->name ? schema->name : "";

	if (!can_write(schema))
		return orasi_fail(err, ORASI_E_UNSUPPORTED,
		                  "the column '%s' has the Arrow type '%s', JSON has no form for it", name,
		                  schema->format);
	f->mode = column_mode_of(schema);
	f->children = calloc((size_t)schema->n_children + 1, sizeof(*f->children));
	if (!f->children || make_key(f, name))
		return orasi_fail(err, ORASI_E_NOMEM, "no memory for the column '%s'", name);
	for (; f->n_children < schema->n_children;) {
		int64_t i = f->n_children++;
		orasi_status status = field_make(&f->children[i], schema->children[i], err);

		if (status)
			return status;
	}
	return ORASI_OK;
}

/* Children are looked at within their parent's offset. */
static int field_bind(struct field *f)
{
	for (int64_t i = 0; i < f->n_children; i++)
		if (arrow_view_child(&f->view, i, &f->children[i].view) || field_bind(&f->children[i]))
			return -1;
	return 0;
}

static orasi_status flush(struct encoder *e, orasi_error *err)
{
	orasi_status status = ORASI_OK;

	if (e->len)
		status = e->output->write(e->output, e->buf, e->len, err);
	if (status)
		return status;
	e->written += e->len;
	e->len = 0;
	return ORASI_OK;
}

/* ---- factory ------------------------------------------------------------------------------ */

static void encoder_reset(struct encoder *e)
{
	field_done(&e->root);
	arrow_schema_release(&e->schema);
	e->schema.release = NULL;
	e->output = NULL;
	e->len = 0;
	e->rows = e->written = 0;
	e->failed = false;
}

static void encode_destroy(void *self)
{
	struct encoder *e = self;

	if (!e)
		return;
	encoder_reset(e);
	if (e->c_locale)
		freelocale(e->c_locale);
	free(e->buf);
	free(e->scratch);
	free(e);
}

static orasi_status encode_create(const orasi_host *host, const char *id, const orasi_config *config, void **ret_self,
                                  orasi_error *err)
{
	struct encoder *e;

	(void)host, (void)config;
	if (strcmp(id, PLUGIN_ID))
		return orasi_fail(err, ORASI_E_NOTFOUND, "this file has no plugin '%.100s'", id);
	e = calloc(1, sizeof(*e));
	if (!e || !(e->c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0))) {
		encode_destroy(e);
		return orasi_fail(err, ORASI_E_NOMEM, "no memory for an encoder");
	}
	*ret_self = e;
	return ORASI_OK;
}

static orasi_status encode_open(void *self, const orasi_encode_open *open, orasi_error *err)
{
	struct encoder *e = self;
	orasi_status status = ORASI_OK;

	encoder_reset(e);
	if (strcmp(open->schema->format, "+s"))
		return orasi_fail(err, ORASI_E_INVALID, "the schema is no struct");
	if (arrow_schema_copy(&e->schema, open->schema)) {
		e->schema.release = NULL;
		return orasi_fail(err, ORASI_E_NOMEM, "no memory for the schema");
	}
	status = field_make(&e->root, &e->schema, err);
	if (status)
		encoder_reset(e);
	else
		e->output = open->output;
	return status;
}

static orasi_status write_rows(struct encoder *e, orasi_error *err)
{
	for (int64_t i = 0; i < e->root.view.length; i++) {
		orasi_status status = ORASI_OK;

		encoder_put_row(e, i);
		if (e->failed)
			return orasi_fail(err, ORASI_E_NOMEM, "no memory for row %lld of the batch", (long long)i);
		if (e->len >= FLUSH_AT)
			status = flush(e, err);
		if (status)
			return status;
		e->rows++;
	}
	return ORASI_OK;
}

static orasi_status encode_write(void *self, const struct ArrowArray *batch, orasi_error *err)
{
	struct encoder *e = self;
	orasi_status status;
	locale_t before;

	if (!e->output)
		return orasi_fail(err, ORASI_E_INVALID, "write without open");
	if (arrow_view_init(&e->root.view, &e->schema, batch) || field_bind(&e->root))
		return orasi_fail(err, ORASI_E_INVALID, "the batch does not fit the schema of the file");
	before = uselocale(e->c_locale);
	status = write_rows(e, err);
	uselocale(before);
	return status;
}

static uint64_t encode_size_estimate(void *self)
{
	struct encoder *e = self;

	return e->written + e->len;
}

static orasi_status encode_finish(void *self, orasi_encode_info *ret_info, orasi_error *err)
{
	struct encoder *e = self;
	orasi_status status;
	int n;

	if (!e->output)
		return orasi_fail(err, ORASI_E_INVALID, "finish without open");
	status = flush(e, err);
	if (status)
		return status;
	n = snprintf(e->stats, sizeof(e->stats), "{\"numRecords\":%llu}", (unsigned long long)e->rows);
	ret_info->rows = e->rows;
	ret_info->bytes = e->written;
	ret_info->stats_json = (orasi_str){e->stats, (size_t)n};
	encoder_reset(e);
	return ORASI_OK;
}

const orasi_encode_factory encode_factory = {
	.struct_size = sizeof(encode_factory),
	.create = encode_create,
	.destroy = encode_destroy,
	.open = encode_open,
	.write = encode_write,
	.size_estimate = encode_size_estimate,
	.finish = encode_finish,
	.get_extension = orasi_no_extension,
};
