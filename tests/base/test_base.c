/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/heap.h"
#include "base/id.h"
#include "base/map.h"
#include "base/near.h"
#include "base/option.h"
#include "base/str.h"
#include "lib/test.h"

START_TEST(an_error_keeps_its_sentence_and_gains_context)
{
	struct err err = {0};

	ck_assert_int_eq(err_errno(&err, ENOENT, "cannot open '%s'", "x"), ERR_NOTFOUND);
	err_prefix(&err, "dataset 'd'");
	ck_assert_str_eq(err.text, "dataset 'd': cannot open 'x': No such file or directory");
	ck_assert_int_eq(err_from_name(err_name(ERR_CONFLICT)), ERR_CONFLICT);
	ck_assert(err_is_transient(ERR_IO) && !err_is_transient(ERR_PLUGIN));
}
END_TEST

START_TEST(an_arena_gives_aligned_zeroed_memory)
{
	struct arena arena;

	arena_init(&arena);
	for (size_t i = 1; i < 9000; i += 37) {
		char *p = arena_alloc(&arena, i);

		ck_assert_uint_eq((uintptr_t)p % 16, 0);
		ck_assert_int_eq(p[0] | p[i - 1], 0);
		memset(p, 1, i);
	}
	ck_assert_str_eq(arena_printf(&arena, "%d-%s", 7, "x"), "7-x");
	arena_done(&arena);
}
END_TEST

START_TEST(an_arena_formats_text_of_any_length_where_there_is_room)
{
	struct arena arena;
	char want[6000];

	arena_init(&arena);
	for (int width = 1; width < (int)sizeof(want); width += 97) {
		char *text = arena_printf(&arena, "%*d", width, 7), *next = arena_str(&arena, "next");

		snprintf(want, sizeof(want), "%*d", width, 7);
		ck_assert_str_eq(text, want);
		ck_assert_str_eq(next, "next");
	}
	arena_done(&arena);
}
END_TEST

START_TEST(a_buffer_stops_at_its_maximum)
{
	struct buf buf;

	for (size_t max = 1; max < 400; max += 7) {
		buf_init(&buf, max);
		for (size_t i = 0; i < max; i++)
			ck_assert_int_eq(buf_putc(&buf, 'x'), 0);
		ck_assert_int_eq(buf_puts(&buf, "9"), ERR_LIMIT);
		ck_assert_int_eq(buf_puts(&buf, ""), ERR_LIMIT);
		ck_assert_uint_eq(strlen(buf.data), max);
		buf_done(&buf);
	}
}
END_TEST

START_TEST(a_buffer_begins_in_memory_that_is_lent)
{
	char lent[8], *text;
	struct buf buf;

	for (size_t n = 0; n < 300; n++) {
		buf_init_in(&buf, lent, sizeof(lent));
		for (size_t i = 0; i < n; i++)
			buf_putc(&buf, (char)('a' + i % 26));
		ck_assert_int_eq(buf.data == lent, n < sizeof(lent));
		text = buf_steal(&buf);
		ck_assert_ptr_ne(text, lent);
		ck_assert_uint_eq(strlen(text), n);
		for (size_t i = 0; i < n; i++)
			ck_assert_int_eq(text[i], (char)('a' + i % 26));
		free(text);
		buf_printf(&buf, "%zu", n); /* it goes on without */
		ck_assert_ptr_ne(buf.data, lent);
		buf_done(&buf);
	}
}
END_TEST

START_TEST(a_json_string_is_escaped_and_repaired)
{
	struct buf buf;

	buf_init(&buf, 0);
	buf_json_str(&buf, "a\"\\\n\x01\xff\xc3\xa4", 8);
	ck_assert_str_eq(buf.data, "\"a\\\"\\\\\\n\\u0001\xef\xbf\xbd\xc3\xa4\"");
	buf_done(&buf);
}
END_TEST

START_TEST(a_json_string_is_escaped_wherever_the_odd_byte_stands)
{
	static const struct {
		const char *odd, *spelled;
	} all[] = {{"\"", "\\\""}, {"\\", "\\\\"}, {"\x1f", "\\u001f"}, {"\xc3", "\xef\xbf\xbd"}, {"\x7f", "\x7f"}};
	char text[64], want[80];
	struct buf buf;

	for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++)
		for (int before = 0; before < 20; before++) {
			int after = 19 - before;

			snprintf(text, sizeof(text), "%.*s%s%.*s", before, "aaaaaaaaaaaaaaaaaaa", all[k].odd, after,
			         "bbbbbbbbbbbbbbbbbbb");
			snprintf(want, sizeof(want), "\"%.*s%s%.*s\"", before, "aaaaaaaaaaaaaaaaaaa", all[k].spelled,
			         after, "bbbbbbbbbbbbbbbbbbb");
			buf_init(&buf, 0);
			buf_json_str(&buf, text, strlen(text));
			ck_assert_str_eq(buf.data, want);
			buf_done(&buf);
		}
}
END_TEST

