/* SPDX-License-Identifier: Apache-2.0 */
/* The loop itself, timers, wakes, watches and signals. Each object holds one uv handle as its first
 * member and is freed in that handle's close callback. */
#include "loop/loop.h"

#include "loop/inside.h"

#include <stdlib.h>

#define READ_SIZE 65536

struct loop {
	uv_loop_t uv;
	uv_prepare_t sleep; /* its data is the loop, or NULL while nobody asked */
	void (*on_sleep)(void *ctx);
	void *sleep_ctx;
	char bytes[READ_SIZE];
};

int loop_uv_error(struct err *err, int r, const char *what)
{
	return err_set(err, err_from_errno(-r), "%s: %s", what, uv_strerror(r));
}

int loop_new(struct loop **ret, struct err *err)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	int r;

	if (!loop)
		return err_set(err, ERR_NOMEM, "out of memory");
	r = uv_loop_init(&loop->uv);
	if (r) {
		free(loop);
		return loop_uv_error(err, r, "cannot start the event loop");
	}
	*ret = loop;
	return 0;
}

uv_buf_t loop_read_buffer(uv_loop_t *uv)
{
	struct loop *loop = (struct loop *)uv; /* its first member */

	return uv_buf_init(loop->bytes, READ_SIZE);
}

void loop_run(struct loop *loop)
{
	uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
	uv_stop(&loop->uv);
}

static void sleep_next(uv_prepare_t *prepare)
{
	struct loop *loop = prepare->data;

	loop->on_sleep(loop->sleep_ctx);
}

void loop_on_sleep(struct loop *loop, void (*on_sleep)(void *ctx), void *ctx)
{
	loop->on_sleep = on_sleep;
	loop->sleep_ctx = ctx;
	if (loop->sleep.data)
		return;
	loop->sleep.data = loop;
	uv_prepare_init(&loop->uv, &loop->sleep);
	uv_prepare_start(&loop->sleep, sleep_next);
	uv_unref((uv_handle_t *)&loop->sleep);
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	if (loop->sleep.data)
		uv_close((uv_handle_t *)&loop->sleep, NULL);
	while (uv_loop_close(&loop->uv) == UV_EBUSY)
		uv_run(&loop->uv, UV_RUN_NOWAIT);
	free(loop);
}

uv_loop_t *loop_uv(struct loop *loop)
{
	return &loop->uv;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle);
}

static void close_handle(void *object)
{
	if (object)
		uv_close(object, on_closed);
}

/* ---- timer ---------------------------------------------------------------------------------- */

struct loop_timer {
	uv_timer_t uv;
	void (*on_due)(void *ctx);
	void *ctx;
};

static void timer_due(uv_timer_t *uv)
{
	struct loop_timer *timer = (struct loop_timer *)uv;

	timer->on_due(timer->ctx);
}

int loop_timer_new(struct loop *loop, void (*on_due)(void *ctx), void *ctx, struct loop_timer **ret, struct err *err)
{
	struct loop_timer *timer = calloc(1, sizeof(*timer));

	if (!timer)
		return err_set(err, ERR_NOMEM, "out of memory");
	uv_timer_init(&loop->uv, &timer->uv);
	timer->on_due = on_due;
	timer->ctx = ctx;
	*ret = timer;
	return 0;
}

void loop_timer_set(struct loop_timer *timer, int64_t ms)
{
	if (ms < 0) {
		uv_timer_stop(&timer->uv);
		return;
	}
	uv_update_time(timer->uv.loop);
	uv_timer_start(&timer->uv, timer_due, (uint64_t)ms, 0);
}

void loop_timer_free(struct loop_timer *timer)
{
	close_handle(timer);
}

/* ---- wake ----------------------------------------------------------------------------------- */

struct loop_wake {
	uv_async_t uv;
	void (*on_wake)(void *ctx);
	void *ctx;
};

static void wake_up(uv_async_t *uv)
{
	struct loop_wake *wake = (struct loop_wake *)uv;

	wake->on_wake(wake->ctx);
}

