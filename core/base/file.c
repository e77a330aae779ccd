/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/id.h"

int file_read_fd(int fd, const char *path, size_t max, struct buf *ret, struct err *err)
{
	size_t start = ret->len;
	ssize_t n;
	int r = 0;

	do {
		if (buf_reserve(ret, 65536)) {
			r = err_set(err, ret->failed, "cannot read '%s': out of memory", path);
			break;
		}
		n = read(fd, ret->data + ret->len, 65536);
		if (n < 0) {
			r = err_errno(err, errno, "cannot read '%s'", path);
		} else {
			ret->len += (size_t)n;
			ret->data[ret->len] = '\0';
		}
		if (!r && ret->len - start > max)
			r = err_set(err, ERR_LIMIT, "'%s' is larger than the %zu bytes allowed here", path, max);
	} while (!r && n > 0);
	return r;
}

int file_read(const char *path, size_t max, struct buf *ret, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return err_errno(err, errno, "cannot open '%s'", path);
	r = file_read_fd(fd, path, max, ret, err);
	close(fd);
	return r;
}

int file_read_plain(const char *path, size_t max, struct buf *ret, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), r;
	struct stat st;

	if (fd < 0)
		return err_errno(err, errno, "cannot open '%s'", path);
	if (fstat(fd, &st))
		r = err_errno(err, errno, "cannot look at '%s'", path);
	else if (!S_ISREG(st.st_mode))
		r = err_set(err, ERR_INVALID, "'%s' is no plain file", path);
	else
		r = file_read_fd(fd, path, max, ret, err);
	close(fd);
	return r;
}

int file_write_all(int fd, const void *p, size_t n, const char *path, struct err *err)
{
	const char *at = p;

	while (n) {
		ssize_t done = write(fd, at, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_errno(err, errno, "cannot write '%s'", path);
		at += done;
		n -= (size_t)done;
	}
	return 0;
}

int file_rename_new(const char *from, const char *to, struct err *err)
{
	if (!renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE))
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return err_errno(err, errno, "cannot create '%s'", to);
	if (link(from, to)) /* a file system without RENAME_NOREPLACE */
		return err_errno(err, errno, "cannot create '%s'", to);
	unlink(from);
	return 0;
}

static int parent_sync(const char *path, struct err *err)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (!slash)
		return dir_sync(".", err);
	snprintf(parent, sizeof(parent), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	return dir_sync(parent, err);
}

static int file_publish(const char *path, const void *p, size_t n, int replace, struct err *err)
{
	char tmp[PATH_MAX], uuid[UUID_LEN];
	const char *slash = strrchr(path, '/');
	int fd, r;

	uuid_new(uuid);
	if ((size_t)snprintf(tmp, sizeof(tmp), "%.*s.tmp-%s", slash ? (int)(slash - path) + 1 : 0, path, uuid) >=
	    sizeof(tmp))
		return err_set(err, ERR_INVALID, "path '%.100s…' is too long", path);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_errno(err, errno, "cannot create '%s'", tmp);
	r = file_write_all(fd, p, n, tmp, err);
	if (!r && fdatasync(fd))
		r = err_errno(err, errno, "cannot sync '%s'", tmp);
	if (close(fd) && !r)
		r = err_errno(err, errno, "cannot close '%s'", tmp);
	if (!r && replace && rename(tmp, path))
		r = err_errno(err, errno, "cannot create '%s'", path);
	if (!r && !replace)
		r = file_rename_new(tmp, path, err);
	if (r)
		unlink(tmp);
	return r ? r : parent_sync(path, err);
}

int file_replace(const char *path, const void *p, size_t n, struct err *err)
{
	return file_publish(path, p, n, 1, err);
}

int file_create(const char *path, const void *p, size_t n, struct err *err)
{
	return file_publish(path, p, n, 0, err);
}

int dir_make(const char *path, mode_t mode, struct err *err)
{
	char part[PATH_MAX];
	size_t n = strlen(path);

	if (n >= sizeof(part))
		return err_set(err, ERR_INVALID, "path '%.100s…' is too long", path);
	for (size_t i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, mode) && errno != EEXIST)
			return err_errno(err, errno, "cannot create folder '%s'", part);
	}
	return 0;
}

