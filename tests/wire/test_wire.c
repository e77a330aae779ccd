/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/test.h"

static struct err err;

static void put_text(struct buf *out, enum wire_type type, const char *text)
{
	struct json *json;

	ck_ok(json_parse(text, strlen(text), &json, &err), &err);
	ck_ok(wire_put(out, type, json, &err), &err);
	json_free(json);
}

static void put_end(struct buf *out, enum wire_type type, uint32_t order, const char *text)
{
	struct wire_end end = {.order = order, .spent = 1, .ns = 5000000000, .cpu_ms = 4000, .rss_kib = 3};
	struct json *json;

	ck_ok(json_parse(text, strlen(text), &json, &err), &err);
	ck_ok(wire_put_end(out, type, &end, json, &err), &err);
	json_free(json);
}

START_TEST(messages_come_out_as_they_went_in_however_they_are_cut)
{
	struct buf out, in;
	struct wire_message message;
	size_t at = 0;
	int seen = 0;

	buf_init(&out, 0);
	buf_init(&in, 0);
	put_text(&out, WIRE_HELLO, "{\"pid\":7}");
	ck_ok(wire_put_data(&out, 42, "a\0b", 3, &err), &err);
	put_end(&out, WIRE_RESULT, 42, "{\"rows\":1}");
	for (size_t i = 0; i < out.len; i++) {
		buf_add(&in, out.data + i, 1);
		while (wire_take(&in, &at, &message, &err) > 0) {
			seen++;
			if (seen == 1)
				ck_assert_int_eq(json_get_int(message.json, "pid", 0), 7);
			if (seen == 2) {
				ck_assert_uint_eq(message.order, 42);
				ck_assert_uint_eq(message.len, 3);
				ck_assert_mem_eq(message.data, "a\0b", 3);
			}
			if (seen == 3) {
				ck_assert_int_eq(message.type, WIRE_RESULT);
				ck_assert_uint_eq(message.order, 42);
				ck_assert_uint_eq(message.end.spent, 1);
				ck_assert_int_eq(message.end.ns, 5000000000);
				ck_assert_int_eq(message.end.cpu_ms, 4000);
				ck_assert_int_eq(message.end.rss_kib, 3);
				ck_assert_ptr_null(message.json);
				ck_assert_uint_eq(message.len, strlen("{\"rows\":1}"));
				ck_assert_mem_eq(message.data, "{\"rows\":1}", message.len);
			}
			wire_message_done(&message);
		}
	}
	ck_assert_int_eq(seen, 3);
	ck_assert_uint_eq(at, out.len);
	buf_done(&out);
	buf_done(&in);
}
END_TEST

static const struct {
	const char *name, *bytes;
	size_t n;
} bad[] = {
	{"unknown type", "\1\0\0\0\143\0\0\0x", 9},
	{"type zero", "\1\0\0\0\0\0\0\0x", 9},
	{"dirty padding", "\2\0\0\0\1\0\0\1{}", 10},
	{"too long a claim", "\377\377\377\377\1\0\0\0", 8},
	{"not JSON", "\2\0\0\0\1\0\0\0{x", 10},
	{"data without order", "\2\0\0\0\5\0\0\0ab", 10},
	{"an end without its head", "\4\0\0\0\6\0\0\0\1\0\0\0", 12},
};

START_TEST(a_frame_that_breaks_the_rules_is_refused)
{
	struct wire_message message;
	struct buf in;
	size_t at = 0;

	buf_init(&in, 0);
	buf_add(&in, bad[_i].bytes, bad[_i].n);
	ck_assert_msg(wire_take(&in, &at, &message, &err) == ERR_CORRUPT, "%s", bad[_i].name);
	buf_done(&in);
}
END_TEST

START_TEST(a_message_that_is_too_large_is_not_sent)
{
	static char big[WIRE_DATA_MAX + 1];
	struct buf out;

	buf_init(&out, 0);
	ck_assert_int_eq(wire_put_data(&out, 1, big, sizeof(big), &err), ERR_LIMIT);
	ck_assert_int_eq(wire_put_data(&out, 1, big, sizeof(big) - 1, &err), 0);
	buf_done(&out);
}
END_TEST

