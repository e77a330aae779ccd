/* SPDX-License-Identifier: Apache-2.0 */
#include "state.h"

#include <string.h>

#include <orasi/sdk/fail.h>

#include "plugin.h"

static uint64_t get(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	memcpy(&v, p, n);
	return v;
}

static void put(uint8_t *p, uint64_t v, size_t n)
{
	memcpy(p, &v, n);
}

orasi_status state_read(struct state *ret, const struct state *now, orasi_bytes bytes, orasi_error *err)
{
	const uint8_t *p = bytes.ptr;

	if (bytes.len != STATE_SIZE || memcmp(p, "OC", 2) || p[2] != PLUGIN_STATE_VERSION)
		return orasi_fail(err, ORASI_E_STATE, "the checkpoint is not one of this plugin's version");
	*ret = (struct state){
		.dialect = {.delimiter = p[3], .quote = p[4], .escape = p[5], .newline = p[6]},
		.place = {get(p + 8, 8), (int64_t)get(p + 16, 8)},
		.rows = get(p + 24, 8),
		.rejected = get(p + 32, 8),
		.range_begin = get(p + 40, 8),
		.range_end = get(p + 48, 8),
		.width = (uint32_t)get(p + 56, 4),
	};
	if (ret->range_begin != now->range_begin || ret->range_end != now->range_end)
		return orasi_fail(err, ORASI_E_STATE, "the checkpoint belongs to another range of the source");
	return ORASI_OK;
}

void state_write(const struct state *state, uint8_t p[STATE_SIZE])
{
	memset(p, 0, STATE_SIZE);
	memcpy(p, "OC", 2);
	p[2] = PLUGIN_STATE_VERSION;
	p[3] = state->dialect.delimiter;
	p[4] = state->dialect.quote;
	p[5] = state->dialect.escape;
	p[6] = state->dialect.newline;
	put(p + 8, state->place.offset, 8);
	put(p + 16, (uint64_t)state->place.line, 8);
	put(p + 24, state->rows, 8);
	put(p + 32, state->rejected, 8);
	put(p + 40, state->range_begin, 8);
	put(p + 48, state->range_end, 8);
	put(p + 56, state->width, 4);
}
