/* SPDX-License-Identifier: Apache-2.0 */
#include "input.h"

#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/fail.h>

#define CHUNK (256 << 10)
#define KEPT (16 * CHUNK) /* a window that one large block has blown up shrinks to this */

void input_open(struct input *input, orasi_source *source, const orasi_host_job *job)
{
	*input = (struct input){.source = source, .job = job};
	input->by_place = source && (source->flags & ORASI_SOURCE_SEEK);
}

void input_done(struct input *input)
{
	free(input->p);
	input->p = NULL;
	input->at = input->len = input->cap = 0;
}

static void drop_what_is_behind(struct input *input)
{
	if (input->at)
		memmove(input->p, input->p + input->at, input->len - input->at);
	input->base += input->at;
	input->len -= input->at;
	input->at = 0;
}

/* Room for n more bytes behind what is there. */
static orasi_status make_room(struct input *input, size_t n, orasi_error *err)
{
	size_t cap = input->cap ? input->cap : 2 * CHUNK, need;
	uint8_t *p;

	if (input->cap - input->len >= n && input->cap <= KEPT)
		return ORASI_OK;
	drop_what_is_behind(input);
	if (__builtin_add_overflow(input->len, n, &need) || need > SIZE_MAX / 4)
		return orasi_fail(err, ORASI_E_NOMEM, "no memory for a window of %zu bytes", need);
	if (input->cap > KEPT && need <= 2 * CHUNK)
		cap = 2 * CHUNK;
	while (cap < need)
		cap *= 2;
	if (cap == input->cap)
		return ORASI_OK;
	p = realloc(input->p, cap);
	if (!p)
		return orasi_fail(err, ORASI_E_NOMEM, "no memory for a window of %zu bytes", cap);
	input->p = p;
	input->cap = cap;
	return ORASI_OK;
}

orasi_status input_feed(struct input *input, orasi_bytes bytes, bool last, orasi_error *err)
{
	orasi_status status = make_room(input, bytes.len, err);

	if (status)
		return status;
	if (bytes.len)
		memcpy(input->p + input->len, bytes.ptr, bytes.len);
	input->len += bytes.len;
	input->ended = last;
	return ORASI_OK;
}

/* Reads some more, or finds the end. */
static orasi_status fill(struct input *input, orasi_error *err)
{
	orasi_source *source = input->source;
	size_t got = 0;
	orasi_status status;

	if (input->job && input->job->cancel_flag && *input->job->cancel_flag)
		return orasi_fail(err, ORASI_E_CANCELLED, "the task was cancelled");
	if (!source)
		return ORASI_AGAIN;
	status = make_room(input, CHUNK, err);
	if (status)
		return status;
	if (input->by_place)
		status = source->pread(source, input->base + input->len, input->p + input->len, CHUNK, &got, err);
	else
		status = source->read(source, input->p + input->len, CHUNK, &got, err);
	if (status < 0)
		return status;
	input->ended = !got;
	input->len += got;
	return ORASI_OK;
}

orasi_status input_want(struct input *input, size_t n, size_t *ret_have, orasi_error *err)
{
	orasi_status status = ORASI_OK;

	while (!status && input->len - input->at < n && !input->ended)
		status = fill(input, err);
	*ret_have = input->len - input->at < n ? input->len - input->at : n;
	return status;
}

orasi_status input_go(struct input *input, uint64_t offset, orasi_error *err)
{
	orasi_status status = ORASI_OK;

	if (input->by_place && offset > input->base + input->len) {
		input->base = offset;
		input->at = input->len = 0;
		return ORASI_OK;
	}
	while (!status && input->base + input->len < offset && !input->ended) {
		input->at = input->len;
		status = fill(input, err);
	}
	if (!status)
		input->at = input->base + input->len < offset ? input->len : (size_t)(offset - input->base);
	return status;
}
