/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/loop.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "lib/test.h"

static struct loop *loop;
static struct err err;
static struct buf got;
static int exits, last_code, last_signal, calls;

static void set_up(void)
{
	ck_ok(loop_new(&loop, &err), &err);
	buf_init(&got, 0);
}

static void tear_down(void)
{
	loop_free(loop);
	buf_done(&got);
}

static void stop(void *ctx)
{
	(void)ctx;
	calls++;
	loop_stop(loop);
}

static void on_exit_stop(void *ctx, int code, int sig)
{
	(void)ctx;
	exits++;
	last_code = code;
	last_signal = sig;
	loop_stop(loop);
}

START_TEST(a_timer_fires_once_and_a_stopped_one_never)
{
	struct loop_timer *on, *off;

	ck_ok(loop_timer_new(loop, stop, NULL, &on, &err), &err);
	ck_ok(loop_timer_new(loop, stop, NULL, &off, &err), &err);
	loop_timer_set(off, 0);
	loop_timer_set(off, -1);
	loop_timer_set(on, 1);
	loop_run(loop);
	ck_assert_int_eq(calls, 1);
	loop_timer_free(on);
	loop_timer_free(off);
}
END_TEST

static void *wake_from_thread(void *wake)
{
	loop_wake_now(wake);
	return NULL;
}

START_TEST(another_thread_wakes_the_loop)
{
	struct loop_wake *wake;
	pthread_t thread;

	ck_ok(loop_wake_new(loop, stop, NULL, &wake, &err), &err);
	pthread_create(&thread, NULL, wake_from_thread, wake);
	loop_run(loop);
	pthread_join(thread, NULL);
	ck_assert_int_eq(calls, 1);
	loop_wake_free(wake);
}
END_TEST

static pthread_t worked_in;

static void work(void *ctx)
{
	(void)ctx;
	worked_in = pthread_self();
}

START_TEST(work_is_done_in_a_thread_and_its_end_is_told_on_the_loop)
{
	ck_ok(loop_work(loop, work, stop, NULL, &err), &err);
	loop_run(loop);
	ck_assert_int_eq(calls, 1);
	ck_assert(!pthread_equal(worked_in, pthread_self()));
	/* Freeing the loop waits for what is under way. */
	ck_ok(loop_work(loop, work, stop, NULL, &err), &err);
}
END_TEST

static void on_bytes(void *ctx, const char *p, size_t n)
{
	(void)ctx;
	buf_add(&got, p, n);
}

static void on_end(void *ctx, const struct err *end)
{
	(void)ctx;
	ck_assert_int_eq(end->code, 0);
	loop_stop(loop);
}

START_TEST(a_child_gets_its_descriptors_and_its_end_is_told)
{
	static const char *const argv[] = {"sh", "-c", "cat <&3; exit 7", NULL};
	struct loop_child_spec spec = {"/bin/sh", argv, {-1, 0, -1, 0}, 4, NULL};
	struct loop_stream_events events = {NULL, on_bytes, on_end};
	struct loop_stream *out, *in;
	struct loop_child *child;
	int outs[2], ins[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, outs), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ins), 0);
	spec.fds[1] = outs[1];
	spec.fds[3] = ins[1];
	ck_ok(loop_child_new(loop, &spec, on_exit_stop, NULL, &child, &err), &err);
	close(outs[1]);
	close(ins[1]);
	ck_ok(loop_stream_new(loop, outs[0], &events, &out, &err), &err);
	ck_ok(loop_stream_new(loop, ins[0], &(struct loop_stream_events){NULL, on_bytes, on_end}, &in, &err), &err);
	loop_stream_write(in, "hello", 5);
	while (got.len < 5)
		uv_run(loop_uv(loop), UV_RUN_ONCE);
	loop_stream_free(in); /* the end of its input */
	loop_run(loop);
	if (!exits)
		loop_run(loop);
	ck_assert_str_eq(got.data, "hello");
	ck_assert_int_eq(last_code, 7);
	loop_stream_free(out);
	loop_child_free(child);
}
END_TEST

static int last_end;

static void on_broken(void *ctx, const struct err *end)
{
	(void)ctx;
	last_end = end->code;
	loop_stop(loop);
}

START_TEST(what_was_said_before_a_write_found_nobody_there_is_heard)
{
	struct loop_stream *stream;
	int pair[2];

	signal(SIGPIPE, SIG_IGN); /* as the agent does */
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	ck_ok(loop_stream_new(loop, pair[0], &(struct loop_stream_events){NULL, on_bytes, on_broken}, &stream, &err),
	      &err);
	ck_assert_int_eq(write(pair[1], "answer", 6), 6);
	close(pair[1]);
	loop_stream_write(stream, "order", 5); /* its end comes first */
	loop_run(loop);
	ck_assert_int_ne(last_end, 0);
	ck_assert_uint_eq(got.len, 6);
	ck_assert_mem_eq(got.data, "answer", 6);
	loop_stream_free(stream);
}
END_TEST

START_TEST(a_child_is_killed_through_its_pidfd)
{
	static const char *const argv[] = {"sleep", "1000", NULL};
	struct loop_child_spec spec = {"/bin/sleep", argv, {-1, -1, -1}, 3, NULL};
	struct loop_child *child;

	ck_ok(loop_child_new(loop, &spec, on_exit_stop, NULL, &child, &err), &err);
	loop_child_kill(child, SIGKILL);
	loop_run(loop);
	ck_assert_int_eq(last_signal, SIGKILL);
	loop_child_free(child);
}
END_TEST

START_TEST(a_program_that_is_missing_is_named)
{
	static const char *const argv[] = {"x", NULL};
	struct loop_child_spec spec = {"/does/not/exist", argv, {-1}, 1, NULL};
	struct loop_child *child;

	ck_assert_int_eq(loop_child_new(loop, &spec, on_exit_stop, NULL, &child, &err), ERR_NOTFOUND);
	ck_assert_str_eq(err.text, "cannot start '/does/not/exist': No such file or directory");
}
END_TEST

static void loop_cases(Suite *suite)
{
	TCase *c = tcase_create("loop");

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, a_timer_fires_once_and_a_stopped_one_never);
	tcase_add_test(c, another_thread_wakes_the_loop);
	tcase_add_test(c, work_is_done_in_a_thread_and_its_end_is_told_on_the_loop);
	tcase_add_test(c, a_child_gets_its_descriptors_and_its_end_is_told);
	tcase_add_test(c, what_was_said_before_a_write_found_nobody_there_is_heard);
	tcase_add_test(c, a_child_is_killed_through_its_pidfd);
	tcase_add_test(c, a_program_that_is_missing_is_named);
	suite_add_tcase(suite, c);
}

TEST_MAIN("loop", loop_cases)
