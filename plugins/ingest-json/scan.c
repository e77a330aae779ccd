/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of JSON. Two inner loops exist in several variants: `plain` runs over the inside of a
 * string, `bracket` over everything else when only the extent of a value is wanted. The scalar
 * variant is the definition; the SIMD ones look at 16 or 32 bytes a step and may load up to that
 * many bytes behind the place where they stop, which SCAN_PAD allows. */
#include "scan.h"

#include <stdbool.h>

#include <orasi/sdk/number.h>

#include "text.h"

const char flaw_nomem[] = "no memory";
const char flaw_grow[] = "grow";

static const uint8_t *plain_scalar(const uint8_t *p, unsigned *high)
{
	while (*p >= 0x20 && *p != '"' && *p != '\\')
		*high |= *p++ & 0x80;
	return p;
}

static const uint8_t *bracket_scalar(const uint8_t *p)
{
	while (*p && *p != '"' && *p != '{' && *p != '}' && *p != '[' && *p != ']')
		p++;
	return p;
}

static const struct scan_ops ops_scalar = {"scalar", plain_scalar, bracket_scalar};
const struct scan_ops *scan_ops = &ops_scalar;

#if defined(__x86_64__)
#include <immintrin.h>

static const uint8_t *plain_sse2(const uint8_t *p, unsigned *high)
{
	const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
	const __m128i low = _mm_set1_epi8(0x1F);

	for (;; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)p);
		__m128i stop = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash));
		unsigned mask, top = (unsigned)_mm_movemask_epi8(v);

		stop = _mm_or_si128(stop, _mm_cmpeq_epi8(_mm_min_epu8(v, low), v));
		mask = (unsigned)_mm_movemask_epi8(stop);
		if (mask) {
			unsigned n = (unsigned)__builtin_ctz(mask);

			*high |= top & ((1u << n) - 1) ? 0x80 : 0;
			return p + n;
		}
		*high |= top ? 0x80 : 0;
	}
}

/* '[' | 0x20 == '{' and ']' | 0x20 == '}': two compares find four brackets. */
static const uint8_t *bracket_sse2(const uint8_t *p)
{
	const __m128i quote = _mm_set1_epi8('"'), fold = _mm_set1_epi8(0x20);
	const __m128i open = _mm_set1_epi8('{'), close = _mm_set1_epi8('}');

	for (;; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)p), f = _mm_or_si128(v, fold);
		__m128i stop = _mm_or_si128(_mm_cmpeq_epi8(f, open), _mm_cmpeq_epi8(f, close));
		unsigned mask;

		stop = _mm_or_si128(stop, _mm_cmpeq_epi8(v, quote));
		stop = _mm_or_si128(stop, _mm_cmpeq_epi8(v, _mm_setzero_si128()));
		mask = (unsigned)_mm_movemask_epi8(stop);
		if (mask)
			return p + __builtin_ctz(mask);
	}
}

__attribute__((target("avx2"))) static const uint8_t *plain_avx2(const uint8_t *p, unsigned *high)
{
	const __m256i quote = _mm256_set1_epi8('"'), slash = _mm256_set1_epi8('\\');
	const __m256i low = _mm256_set1_epi8(0x1F);

	for (;; p += 32) {
		__m256i v = _mm256_loadu_si256((const __m256i *)p);
		__m256i stop = _mm256_or_si256(_mm256_cmpeq_epi8(v, quote), _mm256_cmpeq_epi8(v, slash));
		unsigned mask, top = (unsigned)_mm256_movemask_epi8(v);

		stop = _mm256_or_si256(stop, _mm256_cmpeq_epi8(_mm256_min_epu8(v, low), v));
		mask = (unsigned)_mm256_movemask_epi8(stop);
		if (mask) {
			unsigned n = (unsigned)__builtin_ctz(mask);

			*high |= top & ((1u << n) - 1) ? 0x80 : 0;
			return p + n;
		}
		*high |= top ? 0x80 : 0;
	}
}

__attribute__((target("avx2"))) static const uint8_t *bracket_avx2(const uint8_t *p)
{
	const __m256i quote = _mm256_set1_epi8('"'), fold = _mm256_set1_epi8(0x20);
	const __m256i open = _mm256_set1_epi8('{'), close = _mm256_set1_epi8('}');

	for (;; p += 32) {
		__m256i v = _mm256_loadu_si256((const __m256i *)p), f = _mm256_or_si256(v, fold);
		__m256i stop = _mm256_or_si256(_mm256_cmpeq_epi8(f, open), _mm256_cmpeq_epi8(f, close));
		unsigned mask;

		stop = _mm256_or_si256(stop, _mm256_cmpeq_epi8(v, quote));
		stop = _mm256_or_si256(stop, _mm256_cmpeq_epi8(v, _mm256_setzero_si256()));
		mask = (unsigned)_mm256_movemask_epi8(stop);
		if (mask)
			return p + __builtin_ctz(mask);
	}
}

static const struct scan_ops ops_sse2 = {"sse2", plain_sse2, bracket_sse2};
static const struct scan_ops ops_avx2 = {"avx2", plain_avx2, bracket_avx2};

const struct scan_ops *scan_variant(unsigned i)
{
	static const struct scan_ops *const variants[] = {&ops_scalar, &ops_sse2, &ops_avx2};

	return i < (__builtin_cpu_supports("avx2") ? 3 : 2) ? variants[i] : NULL;
}
#else
const struct scan_ops *scan_variant(unsigned i)
{
	return i ? NULL : &ops_scalar;
}
#endif

