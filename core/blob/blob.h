/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes at a place: a dataset's folder. Names are relative to it ("_delta_log/00000000000000000000.json"),
 * without "..". What is put is either whole and durable, or absent. A place is a local folder, or s3://bucket/prefix on
 * any store that speaks S3 and honours If-None-Match (see s3.c for where keys and regions come from).
 *
 * Threading: an object at a time per thread; different processes may work on one place. */
#ifndef BLOB_BLOB_H
#define BLOB_BLOB_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct blob;

/* `location` is an absolute path or s3://bucket/prefix; it need not exist yet. ERR_UNSUPPORTED for another scheme. */
int blob_open(const char *location, struct blob **ret, struct err *err);
void blob_close(struct blob *blob); /* NULL is fine */
const char *blob_location(const struct blob *blob);

int blob_get(struct blob *blob, const char *name, size_t max, struct buf *ret, struct err *err); /* appends */
int blob_size(struct blob *blob, const char *name, int64_t *ret, int64_t *ret_modified_ms, struct err *err);
/* ERR_EXISTS when there is one already: of many racers one wins. Makes folders. */
int blob_put_new(struct blob *blob, const char *name, const void *p, size_t n, struct err *err);
int blob_put(struct blob *blob, const char *name, const void *p, size_t n, struct err *err); /* replaces */
/* Moves a finished, synced local file or folder to its name, durable. ERR_EXISTS. */
int blob_adopt(struct blob *blob, const char *local, const char *name, struct err *err);
/* The same, durable when blob_settle has returned for its folder ("": the place itself): many files cost one sync. */
int blob_adopt_later(struct blob *blob, const char *local, const char *name, struct err *err);
int blob_settle(struct blob *blob, const char *folder, struct err *err);
/* The same over a file that may be there; a local folder over one that is empty, else ERR_EXISTS. */
int blob_adopt_over(struct blob *blob, const char *local, const char *name, struct err *err);
int blob_delete(struct blob *blob, const char *name, struct err *err); /* a file or folder; fine if absent */
/* Calls `each` for the entries of a folder in order of name, those behind `after` (NULL: all); non-zero stops
 * and is returned. A folder that is not there is empty. */
int blob_list(struct blob *blob, const char *folder, const char *after,
              int (*each)(void *ctx, const char *name, int is_folder), void *ctx, struct err *err);

/* Takes away what an adopt of `local` to `name` has left that never ended, since whoever was at it has died: a copy beside
 * the place; on S3 uploads begun at `since_ms` or later, and of a folder its objects unless it has its mark. What is
 * whole stays. */
int blob_forget(struct blob *blob, const char *local, const char *name, int64_t since_ms, struct err *err);

/* Gives up uploads that were begun before that and never ended, since a process died: S3 only. Counts them. */
int blob_sweep(struct blob *blob, int64_t before_ms, int64_t *removed, struct err *err);

/* A file for reading at any place. The blob must live as long. */
struct blob_file;
int blob_file_open(struct blob *blob, const char *name, struct blob_file **ret, struct err *err);
void blob_file_close(struct blob_file *file); /* NULL is fine */
int64_t blob_file_size(const struct blob_file *file);
/* *ret_got is less than len at the end of the file only. */
int blob_file_read(struct blob_file *file, uint64_t at, void *to, size_t len, size_t *ret_got, struct err *err);

/* A local path under which a file or folder that never changes can be read; it is fetched when it is far. */
int blob_path(struct blob *blob, const char *name, char *ret, size_t cap, struct err *err);

#endif
