/* SPDX-License-Identifier: Apache-2.0 */
/* A window on the source: what is wanted next lies there as a whole. It grows with the bytes that really come, never with
 * what a length claims.
 *
 *   read, pread or feed ──> [ at ····· len ] ──> whoever looks at it, then steps over it
 *
 * One user at a time. */
#ifndef INGEST_AVRO_INPUT_H
#define INGEST_AVRO_INPUT_H

#include <stdbool.h>

#include <orasi/plugin.h>

struct input {
	orasi_source *source; /* NULL: it is fed */
	const orasi_host_job *job;
	uint8_t *p;
	size_t at, len, cap;
	uint64_t base; /* the byte of the source at p[0] */
	bool by_place; /* read with pread */
	bool ended;    /* nothing follows what is here */
};

void input_open(struct input *input, orasi_source *source, const orasi_host_job *job);
void input_done(struct input *input);

/* Has n bytes from here on in the window. *ret_have: how many there are, fewer only at the end of the source. What was
 * got before may have moved. ORASI_AGAIN: fed, and more must come. */
orasi_status input_want(struct input *input, size_t n, size_t *ret_have, orasi_error *err);
/* Goes to a byte of the source that is not before this one, or to its end. ORASI_AGAIN as above; then go there again. */
orasi_status input_go(struct input *input, uint64_t offset, orasi_error *err);
orasi_status input_feed(struct input *input, orasi_bytes bytes, bool last, orasi_error *err);

static inline const uint8_t *input_here(const struct input *input)
{
	return input->p + input->at;
}

static inline uint64_t input_offset(const struct input *input)
{
	return input->base + input->at;
}

/* Steps over bytes that are in the window. */
static inline void input_step(struct input *input, size_t n)
{
	input->at += n;
}

#endif
