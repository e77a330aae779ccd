/* SPDX-License-Identifier: Apache-2.0 */
/* Local folders. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "blob/inside.h"

#define COPY_BYTES (1u << 20)

static int local_open(struct blob *blob, struct err *err)
{
	(void)blob, (void)err;
	return 0;
}

static void local_close(struct blob *blob)
{
	(void)blob;
}

static int local_path(struct blob *blob, const char *name, char *ret, size_t cap, struct err *err)
{
	int r = blob_check_name(blob, name, err);

	if (r)
		return r;
	if ((size_t)snprintf(ret, cap, "%s%s%s", blob->location, *name ? "/" : "", name) >= cap)
		return err_set(err, ERR_INVALID, "the path '%.80s…' is too long", name);
	return 0;
}

/* A pipe in a folder of others would be waited for without end. */
static int open_regular(const char *path, struct stat *st, int *ret, struct err *err)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), r = 0;

	if (fd < 0 || fstat(fd, st))
		r = err_errno(err, errno, "cannot open '%s'", path);
	else if (!S_ISREG(st->st_mode))
		r = err_set(err, ERR_INVALID, "'%s' is no regular file", path);
	if (r && fd >= 0)
		close(fd);
	*ret = r ? -1 : fd;
	return r;
}

static int local_get(struct blob *blob, const char *name, size_t max, struct buf *ret, struct err *err)
{
	char path[PATH_MAX];
	struct stat st;
	int fd, r = local_path(blob, name, path, sizeof(path), err);

	if (!r)
		r = open_regular(path, &st, &fd, err);
	if (r)
		return r;
	r = file_read_fd(fd, path, max, ret, err);
	close(fd);
	return r;
}

static int local_size(struct blob *blob, const char *name, int64_t *ret, int64_t *ret_modified_ms, struct err *err)
{
	char path[PATH_MAX];
	struct stat st;
	int r = local_path(blob, name, path, sizeof(path), err);

	if (r)
		return r;
	if (stat(path, &st))
		return err_errno(err, errno, "cannot look at '%s'", path);
	*ret = st.st_size;
	if (ret_modified_ms)
		*ret_modified_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
	return 0;
}

static int sync_parent(const char *path, struct err *err)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');

	snprintf(parent, sizeof(parent), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	return dir_sync(parent, err);
}

/* The folders of a path, durable: a log entry whose folder is lost in a crash is lost too. */
static int make_parent(const char *path, struct err *err)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int r;

	if (slash == path)
		return 0;
	snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
	if (!access(parent, F_OK))
		return 0;
	r = make_parent(parent, err);
	if (!r)
		r = dir_make(parent, 0755, err);
	return r ? r : sync_parent(parent, err);
}

static int put(struct blob *blob, const char *name, const void *p, size_t n,
               int (*how)(const char *, const void *, size_t, struct err *), struct err *err)
{
	char path[PATH_MAX];
	int r = local_path(blob, name, path, sizeof(path), err);

	if (!r)
		r = make_parent(path, err);
	return r ? r : how(path, p, n, err);
}

static int local_put_new(struct blob *blob, const char *name, const void *p, size_t n, struct err *err)
{
	return put(blob, name, p, n, file_create, err);
}

static int local_put(struct blob *blob, const char *name, const void *p, size_t n, struct err *err)
{
	return put(blob, name, p, n, file_replace, err);
}

/* ---- adopting ---------------------------------------------------------------------------------------- */

static int copy_bytes(int in, int out, const char *from, const char *to, struct err *err)
{
	char *chunk = malloc(COPY_BYTES);
	ssize_t n = 0;
	int r = chunk ? 0 : err_set(err, ERR_NOMEM, "out of memory");

	while (!r && (n = read(in, chunk, COPY_BYTES)) > 0)
		r = file_write_all(out, chunk, (size_t)n, to, err);
	if (!r && (n < 0 || fdatasync(out)))
		r = err_errno(err, errno, "cannot copy '%s' to '%s'", from, to);
	free(chunk);
	return r;
}

