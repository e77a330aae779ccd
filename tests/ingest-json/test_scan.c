/* SPDX-License-Identifier: Apache-2.0 */
/* The layers below the decoder, each against something that is known to be right: the C library,
 * the JSON trees of the core, a slow definition. */
#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/number.h>
#include <orasi/sdk/stamp.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/str.h"
#include "ingest-json/scan.h"
#include "ingest-json/text.h"
#include "json/json.h"

#define DEPTH 64 /* that of core/json */

static uint64_t seed = 88172645463325252;

static uint32_t below(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 33) % n;
}

/* The text in memory of exactly its size and the pad, so that a sanitizer sees reads beyond. */
static uint8_t *padded(const void *p, size_t n)
{
	uint8_t *text = calloc(1, n + 1 + SCAN_PAD);

	if (n)
		memcpy(text, p, n);
	return text;
}

/* Is the text one JSON value and nothing else? */
static int scans(const char *p, size_t n, struct flaw *flaw)
{
	uint8_t *text = padded(p, n);
	const uint8_t *end = scan_value(scan_space(text), 0, DEPTH, flaw);
	int ok = end && scan_space(end) == text + n;

	if (end && !ok)
		flaw_set(flaw, FLAW_SYNTAX, end, "more text");
	free(text);
	return ok;
}

/* ---- inner loops -------------------------------------------------------------------------- */

START_TEST(all_variants_of_the_inner_loops_agree)
{
	static const char bytes[] = "\"\\{}[]:,aAzZ09 \n\t\x1F\x20\x7F\x80\xC3\xBF\xFF";
	uint8_t text[200 + SCAN_PAD] = {0};

	for (int round = 0; round < 20000; round++) {
		size_t n = below(100);
		uint32_t kinds = 1 + below(sizeof(bytes) - 1);

		memset(text, 0, sizeof(text));
		for (size_t i = 0; i < n; i++)
			text[i] = below(4) ? 'x' : (uint8_t)bytes[below(kinds)];
		for (unsigned v = 1; scan_variant(v); v++) {
			unsigned high = 0, high_v = 0;

			ck_assert_ptr_eq(scan_variant(v)->plain(text, &high_v), scan_variant(0)->plain(text, &high));
			ck_assert_uint_eq(high, high_v);
			ck_assert_ptr_eq(scan_variant(v)->bracket(text), scan_variant(0)->bracket(text));
			high = high_v = 0;
			scan_ops = scan_variant(v);
			ck_assert_ptr_eq(scan_plain(text, &high_v), scan_variant(0)->plain(text, &high));
			ck_assert_uint_eq(high, high_v);
		}
	}
}
END_TEST

/* ---- values ------------------------------------------------------------------------------- */

static void make_string(struct buf *buf)
{
	static const char *const pieces[] = {"a",
	                                     "é",
	                                     "\\n",
	                                     "\\u00e9",
	                                     "\\ud83d\\ude00",
	                                     "€",
	                                     " ",
	                                     "\\\\",
	                                     "long enough to fill more than one vector of bytes"};

	buf_putc(buf, '"');
	for (uint32_t n = below(6); n; n--)
		buf_puts(buf, pieces[below(sizeof(pieces) / sizeof(pieces[0]))]);
	buf_putc(buf, '"');
}

/* A value of random shape; keys are unique, as core/json demands. Numbers are one digit, for json-c
 * takes 02 and 1. when they get damaged. */
static void make_value(struct buf *buf, int depth)
{
	static const char *const scalars[] = {"null", "true", "false", "0", "7"};
	uint32_t kind = below(depth > 4 ? 2 : 4), n = below(4);

	if (kind == 0)
		buf_puts(buf, scalars[below(sizeof(scalars) / sizeof(scalars[0]))]);
	if (kind == 1)
		make_string(buf);
	if (kind < 2)
		return;
	buf_putc(buf, kind == 2 ? '[' : '{');
	for (uint32_t i = 0; i < n; i++) {
		buf_puts(buf, i ? below(2) ? "," : " ,\n" : "");
		if (kind == 3)
			buf_printf(buf, "\"k%u\"%s:", i, below(2) ? "" : " ");
		make_value(buf, depth + 1);
	}
	buf_putc(buf, kind == 2 ? ']' : '}');
}

