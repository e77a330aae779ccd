/* SPDX-License-Identifier: Apache-2.0 */
/* A transform: which columns go on, under which names and types, and which rows. Keeps nothing between batches.
 *
 * The filter sees the columns as they come. A value that cannot be cast sends its row to quarantine, or is null with
 * on_misfit: null. Columns that are neither cast nor filtered are handed on as they are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/plugin.h>
#include <orasi/sdk/fail.h>
#include <orasi/sdk/number.h>
#include <orasi/sdk/single.h>

#include "cast.h"
#include "condition.h"

#define PLUGIN_ID "org.orasi.transform.select"
#define PLUGIN_VERSION "0.1.0"
#define SHOWN 80

ORASI_PLUGIN_NOTE(PLUGIN_ID, PLUGIN_VERSION);

/* clang-format off */
#define LIST(name, help)                                                                                             \
	"\"" name "\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"maxLength\":1024},\"maxItems\":1000,"       \
	"\"default\":[],\"description\":\"" help "\"},"
static const char config_schema[] =
	"{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
	LIST("columns", "columns that go on, in this order; empty: all")
	LIST("drop", "columns that do not go on")
	LIST("rename", "new names, as 'old=new'")
	LIST("cast", "new types, as 'column=type': bool, int8 to int64, uint8 to uint64, float32, float64, text, date, timestamp")
	LIST("filter", "conditions that rows must fulfil, all of them: status >= 500, level = 'error', note is not null")
	"\"on_misfit\":{\"type\":\"string\",\"enum\":[\"reject\",\"null\"],\"default\":\"reject\","
	"\"description\":\"a value that cannot be cast: its row goes to quarantine, or the value is null\"}}}";
/* clang-format on */

struct list {
	char **at;
	uint32_t n;
};

/* A column that goes out. */
struct column {
	int64_t from;
	int cast;
	struct arrow_type_info type; /* of a cast */
	struct arrow_view view;      /* of the batch at hand */
	struct arrow_builder *builder;
};

struct select {
	const orasi_host *host;
	const orasi_host_reject *reject;
	struct list columns, drop, rename, cast;
	struct condition *filter;
	uint32_t n_filter;
	int null_misfits;
	/* since bind */
	struct ArrowSchema in, out;
	struct column *outs;
	int64_t n_outs;
	int casts;
	int64_t seen; /* rows */
};

/* ---- options ----------------------------------------------------------------------------------------------------- */

static void list_done(struct list *list)
{
	for (uint32_t i = 0; i < list->n; i++)
		free(list->at[i]);
	free(list->at);
	*list = (struct list){0};
}

static orasi_str item_of(const orasi_config *config, const char *ptr, uint32_t i)
{
	orasi_str value = ORASI_STR("");
	char item[64];

	snprintf(item, sizeof(item), "%s/%u", ptr, i);
	config->get_str(config, item, &value);
	return value;
}

static orasi_status read_list(const orasi_config *config, const char *ptr, struct list *ret, orasi_error *err)
{
	uint32_t n = 0;

	config->count(config, ptr, &n);
	ret->at = calloc((size_t)n + 1, sizeof(*ret->at));
	for (; ret->at && ret->n < n; ret->n++) {
		orasi_str value = item_of(config, ptr, ret->n);

		ret->at[ret->n] = strndup(value.ptr, value.len);
		if (!ret->at[ret->n])
			break;
	}
	return ret->at && ret->n == n ? ORASI_OK : orasi_fail(err, ORASI_E_NOMEM, "no memory for the options");
}

static orasi_status check_pairs(const struct list *list, const char *what, orasi_error *err)
{
	for (uint32_t i = 0; i < list->n; i++) {
		const char *sign = strchr(list->at[i], '=');

		if (!sign || sign == list->at[i] || !sign[1])
			return orasi_fail(err, ORASI_E_CONFIG, "'%.100s' in '%s' is not 'column=%s'", list->at[i], what,
			                  *what == 'c' ? "type" : "new name");
		if (*what == 'c' && !cast_format(sign + 1, strlen(sign + 1)))
			return orasi_fail(err, ORASI_E_CONFIG, "the type '%.60s' in 'cast' is not known", sign + 1);
	}
	return ORASI_OK;
}

static orasi_status read_filter(struct select *s, const orasi_config *config, orasi_error *err)
{
	uint32_t n = 0;
	orasi_status status = ORASI_OK;

	config->count(config, "/filter", &n);
	s->filter = calloc((size_t)n + 1, sizeof(*s->filter));
	if (!s->filter)
		return orasi_fail(err, ORASI_E_NOMEM, "no memory for the options");
	while (s->n_filter < n && !status) {
		orasi_str text = item_of(config, "/filter", s->n_filter);

		status = condition_parse(&s->filter[s->n_filter++], text, err);
	}
	return status;
}

static orasi_status read_options(struct select *s, const orasi_config *config, orasi_error *err)
{
	const struct {
		const char *ptr;
		struct list *list;
	} lists[] = {{"/columns", &s->columns}, {"/drop", &s->drop}, {"/rename", &s->rename}, {"/cast", &s->cast}};
	orasi_str misfit = ORASI_STR("reject");
	orasi_status status = ORASI_OK;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]) && !status; i++)
		status = read_list(config, lists[i].ptr, lists[i].list, err);
	config->get_str(config, "/on_misfit", &misfit);
	s->null_misfits = misfit.len == 4 && !memcmp(misfit.ptr, "null", 4);
	if (!status)
		status = check_pairs(&s->rename, "rename", err);
	if (!status)
		status = check_pairs(&s->cast, "cast", err);
	return status ? status : read_filter(s, config, err);
}

static void unbind(struct select *s)
{
	arrow_schema_release(&s->in);
	arrow_schema_release(&s->out);
	free(s->outs);
	s->in.release = s->out.release = NULL;
	s->outs = NULL;
	s->n_outs = s->casts = 0;
}

static void destroy(void *self)
{
	struct select *s = self;

	if (!s)
		return;
	unbind(s);
	for (uint32_t i = 0; i < s->n_filter; i++)
		condition_done(&s->filter[i]);
	free(s->filter);
	list_done(&s->columns);
	list_done(&s->drop);
	list_done(&s->rename);
	list_done(&s->cast);
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
	status = read_options(s, config, err);
	if (status) {
		destroy(s);
		return status;
	}
	*ret = s;
	return ORASI_OK;
}

/* ---- columns ----------------------------------------------------------------------------------------------------- */

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

static orasi_status bind_all(struct select *s, const struct ArrowSchema *in, orasi_error *err)
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

static orasi_status bind_schema(void *self, const orasi_transform_bind *bind, struct ArrowSchema *ret, orasi_error *err)
{
	struct select *s = self;
	orasi_status status;

	unbind(s);
	status = bind_all(s, bind->in, err);
	if (!status && arrow_schema_copy(ret, &s->out))
		status = orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	if (status)
		unbind(s);
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
	.config_schema = config_schema,
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