int dir_sync(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return err_errno(err, errno, "cannot open folder '%s'", path);
	if (fsync(fd))
		r = err_errno(err, errno, "cannot sync folder '%s'", path);
	close(fd);
	return r;
}

/* ---- removing a folder --------------------------------------------------------------------------- */

/* One that was gone down from, to be known again on the way up: who moves folders meanwhile shall not lead us elsewhere. */
struct level {
	dev_t dev;
	ino_t ino;
};

/* 1: a folder in it is not empty, and its name is in `ret`; 0: nothing is left. */
static int empty(int fd, const char *path, char ret[NAME_MAX + 1], struct err *err)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	if (!dir) {
		r = err_errno(err, errno, "cannot read a folder in '%s'", path);
		if (copy >= 0)
			close(copy);
		return r;
	}
	while (!r && (entry = readdir(dir))) {
		const char *name = entry->d_name;

		if (!strcmp(name, ".") || !strcmp(name, "..") || !unlinkat(fd, name, 0) ||
		    (errno == EISDIR && !unlinkat(fd, name, AT_REMOVEDIR)))
			continue;
		if (errno == ENOTEMPTY || errno == EEXIST)
			r = 1;
		else if (errno != ENOENT)
			r = err_errno(err, errno, "cannot remove '%s' in '%s'", name, path);
		snprintf(ret, NAME_MAX + 1, "%s", name);
	}
	closedir(dir);
	return r;
}

/* Whoever made it may have forbidden it to its owner, too. */
static int open_folder(int at, const char *name)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(at, name, flags);
	struct stat st;

	if (fd < 0 && errno == EACCES && !fchmodat(at, name, 0700, 0))
		fd = openat(at, name, flags);
	if (fd >= 0 && !fstat(fd, &st) && (st.st_mode & 0700) != 0700)
		fchmod(fd, 0700);
	return fd;
}

struct way {
	struct level *levels; /* above the one at hand */
	size_t n, cap;
};

static int go_down(struct way *way, int *fd, const char *name)
{
	struct level *grown = way->levels;
	struct stat st;
	int child;

	if (way->n == way->cap) {
		way->cap = way->cap ? 2 * way->cap : 16;
		grown = realloc(way->levels, way->cap * sizeof(*grown));
	}
	if (!grown)
		return -1;
	way->levels = grown;
	if (fstat(*fd, &st))
		return -1;
	child = open_folder(*fd, name);
	if (child < 0)
		return -1;
	way->levels[way->n++] = (struct level){st.st_dev, st.st_ino};
	close(*fd);
	*fd = child;
	return 0;
}

static int go_up(struct way *way, int *fd)
{
	const struct level *above = &way->levels[--way->n];
	int parent = openat(*fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (parent < 0)
		return -1;
	close(*fd);
	*fd = parent;
	if (fstat(parent, &st))
		return -1;
	errno = EBUSY; /* it was moved */
	return st.st_dev == above->dev && st.st_ino == above->ino ? 0 : -1;
}

/* However deep it is: with one descriptor, and without a call in a call. */
static int remove_inside(int *fd, const char *path, struct err *err)
{
	struct way way = {NULL, 0, 0};
	char name[NAME_MAX + 1];
	int r;

	while ((r = empty(*fd, path, name, err)) >= 0 && (r || way.n)) {
		if (r ? go_down(&way, fd, name) : go_up(&way, fd)) {
			r = err_errno(err, errno, "cannot go through the folders in '%s'", path);
			break;
		}
	}
	free(way.levels);
	return r;
}

int dir_remove(const char *path, struct err *err)
{
	int fd = open_folder(AT_FDCWD, path), r;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_errno(err, errno, "cannot open folder '%s'", path);
	r = remove_inside(&fd, path, err);
	close(fd);
	if (!r && rmdir(path) && errno != ENOENT)
		r = err_errno(err, errno, "cannot remove folder '%s'", path);
	return r;
}
