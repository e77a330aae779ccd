/* SPDX-License-Identifier: Apache-2.0 */
/* How a chunk without a dictionary is written is measured on its first page: the encoding (profile "compact") on a
 * sample of it, then which codec pays, or none. And on a sample is measured what the bytes at hand will be in the
 * file. */
#include "column_page.h"
#include "encodings.h"

#define GAIN_MIN 0.95
#define SAMPLE 4096        /* values on which encodings are tried */
#define ENCODING_GAIN 0.98 /* of PLAIN's size: less is not worth an encoding that few readers knew */
#define CHEAPER 1.03       /* a fast codec may make so much more than the best one */
#define PROBE_MIN (4u << 10)
#define PROBE_MAX (256u << 10)

orasi_status column_pack(struct column *c, int codec, const struct bytes *raw, orasi_error *err)
{
	c->tools->packed.len = 0;
	c->tools->codec.id = codec;
	return codec_compress(&c->tools->codec, raw->data, raw->len, &c->tools->packed, err);
}

/* ---- the size to come ----------------------------------------------------------------------- */

/* Indices take as many bits as the dictionary needs; levels nearly nothing. */
static size_t pending(const struct column *c)
{
	size_t numbers = c->indices.len / 4 * (size_t)bit_width((uint32_t)c->dict.n) / 8;

	return c->values.len + numbers + c->dict.entries.len + (c->def.len + c->rep.len) / 16;
}

/* What compression makes of the values at hand, tried again when there are twice as many. */
static void try_sample(struct column *c)
{
	const struct bytes *from = c->values.len ? &c->values : &c->dict.entries;
	struct bytes sample = {from->data, from->len < PROBE_MAX ? from->len : PROBE_MAX, 0};

	if (sample.len < PROBE_MIN || sample.len < 2 * c->tried || column_pack(c, c->tools->codec_id, &sample, NULL))
		return;
	c->tried = sample.len;
	c->tried_packed = c->tools->packed.len < sample.len ? c->tools->packed.len : sample.len;
}

/* Pages that were written tell how those that come will shrink. */
size_t column_estimate(struct column *c)
{
	double ratio = 1;

	if (c->raw < PROBE_MAX)
		try_sample(c);
	if (c->raw >= PROBE_MAX)
		ratio = (double)c->packed / (double)c->raw;
	else if (c->tried)
		ratio = (double)c->tried_packed / (double)c->tried;
	return c->chunk.len + (size_t)(ratio * (double)pending(c));
}

/* ---- codec and encoding --------------------------------------------------------------------- */

/* The best codec, or a faster one that is nearly as good; none when nothing pays. */
orasi_status column_choose_codec(struct column *c, const struct bytes *raw, orasi_error *err)
{
	const int all[] = {c->tools->codec_id, PQ_LZ4_RAW, PQ_SNAPPY};
	double best = GAIN_MIN * (double)raw->len, slack = 1;
	int n = c->tools->auto_codec ? 3 : 1, chosen = PQ_UNCOMPRESSED;
	orasi_status r = ORASI_OK;

	for (int i = 0; i < n && !r; i++) {
		double size;

		r = column_pack(c, all[i], raw, err);
		size = (double)c->tools->packed.len;
		if (r || size >= best * slack)
			continue;
		chosen = all[i];
		best = size < best ? size : best;
		slack = CHEAPER;
	}
	c->codec = chosen;
	return r;
}

static orasi_status measure(struct column *c, int encoding, size_t len, size_t n, size_t *ret, orasi_error *err)
{
	struct bytes *raw = &c->tools->raw;
	orasi_status r;

	raw->len = 0;
	if (encoding_put(raw, encoding, c->node, c->values.data, len, n))
		return column_no_memory(err);
	r = column_pack(c, c->tools->codec_id, raw, err);
	*ret = c->tools->packed.len;
	return r;
}

orasi_status column_choose_encoding(struct column *c, orasi_error *err)
{
	int encodings[ENCODINGS_MAX], n_encodings = encodings_of(c->node, encodings);
	size_t n, size = 0, len = encoding_head(c->node, c->values.data, c->values.len, SAMPLE, &n);
	double best = 0;
	orasi_status r = ORASI_OK;

	c->encoding = PQ_PLAIN;
	for (int i = 0; i < n_encodings && n_encodings > 1 && !r; i++) {
		r = measure(c, encodings[i], len, n, &size, err);
		if (i && (double)size >= best)
			continue;
		c->encoding = encodings[i];
		best = (double)size * (i ? 1 : ENCODING_GAIN);
	}
	return r;
}
