/* SPDX-License-Identifier: Apache-2.0 */
/* What libuv leaves to do each time: timers, wake-ups from other threads, watched descriptors, byte
 * streams, signals, and child processes by posix_spawn and pidfd (uv_spawn forks, which stalls a big
 * process for tens of milliseconds).
 *
 * Everything here belongs to the loop thread, except loop_wake_now. Objects are freed by their _free
 * function at any time, also from their own callbacks; no callback comes afterwards. */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "base/err.h"

struct loop;

int loop_new(struct loop **ret, struct err *err);
void loop_run(struct loop *loop); /* until loop_stop, or nothing is left to wait for */
void loop_stop(struct loop *loop);
/* Before each wait for events: for what a busy loop should do once for many of them. */
void loop_on_sleep(struct loop *loop, void (*on_sleep)(void *ctx), void *ctx);
void loop_free(struct loop *loop);     /* waits for closing handles; everything else must be freed */
uv_loop_t *loop_uv(struct loop *loop); /* for the rooms that speak libuv themselves */

/* ---- timer: one shot, set again as often as you like -------------------------------------- */
struct loop_timer;
int loop_timer_new(struct loop *loop, void (*on_due)(void *ctx), void *ctx, struct loop_timer **ret, struct err *err);
void loop_timer_set(struct loop_timer *timer, int64_t ms); /* negative: stop */
void loop_timer_free(struct loop_timer *timer);            /* NULL is fine */

/* ---- wake: run on_wake on the loop thread; several wakes may become one --------------------- */
struct loop_wake;
int loop_wake_new(struct loop *loop, void (*on_wake)(void *ctx), void *ctx, struct loop_wake **ret, struct err *err);
void loop_wake_now(struct loop_wake *wake); /* [any thread] */
void loop_wake_free(struct loop_wake *wake);

/* ---- work: what would hold the loop up ----------------------------------------------------------- */
/* `run` in a thread, then `on_done` on the loop; once each, also while the loop is being freed. Nothing waits for it. */
int loop_work(struct loop *loop, void (*run)(void *ctx), void (*on_done)(void *ctx), void *ctx, struct err *err);

/* ---- watch: a descriptor became readable; the descriptor stays the caller's ----------------- */
struct loop_watch;
int loop_watch_new(struct loop *loop, int fd, void (*on_readable)(void *ctx), void *ctx, struct loop_watch **ret,
                   struct err *err);
void loop_watch_free(struct loop_watch *watch);

/* ---- signal ----------------------------------------------------------------------------------- */
struct loop_signal;
int loop_signal_new(struct loop *loop, int signum, void (*on_signal)(void *ctx, int signum), void *ctx,
                    struct loop_signal **ret, struct err *err);
void loop_signal_free(struct loop_signal *signal);

/* ---- stream: bytes both ways over a socket or pipe, which it owns --------------------------- */
struct loop_stream;
struct loop_stream_events {
	void *ctx;
	void (*on_bytes)(void *ctx, const char *p, size_t n);
	void (*on_end)(void *ctx, const struct err *err); /* once; err->code 0 = orderly end */
};
int loop_stream_new(struct loop *loop, int fd, const struct loop_stream_events *events, struct loop_stream **ret,
                    struct err *err);
/* The bytes are copied. Failure is told by on_end later. */
void loop_stream_write(struct loop_stream *stream, const void *p, size_t n);
/* Bytes that have come and are not read yet, at once: for when the other side has ended. */
void loop_stream_read_rest(struct loop_stream *stream);
void loop_stream_free(struct loop_stream *stream);

/* ---- child process ------------------------------------------------------------------------------ */
struct loop_child;
struct loop_child_spec {
	const char *path;        /* program */
	const char *const *argv; /* NULL-ended, argv[0] included */
	int fds[8];              /* fds[i] becomes descriptor i of the child; -1 = /dev/null */
	int n_fds;               /* all others are closed */
	const char *const *envp; /* NULL-ended "NAME=value"; NULL: as ours */
};
/* on_exit comes once, when the process has ended: `signal` or `code`. */
int loop_child_new(struct loop *loop, const struct loop_child_spec *spec,
                   void (*on_exit)(void *ctx, int code, int signal), void *ctx, struct loop_child **ret,
                   struct err *err);
pid_t loop_child_pid(const struct loop_child *child);
/* Has it begun to end? Its descriptors are closed then, and the word that it has ended follows. */
int loop_child_is_ending(const struct loop_child *child);
void loop_child_kill(struct loop_child *child, int signum); /* through the pidfd: never a stranger */
void loop_child_free(struct loop_child *child);             /* kills it, if it still runs */

#endif