START_TEST(what_is_json_is_so_for_core_json_too)
{
	int good = 0;

	for (int round = 0; round < 30000; round++) {
		struct buf buf;
		struct json *json = NULL;
		struct flaw flaw;
		struct err err;
		int ours, theirs;

		buf_init(&buf, 0);
		buf_putc(&buf, '[');
		make_value(&buf, 0);
		buf_putc(&buf, ']');
		for (uint32_t n = below(3); n; n--) /* damage */
			buf.data[below((uint32_t)buf.len)] = "{}[],:\"\\ \n"[below(10)];
		ours = scans(buf.data, buf.len, &flaw);
		theirs = !json_parse(buf.data, buf.len, &json, &err);
		/* There half a surrogate pair is replaced; equal keys and big numbers are refused.
		 */
		if (theirs && !ours)
			ck_assert_msg(!strcmp(flaw.code, FLAW_SURROGATE), "%s: %s", buf.data, flaw.what);
		if (ours && !theirs)
			ck_assert_msg(strstr(err.text, "twice") || strstr(err.text, "uplicate") ||
			                      strstr(err.text, "64"),
			              "%s: %s", buf.data, err.text);
		good += ours;
		json_free(json);
		buf_done(&buf);
	}
	ck_assert_int_gt(good, 5000);
}
END_TEST

START_TEST(the_test_suite_of_json_org_is_judged_as_it_says)
{
	struct flaw flaw;
	struct err err;

	for (int i = 1; i <= 33; i++) {
		char name[64];
		const char *path;
		struct buf data;

		snprintf(name, sizeof(name), "json/jsonchecker/fail%02d%s.json", i,
		         i == 1 || i == 18 ? "_EXCLUDE" : "");
		path = test_corpus(name);
		if (!path)
			return;
		buf_init(&data, 0);
		ck_ok(file_read(path, 1 << 20, &data, &err), &err);
		/* 1: a string alone is JSON since RFC 7159. 18: 20 deep is not too deep here. */
		ck_assert_msg(scans(data.data, data.len, &flaw) == (i == 1 || i == 18), "%s", name);
		buf_done(&data);
	}
	for (int i = 1; i <= 30; i++) {
		char name[64];
		const char *path;
		struct buf data;

		snprintf(name, sizeof(name),
		         i <= 3 ? "json/jsonchecker/pass%02d.json" : "json/roundtrip/roundtrip%02d.json",
		         i <= 3 ? i : i - 3);
		path = test_corpus(name);
		if (!path)
			return;
		buf_init(&data, 0);
		ck_ok(file_read(path, 1 << 20, &data, &err), &err);
		ck_assert_msg(scans(data.data, data.len, &flaw), "%s: %s", name, flaw.what);
		buf_done(&data);
	}
}
END_TEST

START_TEST(depth_is_counted_exactly)
{
	struct flaw flaw;
	char text[2 * DEPTH + 3];

	memset(text, '[', DEPTH);
	memset(text + DEPTH, ']', DEPTH);
	ck_assert(scans(text, 2 * DEPTH, &flaw));
	memset(text, '[', DEPTH + 1);
	memset(text + DEPTH + 1, ']', DEPTH + 1);
	ck_assert(!scans(text, 2 * DEPTH + 2, &flaw));
	ck_assert_str_eq(flaw.code, FLAW_DEPTH);
}
END_TEST

/* ---- numbers ------------------------------------------------------------------------------ */

static void check_number(const char *text)
{
	uint8_t *copy = padded(text, strlen(text));
	struct number number;
	double ours = 0, theirs = strtod(text, NULL);
	const uint8_t *end = number_scan(copy, &number);

	ck_assert_msg(end == copy + strlen(text), "%s", text);
	if (number_double(&number, &ours))
		ck_assert_msg(!memcmp(&ours, &theirs, 8), "%s: %.17g, not %.17g", text, ours, theirs);
	else
		ck_assert_msg(theirs > 1e308 || theirs < -1e308, "%s", text);
	free(copy);
}

START_TEST(doubles_are_rounded_as_the_c_library_does)
{
	static const char *const hard[] = {"0",
	                                   "-0",
	                                   "0.0",
	                                   "-0.0e5",
	                                   "1e23",
	                                   "9007199254740993",
	                                   "9007199254740992.5",
	                                   "9007199254740993.5",
	                                   "1.7976931348623157e308",
	                                   "1.7976931348623159e308",
	                                   "1e309",
	                                   "-1e400",
	                                   "4.9e-324",
	                                   "2.4703282292062328e-324",
	                                   "2.2250738585072011e-308",
	                                   "2.2250738585072014e-308",
	                                   "1e-400",
	                                   "0.1",
	                                   "123456789012345678901234567890",
	                                   "8.5e22",
	                                   "1e22",
	                                   "3.141592653589793238462643383279",
	                                   "5e-324",
	                                   "6929495644600919.5",
	                                   "3.518437208883201171875e13",
	                                   "1e100000000000",
	                                   "0.000000000000000000000000000000000000000000000000000000000000000000001e69",
	                                   "9214843084008499",
	                                   "0.500000000000000166533453693773481063544750213623046875",
	                                   "30078505129381147446200",
	                                   "1777820000000000000001",
	                                   "0.3932922657273",
	                                   "1e-64",
	                                   "1e64",
	                                   "18446744073709551615e-64",
	                                   "18446744073709551615e64"};
	char text[64];

	for (size_t i = 0; i < sizeof(hard) / sizeof(hard[0]); i++)
		check_number(hard[i]);
	for (int i = 0; i < 300000; i++) {
		uint64_t digits = ((uint64_t)below(UINT32_MAX >> 1) << 33) ^ below(UINT32_MAX >> 1);

		snprintf(text, sizeof(text), "%s%llue%d", below(2) ? "-" : "",
		         (unsigned long long)(digits >> below(63)), (int)below(160) - 80);
		check_number(text);
		snprintf(text, sizeof(text), "%u.%0*u", below(1000), 1 + (int)below(9), below(10));
		check_number(text);
	}
}
END_TEST

