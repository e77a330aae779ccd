/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/fakedisk.h"

#include <limits.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stddef.h>

static atomic_int left = INT_MAX, syncs_fail, full, failures;
static sqlite3_vfs vfs;
static int (*real_open)(sqlite3_vfs *, const char *, sqlite3_file *, int, int *);
static const sqlite3_io_methods *real;
static sqlite3_io_methods methods;

static int fails(int is_sync)
{
	if ((is_sync && syncs_fail) || atomic_fetch_sub(&left, 1) <= 0) {
		failures++;
		return 1;
	}
	return 0;
}

static int disk_write(sqlite3_file *file, const void *p, int n, sqlite3_int64 at)
{
	if (full) {
		failures++;
		return SQLITE_FULL;
	}
	return fails(0) ? SQLITE_IOERR_WRITE : real->xWrite(file, p, n, at);
}

static int disk_sync(sqlite3_file *file, int flags)
{
	return fails(1) ? SQLITE_IOERR_FSYNC : real->xSync(file, flags);
}

static int disk_open(sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
	int r = real_open(self, name, file, flags, ret_flags);

	if (r || !(flags & SQLITE_OPEN_WAL))
		return r;
	if (!real) {
		real = file->pMethods;
		methods = *real;
		methods.xWrite = disk_write;
		methods.xSync = disk_sync;
	}
	file->pMethods = &methods;
	return 0;
}

void fakedisk_start(void)
{
	if (!real_open) {
		vfs = *sqlite3_vfs_find(NULL);
		vfs.zName = "fakedisk";
		real_open = vfs.xOpen;
		vfs.xOpen = disk_open;
	}
	sqlite3_vfs_register(&vfs, 1);
	fakedisk_heal();
}

static void set(int new_left, int new_syncs_fail, int new_full)
{
	full = new_full;
	left = new_left;
	syncs_fail = new_syncs_fail;
	failures = 0;
}

void fakedisk_fail_after(int n)
{
	set(n, 0, 0);
}

void fakedisk_fail_syncs(void)
{
	set(INT_MAX, 1, 0);
}

void fakedisk_fill(void)
{
	set(INT_MAX, 0, 1);
}

void fakedisk_heal(void)
{
	set(INT_MAX, 0, 0);
}

int fakedisk_failures(void)
{
	return failures;
}