void scan_init(void)
{
	for (unsigned i = 0; scan_variant(i); i++)
		scan_ops = scan_variant(i);
	number_init();
}

/* ---- strings ------------------------------------------------------------------------------ */

/* p is behind the backslash. */
static const uint8_t *scan_escape(const uint8_t *p, struct flaw *flaw)
{
	uint32_t unit, low;

	if (*p != 'u') {
		if (*p && strchr("\"\\/bfnrt", *p))
			return p + 1;
		return flaw_set(flaw, FLAW_SYNTAX, p,
		                "a backslash is followed by something else than "
		                "one of \" \\ / b f n r t u");
	}
	if (text_hex4(p + 1, &unit))
		return flaw_set(flaw, FLAW_SYNTAX, p, "\\u needs four hexadecimal digits");
	if (unit < 0xD800 || unit > 0xDFFF)
		return p + 5;
	if (unit > 0xDBFF || p[5] != '\\' || p[6] != 'u' || text_hex4(p + 7, &low) || low < 0xDC00 || low > 0xDFFF)
		return flaw_set(flaw, FLAW_SURROGATE, p - 1,
		                "half of a surrogate pair stands alone, it is no character");
	return p + 11;
}

const uint8_t *scan_string(const uint8_t *p, struct text *ret, struct flaw *flaw)
{
	const uint8_t *start = p, *bad;
	unsigned high = 0;

	ret->escaped = 0;
	for (;;) {
		p = scan_plain(p, &high);
		if (*p == '"')
			break;
		if (*p != '\\')
			return flaw_set(flaw, FLAW_SYNTAX, p,
			                "a string has no end, or holds a control character "
			                "that is not escaped");
		ret->escaped = 1;
		p = scan_escape(p + 1, flaw);
		if (!p)
			return NULL;
	}
	if (high && (bad = text_utf8_bad(start, (size_t)(p - start))))
		return flaw_set(flaw, FLAW_UTF8, bad, "a byte that is not UTF-8");
	ret->p = start;
	ret->len = (size_t)(p - start);
	return p + 1;
}

/* ---- values ------------------------------------------------------------------------------- */

static const uint8_t *scan_scalar(const uint8_t *p, struct flaw *flaw)
{
	const uint8_t *end = NULL;
	struct number number;
	struct text text;

	switch (*p) {
	case '"':
		return scan_string(p + 1, &text, flaw);
	case 't':
		end = scan_word(p, "true", 4);
		break;
	case 'f':
		end = scan_word(p, "false", 5);
		break;
	case 'n':
		end = scan_word(p, "null", 4);
		break;
	default:
		end = number_scan(p, &number);
	}
	return end ? end : flaw_set(flaw, FLAW_SYNTAX, p, "a value is missing or misspelt");
}

/* p is at a key or behind it where a value may start. */
static const uint8_t *scan_key(const uint8_t *p, struct flaw *flaw)
{
	struct text text;

	if (*p != '"')
		return flaw_set(flaw, FLAW_SYNTAX, p, "a key in quotes is missing");
	p = scan_string(p + 1, &text, flaw);
	if (!p)
		return NULL;
	p = scan_space(p);
	if (*p != ':')
		return flaw_set(flaw, FLAW_SYNTAX, p, "a colon is missing behind a key");
	return scan_space(p + 1);
}

/* Which containers are open: bit i of `kinds` is set for an object at level i. */
struct nest {
	unsigned level;
	uint8_t kinds[SCAN_DEPTH_MAX / 8 + 1];
};

static bool nest_is_object(const struct nest *nest)
{
	return nest->kinds[nest->level >> 3] >> (nest->level & 7) & 1;
}

static void nest_push(struct nest *nest, bool object)
{
	unsigned bit;

	nest->level++;
	bit = 1u << (nest->level & 7);
	if (bit == 1)
		nest->kinds[nest->level >> 3] = 0;
	if (object)
		nest->kinds[nest->level >> 3] |= (uint8_t)bit;
	else
		nest->kinds[nest->level >> 3] &= (uint8_t)~bit;
}

/* Behind a value: closes containers, steps over a comma. The place of the next value, or with
 * nest->level 0 the place behind the whole. */
static const uint8_t *scan_after(const uint8_t *p, struct nest *nest, struct flaw *flaw)
{
	while (nest->level) {
		bool object = nest_is_object(nest);

		p = scan_space(p);
		if (*p == ',') {
			p = scan_space(p + 1);
			return object ? scan_key(p, flaw) : p;
		}
		if (*p != (object ? '}' : ']'))
			return flaw_set(flaw, FLAW_SYNTAX, p,
			                object ? "a comma or '}' is missing" : "a comma or ']' is missing");
		nest->level--;
		p++;
	}
	return p;
}

const uint8_t *scan_value(const uint8_t *p, unsigned depth, unsigned max_depth, struct flaw *flaw)
{
	struct nest nest;

	nest.level = 0;
	nest.kinds[0] = 0;
	do {
		if (*p != '{' && *p != '[') {
			p = scan_scalar(p, flaw);
		} else {
			bool object = *p == '{';

			if (depth + nest.level >= max_depth)
				return flaw_set(flaw, FLAW_DEPTH, p,
				                "more containers inside each other than max_depth allows");
			nest_push(&nest, object);
			p = scan_space(p + 1);
			if (*p != (object ? '}' : ']')) {
				p = object ? scan_key(p, flaw) : p;
				if (!p)
					return NULL;
				continue;
			}
			nest.level--;
			p++;
		}
		p = p ? scan_after(p, &nest, flaw) : NULL;
	} while (p && nest.level);
	return p;
}
