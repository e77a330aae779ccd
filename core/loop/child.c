/* SPDX-License-Identifier: Apache-2.0 */
/* Child processes: posix_spawn, a process group of its own, and a pidfd that becomes readable when the child has ended. Signals
 * go through the pidfd, so that a number used again by another process is never hit. */
#include "loop/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop/inside.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#define HIGH_FD 64 /* above every number a child's descriptor may get */

struct loop_child {
	struct loop_watch *watch;
	int pidfd;
	pid_t pid;
	int ended;
	void (*on_exit)(void *ctx, int code, int signal);
	void *ctx;
};

static int pidfd_open_for(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static void on_ended(void *ctx)
{
	struct loop_child *child = ctx;
	siginfo_t info = {0};

	if (waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED | WNOHANG | WNOWAIT) || !info.si_pid)
		return;
	kill(-child->pid, SIGKILL); /* what it started; not reaped yet, so the number is still its own */
	waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED | WNOHANG);
	child->ended = 1;
	loop_watch_free(child->watch);
	child->watch = NULL;
	if (info.si_code == CLD_EXITED)
		child->on_exit(child->ctx, info.si_status, 0);
	else
		child->on_exit(child->ctx, 0, info.si_status);
}

/* dup2 in order could overwrite a source that is a later target, so sources are moved up first. */
static int add_descriptors(posix_spawn_file_actions_t *actions, const struct loop_child_spec *spec, int *moved)
{
	int r = 0;

	for (int i = 0; i < spec->n_fds && !r; i++) {
		moved[i] = -1;
		if (spec->fds[i] < 0) {
			r = posix_spawn_file_actions_addopen(actions, i, "/dev/null", O_RDWR, 0);
			continue;
		}
		moved[i] = fcntl(spec->fds[i], F_DUPFD_CLOEXEC, HIGH_FD);
		r = moved[i] < 0 ? errno : posix_spawn_file_actions_adddup2(actions, moved[i], i);
	}
	return r ? r : posix_spawn_file_actions_addclosefrom_np(actions, spec->n_fds);
}

static int spawn(const struct loop_child_spec *spec, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int moved[8], r;
	sigset_t none, all;

	for (int i = 0; i < 8; i++)
		moved[i] = -1;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	r = add_descriptors(&actions, spec, moved);
	if (!r)
		r = posix_spawn(ret_pid, spec->path, &actions, &attr, (char *const *)spec->argv,
		                spec->envp ? (char *const *)spec->envp : environ);
	for (int i = 0; i < 8; i++)
		if (moved[i] >= 0)
			close(moved[i]);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

int loop_child_new(struct loop *loop, const struct loop_child_spec *spec,
                   void (*on_exit)(void *ctx, int code, int signal), void *ctx, struct loop_child **ret,
                   struct err *err)
{
	struct loop_child *child = calloc(1, sizeof(*child));
	int r;

	if (!child)
		return err_set(err, ERR_NOMEM, "out of memory");
	child->on_exit = on_exit;
	child->ctx = ctx;
	child->pidfd = -1;
	r = spawn(spec, &child->pid);
	if (r) {
		free(child);
		return err_errno(err, r, "cannot start '%s'", spec->path);
	}
	child->pidfd = pidfd_open_for(child->pid);
	r = child->pidfd < 0 ? err_errno(err, errno, "cannot watch process %d", (int)child->pid)
	                     : loop_watch_new(loop, child->pidfd, on_ended, child, &child->watch, err);
	if (r) {
		loop_child_free(child);
		return r;
	}
	*ret = child;
	return 0;
}

/* The kernel says so in the flags of /proc/PID/stat (PF_EXITING of linux/sched.h), before it closes anything. Where that
 * cannot be read it is taken for granted. */
#define EXITING 0x4u

int loop_child_is_ending(const struct loop_child *child)
{
	char path[64], text[512], *name_end;
	unsigned flags = EXITING;
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)child->pid);
	fd = child->ended ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	name_end = strrchr(text, ')'); /* the name may hold anything */
	if (name_end)
		sscanf(name_end, ") %*c %*d %*d %*d %*d %*d %u", &flags);
	return (flags & EXITING) != 0;
}

pid_t loop_child_pid(const struct loop_child *child)
{
	return child->pid;
}

void loop_child_kill(struct loop_child *child, int signum)
{
	if (!child->ended && child->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, child->pidfd, signum, NULL, 0);
}

void loop_child_free(struct loop_child *child)
{
	if (!child)
		return;
	if (!child->ended) {
		/* Not reaped yet, so the number still belongs to this child. */
		kill(-child->pid, SIGKILL);
		waitpid(child->pid, NULL, 0);
	}
	loop_watch_free(child->watch);
	if (child->pidfd >= 0)
		close(child->pidfd);
	free(child);
}
