/* SPDX-License-Identifier: Apache-2.0 */
/* A full-text index for Orasi: the words of one text column, with rows and places; BM25. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/fail.h>
#include <orasi/sdk/single.h>

#include "plugin.h"
#include "run.h"

ORASI_PLUGIN_NOTE(FULLTEXT_ID, ORASI_VERSION);

static const char *const features[] = {"index:fulltext", NULL};
static const char *const requires_ext[] = {NULL};

static const orasi_descriptor descriptor = {
	.struct_size = sizeof(orasi_descriptor),
	.kind = ORASI_KIND_INDEX,
	.flags = ORASI_FLAG_DETERMINISTIC,
	.state_version = SEGMENT_VERSION,
	.state_version_min = SEGMENT_VERSION,
	.id = FULLTEXT_ID,
	.name = "fulltext",
	.version = ORASI_VERSION,
	.summary = "Words and phrases of a text column, best rows first",
	.config_schema =
		"{\"type\":\"object\",\"properties\":{\"memory\":{\"type\":\"string\",\"format\":\"bytes\","
		"\"default\":\"256MiB\",\"description\":\"Memory that building may take before a run is written\"}}}",
	.features = features,
	.requires_ext = requires_ext,
};

static orasi_status caps(const char *id, orasi_index_caps *ret)
{
	(void)id;
	ret->ops = 1u << ORASI_OP_MATCH;
	ret->flags = ORASI_INDEX_SCORED | ORASI_INDEX_RESUMABLE;
	ret->max_columns = 1;
	return ORASI_OK;
}

static void destroy(void *self)
{
	struct index *index = self;

	if (!index)
		return;
	arrow_schema_release(&index->keys);
	free(index);
}

static int is_text(const struct ArrowSchema *column)
{
	struct arrow_type_info info;

	return !arrow_type_parse(column->format, &info) && (info.type == ARROW_UTF8 || info.type == ARROW_LARGE_UTF8);
}

static orasi_status create(const orasi_host *host, const char *id, const orasi_config *config,
                           const struct ArrowSchema *keys, void **ret, orasi_error *err)
{
	struct index *index;
	int64_t memory = 256 << 20;

	if (strcmp(id, FULLTEXT_ID))
		return orasi_fail(err, ORASI_E_NOTFOUND, "this file has no plugin '%.100s'", id);
	if (keys->n_children != 1)
		return orasi_fail(err, ORASI_E_CONFIG,
		                  "a full-text index takes one column, not %lld: make one for each",
		                  (long long)keys->n_children);
	if (!is_text(keys->children[0]))
		return orasi_fail(err, ORASI_E_CONFIG, "column '%.100s' is no text: a full-text index needs one",
		                  keys->children[0]->name);
	index = calloc(1, sizeof(*index));
	if (!index || arrow_schema_copy(&index->keys, keys)) {
		free(index);
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	}
	if (config)
		config->get_i64(config, "/memory", &memory);
	index->memory = memory > 0 ? (uint64_t)memory : 0;
	index->job = host ? host->get_extension(host, ORASI_HOST_JOB) : NULL;
	*ret = index;
	return ORASI_OK;
}

static void reader_close(void *self)
{
	struct reader *reader = self;

	if (!reader)
		return;
	for (uint32_t i = 0; i < reader->n_runs; i++)
		run_close(&reader->runs[i]);
	free(reader->runs);
	free(reader);
}

/* Runs follow each other without gaps; the last one says how many there are. */
static orasi_status open_run(struct reader *reader, orasi_store *src, orasi_error *err)
{
	struct run *run = &reader->runs[reader->n_runs];
	orasi_status r = run_open(src, reader->n_runs, run, err);
	uint64_t end;

	reader->n_runs++; /* to be closed, whatever it is */
	if (r)
		return r;
	if (run->head.first_row != reader->rows || __builtin_add_overflow(reader->rows, run->head.rows, &end) ||
	    (run->head.runs && run->head.runs != reader->n_runs))
		return damaged(err);
	reader->rows = end;
	reader->docs += run->head.docs;
	reader->tokens += run->head.tokens;
	reader->terms += run->head.terms;
	reader->bytes += run->size;
	return ORASI_OK;
}

static orasi_status reader_open(void *self, orasi_store *src, void **ret, orasi_segment_info *info, orasi_error *err)
{
	struct reader *reader = calloc(1, sizeof(*reader));
	orasi_status r = ORASI_OK;
	int is_last = 0;

	(void)self;
	if (reader)
		reader->runs = calloc(RUNS_MAX, sizeof(*reader->runs));
	if (!reader || !reader->runs) {
		free(reader);
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	}
	while (!r && !is_last) {
		r = reader->n_runs < RUNS_MAX ? open_run(reader, src, err) : damaged(err);
		is_last = !r && reader->runs[reader->n_runs - 1].head.runs != 0;
	}
	if (r) {
		reader_close(reader);
		return r;
	}
	*info = (orasi_segment_info){sizeof(*info), SEGMENT_VERSION, reader->rows, reader->terms, 0, reader->bytes};
	*ret = reader;
	return ORASI_OK;
}

static orasi_status reader_verify(void *self, uint32_t level, orasi_error *err)
{
	const struct reader *reader = self;
	orasi_status r = ORASI_OK;

	for (uint32_t i = 0; i < reader->n_runs && !r; i++)
		r = run_verify(&reader->runs[i], level, err);
	return r;
}

const orasi_index_factory fulltext_factory = {
	sizeof(orasi_index_factory),
	0,
	caps,
	create,
	destroy,
	build_begin,
	build_add,
	build_finish,
	build_abort,
	NULL,
	reader_open,
	reader_close,
	reader_query,
	cursor_next,
	cursor_close,
	reader_estimate,
	reader_verify,
	orasi_no_extension,
};

static const void *plugin_factory(const char *factory_id)
{
	return strcmp(factory_id, ORASI_INDEX_FACTORY) ? NULL : &fulltext_factory;
}

ORASI_SINGLE_PLUGIN(descriptor, .bundle_id = FULLTEXT_ID, .bundle_version = ORASI_VERSION, .vendor = "Orasi",
                    .license = "Apache-2.0", .init = orasi_init_nothing, .get_factory = plugin_factory)
