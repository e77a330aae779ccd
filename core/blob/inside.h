/* SPDX-License-Identifier: Apache-2.0 */
/* A place is one of several kinds; each is a table of functions. Inside the blob room only. */
#ifndef BLOB_INSIDE_H
#define BLOB_INSIDE_H

#include "blob/blob.h"

/* How files are adopted. */
#define ADOPT_OVER 1u  /* what is there */
#define ADOPT_LATER 2u /* settle makes it durable */

struct blob_kind {
	const char *scheme; /* what locations begin with */
	int (*open)(struct blob *blob, struct err *err);
	void (*close)(struct blob *blob);
	int (*get)(struct blob *blob, const char *name, size_t max, struct buf *ret, struct err *err);
	int (*size)(struct blob *blob, const char *name, int64_t *ret, int64_t *ret_modified_ms, struct err *err);
	int (*put_new)(struct blob *blob, const char *name, const void *p, size_t n, struct err *err);
	int (*put)(struct blob *blob, const char *name, const void *p, size_t n, struct err *err);
	int (*adopt)(struct blob *blob, const char *local, const char *name, unsigned how, struct err *err);
	int (*settle)(struct blob *blob, const char *folder, struct err *err); /* NULL: what is put is durable */
	int (*forget)(struct blob *blob, const char *local, const char *name, int64_t since_ms, struct err *err);
	int (*remove)(struct blob *blob, const char *name, struct err *err);
	int (*list)(struct blob *blob, const char *folder, const char *after,
	            int (*each)(void *ctx, const char *name, int is_folder), void *ctx, struct err *err);
	int (*sweep)(struct blob *blob, int64_t before_ms, int64_t *removed, struct err *err); /* NULL: never needed */
	int (*local)(struct blob *blob, const char *name, char *ret, size_t cap, struct err *err);
	int (*file_open)(struct blob *blob, const char *name, struct blob_file *ret, struct err *err);
	void (*file_close)(struct blob_file *file);
	int (*file_read)(struct blob_file *file, uint64_t at, void *to, size_t len, size_t *ret_got, struct err *err);
};
extern const struct blob_kind blob_local, blob_s3;

struct blob {
	const struct blob_kind *kind;
	char *location;
	void *self; /* of the kind */
};

struct blob_file {
	struct blob *blob;
	char *name; /* as it is told in errors */
	int64_t size;
	int fd;     /* local */
	void *self; /* of the kind */
};

/* "..", a leading slash: nothing that leads out of a place. */
int blob_check_name(const struct blob *blob, const char *name, struct err *err);

#endif
