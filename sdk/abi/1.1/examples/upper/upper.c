/* SPDX-License-Identifier: Apache-2.0 */
/* A transform plugin for Orasi: the letters a to z of text columns in upper case.
 *
 * Columns that it does not touch are moved from the batch that comes into the batch that goes, never copied. It keeps
 * nothing between batches, so it says STATELESS and needs neither flush nor save. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/plugin.h>
#include <orasi/sdk/arrow.h>

#define PLUGIN_ID "com.example.upper"
#define PLUGIN_NAME "upper"
#define PLUGIN_VERSION "1.0.0"

ORASI_PLUGIN_NOTE(PLUGIN_ID, PLUGIN_VERSION);

static orasi_status fail(orasi_error *err, orasi_status status, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(err->message, sizeof(err->message), format, ap);
	va_end(ap);
	return status;
}

/* ---- an instance and its options ------------------------------------------------------------------------------- */

static const char config_schema[] = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
				    "\"column\":{\"type\":\"string\",\"default\":\"\",\"description\":\"The one column "
				    "to change; empty: all of type "
				    "text\",\"examples\":[\"text\"]}}}";

struct upper {
	char *column;
	struct ArrowSchema schema;
};

static void destroy(void *self)
{
	struct upper *upper = self;

	if (!upper)
		return;
	arrow_schema_release(&upper->schema);
	free(upper->column);
	free(upper);
}

static orasi_status create(const orasi_host *host, const char *id, const orasi_config *config, void **ret,
                           orasi_error *err)
{
	orasi_str column = ORASI_STR("");
	struct upper *upper;

	(void)host;
	if (strcmp(id, PLUGIN_ID))
		return fail(err, ORASI_E_NOTFOUND, "this file has no plugin '%.100s'", id);
	config->get_str(config, "/column", &column);
	upper = calloc(1, sizeof(*upper));
	if (!upper || !(upper->column = strndup(column.ptr, column.len))) {
		destroy(upper);
		return fail(err, ORASI_E_NOMEM, "out of memory");
	}
	*ret = upper;
	return ORASI_OK;
}

/* ---- batches ----------------------------------------------------------------------------------------------------- */

static int is_wanted(const struct upper *upper, const struct ArrowSchema *column)
{
	return !strcmp(column->format, "u") && (!*upper->column || !strcmp(upper->column, column->name));
}

static orasi_status bind_schema(void *self, const orasi_transform_bind *bind, struct ArrowSchema *ret, orasi_error *err)
{
	const struct ArrowSchema *in = bind->in;
	struct upper *upper = self;

	if (*upper->column && arrow_schema_find(in, upper->column, strlen(upper->column)) < 0)
		return fail(err, ORASI_E_CONFIG, "there is no column '%.100s'", upper->column);
	arrow_schema_release(&upper->schema);
	if (arrow_schema_copy(&upper->schema, in) || arrow_schema_copy(ret, in))
		return fail(err, ORASI_E_NOMEM, "out of memory");
	return ORASI_OK;
}

static int append_upper(struct arrow_builder *builder, const char *text, size_t n)
{
	char *copy = malloc(n + 1);
	int r;

	if (!copy)
		return -1;
	for (size_t i = 0; i < n; i++)
		copy[i] = (char)(text[i] >= 'a' && text[i] <= 'z' ? text[i] - 'a' + 'A' : text[i]);
	r = arrow_append_bytes(builder, copy, n);
	free(copy);
	return r;
}

static int make_upper(const struct ArrowSchema *schema, const struct ArrowArray *column, struct ArrowArray *ret)
{
	struct arrow_builder *builder = arrow_builder_new(schema);
	struct arrow_view view;
	int r = builder && !arrow_view_init(&view, schema, column) ? 0 : -1;

	for (int64_t i = 0; i < column->length && !r; i++) {
		size_t n;
		const char *text = arrow_view_is_null(&view, i) ? NULL : arrow_view_bytes(&view, i, &n);

		r = text ? append_upper(builder, text, n) : arrow_append_null(builder);
	}
	if (!r)
		r = arrow_builder_finish(builder, ret);
	arrow_builder_free(builder);
	return r;
}

/* Every column of `in`, made anew or moved; -1 when memory is short. */
static int take_columns(const struct upper *upper, struct ArrowArray *in, struct ArrowArray *columns)
{
	for (int64_t i = 0; i < in->n_children; i++) {
		if (is_wanted(upper, upper->schema.children[i])) {
			if (make_upper(upper->schema.children[i], in->children[i], &columns[i]))
				return -1;
		} else {
			columns[i] = *in->children[i];
			in->children[i]->release = NULL;
		}
	}
	return 0;
}

static orasi_status process(void *self, struct ArrowArray *in, orasi_sink *out, orasi_error *err)
{
	struct upper *upper = self;
	int64_t n = in->n_children, length = in->length;
	struct ArrowArray *columns = calloc((size_t)n + 1, sizeof(*columns)), batch = {0};
	int r = columns ? take_columns(upper, in, columns) : -1;

	if (!r)
		r = arrow_array_struct(&batch, length, columns, n);
	for (int64_t i = 0; columns && i < n; i++)
		arrow_array_release(&columns[i]); /* what was not moved into the batch */
	free(columns);
	arrow_array_release(in);
	return r ? fail(err, ORASI_E_NOMEM, "no memory for a batch of rows") : out->push(out, &batch);
}

static const orasi_transform_factory factory = {
	.struct_size = sizeof(factory),
	.create = create,
	.destroy = destroy,
	.bind = bind_schema,
	.process = process,
};

/* ---- the face of the file ------------------------------------------------------------------------------------ */

static const char *const features[] = {"transform:" PLUGIN_NAME, "rows:preserve", NULL};
static const char *const requires_ext[] = {NULL};

static const orasi_descriptor descriptor = {
	.struct_size = sizeof(descriptor),
	.kind = ORASI_KIND_TRANSFORM,
	.flags = ORASI_FLAG_DETERMINISTIC | ORASI_FLAG_STATELESS,
	.state_version = 1,
	.state_version_min = 1,
	.id = PLUGIN_ID,
	.name = PLUGIN_NAME,
	.version = PLUGIN_VERSION,
	.summary = "Text in upper case",
	.config_schema = config_schema,
	.features = features,
	.requires_ext = requires_ext,
};

static orasi_status init(const orasi_host *host, orasi_error *err)
{
	(void)host, (void)err;
	return ORASI_OK;
}

static uint32_t count(void)
{
	return 1;
}

static const orasi_descriptor *describe(uint32_t index)
{
	return index ? NULL : &descriptor;
}

static const void *get_factory(const char *id)
{
	return strcmp(id, ORASI_TRANSFORM_FACTORY) ? NULL : &factory;
}

static const orasi_entry entry = {
	.struct_size = sizeof(entry),
	.abi_major = ORASI_ABI_MAJOR,
	.abi_target_minor = ORASI_TARGET_MINOR,
	.bundle_id = PLUGIN_ID,
	.bundle_version = PLUGIN_VERSION,
	.vendor = "Example",
	.license = "Apache-2.0",
	.init = init,
	.count = count,
	.describe = describe,
	.get_factory = get_factory,
};

ORASI_EXPORT const orasi_entry *orasi_plugin_entry_v1(void)
{
	return &entry;
}