/* Halves between two doubles, written out, are where rounding goes wrong. */
START_TEST(doubles_half_way_go_to_even)
{
	for (int i = 0; i < 100000; i++) {
		uint64_t mantissa = (1ULL << 52 | ((uint64_t)below(1u << 26) << 26) | below(1u << 26));
		unsigned up = below(10);
		char text[64];

		snprintf(text, sizeof(text), "%llu", (unsigned long long)((mantissa * 2 + 1) << up));
		check_number(text);
	}
}
END_TEST

START_TEST(whole_numbers_fit_or_do_not)
{
	static const struct {
		const char *text;
		bool fits, fits_unsigned;
		int64_t value;
	} cases[] = {
		{"0", true, true, 0},
		{"-0", true, true, 0},
		{"9223372036854775807", true, true, INT64_MAX},
		{"9223372036854775808", false, true, INT64_MIN},
		{"-9223372036854775808", true, false, INT64_MIN},
		{"-9223372036854775809", false, false, 0},
		{"18446744073709551615", false, true, -1},
		{"18446744073709551616", false, false, 0},
		{"1e3", true, true, 1000},
		{"1.50e1", true, true, 15},
		{"1.5", false, false, 0},
		{"1e19", false, true, (int64_t)10000000000000000000u},
		{"1e20", false, false, 0},
		{"0e99999999", true, true, 0},
		{"1e99999999", false, false, 0},
		{"100e-2", true, true, 1},
		{"1e-1", false, false, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t *text = padded(cases[i].text, strlen(cases[i].text));
		struct number number;
		uint64_t u;
		int64_t v;

		ck_assert_ptr_nonnull(number_scan(text, &number));
		ck_assert_msg(number_int64(&number, &v) == cases[i].fits, "%s", cases[i].text);
		if (cases[i].fits)
			ck_assert_int_eq(v, cases[i].value);
		ck_assert_msg(number_uint64(&number, &u) == cases[i].fits_unsigned, "%s", cases[i].text);
		if (cases[i].fits_unsigned)
			ck_assert_int_eq((int64_t)u, cases[i].value);
		free(text);
	}
}
END_TEST

START_TEST(numbers_that_are_none_are_refused)
{
	static const char *const cases[] = {"",   "-",   "+1",   "01",    "-01", ".5",       "1.",  "1.e1",
	                                    "1e", "1e+", "0x10", "1_000", "NaN", "Infinity", "--1", "1.5.2"};
	struct flaw flaw;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(!scans(cases[i], strlen(cases[i]), &flaw), "%s", cases[i]);
}
END_TEST

/* ---- strings ------------------------------------------------------------------------------ */

START_TEST(utf8_is_judged_as_the_base_room_does)
{
	static const uint8_t bytes[] = {0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2,
	                                0xDF, 0xE0, 0xE1, 0xED, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5, 0xFF};

	for (int i = 0; i < 300000; i++) {
		uint8_t text[24];
		size_t n = below(sizeof(text));

		for (size_t k = 0; k < n; k++)
			text[k] = bytes[below(sizeof(bytes))];
		ck_assert_int_eq(!text_utf8_bad(text, n), utf8_valid((char *)text, n));
	}
}
END_TEST

START_TEST(what_is_escaped_comes_back)
{
	for (int i = 0; i < 20000; i++) {
		uint8_t plain[64], back[6 * 64], *text;
		size_t n = below(sizeof(plain)), len;
		struct text token;
		struct flaw flaw;

		for (size_t k = 0; k < n; k++)
			plain[k] = (uint8_t)below(128);
		len = text_escape(back, plain, n);
		back[len++] = '"';
		text = padded(back, len);
		ck_assert_ptr_eq(scan_string(text, &token, &flaw), text + len);
		ck_assert_uint_eq(text_unescape(back, token.p, token.len), n);
		ck_assert_int_eq(memcmp(back, plain, n), 0);
		free(text);
	}
}
END_TEST

/* ---- times -------------------------------------------------------------------------------- */

START_TEST(times_are_read_as_rfc_3339_says)
{
	static const struct {
		const char *text;
		int64_t seconds;
		int32_t nanos;
	} good[] = {
		{"1970-01-01T00:00:00Z", 0, 0},
		{"2026-03-01 12:30:15.123456789+02:00", 1772361015, 123456789},
		{"1985-04-12T23:20:50.52Z", 482196050, 520000000},
		{"1996-12-19T16:39:57-08:00", 851042397, 0},
		{"1990-12-31T23:59:60Z", 662688000, 0},
		{"1937-01-01T12:00:27.87+00:20", -1041337173, 870000000},
		{"0001-01-01T00:00:00Z", -62135596800, 0},
		{"9999-12-31T23:59:59Z", 253402300799, 0},
		{"2000-02-29T00:00", 951782400, 0},
		{"2020-01-01T00:00:00+0130", 1577831400, 0},
		{"2020-01-01T00:00:00-05", 1577854800, 0},
		{"2020-01-01T00:00:00,5", 1577836800, 500000000},
		{"2020-01-01t00:00:00z", 1577836800, 0},
	};
	static const char *const bad[] = {
		"",
		"2020-01-01",
		"2020-1-01T00:00:00Z",
		"2020-13-01T00:00:00Z",
		"2020-02-30T00:00:00Z",
		"2021-02-29T00:00:00Z",
		"1900-02-29T00:00:00Z",
		"2020-01-01T24:00:00Z",
		"2020-01-01T00:60:00Z",
		"2020-01-01T00:00:61Z",
		"2020-01-01T00:00:00.Z",
		"2020-01-01T00:00:00+2",
		"2020-01-01T00:00:00+24:00",
		"2020-01-01T00:00:00Zx",
		"2020-01-01X00:00:00",
		"20200101T000000Z",
		"2020-01-01T00:00:00+01:60",
		"2020-01-01T00:0x",
	};
	struct stamp stamp;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ck_assert_msg(stamp_parse((const uint8_t *)good[i].text, strlen(good[i].text), &stamp), "%s",
		              good[i].text);
		ck_assert_msg(stamp.seconds == good[i].seconds, "%s: %lld", good[i].text, (long long)stamp.seconds);
		ck_assert_int_eq(stamp.nanos, good[i].nanos);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!stamp_parse((const uint8_t *)bad[i], strlen(bad[i]), &stamp), "%s", bad[i]);
}
END_TEST

