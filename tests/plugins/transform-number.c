/* SPDX-License-Identifier: Apache-2.0 */
/* A transform for tests, with a state: numbers the rows in a column "seq". Killed and resumed at any place, the numbers
 * have no gap. It can also be made to lie. */
#include "plugins/plugin.h"

#include <orasi/sdk/arrow.h>

#define ID "org.orasi.test.number"
ORASI_PLUGIN_NOTE(ID, "1.0.0");

struct number {
	int64_t next;
	int lie;
	struct ArrowSchema out;
};

static orasi_status create(const orasi_host *host, const char *id, const orasi_config *config, void **ret_self,
                           orasi_error *err)
{
	struct number *n = calloc(1, sizeof(*n));

	(void)host;
	(void)id;
	if (!n)
		return test_fail(err, ORASI_E_NOMEM, "out of memory");
	config->get_bool(config, "/lie", &n->lie);
	*ret_self = n;
	return ORASI_OK;
}

static void destroy(void *self)
{
	struct number *n = self;

	if (n)
		arrow_schema_release(&n->out);
	free(n);
}

static orasi_status bind(void *self, const orasi_transform_bind *bind, struct ArrowSchema *ret, orasi_error *err)
{
	struct number *n = self;
	struct ArrowSchema seq;

	if (bind->state.len == sizeof(n->next))
		memcpy(&n->next, bind->state.ptr, sizeof(n->next));
	arrow_schema_release(&n->out);
	if (arrow_schema_copy(&n->out, bind->in) || arrow_schema_make(&seq, "l", "seq", 0, 0) ||
	    arrow_schema_append(&n->out, &seq) || arrow_schema_copy(ret, &n->out))
		return test_fail(err, ORASI_E_NOMEM, "out of memory");
	return ORASI_OK;
}

static orasi_status numbers(struct number *n, int64_t length, struct ArrowArray *ret)
{
	struct ArrowSchema schema;
	struct arrow_builder *builder;
	int bad;

	if (arrow_schema_make(&schema, "l", "seq", 0, 0))
		return ORASI_E_NOMEM;
	builder = arrow_builder_new(&schema);
	bad = !builder;
	for (int64_t i = 0; i < length && !bad; i++)
		bad = arrow_append_int(builder, n->next++);
	bad = bad || arrow_builder_finish(builder, ret);
	arrow_builder_free(builder);
	arrow_schema_release(&schema);
	return bad ? ORASI_E_NOMEM : ORASI_OK;
}

/* Columns are moved out of the batch, which is then released. */
static orasi_status process(void *self, struct ArrowArray *in, orasi_sink *out, orasi_error *err)
{
	struct ArrowArray columns[64] = {0}, batch = {0};
	struct number *n = self;
	int64_t count = in->n_children, length = in->length;

	if (count > 63) {
		in->release(in);
		return test_fail(err, ORASI_E_LIMIT, "too many columns");
	}
	for (int64_t i = 0; i < count; i++) {
		columns[i] = *in->children[i];
		in->children[i]->release = NULL;
	}
	in->release(in);
	if (numbers(n, length, &columns[count]) || arrow_array_struct(&batch, length, columns, count + 1))
		return test_fail(err, ORASI_E_NOMEM, "out of memory");
	if (n->lie)
		batch.length++;
	return out->push(out, &batch);
}

static orasi_status flush(void *self, orasi_sink *out, orasi_error *err)
{
	(void)self;
	(void)out;
	(void)err;
	return ORASI_OK;
}

static orasi_status save(void *self, orasi_bytes *ret, orasi_error *err)
{
	struct number *n = self;

	(void)err;
	*ret = (orasi_bytes){(const uint8_t *)&n->next, sizeof(n->next)};
	return ORASI_OK;
}

static const orasi_transform_factory factory = {.struct_size = sizeof(factory),
                                                .create = create,
                                                .destroy = destroy,
                                                .bind = bind,
                                                .process = process,
                                                .flush = flush,
                                                .save = save};
static const char *const none[] = {NULL};
static const orasi_descriptor descriptor = {
	.struct_size = sizeof(descriptor),
	.kind = ORASI_KIND_TRANSFORM,
	.state_version = 1,
	.state_version_min = 1,
	.id = ID,
	.name = "number",
	.version = "1.0.0",
	.summary = "Numbers rows",
	.config_schema = "{\"type\":\"object\",\"properties\":{\"lie\":{\"type\":\"boolean\","
			 "\"default\":false}}}",
	.features = none,
	.requires_ext = none};
TEST_PLUGIN(ID, descriptor, ORASI_TRANSFORM_FACTORY, factory)
