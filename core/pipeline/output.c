/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/id.h"
#include "base/str.h"

#define WRITER "parquet" /* what datasets are made of */

struct output {
	struct loader *loader;
	const struct loader_plugin *plugin;
	struct loader_host host;
	void *self;
	orasi_output abi;
	char folder[PATH_MAX], path[PATH_MAX + 64], name[64];
	int fd;
};

static orasi_status abi_write(orasi_output *abi, const void *buf, size_t len, orasi_error *error)
{
	struct output *o = abi->ctx;
	struct err err = {0};

	if (!file_write_all(o->fd, buf, len, o->path, &err))
		return ORASI_OK;
	if (error)
		snprintf(error->message, sizeof(error->message), "%s", err.text);
	return ORASI_E_IO;
}

static int open_plugin(struct output *o, const char *name, struct err *err)
{
	int r = loader_find(o->loader, "ingest", name, &o->plugin, err);

	if (!r && !o->plugin->encode)
		return err_set(err, ERR_UNSUPPORTED, "plugin '%s' reads its format and does not write it", name);
	return r ? r : loader_host_for(&o->host, o->plugin, err);
}

/* ".csv" of the feature "ext:.csv"; "" when the plugin names none. */
const char *output_ending(const struct output *o)
{
	for (const char *const *feature = o->plugin->descriptor->features; feature && *feature; feature++)
		if (str_starts(*feature, "ext:."))
			return *feature + strlen("ext:");
	return "";
}

int output_new_as(struct loader *loader, const char *staging, const char *plugin, const struct json *options,
                  struct output **ret, struct err *err)
{
	struct output *o = calloc(1, sizeof(*o));
	orasi_error error = ORASI_NO_ERROR;
	struct loader_config config;
	orasi_status status;
	int r;

	if (!o)
		return err_set(err, ERR_NOMEM, "out of memory");
	o->loader = loader;
	o->fd = -1;
	loader_host_init(&o->host, loader, staging, 1, INT64_MAX);
	snprintf(o->folder, sizeof(o->folder), "%s", staging);
	o->abi = (orasi_output){sizeof(o->abi), 0, o, abi_write};
	r = open_plugin(o, plugin, err);
	if (!r) {
		loader_config_init(&config, o->plugin, options);
		status = loader_call(loader, o->plugin, "create",
		                     o->plugin->encode->create(&o->host.host, o->plugin->descriptor->id, &config.config,
		                                               &o->self, &error));
		loader_config_done(&config);
		r = status ? loader_fail(o->plugin, "create", status, &error, err) : 0;
	}
	if (r) {
		output_free(o);
		return r;
	}
	*ret = o;
	return 0;
}

int output_new(struct loader *loader, const char *staging, const struct json *options, struct output **ret,
               struct err *err)
{
	return output_new_as(loader, staging, WRITER, options, ret, err);
}

static void drop_file(struct output *o)
{
	if (o->fd < 0)
		return;
	close(o->fd);
	o->fd = -1;
	unlink(o->path);
}

void output_free(struct output *o)
{
	if (!o)
		return;
	if (o->self)
		loader_call_void(o->loader, o->plugin, "destroy", o->plugin->encode->destroy(o->self));
	drop_file(o);
	loader_host_done(&o->host);
	free(o);
}

int output_is_open(const struct output *o)
{
	return o->fd >= 0;
}

/* What the disk said is a better reason than what the plugin made of it. */
static int failed(struct output *o, const char *function, orasi_status status, const orasi_error *error,
                  struct err *err)
{
	int r = loader_fail(o->plugin, function, status, error, err);

	if (strstr(error->message, strerror(ENOSPC)))
		err->code = r = ERR_NOSPACE;
	return r;
}

int output_begin(struct output *o, const struct ArrowSchema *schema, struct err *err)
{
	orasi_encode_open open_it = {sizeof(open_it), 0, &o->abi, schema};
	orasi_error error = ORASI_NO_ERROR;
	orasi_status status;
	char uuid[UUID_LEN];

	uuid_new(uuid);
	snprintf(o->name, sizeof(o->name), "part-%s%.16s", uuid, output_ending(o));
	snprintf(o->path, sizeof(o->path), "%s/%s", o->folder, o->name);
	o->fd = open(o->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (o->fd < 0)
		return err_errno(err, errno, "cannot create '%s'", o->path);
	status = loader_call(o->loader, o->plugin, "open", o->plugin->encode->open(o->self, &open_it, &error));
	if (!status)
		return 0;
	drop_file(o);
	return failed(o, "open", status, &error, err);
}

int output_write(struct output *o, const struct ArrowArray *batch, struct err *err)
{
	orasi_error error = ORASI_NO_ERROR;
	orasi_status status =
		loader_call(o->loader, o->plugin, "write", o->plugin->encode->write(o->self, batch, &error));

	return status ? failed(o, "write", status, &error, err) : 0;
}

uint64_t output_size(struct output *o)
{
	return o->fd < 0 ? 0 : o->plugin->encode->size_estimate(o->self);
}

int output_finish(struct output *o, struct json *files, struct err *err)
{
	orasi_error error = ORASI_NO_ERROR;
	orasi_encode_info info = {.struct_size = sizeof(info)};
	orasi_status status =
		loader_call(o->loader, o->plugin, "finish", o->plugin->encode->finish(o->self, &info, &error));
	struct json *file;
	int r = 0;

	if (status) {
		r = failed(o, "finish", status, &error, err);
		drop_file(o);
		return r;
	}
	if (fdatasync(o->fd))
		r = err_errno(err, errno, "cannot sync '%s'", o->path);
	if (!r)
		r = dir_sync(o->folder, err);
	if (r) {
		drop_file(o);
		return r;
	}
	close(o->fd);
	o->fd = -1;
	file = json_new_object();
	json_set_str(file, "staged", o->path);
	json_set_str(file, "name", o->name);
	json_set_int(file, "size", (int64_t)info.bytes);
	json_set_int(file, "rows", (int64_t)info.rows);
	json_set(file, "stats", json_new_strn(info.stats_json.ptr ? info.stats_json.ptr : "", info.stats_json.len));
	json_push(files, file);
	return 0;
}
