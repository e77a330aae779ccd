/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/s3_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/id.h"
#include "blob/sign.h"

#define AGE_S (24 * 3600)

/* Ours and nobody else's: what lies in it is believed. */
static int open_home(char *ret, size_t cap, struct err *err)
{
	const char *tmp = getenv("TMPDIR");
	struct stat st;

	if ((size_t)snprintf(ret, cap, "%s/orasi-s3-%u", tmp && *tmp ? tmp : "/tmp", (unsigned)geteuid()) >= cap)
		return err_set(err, ERR_INVALID, "the path of the cache is too long");
	if (mkdir(ret, 0700) && errno != EEXIST)
		return err_errno(err, errno, "cannot create the cache '%s'", ret);
	if (lstat(ret, &st))
		return err_errno(err, errno, "cannot look at the cache '%s'", ret);
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077))
		return err_set(err, ERR_PERM, "the cache '%s' is not a folder of this user alone", ret);
	return 0;
}

static void drop_old(const char *home)
{
	DIR *dir = opendir(home);
	struct dirent *entry;
	time_t now = time(NULL);

	while (dir && (entry = readdir(dir))) {
		char path[PATH_MAX];
		struct stat st;

		if (*entry->d_name == '.' && (!entry->d_name[1] || !strcmp(entry->d_name, "..")))
			continue;
		if ((size_t)snprintf(path, sizeof(path), "%s/%s", home, entry->d_name) < sizeof(path) &&
		    !lstat(path, &st) && st.st_mtime < now - AGE_S && unlink(path))
			dir_remove(path, NULL);
	}
	if (dir)
		closedir(dir);
}

/* Made beside its place: under the final name there is the whole of it, and whoever is second throws theirs away. */
static int make(const char *home, const char *path, const char *name,
                int (*fetch)(void *ctx, const char *name, const char *path, struct err *err), void *ctx,
                struct err *err)
{
	char tmp[PATH_MAX], uuid[UUID_LEN];
	int r;

	drop_old(home);
	uuid_new(uuid);
	if ((size_t)snprintf(tmp, sizeof(tmp), "%s/.tmp-%s", home, uuid) >= sizeof(tmp))
		return err_set(err, ERR_INVALID, "the path of the cache is too long");
	r = fetch(ctx, name, tmp, err);
	if (!r)
		r = file_rename_new(tmp, path, err);
	if (r && unlink(tmp))
		dir_remove(tmp, NULL);
	return r == ERR_EXISTS ? 0 : r;
}

int s3_cache_path(const char *location, const char *name,
                  int (*fetch)(void *ctx, const char *name, const char *path, struct err *err), void *ctx, char *ret,
                  size_t cap, struct err *err)
{
	char home[PATH_MAX], place[PATH_MAX * 2], hash[SIGN_HASH_LEN];
	int r = open_home(home, sizeof(home), err);

	if (r)
		return r;
	snprintf(place, sizeof(place), "%s\n%s", location, name);
	sign_hash(place, strlen(place), hash);
	if ((size_t)snprintf(ret, cap, "%s/%.32s", home, hash) >= cap)
		return err_set(err, ERR_INVALID, "the path of the cache is too long");
	if (!utimensat(AT_FDCWD, ret, NULL, AT_SYMLINK_NOFOLLOW))
		return 0;
	return make(home, ret, name, fetch, ctx, err);
}
