/* SPDX-License-Identifier: Apache-2.0 */
/* What a plugin is run over: a file, or "-" for standard input; unpacked on the way if it is gzip or zstd, as the agent
 * does it. */
#ifndef AUTHOR_INPUT_H
#define AUTHOR_INPUT_H

#include <orasi/abi.h>

#include "base/buf.h"
#include "base/err.h"
#include "unpack/unpack.h"

#define INPUT_MAX (1u << 30)
#define INPUT_PIECE (64u << 10)

struct input {
	const char *path;
	int fd;
	struct unpack *unpack; /* NULL: it is not packed */
	uint8_t raw[INPUT_PIECE];
	size_t at, len;
	uint64_t taken; /* of the file, what stands in `raw` included */
};

int input_open(struct input *input, const char *path, struct err *err);
void input_close(struct input *input);
/* The next bytes, as they come; 0: the end; below: a status of orasi/abi.h, with its sentence. */
int64_t input_next(struct input *input, void *buf, size_t cap, orasi_error *error);
/* All that is left, at most INPUT_MAX. */
int input_all(struct input *input, struct buf *ret, struct err *err);

#endif