static int copy_file(const char *from, const char *to, struct err *err)
{
	int in = open(from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), out, r;

	if (in < 0)
		return err_errno(err, errno, "cannot open '%s'", from);
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	r = out < 0 ? err_errno(err, errno, "cannot create '%s'", to) : copy_bytes(in, out, from, to, err);
	if (out >= 0)
		close(out);
	close(in);
	return r;
}

static int copy_tree(const char *from, const char *to, struct err *err);

static int copy_entry(const char *from, const char *to, const char *name, struct err *err)
{
	char source[PATH_MAX], target[PATH_MAX];

	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return 0;
	if ((size_t)snprintf(source, sizeof(source), "%s/%s", from, name) >= sizeof(source) ||
	    (size_t)snprintf(target, sizeof(target), "%s/%s", to, name) >= sizeof(target))
		return err_set(err, ERR_INVALID, "the path of '%.80s' is too long", name);
	return copy_tree(source, target, err);
}

static int copy_folder(const char *from, const char *to, struct err *err)
{
	DIR *dir = opendir(from);
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return err_errno(err, errno, "cannot list '%s'", from);
	if (mkdir(to, 0755))
		r = err_errno(err, errno, "cannot create folder '%s'", to);
	while (!r && (entry = readdir(dir)))
		r = copy_entry(from, to, entry->d_name, err);
	closedir(dir);
	return r ? r : dir_sync(to, err);
}

static int copy_tree(const char *from, const char *to, struct err *err)
{
	struct stat st;

	if (lstat(from, &st))
		return err_errno(err, errno, "cannot look at '%s'", from);
	return S_ISDIR(st.st_mode) ? copy_folder(from, to, err) : copy_file(from, to, err);
}

static void remove_tree(const char *path)
{
	if (unlink(path) && errno == EISDIR)
		dir_remove(path, NULL);
}

/* The same for the same staged file, which has its path for itself on this host: so a copy that was never ended is found
 * again. */
static int copy_path(const char *local, const char *path, char *ret, size_t cap, struct err *err)
{
	char host[256] = "";
	uint64_t hash;

	gethostname(host, sizeof(host) - 1);
	hash = hash_bytes(hash_bytes(HASH_BEGIN, host, strlen(host)), local, strlen(local));
	if ((size_t)snprintf(ret, cap, "%.*s/.tmp-%016" PRIx64, (int)(strrchr(path, '/') - path), path, hash) >= cap)
		return err_set(err, ERR_INVALID, "the path '%.80s…' is too long", path);
	return 0;
}

/* Staging may be on another file system. The copy is made beside its place: under the final name there is the
 * whole of it or nothing, and what was staged goes only when that is durable. */
static int adopt_copy(const char *local, const char *path, int replace, struct err *err)
{
	char tmp[PATH_MAX];
	int r = copy_path(local, path, tmp, sizeof(tmp), err);

	if (r)
		return r;
	remove_tree(tmp); /* of one that has died */
	r = copy_tree(local, tmp, err);
	if (!r && replace && rename(tmp, path))
		r = err_errno(err, errno, "cannot create '%s'", path);
	else if (!r && !replace)
		r = file_rename_new(tmp, path, err);
	if (!r)
		r = sync_parent(path, err);
	remove_tree(r ? tmp : local);
	return r;
}

static int move(const char *from, const char *to, int replace)
{
	return replace ? rename(from, to) : renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
}

static int local_adopt(struct blob *blob, const char *local, const char *name, unsigned how, struct err *err)
{
	int replace = (how & ADOPT_OVER) != 0;
	char path[PATH_MAX];
	int r = local_path(blob, name, path, sizeof(path), err);

	if (!r)
		r = make_parent(path, err);
	if (r)
		return r;
	/* Sweeps judge by age, and this one is young however long it was staged. */
	if (utimensat(AT_FDCWD, local, NULL, AT_SYMLINK_NOFOLLOW))
		return err_errno(err, errno, "cannot move '%s' to '%s'", local, path);
	if (move(local, path, replace)) {
		if (errno == EXDEV)
			return adopt_copy(local, path, replace, err);
		if (replace || (errno != EINVAL && errno != ENOSYS))
			return err_errno(err, errno, "cannot move '%s' to '%s'", local, path);
		r = file_rename_new(local, path, err);
	}
	return r || (how & ADOPT_LATER) ? r : sync_parent(path, err);
}

