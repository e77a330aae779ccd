/* SPDX-License-Identifier: Apache-2.0 */
#include "state.h"

#include <string.h>

#include <orasi/sdk/fail.h>

#define NUMBERS_AT 8
#define N_NUMBERS 6
#define SYNC_AT (NUMBERS_AT + N_NUMBERS * 8)

orasi_status state_read(struct state *ret, const struct state *now, orasi_bytes bytes, orasi_error *err)
{
	const uint8_t *p = bytes.ptr;
	uint64_t n[N_NUMBERS];

	if (bytes.len != STATE_SIZE || memcmp(p, "OA", 2) || p[2] != STATE_VERSION)
		return orasi_fail(err, ORASI_E_STATE, "the checkpoint is not one of this plugin's version");
	memcpy(n, p + NUMBERS_AT, sizeof(n));
	*ret = (struct state){n[0], n[1], n[2], n[3], n[4], n[5], {0}};
	memcpy(ret->sync, p + SYNC_AT, SYNC);
	if (memcmp(ret->sync, now->sync, SYNC))
		return orasi_fail(err, ORASI_E_STATE, "the checkpoint belongs to another file");
	if (ret->range_begin != now->range_begin || ret->range_end != now->range_end)
		return orasi_fail(err, ORASI_E_STATE, "the checkpoint belongs to another range of the source");
	return ORASI_OK;
}

void state_write(const struct state *s, uint8_t p[STATE_SIZE])
{
	const uint64_t n[N_NUMBERS] = {s->block, s->record, s->rows, s->rejected, s->range_begin, s->range_end};

	memset(p, 0, STATE_SIZE);
	memcpy(p, "OA", 2);
	p[2] = STATE_VERSION;
	memcpy(p + NUMBERS_AT, n, sizeof(n));
	memcpy(p + SYNC_AT, s->sync, SYNC);
}