START_TEST(blocking_send_reaches_the_other_side)
{
	struct wire_message message;
	struct buf in;
	size_t at = 0;
	int pair[2];

	buf_init(&in, 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_ok(wire_send_data(pair[0], 9, "xyz", 3, &err), &err);
	buf_reserve(&in, 100);
	in.len = (size_t)read(pair[1], in.data, 100);
	ck_assert_int_eq(wire_take(&in, &at, &message, &err), 1);
	ck_assert_uint_eq(message.order, 9);
	buf_done(&in);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

START_TEST(a_file_comes_over_as_a_descriptor_and_a_refusal_as_its_reason)
{
	char path[WIRE_PATH_MAX + 1], letter = 0;
	int ends[2], file = open("/proc/self/comm", O_RDONLY | O_CLOEXEC), got;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	ck_assert_int_eq(wire_next_path(ends[1], path), 0);
	wire_answer_file(ends[1], file, 0); /* waits in the socket until it is asked for */
	got = wire_open_file(ends[0], "/some/where");
	ck_assert_int_ge(got, 0);
	ck_assert_int_eq(read(got, &letter, 1), 1);
	ck_assert_int_eq(wire_next_path(ends[1], path), 1);
	ck_assert_str_eq(path, "/some/where");
	wire_answer_file(ends[1], -1, EACCES);
	ck_assert_int_eq(wire_open_file(ends[0], "/not/yours"), -EACCES);
	close(got);
	close(file);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

/* The worker writes several ends at once; one that dies first has left them in the page. */
START_TEST(ends_that_are_held_are_sent_or_found)
{
	static struct wire_page page;
	struct wire_message message;
	struct buf frame, in;
	size_t at = 0;
	int pair[2];

	buf_init(&frame, 0);
	buf_init(&in, 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	for (uint32_t order = 1; order <= 2; order++) {
		buf_clear(&frame);
		put_end(&frame, WIRE_RESULT, order, "{}");
		ck_assert_int_eq(wire_hold(&page, &frame), 1);
	}
	wire_take_held(&page, &in);
	for (uint32_t order = 1; order <= 2; order++) {
		ck_assert_int_eq(wire_take(&in, &at, &message, &err), 1);
		ck_assert_uint_eq(message.order, order);
		wire_message_done(&message);
	}
	ck_ok(wire_flush(pair[0], &page, &err), &err);
	buf_reserve(&frame, WIRE_HELD_MAX);
	ck_assert_uint_eq((size_t)read(pair[1], frame.data, WIRE_HELD_MAX), in.len);
	ck_assert_mem_eq(frame.data, in.data, in.len);
	buf_clear(&in);
	wire_take_held(&page, &in);
	ck_assert_uint_eq(in.len, 0);
	buf_done(&frame);
	buf_done(&in);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

START_TEST(what_does_not_fit_the_page_is_not_held)
{
	static struct wire_page page;
	struct buf frame, in;
	size_t n = 0;

	buf_init(&frame, 0);
	buf_init(&in, 0);
	put_end(&frame, WIRE_RESULT, 1, "{\"text\":\"some result\"}");
	while (wire_hold(&page, &frame))
		n++;
	ck_assert_uint_eq(n, WIRE_HELD_MAX / frame.len);
	page.n_held = UINT32_MAX; /* a worker in a plugin's hands may write anything */
	wire_take_held(&page, &in);
	ck_assert_uint_eq(in.len, WIRE_HELD_MAX);
	buf_done(&frame);
	buf_done(&in);
}
END_TEST

static void wire_cases(Suite *suite)
{
	TCase *c = tcase_create("wire");

	tcase_add_test(c, messages_come_out_as_they_went_in_however_they_are_cut);
	tcase_add_loop_test(c, a_frame_that_breaks_the_rules_is_refused, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(c, a_message_that_is_too_large_is_not_sent);
	tcase_add_test(c, blocking_send_reaches_the_other_side);
	tcase_add_test(c, a_file_comes_over_as_a_descriptor_and_a_refusal_as_its_reason);
	tcase_add_test(c, ends_that_are_held_are_sent_or_found);
	tcase_add_test(c, what_does_not_fit_the_page_is_not_held);
	suite_add_tcase(suite, c);
}

TEST_MAIN("wire", wire_cases)