static int local_forget(struct blob *blob, const char *local, const char *name, int64_t since_ms, struct err *err)
{
	char path[PATH_MAX], tmp[PATH_MAX];
	int r = local_path(blob, name, path, sizeof(path), err);

	(void)since_ms;
	if (!r)
		r = copy_path(local, path, tmp, sizeof(tmp), err);
	if (!r)
		remove_tree(tmp);
	return r;
}

static int local_settle(struct blob *blob, const char *folder, struct err *err)
{
	char path[PATH_MAX];
	int r = local_path(blob, folder, path, sizeof(path), err);

	return r ? r : dir_sync(path, err);
}

static int local_delete(struct blob *blob, const char *name, struct err *err)
{
	char path[PATH_MAX];
	int r = local_path(blob, name, path, sizeof(path), err);

	if (r)
		return r;
	if (!unlink(path) || errno == ENOENT)
		return 0;
	if (errno != EISDIR)
		return err_errno(err, errno, "cannot delete '%s'", path);
	return dir_remove(path, err);
}

/* ---- reading at any place -------------------------------------------------------------------------------- */

static int local_file_open(struct blob *blob, const char *name, struct blob_file *file, struct err *err)
{
	char path[PATH_MAX];
	struct stat st = {0};
	int r = local_path(blob, name, path, sizeof(path), err);

	if (r)
		return r;
	r = open_regular(path, &st, &file->fd, err);
	if (!r)
		file->size = st.st_size;
	return r;
}

static void local_file_close(struct blob_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
}

static int local_file_read(struct blob_file *file, uint64_t at, void *to, size_t len, size_t *ret_got, struct err *err)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = pread(file->fd, (char *)to + got, len - got, (off_t)(at + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, errno, "cannot read '%s'", file->name);
		if (!n)
			break;
		got += (size_t)n;
	}
	*ret_got = got;
	return 0;
}

/* ---- listing -------------------------------------------------------------------------------------------- */

static int is_folder(const char *path, const struct dirent *entry)
{
	char full[PATH_MAX];
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	if ((size_t)snprintf(full, sizeof(full), "%s/%s", path, entry->d_name) >= sizeof(full) || lstat(full, &st))
		return 0;
	return S_ISDIR(st.st_mode);
}

static int local_list(struct blob *blob, const char *folder, const char *after,
                      int (*each)(void *ctx, const char *name, int is_folder), void *ctx, struct err *err)
{
	char path[PATH_MAX];
	struct dirent **entries;
	int n, r = local_path(blob, folder, path, sizeof(path), err);

	if (r)
		return r;
	n = scandir(path, &entries, NULL, alphasort);
	if (n < 0)
		return errno == ENOENT ? 0 : err_errno(err, errno, "cannot list '%s'", path);
	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;

		if (!r && strcmp(name, ".") && strcmp(name, "..") && (!after || strcmp(name, after) > 0))
			r = each(ctx, name, is_folder(path, entries[i]));
		free(entries[i]);
	}
	free(entries);
	return r;
}

const struct blob_kind blob_local = {
	.scheme = "/",
	.open = local_open,
	.close = local_close,
	.get = local_get,
	.size = local_size,
	.put_new = local_put_new,
	.put = local_put,
	.adopt = local_adopt,
	.forget = local_forget,
	.settle = local_settle,
	.remove = local_delete,
	.list = local_list,
	.local = local_path,
	.file_open = local_file_open,
	.file_close = local_file_close,
	.file_read = local_file_read,
};
