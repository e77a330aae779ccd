/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
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

static int remove_inside(int dirfd, const char *path, struct err *err)
{
	DIR *dir = fdopendir(dirfd);
	struct dirent *entry;
	int r = 0;

	if (!dir) {
		close(dirfd);
		return err_errno(err, errno, "cannot read folder '%s'", path);
	}
	while (!r && (entry = readdir(dir))) {
		int fd;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (!unlinkat(dirfd, entry->d_name, 0))
			continue;
		if (errno != EISDIR) {
			r = err_errno(err, errno, "cannot remove '%s/%s'", path, entry->d_name);
			break;
		}
		fd = openat(dirfd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		r = fd < 0 ? err_errno(err, errno, "cannot open '%s/%s'", path, entry->d_name)
		           : remove_inside(fd, entry->d_name, err);
		if (!r && unlinkat(dirfd, entry->d_name, AT_REMOVEDIR))
			r = err_errno(err, errno, "cannot remove '%s/%s'", path, entry->d_name);
	}
	closedir(dir);
	return r;
}

int dir_remove(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), r;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_errno(err, errno, "cannot open folder '%s'", path);
	r = remove_inside(fd, path, err);
	if (!r && rmdir(path) && errno != ENOENT)
		r = err_errno(err, errno, "cannot remove folder '%s'", path);
	return r;
}
