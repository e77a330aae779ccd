/* SPDX-License-Identifier: Apache-2.0 */
/* Values that Arrow and Delta have no type for, as text: decimals of more than 38 digits, UUIDs
 * (RFC 9562), and intervals as ISO 8601 durations. Nothing of them is lost. */
#include "leaf.h"

#define DECIMAL_BYTES_MAX 512
#define WORDS_MAX (DECIMAL_BYTES_MAX / 4)
#define TEXT_MAX (DECIMAL_BYTES_MAX * 3)

/* Divides a number of `n` words, the highest first, by 10^9; the remainder. */
static uint32_t divide(uint32_t *words, size_t n)
{
	uint64_t rest = 0;

	for (size_t i = 0; i < n; i++) {
		rest = rest << 32 | words[i];
		words[i] = (uint32_t)(rest / 1000000000);
		rest %= 1000000000;
	}
	return (uint32_t)rest;
}

static int is_zero(const uint32_t *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (words[i])
			return 0;
	return 1;
}

/* The size of a two's complement big-endian number, as words; 1 when it is negative. */
static int load_number(struct slice v, uint32_t words[WORDS_MAX])
{
	int negative = v.len && v.ptr[0] & 0x80;
	uint32_t carry = negative;

	memset(words, negative ? 0xFF : 0, WORDS_MAX * sizeof(*words));
	for (size_t i = 0; i < v.len; i++) {
		uint32_t *word = &words[WORDS_MAX - 1 - i / 4];
		int shift = (int)(i % 4 * 8);

		*word = (*word & ~(0xFFu << shift)) | (uint32_t)v.ptr[v.len - 1 - i] << shift;
	}
	for (size_t i = WORDS_MAX; negative && i-- > 0;) {
		words[i] = ~words[i] + carry;
		carry = carry && !words[i];
	}
	return negative;
}

/* Writes from the end of `text`; the start of what it wrote. */
static char *spell_digits(uint32_t *words, int scale, char text[TEXT_MAX])
{
	char *at = text + TEXT_MAX;
	int n = 0;

	while (n <= scale || !is_zero(words, WORDS_MAX)) {
		uint32_t part = divide(words, WORDS_MAX);

		for (int i = 0; i < 9 && (part || n <= scale || !is_zero(words, WORDS_MAX)); i++) {
			if (n == scale && n)
				*--at = '.';
			*--at = (char)('0' + part % 10);
			part /= 10;
			n++;
		}
	}
	return at;
}

static int spell_decimal(const struct node *node, struct slice v, struct bytes *out)
{
	uint32_t words[WORDS_MAX];
	char text[TEXT_MAX], *at;
	uint8_t turned[8];
	int negative;

	if (node->physical == PQ_INT32 || node->physical == PQ_INT64) {
		for (uint32_t i = 0; i < v.len; i++)
			turned[i] = v.ptr[v.len - 1 - i];
		v.ptr = turned;
	}
	if (v.len > DECIMAL_BYTES_MAX - 4)
		return -1;
	negative = load_number(v, words);
	at = spell_digits(words, node->scale, text);
	if (negative)
		*--at = '-';
	return bytes_put(out, at, (size_t)(text + TEXT_MAX - at));
}

static int spell_uuid(struct slice v, struct bytes *out)
{
	static const char digits[] = "0123456789abcdef";
	char text[36], *at = text;

	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*at++ = '-';
		*at++ = digits[v.ptr[i] >> 4];
		*at++ = digits[v.ptr[i] & 15];
	}
	return bytes_put(out, text, sizeof(text));
}

/* Months, days and milliseconds, each a little-endian u32. */
static int spell_interval(struct slice v, struct bytes *out)
{
	uint32_t part[3];
	char text[64];
	int n;

	memcpy(part, v.ptr, 12);
	n = snprintf(text, sizeof(text), "P%uM%uDT%u.%03uS", part[0], part[1], part[2] / 1000, part[2] % 1000);
	return bytes_put(out, text, (size_t)n);
}

static int spell_value(const struct node *node, struct slice v, struct bytes *out)
{
	switch (node->spell) {
	case SPELL_DECIMAL:
		return spell_decimal(node, v, out);
	case SPELL_UUID:
		return spell_uuid(v, out);
	default:
		return spell_interval(v, out);
	}
}

orasi_status values_spell(struct values *v, const struct node *node, orasi_error *err)
{
	struct bytes text = {0}, ends = {0};
	struct slice *slices;
	size_t begin = 0;

	for (size_t i = 0; i < v->n; i++) {
		struct slice value =
			v->width ? (struct slice){v->base + i * v->width, (uint32_t)v->width} : v->slices[i];

		if (spell_value(node, value, &text) || bytes_put(&ends, &text.len, sizeof(size_t)) ||
		    text.len > UINT32_MAX) {
			bytes_free(&text);
			bytes_free(&ends);
			return orasi_fail(err, ORASI_E_LIMIT,
			                  "a value of column '%.100s' is too long, or memory is out", node->name);
		}
	}
	bytes_free(&v->own);
	v->own = text;
	v->own_slices.len = 0;
	if (bytes_reserve(&v->own, SLACK) || bytes_reserve(&v->own_slices, v->n * sizeof(*slices) + 1)) {
		bytes_free(&ends);
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	}
	slices = (struct slice *)v->own_slices.data;
	for (size_t i = 0; i < v->n; i++) {
		size_t end = ((const size_t *)ends.data)[i];

		slices[i] = (struct slice){v->own.data + begin, (uint32_t)(end - begin)};
		begin = end;
	}
	bytes_free(&ends);
	v->slices = slices;
	v->width = 0;
	v->base = NULL;
	return ORASI_OK;
}