START_TEST(numbers_sizes_and_durations_are_parsed_whole_or_not_at_all)
{
	int64_t i;
	uint64_t u;

	ck_assert_int_eq(str_to_i64("-9223372036854775808", &i), 0);
	ck_assert_int_eq(str_to_i64("9223372036854775808", &i), ERR_LIMIT);
	ck_assert_int_eq(str_to_i64("12x", &i), ERR_INVALID);
	ck_assert_int_eq(str_to_bytes("64MiB", &u), 0);
	ck_assert_uint_eq(u, 64u << 20);
	ck_assert_int_eq(str_to_bytes("99999999999999T", &u), ERR_LIMIT);
	ck_assert_int_eq(str_to_duration_ms("5m", &i), 0);
	ck_assert_int_eq(i, 300000);
	ck_assert_int_eq(str_to_duration_ms("5 parsecs", &i), ERR_INVALID);
}
END_TEST

START_TEST(utf8_is_checked_to_the_letter)
{
	ck_assert(utf8_valid("\xf0\x9f\x98\x80 ok", 7));
	ck_assert(!utf8_valid("\xed\xa0\x80", 3));     /* surrogate */
	ck_assert(!utf8_valid("\xc0\x80", 2));         /* overlong */
	ck_assert(!utf8_valid("\xf4\x90\x80\x80", 4)); /* beyond U+10FFFF */
	ck_assert(!utf8_valid("\xe2\x82", 2));         /* cut */
}
END_TEST

START_TEST(text_is_looked_through_to_the_byte)
{
	char text[50];

	for (size_t n = 0; n < sizeof(text); n++)
		for (size_t i = 0; i < n; i++)
			for (int c = 0; c < 256; c++) {
				int is_control = c < 0x20 || c == 0x7F, is_plain = c >= 0x20 && c != '"' && c != '\\';

				memset(text, n % 2 ? ' ' : '~', n);
				text[i] = (char)c;
				ck_assert_int_eq(str_has_control(text, n), is_control);
				ck_assert_ptr_eq(json_plain_end(text, text + n), text + (is_plain ? n : i));
				ck_assert_ptr_eq(json_ascii_end(text, text + n), text + (is_plain && c < 0x80 ? n : i));
				ck_assert_uint_eq(utf8_valid_len(text, n), c < 0x80 ? n : i);
			}
}
END_TEST

START_TEST(base64_goes_there_and_back)
{
	char text[16];
	unsigned char bytes[4];

	base64_encode("\xff\x00\x10\x7f", 4, text);
	ck_assert_str_eq(text, "/wAQfw==");
	ck_assert_int_eq(base64_decode(text, 8, bytes, 4), 4);
	ck_assert_mem_eq(bytes, "\xff\x00\x10\x7f", 4);
	ck_assert_int_eq(base64_decode("/w=Q", 4, bytes, 4), ERR_INVALID);
	ck_assert_int_eq(base64_decode(text, 8, bytes, 3), ERR_LIMIT);
}
END_TEST

START_TEST(a_map_finds_what_was_set_and_not_deleted)
{
	struct map map;
	char key[16];

	map_init(&map);
	for (long i = 0; i < 1000; i++) {
		id_format('k', i, key);
		ck_assert_int_eq(map_set(&map, key, (void *)(i + 1)), 0);
	}
	for (long i = 0; i < 1000; i += 2) {
		id_format('k', i, key);
		ck_assert_ptr_eq(map_del(&map, key), (void *)(i + 1));
	}
	for (long i = 0; i < 1000; i++) {
		id_format('k', i, key);
		ck_assert_ptr_eq(map_get(&map, key), i % 2 ? (void *)(i + 1) : NULL);
	}
	map_done(&map);
}
END_TEST

struct number {
	struct heap_node node;
	int v;
};

static int number_less(const struct heap_node *a, const struct heap_node *b)
{
	return ((const struct number *)a)->v < ((const struct number *)b)->v;
}

