/* SPDX-License-Identifier: Apache-2.0 */
/* A decoder that misbehaves as its configuration says. Rows it gives are one column "n" of int64. */
#include "plugins/doer.h"

#include <orasi/sdk/arrow.h>

#define ID "org.orasi.test.hostile-ingest"
ORASI_PLUGIN_NOTE(ID, "1.0.0");

struct hostile {
	struct doer doer;
	int calls;
	struct ArrowArray kept; /* a copy of what was handed out */
};

static int is(const struct hostile *h, const char *what)
{
	return doer_is(&h->doer, what);
}

static orasi_status sniff(const char *id, orasi_bytes head, orasi_str name, uint32_t *ret)
{
	(void)id;
	(void)name;
	if (head.len >= 9 && !memcmp(head.ptr, "SNIFFBOMB", 9))
		test_crash();
	*ret = 0;
	return ORASI_OK;
}

static orasi_status create(const orasi_host *host, const char *id, const orasi_config *config, void **ret_self,
                           orasi_error *err)
{
	orasi_status status = doer_new(sizeof(struct hostile), host, config, ret_self, err);

	(void)id;
	if (!status && is(*ret_self, "crash_create"))
		test_crash();
	return status;
}

static void destroy(void *self)
{
	struct hostile *h = self;

	if (is(h, "crash_destroy"))
		test_crash();
	free(h);
}

static void forget(struct ArrowSchema *schema)
{
	schema->release = NULL;
}

static orasi_status open_source(void *self, const orasi_ingest_open *open, struct ArrowSchema *ret, orasi_error *err)
{
	static struct ArrowSchema endless, *children[1] = {&endless};
	struct hostile *h = self;

	(void)open;
	if (is(h, "crash_open"))
		test_crash();
	if (is(h, "no_schema"))
		return ORASI_OK;
	if (is(h, "endless_schema")) { /* its own child */
		endless = (struct ArrowSchema){.format = "+s",
		                               .name = "x",
		                               .n_children = 1,
		                               .children = children,
		                               .release = forget};
		*ret = endless;
		return ORASI_OK;
	}
	if (is(h, "bad_format")) {
		static struct ArrowSchema odd = {.format = "?!", .name = "n", .release = forget},
					  *odd_children[1] = {&odd};

		*ret = (struct ArrowSchema){.format = "+s",
		                            .name = "",
		                            .n_children = 1,
		                            .children = odd_children,
		                            .release = forget};
		return ORASI_OK;
	}
	if (arrow_schema_make(ret, "+s", "", 0, 1) ||
	    arrow_schema_make(ret->children[0], is(h, "text") ? "u" : "l", "n", 1, 0))
		return test_fail(err, ORASI_E_NOMEM, "out of memory");
	return ORASI_OK;
}

static orasi_status give(struct hostile *h, struct ArrowArray *ret)
{
	struct ArrowSchema schema;
	struct arrow_builder *builder;
	int bad;

	if (arrow_schema_make(&schema, "+s", "", 0, 1) ||
	    arrow_schema_make(schema.children[0], is(h, "text") ? "u" : "l", "n", 1, 0))
		return ORASI_E_NOMEM;
	builder = arrow_builder_new(&schema);
	bad = 0;
	for (int i = 0; i < 100; i++) {
		bad |= is(h, "text") ? arrow_append_bytes(arrow_builder_child(builder, 0), "abc", 3)
		                     : arrow_append_int(arrow_builder_child(builder, 0), i);
		bad |= arrow_end_struct(builder);
	}
	bad |= arrow_builder_finish(builder, ret);
	arrow_builder_free(builder);
	arrow_schema_release(&schema);
	return bad ? ORASI_E_NOMEM : ORASI_OK;
}

static void forget_array(struct ArrowArray *array)
{
	array->release = NULL;
}

static orasi_status next(void *self, struct ArrowArray *ret, orasi_mark *mark, orasi_error *err)
{
	struct hostile *h = self;
	orasi_status status;

	if (is(h, "crash_next"))
		test_crash();
	if (is(h, "loop_next"))
		for (volatile int i = 0;; i++)
			;
	if (is(h, "schema_for_ever"))
		return ORASI_SCHEMA;
	if (is(h, "fail_without_words"))
		return ORASI_E_CORRUPT;
	if (is(h, "no_batch"))
		return ORASI_OK;
	if (is(h, "use_after_release") && h->calls == 1)
		h->kept.release(&h->kept);
	if (h->calls++ >= 2 && !is(h, "endless"))
		return ORASI_END;
	status = give(h, ret);
	if (status)
		return test_fail(err, status, "out of memory");
	h->kept = *ret;
	mark->rows_total = (uint64_t)h->calls * 100;
	if (is(h, "long_rows")) /* more than the buffers have */
		ret->length = ret->children[0]->length = (int64_t)1 << 40;
	if (is(h, "negative_rows"))
		ret->length = ret->children[0]->length = -5;
	if (is(h, "null_count"))
		ret->children[0]->null_count = 50;
	if (is(h, "offset"))
		ret->children[0]->offset = (int64_t)1 << 50;
	if (is(h, "no_buffers"))
		ret->children[0]->buffers = NULL;
	if (is(h, "wild_buffer"))
		ret->children[0]->buffers[1] = (const void *)16;
	if (is(h, "few_children"))
		ret->n_children = 0;
	if (is(h, "wild_children"))
		ret->n_children = 1 << 20;
	if (is(h, "children_differ"))
		ret->children[0]->length = 3;
	if (is(h, "release_now")) { /* and hand it out all the same */
		void (*release)(struct ArrowArray *) = ret->release;
		struct ArrowArray copy = *ret;

		release(&copy);
	}
	if (is(h, "never_release"))
		ret->release = forget_array;
	if (is(h, "huge_state"))
		*mark = (orasi_mark){.struct_size = mark->struct_size,
		                     .flags = ORASI_MARK_RESUMABLE,
		                     .rows_total = mark->rows_total,
		                     .state = {(const uint8_t *)"x", (size_t)1 << 40}};
	if (is(h, "text"))
		((int32_t *)(uintptr_t)ret->children[0]->buffers[1])[50] = 1 << 30;
	return ORASI_OK;
}

static orasi_status schema(void *self, struct ArrowSchema *ret, orasi_error *err)
{
	orasi_ingest_open open = {.struct_size = sizeof(open)};

	return open_source(self, &open, ret, err);
}

static orasi_status close_source(void *self, orasi_error *err)
{
	(void)self;
	(void)err;
	return ORASI_OK;
}

static const orasi_ingest_factory factory = {.struct_size = sizeof(factory),
                                             .sniff = sniff,
                                             .create = create,
                                             .destroy = destroy,
                                             .open = open_source,
                                             .next = next,
                                             .schema = schema,
                                             .close = close_source};
static const char *const none[] = {NULL};
static const orasi_descriptor descriptor = {.struct_size = sizeof(descriptor),
                                            .kind = ORASI_KIND_INGEST,
                                            .id = ID,
                                            .name = "hostile-ingest",
                                            .version = "1.0.0",
                                            .summary = "Misbehaves as told",
                                            .config_schema = DOER_CONFIG,
                                            .features = none,
                                            .requires_ext = none};
TEST_PLUGIN(ID, descriptor, ORASI_INGEST_FACTORY, factory)