int loop_wake_new(struct loop *loop, void (*on_wake)(void *ctx), void *ctx, struct loop_wake **ret, struct err *err)
{
	struct loop_wake *wake = calloc(1, sizeof(*wake));
	int r;

	if (!wake)
		return err_set(err, ERR_NOMEM, "out of memory");
	wake->on_wake = on_wake;
	wake->ctx = ctx;
	r = uv_async_init(&loop->uv, &wake->uv, wake_up);
	if (r) {
		free(wake);
		return loop_uv_error(err, r, "cannot make a wake-up");
	}
	*ret = wake;
	return 0;
}

void loop_wake_now(struct loop_wake *wake)
{
	uv_async_send(&wake->uv);
}

void loop_wake_free(struct loop_wake *wake)
{
	close_handle(wake);
}

/* ---- work ----------------------------------------------------------------------------------- */

struct work {
	uv_work_t uv;
	void (*run)(void *ctx), (*on_done)(void *ctx);
	void *ctx;
};

static void work_run(uv_work_t *uv)
{
	struct work *work = (struct work *)uv;

	work->run(work->ctx);
}

static void work_done(uv_work_t *uv, int status)
{
	struct work *work = (struct work *)uv;

	(void)status; /* nothing is ever taken back */
	work->on_done(work->ctx);
	free(work);
}

int loop_work(struct loop *loop, void (*run)(void *ctx), void (*on_done)(void *ctx), void *ctx, struct err *err)
{
	struct work *work = calloc(1, sizeof(*work));
	int r;

	if (!work)
		return err_set(err, ERR_NOMEM, "out of memory");
	work->run = run;
	work->on_done = on_done;
	work->ctx = ctx;
	r = uv_queue_work(&loop->uv, &work->uv, work_run, work_done);
	if (!r)
		return 0;
	free(work);
	return loop_uv_error(err, r, "cannot hand work to a thread");
}

/* ---- watch ---------------------------------------------------------------------------------- */

struct loop_watch {
	uv_poll_t uv;
	void (*on_readable)(void *ctx);
	void *ctx;
};

static void watch_ready(uv_poll_t *uv, int status, int events)
{
	struct loop_watch *watch = (struct loop_watch *)uv;

	(void)status; /* an error is readable too: the reader will meet it */
	(void)events;
	watch->on_readable(watch->ctx);
}

int loop_watch_new(struct loop *loop, int fd, void (*on_readable)(void *ctx), void *ctx, struct loop_watch **ret,
                   struct err *err)
{
	struct loop_watch *watch = calloc(1, sizeof(*watch));
	int r;

	if (!watch)
		return err_set(err, ERR_NOMEM, "out of memory");
	watch->on_readable = on_readable;
	watch->ctx = ctx;
	r = uv_poll_init(&loop->uv, &watch->uv, fd);
	if (r) {
		free(watch);
		return loop_uv_error(err, r, "cannot watch a descriptor");
	}
	uv_poll_start(&watch->uv, UV_READABLE, watch_ready);
	*ret = watch;
	return 0;
}

void loop_watch_free(struct loop_watch *watch)
{
	close_handle(watch);
}

/* ---- signal --------------------------------------------------------------------------------- */

struct loop_signal {
	uv_signal_t uv;
	void (*on_signal)(void *ctx, int signum);
	void *ctx;
};

static void signal_came(uv_signal_t *uv, int signum)
{
	struct loop_signal *signal = (struct loop_signal *)uv;

	signal->on_signal(signal->ctx, signum);
}

int loop_signal_new(struct loop *loop, int signum, void (*on_signal)(void *ctx, int signum), void *ctx,
                    struct loop_signal **ret, struct err *err)
{
	struct loop_signal *signal = calloc(1, sizeof(*signal));
	int r;

	if (!signal)
		return err_set(err, ERR_NOMEM, "out of memory");
	signal->on_signal = on_signal;
	signal->ctx = ctx;
	r = uv_signal_init(&loop->uv, &signal->uv);
	if (!r)
		r = uv_signal_start(&signal->uv, signal_came, signum);
	if (r) {
		close_handle(signal);
		return loop_uv_error(err, r, "cannot catch a signal");
	}
	*ret = signal;
	return 0;
}

void loop_signal_free(struct loop_signal *signal)
{
	close_handle(signal);
}
