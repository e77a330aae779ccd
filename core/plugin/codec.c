/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/codec.h"

#include <stdio.h>

#include "plugin/reader.h"

#define WRITER "parquet"

int codec_read(void *loader, struct blob *blob, const char *name, const struct ArrowSchema *want,
               int (*each)(void *to, const struct ArrowArray *rows, struct err *err), void *to, struct err *err)
{
	struct reader_want columns = {.schema = want};
	const struct ArrowArray *batch;
	struct reader *reader;
	int64_t first;
	int more, r = reader_open(loader, blob, name, &columns, &reader, err);

	if (r)
		return r;
	while ((more = reader_next(reader, &batch, &first, err)) > 0 && !r)
		r = each(to, batch, err);
	reader_close(reader);
	return more < 0 ? more : r;
}

/* ---- writing --------------------------------------------------------------------------------------------- */

struct writer {
	struct loader *loader;
	const struct loader_plugin *plugin;
	struct loader_host host;
	void *self;
	orasi_output output;
	struct buf *text;
};

static orasi_status to_buffer(orasi_output *output, const void *p, size_t n, orasi_error *error)
{
	struct writer *w = output->ctx;

	if (!buf_add(w->text, p, n))
		return ORASI_OK;
	if (error)
		snprintf(error->message, sizeof(error->message), "the file is larger than %zu bytes", w->text->max);
	return ORASI_E_LIMIT;
}

static int writer_open(struct writer *w, const struct ArrowSchema *schema, struct err *err)
{
	orasi_encode_open open = {sizeof(open), 0, &w->output, schema};
	orasi_error error = ORASI_NO_ERROR;
	const orasi_encode_factory *encode;
	struct loader_config config;
	orasi_status status;
	int r = loader_find(w->loader, "ingest", WRITER, &w->plugin, err);

	if (r)
		return r;
	encode = w->plugin->encode;
	if (!encode)
		return err_set(err, ERR_PLUGIN, "plugin '" WRITER "' cannot write");
	w->output = (orasi_output){sizeof(w->output), 0, w, to_buffer};
	loader_config_init(&config, w->plugin, NULL);
	status =
		loader_call(w->loader, w->plugin, "create",
	                    encode->create(&w->host.host, w->plugin->descriptor->id, &config.config, &w->self, &error));
	loader_config_done(&config);
	if (status)
		return loader_fail(w->plugin, "create", status, &error, err);
	status = loader_call(w->loader, w->plugin, "open", encode->open(w->self, &open, &error));
	return status ? loader_fail(w->plugin, "open", status, &error, err) : 0;
}

static int writer_add(struct writer *w, struct ArrowArray *batch, struct err *err)
{
	orasi_error error = ORASI_NO_ERROR;
	orasi_status status =
		loader_call(w->loader, w->plugin, "write", w->plugin->encode->write(w->self, batch, &error));

	arrow_array_release(batch);
	return status ? loader_fail(w->plugin, "write", status, &error, err) : 0;
}

static int writer_end(struct writer *w, struct err *err)
{
	orasi_encode_info info = {.struct_size = sizeof(info)};
	orasi_error error = ORASI_NO_ERROR;
	orasi_status status =
		loader_call(w->loader, w->plugin, "finish", w->plugin->encode->finish(w->self, &info, &error));

	return status ? loader_fail(w->plugin, "finish", status, &error, err) : 0;
}

int codec_write(void *loader, const struct ArrowSchema *schema,
                int (*next)(void *from, struct ArrowArray *ret, struct err *err), void *from, struct buf *ret,
                struct err *err)
{
	struct writer w = {.loader = loader, .text = ret};
	struct ArrowArray batch = {0};
	int more = 0, r;

	loader_host_init(&w.host, loader, NULL, 1, INT64_MAX);
	r = writer_open(&w, schema, err);
	while (!r && (more = next(from, &batch, err)) > 0)
		r = writer_add(&w, &batch, err);
	if (!r)
		r = more < 0 ? more : writer_end(&w, err);
	if (w.self)
		loader_call_void(loader, w.plugin, "destroy", w.plugin->encode->destroy(w.self));
	loader_host_done(&w.host);
	return r;
}
