/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a place on S3 share: objects (s3.c), reading at a place (s3_read.c), lists (s3_list.c), uploads in
 * parts (s3_parts.c), files and folders as a whole (s3_folder.c). Inside the blob room only. */
#ifndef BLOB_S3_PLACE_H
#define BLOB_S3_PLACE_H

#include <sys/types.h>

#include "blob/inside.h"
#include "blob/s3_request.h"

#define ERROR_MAX (64u << 10) /* of an answer that says what is wrong */
#define PART_BYTES (16u << 20)

struct s3 *s3_of(const struct blob *blob);
/* prefix/name + end, in `ret`. */
int s3_key(const struct blob *blob, const char *name, const char *end, char *ret, size_t cap, struct err *err);
/* Done is done; every other answer is an error. Frees it. */
int s3_finish(struct blob *blob, const struct s3_call *call, struct http_answer *answer, struct err *err);
int s3_simple(struct blob *blob, const struct s3_call *call, struct err *err);
int s3_head(struct blob *blob, const char *key, struct http_answer *ret, struct err *err); /* 0: 200 */
int s3_delete_key(struct blob *blob, const char *key, struct err *err);                    /* fine if absent */

/* ---- of the kind, see inside.h ---------------------------------------------------------------------------------- */

int s3_get(struct blob *blob, const char *name, size_t max, struct buf *ret, struct err *err);
int s3_put_new(struct blob *blob, const char *name, const void *p, size_t n, struct err *err);
int s3_put(struct blob *blob, const char *name, const void *p, size_t n, struct err *err);
int s3_adopt(struct blob *blob, const char *local, const char *name, unsigned how, struct err *err);
int s3_forget(struct blob *blob, const char *local, const char *name, int64_t since_ms, struct err *err);
int s3_remove(struct blob *blob, const char *name, struct err *err);
int s3_local(struct blob *blob, const char *name, char *ret, size_t cap, struct err *err);
int s3_list(struct blob *blob, const char *folder, const char *after,
            int (*each)(void *ctx, const char *name, int is_folder), void *ctx, struct err *err);
int s3_file_open(struct blob *blob, const char *name, struct blob_file *file, struct err *err);
void s3_file_close(struct blob_file *file);
int s3_file_read(struct blob_file *file, uint64_t at, void *to, size_t len, size_t *ret_got, struct err *err);

/* ---- lists --------------------------------------------------------------------------------------------------------- */

struct names {
	struct name {
		char *text;
		int is_folder;
	} * list;
	size_t n, cap;
};
/* All keys that begin so, without that beginning; with `delimiter` only as far as the next slash. */
int s3_list_keys(struct blob *blob, const char *prefix, const char *after, int delimiter, struct names *ret,
                 struct err *err);
void s3_names_done(struct names *names);

/* ---- parts --------------------------------------------------------------------------------------------------------- */

/* A file from its start. Without `replace` ERR_EXISTS when there is one of that key. */
int s3_put_parts(struct blob *blob, const char *key, int fd, const char *local, int64_t bytes, int replace,
                 struct err *err);
int s3_give_up_parts(struct blob *blob, const char *key, const char *id, struct err *err); /* fine if absent */
int s3_sweep(struct blob *blob, int64_t before_ms, int64_t *removed, struct err *err);
/* The uploads of this key that were begun since then and never ended. */
int s3_give_up_begun(struct blob *blob, const char *key, int64_t since_ms, struct err *err);
ssize_t s3_read_full(int fd, char *to, size_t n); /* less than n at the end only; -1 */

#endif
