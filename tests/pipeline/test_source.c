/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/file.h"
#include "lib/test.h"
#include "pipeline/looks.h"

static struct err err;

/* Text that packs well, so that the last bytes of a packed file stand for many. */
static char *make_text(size_t n)
{
	char *text = malloc(n);

	for (size_t i = 0; i < n; i++)
		text[i] = "{\"a\":1}\n"[i % 8];
	return text;
}

static const char *write_file(const char *name, const void *p, size_t n)
{
	const char *path = test_path(name);

	ck_ok(file_replace(path, p, n, &err), &err);
	return path;
}

/* Reads all with a buffer of `cap`; the status that ended it. */
static orasi_status read_all(const char *path, size_t cap, int peek, size_t *ret_len, orasi_error *error)
{
	struct source *source;
	orasi_status status = ORASI_OK;
	char *buf = malloc(cap);
	size_t got = 1;

	ck_ok(source_open(path, "auto", &source, &err), &err);
	if (peek)
		source_head(source, &err);
	for (*ret_len = 0; !status && got; *ret_len += got)
		status = source_abi(source)->read(source_abi(source), buf, cap, &got, error);
	source_close(source);
	free(buf);
	return status;
}

static const size_t caps[] = {1000, 4096, 65536, 1 << 20};

START_TEST(zstd_without_a_checksum_is_read_to_the_last_byte_whatever_the_buffer)
{
	size_t n = 3000001, cap = ZSTD_compressBound(n), got, packed;
	orasi_error error = ORASI_NO_ERROR;
	char *text = make_text(n), *out = malloc(cap);

	packed = ZSTD_compress(out, cap, text, n, 3);
	ck_assert_int_eq(read_all(write_file("a.zst", out, packed), caps[_i], _i % 2, &got, &error), ORASI_OK);
	ck_assert_uint_eq(got, n);
	free(text);
	free(out);
}
END_TEST

START_TEST(a_zstd_file_that_is_cut_is_an_error_with_the_place)
{
	size_t n = 3000001, cap = ZSTD_compressBound(n), got, packed;
	orasi_error error = ORASI_NO_ERROR;
	char *text = make_text(n), *out = malloc(cap);

	packed = ZSTD_compress(out, cap, text, n, 3);
	ck_assert_int_eq(read_all(write_file("cut.zst", out, packed - 5), caps[_i], 0, &got, &error), ORASI_E_CORRUPT);
	ck_assert_ptr_nonnull(strstr(error.message, "cut.zst"));
	ck_assert_ptr_nonnull(strstr(error.message, "cut: it ends"));
	ck_assert_int_eq(error.offset, (int64_t)packed - 5);
	free(text);
	free(out);
}
END_TEST

static void gzip_append(const char *path, const char *text, size_t n)
{
	gzFile file = gzopen(path, "ab");

	ck_assert_int_eq(gzwrite(file, text, (unsigned)n), (int)n);
	gzclose(file);
}

START_TEST(gzip_members_one_after_the_other_are_one_stream)
{
	const char *path = test_path("two.gz");
	orasi_error error = ORASI_NO_ERROR;
	char *text = make_text(700001);
	size_t got;

	unlink(path);
	gzip_append(path, text, 700001);
	gzip_append(path, text, 3);
	ck_assert_int_eq(read_all(path, caps[_i], _i % 2, &got, &error), ORASI_OK);
	ck_assert_uint_eq(got, 700004);
	free(text);
}
END_TEST

START_TEST(what_is_no_regular_file_is_named_with_the_reason)
{
	struct source *source;

	ck_assert_int_eq(source_open(test_dir(), "auto", &source, &err), ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(err.text, "is a folder"));
	ck_assert_int_eq(source_open("/dev/null", "auto", &source, &err), ERR_INVALID);
	ck_assert_int_eq(source_open(test_path("nothing"), "auto", &source, &err), ERR_NOTFOUND);
	ck_assert_ptr_nonnull(strstr(err.text, "nothing"));
}
END_TEST

START_TEST(the_head_of_a_stream_that_breaks_off_early_comes_with_the_reason)
{
	char packed[4096];
	char *text = make_text(1000);
	size_t n = ZSTD_compress(packed, sizeof(packed), text, 1000, 3);
	struct source *source;

	ck_ok(source_open(write_file("short.zst", packed, n - 1), "auto", &source, &err), &err);
	for (int i = 0; i < 2; i++) {
		err.code = 0;
		source_head(source, &err);
		ck_assert_int_eq(err.code, ERR_CORRUPT);
	}
	source_close(source);
	free(text);
}
END_TEST

START_TEST(what_no_plugin_recognises_is_named_by_its_looks)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *name;
	} looks[] = {
		{"BZh9", 4, "bzip2"},
		{"PK\3\4", 4, "ZIP"},
		{"a,b\n1,2\n", 8, "CSV"},
		{"a\tb\n1\t2", 7, "CSV"},
		{"Hello, you\nBye", 14, "plain"},
		{"\0\1\2\3", 4, "binary"},
		{"\xFF\xFE{\0", 4, "UTF-16"},
		{"{\0}\0", 4, "UTF-16"},
		{"\xC3", 1, "binary"},
		{"a,b\n1,\"2,3\"\n", 12, "CSV"},
		{"\"x;y\" a\n\"x;y\" b\n", 16, "plain"},
		{"gr\xC3\xBC\xC3", 5, "plain"},
		{"", 0, "binary"},
	};

	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
		const char *said = looks_like((const uint8_t *)looks[i].bytes, looks[i].n);

		ck_assert_msg(strstr(said, looks[i].name), "%zu: %s", i, said);
	}
	ck_assert(looks_blank((const uint8_t *)"\xEF\xBB\xBF \r\n", 6));
	ck_assert(!looks_blank((const uint8_t *)" x", 2));
}
END_TEST

static void source_cases(Suite *suite)
{
	TCase *c = tcase_create("source");

	tcase_add_loop_test(c, zstd_without_a_checksum_is_read_to_the_last_byte_whatever_the_buffer, 0, 4);
	tcase_add_loop_test(c, a_zstd_file_that_is_cut_is_an_error_with_the_place, 0, 4);
	tcase_add_loop_test(c, gzip_members_one_after_the_other_are_one_stream, 0, 4);
	tcase_add_test(c, what_is_no_regular_file_is_named_with_the_reason);
	tcase_add_test(c, the_head_of_a_stream_that_breaks_off_early_comes_with_the_reason);
	tcase_add_test(c, what_no_plugin_recognises_is_named_by_its_looks);
	suite_add_tcase(suite, c);
}

TEST_MAIN("source", source_cases)
