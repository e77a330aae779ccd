/* SPDX-License-Identifier: Apache-2.0 */
/* One data file through the decoder of the plugin that datasets are made of. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/constants.h"
#include "plugin/reader.h"

#define READER "parquet"
#define BATCH_ROWS 8192

struct reader {
	struct loader *loader;
	const struct loader_plugin *plugin;
	struct loader_host host;
	orasi_source source;
	char *name;
	struct blob_file *file;
	uint64_t at; /* of reading in order */
	int opened, has_terms;
	int64_t row; /* behind the last batch */
	void *self;
	struct ArrowSchema schema;
	struct ArrowArray batch;
	orasi_mark mark;
	struct constants constants;
	const orasi_term **terms; /* those that are the decoder's business */
	uint32_t n_terms;
	int empty; /* the constants leave no rows */
};

static orasi_status source_pread(orasi_source *source, uint64_t off, void *buf, size_t len, size_t *got,
                                 orasi_error *error)
{
	struct reader *r = source->ctx;
	struct err err = {0};

	if (!blob_file_read(r->file, off, buf, len, got, &err))
		return ORASI_OK;
	if (error)
		snprintf(error->message, sizeof(error->message), "%s", err.text);
	return ORASI_E_IO;
}

static orasi_status source_read(orasi_source *source, void *buf, size_t cap, size_t *got, orasi_error *error)
{
	struct reader *r = source->ctx;
	orasi_status status = source_pread(source, r->at, buf, cap, got, error);

	r->at += status ? 0 : *got;
	return status;
}

static int open_source(struct reader *r, struct blob *blob, struct err *err)
{
	int code = blob_file_open(blob, r->name, &r->file, err);

	if (code == ERR_NOTFOUND)
		return err_set(
			err, ERR_NOTFOUND,
			"'%s' is not in '%.300s' any more: this version of the table was vacuumed, or others took the "
			"file; verify lists what is missing",
			r->name, blob_location(blob));
	if (code)
		return code;
	r->source = (orasi_source){sizeof(r->source),          ORASI_SOURCE_SEEK, r,           blob_file_size(r->file),
	                           {r->name, strlen(r->name)}, source_read,       source_pread};
	return 0;
}

static int open_decoder(struct reader *r, const struct reader_want *want, struct err *err)
{
	orasi_error error = ORASI_NO_ERROR;
	orasi_ingest_open open = {
		.struct_size = sizeof(open),
		.flags = ORASI_OPEN_PROJECT | (want->by_rows ? ORASI_OPEN_ROWS : 0),
		.source = &r->source,
		.want = r->constants.from ? &r->constants.own : want->schema,
		.terms = r->terms,
		.n_terms = r->n_terms,
		.rows = want->rows,
		.n_rows = want->n_rows,
		.max_rows = BATCH_ROWS,
		.max_bytes = 8u << 20,
	};
	const orasi_ingest_factory *factory = r->plugin->ingest;
	struct loader_config config;
	orasi_status status;

	loader_config_init(&config, r->plugin, NULL);
	status = loader_call(
		r->loader, r->plugin, "create",
		factory->create(&r->host.host, r->plugin->descriptor->id, &config.config, &r->self, &error));
	loader_config_done(&config);
	if (status)
		return loader_fail(r->plugin, "create", status, &error, err);
	status = loader_call(r->loader, r->plugin, "open", factory->open(r->self, &open, &r->schema, &error));
	if (!status) {
		r->opened = 1;
		return 0;
	}
	loader_fail(r->plugin, "open", status, &error, err);
	return err_prefix(err, "data file '%s'", r->name);
}