START_TEST(a_heap_gives_the_least_first_whatever_was_removed)
{
	struct number numbers[100];
	struct heap heap;
	int last = -1;

	heap_init(&heap, number_less);
	for (int i = 0; i < 100; i++) {
		numbers[i].v = i * 37 % 100;
		ck_assert_int_eq(heap_add(&heap, &numbers[i].node), 0);
	}
	for (int i = 0; i < 100; i += 3)
		heap_del(&heap, &numbers[i].node);
	for (struct heap_node *top; (top = heap_top(&heap)); heap_del(&heap, top)) {
		ck_assert_int_gt(((struct number *)top)->v, last);
		last = ((struct number *)top)->v;
	}
	ck_assert_int_eq(last, 96);
	heap_done(&heap);
}
END_TEST

START_TEST(times_are_written_and_read_as_rfc_3339)
{
	char text[CLOCK_RFC3339_LEN];
	int64_t ms;

	clock_rfc3339(1700000000123, text);
	ck_assert_str_eq(text, "2023-11-14T22:13:20.123Z");
	ck_assert_int_eq(clock_from_rfc3339("2023-11-15T00:13:20.123+02:00", &ms), 0);
	ck_assert_int_eq(ms, 1700000000123);
	ck_assert_int_eq(clock_from_rfc3339("2023-11-15T00:13:20", &ms), ERR_INVALID);
	ck_assert_int_eq(clock_from_rfc3339("2024-02-29T00:00:00Z", &ms), 0);
	ck_assert_int_eq(clock_from_rfc3339("2023-02-29T00:00:00Z", &ms), ERR_INVALID);
	ck_assert_int_eq(clock_from_rfc3339("2023-04-31T00:00:00Z", &ms), ERR_INVALID);
	ck_assert_int_eq(clock_from_rfc3339("2023-12-31T00:00:00.Z", &ms), ERR_INVALID);
	ck_assert_int_eq(clock_from_rfc3339("2023-12-31T00:00:00+24:00", &ms), ERR_INVALID);
	ck_assert_int_eq(clock_from_rfc3339("2023-13-15T00:13:20Z", &ms), ERR_INVALID);
}
END_TEST

/* Deeper than descriptors, and paths, reach. */
static void make_deep(const char *top, int levels)
{
	int fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC), child;

	for (int i = 0; i < levels; i++) {
		ck_assert(!mkdirat(fd, "deeper", 0700) && !mkdirat(fd, "beside", 0700));
		ck_assert(!symlinkat("..", fd, "link"));
		ck_assert_int_ge(child = openat(fd, "deeper", O_RDONLY | O_DIRECTORY | O_CLOEXEC), 0);
		close(fd);
		fd = child;
	}
	close(fd);
}

START_TEST(a_folder_is_removed_however_deep_and_no_link_is_followed)
{
	struct rlimit few, before;
	struct err err;

	ck_ok(dir_make(test_path("kept/inside"), 0755, &err), &err);
	ck_ok(dir_make(test_path("gone"), 0755, &err), &err);
	ck_assert(!symlink(test_path("kept"), test_path("gone/door")));
	make_deep(test_path("gone"), 800);
	ck_ok(dir_make(test_path("gone/forbidden/inside"), 0755, &err), &err);
	ck_assert(!chmod(test_path("gone/forbidden"), 0));
	ck_assert(!getrlimit(RLIMIT_NOFILE, &before));
	few = (struct rlimit){64, before.rlim_max};
	ck_assert(!setrlimit(RLIMIT_NOFILE, &few));
	ck_ok(dir_remove(test_path("gone"), &err), &err);
	ck_assert(!setrlimit(RLIMIT_NOFILE, &before));
	ck_assert(access(test_path("gone"), F_OK));
	ck_assert(!access(test_path("kept/inside"), F_OK));
	ck_ok(dir_remove(test_path("gone"), &err), &err);
}
END_TEST

START_TEST(a_file_is_created_once_and_replaced_whole)
{
	const char *path = test_path("f");
	struct err err = {0};
	struct buf buf;

	buf_init(&buf, 0);
	ck_ok(file_create(path, "one", 3, &err), &err);
	ck_assert_int_eq(file_create(path, "two", 3, &err), ERR_EXISTS);
	ck_ok(file_replace(path, "three", 5, &err), &err);
	ck_ok(file_read(path, 100, &buf, &err), &err);
	ck_assert_str_eq(buf.data, "three");
	ck_assert_int_eq(file_read(path, 4, &buf, &err), ERR_LIMIT);
	buf_done(&buf);
}
END_TEST