START_TEST(times_come_back_as_written)
{
	for (int i = 0; i < 100000; i++) {
		int64_t us = ((int64_t)below(UINT32_MAX >> 1) << 26 | below(1 << 26)) % 253402300800000000;
		char text[STAMP_TEXT_MAX];
		struct stamp stamp;
		size_t n;
		int64_t back;

		us = below(2) ? us : -(us % 62135596800000000);
		n = stamp_format(text, us, ARROW_MICRO, "Z");
		ck_assert_msg(stamp_parse((uint8_t *)text, n, &stamp), "%.*s", (int)n, text);
		ck_assert(stamp_in(&stamp, ARROW_MICRO, &back));
		ck_assert_int_eq(back, us);
	}
}
END_TEST

static void scan_cases(Suite *suite)
{
	TCase *scan = tcase_create("scan");

	tcase_add_unchecked_fixture(scan, scan_init, NULL);
	tcase_add_test(scan, all_variants_of_the_inner_loops_agree);
	tcase_add_test(scan, what_is_json_is_so_for_core_json_too);
	tcase_add_test(scan, the_test_suite_of_json_org_is_judged_as_it_says);
	tcase_add_test(scan, depth_is_counted_exactly);
	tcase_add_test(scan, doubles_are_rounded_as_the_c_library_does);
	tcase_add_test(scan, doubles_half_way_go_to_even);
	tcase_add_test(scan, whole_numbers_fit_or_do_not);
	tcase_add_test(scan, numbers_that_are_none_are_refused);
	tcase_add_test(scan, utf8_is_judged_as_the_base_room_does);
	tcase_add_test(scan, what_is_escaped_comes_back);
	tcase_add_test(scan, times_are_read_as_rfc_3339_says);
	tcase_add_test(scan, times_come_back_as_written);
	suite_add_tcase(suite, scan);
}

TEST_MAIN("ingest-json scan", scan_cases)