static int take_constants(struct reader *r, const struct reader_want *want, struct err *err)
{
	int code = 0;

	if (want->constants && want->constants_schema->n_children)
		code = constants_init(&r->constants, want->schema, want->constants_schema, want->constants, err);
	else if (want->constants)
		arrow_array_release(want->constants);
	r->terms = calloc(want->n_terms + 1, sizeof(*r->terms));
	if (!code && !r->terms)
		code = err_set(err, ERR_NOMEM, "out of memory");
	for (uint32_t i = 0; i < want->n_terms && !code; i++) {
		if (!constants_has(&r->constants, want->terms[i]))
			r->terms[r->n_terms++] = want->terms[i];
		else if (!constants_allow(&r->constants, want->terms[i]))
			r->empty = 1;
	}
	r->has_terms = r->n_terms > 0;
	return code;
}

int reader_open(struct loader *loader, struct blob *blob, const char *name, const struct reader_want *want,
                struct reader **ret, struct err *err)
{
	struct reader *r = calloc(1, sizeof(*r));
	int code = r && (r->name = strdup(name)) ? 0 : err_set(err, ERR_NOMEM, "out of memory");

	if (code) {
		if (want->constants)
			arrow_array_release(want->constants);
		free(r);
		return code;
	}
	r->loader = loader;
	loader_host_init(&r->host, loader, NULL, 1, INT64_MAX);
	code = take_constants(r, want, err);
	if (!code)
		code = loader_find(loader, "ingest", READER, &r->plugin, err);
	if (!code && !r->empty)
		code = open_source(r, blob, err);
	if (!code && !r->empty)
		code = open_decoder(r, want, err);
	if (code) {
		reader_close(r);
		return code;
	}
	*ret = r;
	return 0;
}

/* A row has one number whatever was left out: SQLite joins the halves of an OR by it. */
static int place(struct reader *r, int64_t *ret_first, struct err *err)
{
	if (r->mark.flags & ORASI_MARK_PLACED)
		r->row = (int64_t)r->mark.first_row;
	else if (r->has_terms)
		return err_set(err, ERR_PLUGIN,
		               "data file '%s': plugin '%s' leaves out rows without saying where the rest stand",
		               r->name, r->plugin->descriptor->id);
	*ret_first = r->row;
	r->row += r->batch.length;
	return 0;
}

int reader_next(struct reader *r, const struct ArrowArray **ret, int64_t *ret_first, struct err *err)
{
	orasi_error error = ORASI_NO_ERROR;
	orasi_status status;
	char message[256];
	int code;

	if (r->empty)
		return 0;
	arrow_array_release(&r->batch);
	r->mark = (orasi_mark){.struct_size = sizeof(r->mark)};
	status = loader_call(r->loader, r->plugin, "next",
	                     r->plugin->ingest->next(r->self, &r->batch, &r->mark, &error));
	if (status == ORASI_END)
		return 0;
	if (status) {
		loader_fail(r->plugin, "next", status, &error, err);
		return err_prefix(err, "data file '%s'", r->name);
	}
	if (arrow_validate(&r->schema, &r->batch, 0, message, sizeof(message)))
		return err_set(err, ERR_PLUGIN, "data file '%s': %s", r->name, message);
	code = place(r, ret_first, err);
	if (code)
		return code;
	*ret = &r->batch;
	if (r->constants.from)
		code = constants_join(&r->constants, &r->batch, ret, err);
	return code ? code : 1;
}

static void close_decoder(struct reader *r)
{
	orasi_error error = ORASI_NO_ERROR;

	if (r->opened)
		loader_call(r->loader, r->plugin, "close", r->plugin->ingest->close(r->self, &error));
	loader_call_void(r->loader, r->plugin, "destroy", r->plugin->ingest->destroy(r->self));
}

void reader_close(struct reader *r)
{
	if (!r)
		return;
	arrow_array_release(&r->batch);
	if (r->self)
		close_decoder(r);
	loader_host_done(&r->host);
	constants_done(&r->constants);
	free(r->terms);
	arrow_schema_release(&r->schema);
	blob_file_close(r->file);
	free(r->name);
	free(r);
}