struct sample {
	char *name;
	int64_t n, wait;
	uint64_t size;
	int on, mode;
};

static const char *const modes[] = {"slow", "fast", NULL};
static const struct option sample_options[] = {
	{"name", OPTION_STR, offsetof(struct sample, name), "x", 0, 0, NULL, "a name"},
	{"n", OPTION_INT, offsetof(struct sample, n), "3", 1, 9, NULL, "a number"},
	{"wait", OPTION_DURATION, offsetof(struct sample, wait), "30s", 0, 0, NULL, "a time"},
	{"size", OPTION_BYTES, offsetof(struct sample, size), "1MiB", 0, 0, NULL, "a size"},
	{"on", OPTION_BOOL, offsetof(struct sample, on), "true", 0, 0, NULL, "a switch"},
	{"mode", OPTION_ENUM, offsetof(struct sample, mode), "fast", 0, 0, modes, "a choice"},
	OPTION_END,
};

START_TEST(options_have_defaults_and_refuse_what_is_out_of_range)
{
	struct sample sample;
	struct err err = {0};

	ck_ok(options_init(sample_options, &sample, &err), &err);
	ck_assert_int_eq(sample.wait, 30000);
	ck_assert_int_eq(sample.mode, 1);
	ck_assert_int_eq(option_set(option_find(sample_options, "n"), &sample, "10", &err), ERR_INVALID);
	ck_assert_str_eq(err.text, "'n: 10' is out of range: allowed is 1 to 9");
	ck_assert_int_eq(option_set(option_find(sample_options, "mode"), &sample, "warp", &err), ERR_INVALID);
	ck_assert_str_eq(err.text, "'mode: warp' is not one of: slow, fast");
	options_done(sample_options, &sample);
}
END_TEST

static const char *meant(const char *word)
{
	static char hint[NEAR_HINT];
	struct near near = {.word = word};

	for (size_t i = 0; sample_options[i].key; i++)
		near_offer(&near, sample_options[i].key);
	return near_hint(&near, hint);
}

START_TEST(a_mistyped_word_is_held_against_the_known_ones)
{
	char endless[2 * NEAR_MAX + 1];

	memset(endless, 'n', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	ck_assert_int_eq(near_edits("kitten", "sitting"), 3);
	ck_assert_int_eq(near_edits("prot", "port"), 1);
	ck_assert_int_eq(near_edits("", "four"), 4);
	ck_assert_int_eq(near_edits("size", endless), NEAR_MAX);
	ck_assert_str_eq(meant("siez"), "; did you mean 'size'?");
	ck_assert_str_eq(meant("nam"), "; did you mean 'name'?");
	ck_assert_str_eq(meant("nothing"), "");
	ck_assert_str_eq(meant("m"), "");
	ck_assert_str_eq(meant(endless), "");
}
END_TEST

static void base_cases(Suite *suite)
{
	TCase *c = tcase_create("base");

	tcase_add_test(c, an_error_keeps_its_sentence_and_gains_context);
	tcase_add_test(c, an_arena_gives_aligned_zeroed_memory);
	tcase_add_test(c, an_arena_formats_text_of_any_length_where_there_is_room);
	tcase_add_test(c, a_buffer_stops_at_its_maximum);
	tcase_add_test(c, a_buffer_begins_in_memory_that_is_lent);
	tcase_add_test(c, a_json_string_is_escaped_and_repaired);
	tcase_add_test(c, a_json_string_is_escaped_wherever_the_odd_byte_stands);
	tcase_add_test(c, numbers_sizes_and_durations_are_parsed_whole_or_not_at_all);
	tcase_add_test(c, utf8_is_checked_to_the_letter);
	tcase_add_test(c, text_is_looked_through_to_the_byte);
	tcase_add_test(c, base64_goes_there_and_back);
	tcase_add_test(c, a_map_finds_what_was_set_and_not_deleted);
	tcase_add_test(c, a_heap_gives_the_least_first_whatever_was_removed);
	tcase_add_test(c, times_are_written_and_read_as_rfc_3339);
	tcase_add_test(c, a_folder_is_removed_however_deep_and_no_link_is_followed);
	tcase_add_test(c, a_file_is_created_once_and_replaced_whole);
	tcase_add_test(c, options_have_defaults_and_refuse_what_is_out_of_range);
	tcase_add_test(c, a_mistyped_word_is_held_against_the_known_ones);
	suite_add_tcase(suite, c);
}

TEST_MAIN("base", base_cases)
