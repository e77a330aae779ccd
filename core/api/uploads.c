/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/uploads: a body of any size becomes a file that tasks may name as their source.
 *
 * The loop never waits for the disk: bytes are gathered in one buffer while another is being
 * written by a thread of libuv's pool, and the client is held when both are full. At the end the
 * same thread syncs the file, renames it into place and syncs the folder; then the answer goes out.
 * A body that breaks off leaves nothing. Uploads are removed by age alone; a task that needs one
 * for longer fails with a sentence that says so. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/inside.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "loop/loop.h"

#define GATHER_MAX (1u << 20)
#define HOUR_MS 3600000

struct upload {
	uv_work_t work;
	struct api *api;
	struct http_request *req;
	struct buf filling, writing;
	int fd, busy, ended, last, finished; /* last: the write under way is the last one */
	uint64_t bytes;
	struct err err, work_err; /* the first thing that went wrong; the thread's own */
	char id[ID_LEN], folder[PATH_MAX], tmp[PATH_MAX + 32], path[PATH_MAX + 32];
};

const char *upload_path(struct api *api, const char *id, struct arena *arena)
{
	const char *path = arena_printf(arena, "%s/uploads/%s", api->env.data_dir, id);
	int64_t number;

	return !id_parse('u', id, &number) && !access(path, R_OK) ? path : NULL;
}

static void upload_free(struct upload *upload)
{
	if (upload->fd >= 0)
		close(upload->fd);
	if (!upload->finished)
		unlink(upload->tmp);
	buf_done(&upload->filling);
	buf_done(&upload->writing);
	free(upload);
}

static void upload_reply(struct upload *upload)
{
	struct http_request *req = upload->req;
	struct json *json;

	if (upload->err.code) {
		reply_err(req, &upload->err);
	} else {
		json = json_new_object();
		json_set_str(json, "id", upload->id);
		json_set_int(json, "bytes", (int64_t)upload->bytes);
		json_set_time(json, "expires_at", clock_wall_ms() + upload->api->env.config->upload_age_ms);
		reply_json(req, 201, json);
	}
	upload_free(upload);
}

/* ---- in the thread pool: the loop keeps off writing, last, finished and work_err -------- */
static void finish_file(struct upload *upload)
{
	struct err *err = &upload->work_err;

	if (fdatasync(upload->fd))
		err_errno(err, errno, "cannot sync '%s'", upload->tmp);
	else if (rename(upload->tmp, upload->path))
		err_errno(err, errno, "cannot create '%s'", upload->path);
	else if (!dir_sync(upload->folder, err))
		upload->finished = 1;
}

static void work(uv_work_t *req)
{
	struct upload *upload = req->data;

	if (upload->writing.len &&
	    file_write_all(upload->fd, upload->writing.data, upload->writing.len, upload->tmp, &upload->work_err))
		return;
	if (upload->last)
		finish_file(upload);
}

/* ---- on the loop ------------------------------------------------------------------------ */
static void step(struct upload *upload);

static void on_worked(uv_work_t *req, int status)
{
	struct upload *upload = req->data;

	(void)status;
	upload->busy = 0;
	buf_clear(&upload->writing);
	if (upload->work_err.code && !upload->err.code)
		upload->err = upload->work_err;
	step(upload);
}

static void start_work(struct upload *upload)
{
	struct buf spare = upload->writing;

	upload->writing = upload->filling;
	upload->filling = spare;
	upload->busy = 1;
	upload->last = upload->ended;
	upload->work.data = upload;
	uv_queue_work(loop_uv(upload->api->env.loop), &upload->work, work, on_worked);
}

/* Decides what comes next, after bytes came, the body ended, or a write was done. */
static void step(struct upload *upload)
{
	if (upload->busy)
		return;
	if (upload->finished || upload->err.code) {
		upload_reply(upload);
	} else if (upload->filling.len || upload->ended) {
		start_work(upload);
		http_body_pause(upload->req, 0);
	}
}

static void on_data(void *ctx, struct http_request *req, const char *p, size_t n)
{
	struct upload *upload = ctx;

	upload->bytes += n;
	if (buf_add(&upload->filling, p, n))
		err_set(&upload->err, ERR_NOMEM, "no memory for the upload");
	if (!upload->busy)
		step(upload);
	else if (upload->filling.len > GATHER_MAX)
		http_body_pause(req, 1);
}

static void on_end(void *ctx, struct http_request *req, const struct err *err)
{
	struct upload *upload = ctx;

	(void)req;
	upload->ended = 1;
	if (err && !upload->err.code)
		upload->err = *err;
	step(upload);
}

void handle_upload_post(struct api *api, struct http_request *req)
{
	struct upload *upload = calloc(1, sizeof(*upload));
	struct err err;

	if (!upload) {
		reply_fail(req, ERR_NOMEM, "no memory for the upload");
		return;
	}
	upload->api = api;
	upload->req = req;
	buf_init(&upload->filling, 0);
	buf_init(&upload->writing, 0);
	id_format('u', (int64_t)(random_u64() >> 1), upload->id);
	snprintf(upload->folder, sizeof(upload->folder), "%s/uploads", api->env.data_dir);
	snprintf(upload->path, sizeof(upload->path), "%s/%s", upload->folder, upload->id);
	snprintf(upload->tmp, sizeof(upload->tmp), "%s/.tmp-%s", upload->folder, upload->id);
	upload->fd = open(upload->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (upload->fd < 0) {
		err_errno(&err, errno, "cannot create '%s'", upload->tmp);
		upload_free(upload);
		reply_err(req, &err);
		return;
	}
	http_body_read(req, on_data, on_end, upload);
}

/* ---- old ones --------------------------------------------------------------------------- */
static void sweep_one(struct api *api, int dirfd, const char *name)
{
	struct stat st;
	int64_t age;

	if (!strcmp(name, ".") || !strcmp(name, "..") || fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW))
		return;
	age = clock_wall_ms() - (int64_t)st.st_mtime * 1000;
	if (S_ISREG(st.st_mode) && age > api->env.config->upload_age_ms && !unlinkat(dirfd, name, 0))
		log_info("upload.swept", LOG_STR("name", name), LOG_INT("bytes", st.st_size));
}

void uploads_sweep(void *ctx)
{
	struct api *api = ctx;
	char folder[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	snprintf(folder, sizeof(folder), "%s/uploads", api->env.data_dir);
	dir = opendir(folder);
	while (dir && (entry = readdir(dir)))
		sweep_one(api, dirfd(dir), entry->d_name);
	if (dir)
		closedir(dir);
	loop_timer_set(api->hourly, HOUR_MS);
}
