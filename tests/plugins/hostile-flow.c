/* SPDX-License-Identifier: Apache-2.0 */
/* A transform that misbehaves as its configuration says. Its batches are those that come. */
#include "plugins/doer.h"

#include <orasi/sdk/arrow.h>

#define ID "org.orasi.test.hostile-flow"
ORASI_PLUGIN_NOTE(ID, "1.0.0");

static orasi_status create(const orasi_host *host, const char *id, const orasi_config *config, void **ret_self,
                           orasi_error *err)
{
	(void)id;
	return doer_new(sizeof(struct doer), host, config, ret_self, err);
}

static orasi_status bind(void *self, const orasi_transform_bind *bind, struct ArrowSchema *ret, orasi_error *err)
{
	const struct doer *h = self;

	if (doer_is(h, "crash_bind"))
		test_crash();
	if (doer_is(h, "no_schema"))
		return ORASI_OK;
	return arrow_schema_copy(ret, bind->in) ? test_fail(err, ORASI_E_NOMEM, "out of memory") : ORASI_OK;
}

/* Of the first child, what it has is nowhere. */
static void make_wild(struct ArrowArray *batch)
{
	static const void *nowhere[3] = {NULL, (const void *)8, (const void *)16};

	batch->children[0]->buffers = nowhere;
}

static orasi_status process(void *self, struct ArrowArray *in, orasi_sink *out, orasi_error *err)
{
	const struct doer *h = self;
	struct ArrowArray batch = *in, twin = *in;

	(void)err;
	in->release = NULL;
	if (doer_is(h, "crash_process"))
		test_crash();
	if (doer_is(h, "fail_without_words"))
		return ORASI_E_IO;
	if (doer_is(h, "strange_status"))
		return 77;
	if (doer_is(h, "release_twice")) {
		batch.release(&batch);
		twin.release(&twin);
		return ORASI_OK;
	}
	if (doer_is(h, "never_release"))
		return ORASI_OK;
	if (doer_is(h, "long_rows"))
		batch.length = 1ll << 40;
	if (doer_is(h, "negative_rows"))
		batch.length = -5;
	if (doer_is(h, "wild_push"))
		make_wild(&batch);
	if (doer_is(h, "push_released")) {
		batch.release(&batch);
		batch.release = NULL;
	}
	if (doer_is(h, "push_twice"))
		out->push(out, &twin);
	return out->push(out, &batch);
}

static orasi_status flush(void *self, orasi_sink *out, orasi_error *err)
{
	(void)out, (void)err;
	if (doer_is(self, "crash_flush"))
		test_crash();
	return ORASI_OK;
}

static orasi_status save(void *self, orasi_bytes *ret, orasi_error *err)
{
	(void)err;
	(void)self;
	*ret = (orasi_bytes){(const uint8_t *)"x", 1};
	return ORASI_OK;
}

static const orasi_transform_factory factory = {.struct_size = sizeof(factory),
                                                .create = create,
                                                .destroy = free,
                                                .bind = bind,
                                                .process = process,
                                                .flush = flush,
                                                .save = save};
static const char *const none[] = {NULL};
static const orasi_descriptor descriptor = {.struct_size = sizeof(descriptor),
                                            .kind = ORASI_KIND_TRANSFORM,
                                            .id = ID,
                                            .name = "hostile-flow",
                                            .version = "1.0.0",
                                            .summary = "Misbehaves as told",
                                            .config_schema = DOER_CONFIG,
                                            .features = none,
                                            .requires_ext = none};
TEST_PLUGIN(ID, descriptor, ORASI_TRANSFORM_FACTORY, factory)
