/* SPDX-License-Identifier: Apache-2.0 */
/* Files that survive a crash: what is written through here is either whole and on disk, or absent. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct buf;

int file_read(const char *path, size_t max, struct buf *ret, struct err *err); /* appends */
/* The same, of plain files only: never waits for who would write into a pipe, nor reads from a device. ERR_INVALID. */
int file_read_plain(const char *path, size_t max, struct buf *ret, struct err *err);
/* From where the descriptor stands; `path` is for errors. */
int file_read_fd(int fd, const char *path, size_t max, struct buf *ret, struct err *err);
int file_write_all(int fd, const void *p, size_t n, const char *path, struct err *err);

/* Writes a temporary neighbour, syncs it, renames it over `path`, syncs the folder. */
int file_replace(const char *path, const void *p, size_t n, struct err *err);
/* Same, but ERR_EXISTS if `path` is there already (renameat2 RENAME_NOREPLACE, or link). */
int file_create(const char *path, const void *p, size_t n, struct err *err);
/* Renames without replacing: ERR_EXISTS if `to` is there. Syncs nothing. */
int file_rename_new(const char *from, const char *to, struct err *err);

int dir_make(const char *path, mode_t mode, struct err *err); /* with parents; fine if it exists */
int dir_sync(const char *path, struct err *err);
/* With all inside, however deep; fine if absent. Links are removed, not followed. */
int dir_remove(const char *path, struct err *err);

#endif
