/* SPDX-License-Identifier: Apache-2.0 */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int64_t broken(const struct input *input, orasi_error *error, orasi_status status, const char *what)
{
	error->offset = (int64_t)(input->taken - (input->len - input->at));
	snprintf(error->message, sizeof(error->message), "'%.300s': %s at byte %lld", input->path, what,
	         (long long)error->offset);
	return status;
}

/* More into `raw`; 0: nothing comes any more. */
static ssize_t fill(struct input *input)
{
	ssize_t n;

	do
		n = read(input->fd, input->raw + input->len, sizeof(input->raw) - input->len);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		input->len += (size_t)n;
		input->taken += (uint64_t)n;
	}
	return n;
}

/* A pipe is waited for only as long as what has come may be the beginning of a packed stream. */
static int recognise(struct input *input, struct err *err)
{
	enum packing packing;
	ssize_t n = 1;

	while (n > 0 && input->len < PACKING_HEAD && (!input->len || input->raw[0] == 0x1F || input->raw[0] == 0x28))
		n = fill(input);
	if (n < 0)
		return err_errno(err, errno, "cannot read '%s'", input->path);
	packing = packing_of(input->raw, input->len);
	if (packing != PACK_NONE && unpack_new(packing, &input->unpack))
		return err_set(err, ERR_NOMEM, "out of memory");
	return 0;
}

int input_open(struct input *input, const char *path, struct err *err)
{
	int r;

	memset(input, 0, sizeof(*input));
	input->path = strcmp(path, "-") ? path : "standard input";
	input->fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	if (input->fd < 0)
		return err_errno(err, errno, "cannot open '%s'", path);
	r = recognise(input, err);
	if (r)
		input_close(input);
	return r;
}

void input_close(struct input *input)
{
	if (input->fd > STDIN_FILENO)
		close(input->fd);
	unpack_free(input->unpack);
	input->unpack = NULL;
	input->fd = -1;
}

/* 0: nothing comes any more; below: a status. */
static int64_t refill(struct input *input, orasi_error *error)
{
	if (input->at < input->len)
		return 1;
	input->at = input->len = 0;
	if (fill(input) < 0)
		return broken(input, error, ORASI_E_IO, strerror(errno));
	return input->len > 0;
}

static int64_t next_unpacked(struct input *input, void *buf, size_t cap, orasi_error *error)
{
	size_t got = 0;

	while (!got) {
		int64_t more = refill(input, error);
		const char *what = unpack_missing(input->unpack);
		int r;

		if (more <= 0)
			return more || !what ? more : broken(input, error, ORASI_E_CORRUPT, what);
		r = unpack_some(input->unpack, input->raw, input->len, &input->at, buf, cap, &got, &what);
		if (r)
			return broken(input, error, r == ERR_NOMEM ? ORASI_E_NOMEM : ORASI_E_CORRUPT, what);
	}
	return (int64_t)got;
}

int64_t input_next(struct input *input, void *buf, size_t cap, orasi_error *error)
{
	int64_t more = input->unpack ? 0 : refill(input, error);
	size_t n;

	if (input->unpack)
		return next_unpacked(input, buf, cap, error);
	if (more <= 0)
		return more;
	n = input->len - input->at < cap ? input->len - input->at : cap;
	memcpy(buf, input->raw + input->at, n);
	input->at += n;
	return (int64_t)n;
}

int input_all(struct input *input, struct buf *ret, struct err *err)
{
	orasi_error error = ORASI_NO_ERROR;
	uint8_t piece[INPUT_PIECE];
	int64_t n;

	while ((n = input_next(input, piece, sizeof(piece), &error)) > 0) {
		if (ret->len + (size_t)n > INPUT_MAX)
			return err_set(err, ERR_LIMIT, "'%s' has more than 1 GiB%s: take a part of it", input->path,
			               input->unpack ? " when it is unpacked" : "");
		if (buf_add(ret, piece, (size_t)n))
			return err_set(err, ERR_NOMEM, "out of memory");
	}
	return n < 0 ? err_set(err, ERR_CORRUPT, "%s", error.message) : 0;
}
