/* SPDX-License-Identifier: Apache-2.0 */
/* One worker process: spawn, talk, watch, kill.
 *
 * Happy path: spawned with the socket at 3 and the crash page at 4 → HELLO → idle → ORDER → messages →
 * RESULT or FAIL → idle again. When it dies, the page tells which plugin call it was in.
 * When it does not say HELLO in time, breaks the protocol, or does not stop within the grace: SIGKILL. */
#include "supervise/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

#define HELLO_LIMIT_MS 10000
#define OUT_KEPT (64u << 10)

struct fds {
	int ours, theirs, page, output[2], files[2];
};

#define NO_FDS                        \
	{                             \
		-1, -1, -1, {-1, -1}, \
		{                     \
			-1, -1        \
		}                     \
	}

static void fds_close(struct fds *fds)
{
	int all[] = {fds->ours, fds->theirs, fds->page, fds->output[0], fds->output[1], fds->files[0], fds->files[1]};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i] >= 0)
			close(all[i]);
}

static int fds_open(struct fds *fds, struct err *err)
{
	int pair[2];

	*fds = (struct fds)NO_FDS;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return err_errno(err, errno, "cannot make a socket for a worker");
	fds->ours = pair[0];
	fds->theirs = pair[1];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds->files))
		return err_errno(err, errno, "cannot make a socket for a worker");
	if (pipe2(fds->output, O_CLOEXEC))
		return err_errno(err, errno, "cannot make a pipe for a worker");
	fds->page = memfd_create("orasi-page", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	/* Sealed: were it made shorter over there, reading it here would be a SIGBUS. */
	if (fds->page < 0 || ftruncate(fds->page, sizeof(struct wire_page)) ||
	    fcntl(fds->page, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return err_errno(err, errno, "cannot make a crash page for a worker");
	return 0;
}

/* What it had done before it died counts: else the order behind it would not be known as the one it died of. */
static void on_exit_of(void *ctx, int code, int signal)
{
	struct process *process = ctx;

	process->is_dead = 1;
	loop_stream_read_rest(process->stream);
	process_hear_held(process);
	pool_dead(process, code, signal);
}

/* The time for starting, for a scan, or for obeying a cancel is over. */
static void on_late(void *ctx)
{
	struct process *process = ctx;
	char why[96];

	if (process->state == PROCESS_STARTING)
		process_kill(process, "did not say hello within 10 s");
	else if (process->role == ROLE_SCAN && process->order && !process->order->stop.code) {
		snprintf(why, sizeof(why), "took longer than %lld ms", (long long)process->sup->config->scan_limit_ms);
		process_kill(process, why);
	} else
		process_kill(process, "did not stop when it was told to");
}

static int start_child(struct process *process, const struct fds *fds, struct err *err)
{
	const struct supervise *sup = process->sup;
	char memory[32], disk[32], files[32];
	const char *argv[CONFINE_ARGS_MAX] = {"orasi-worker", "--role", role_name(process->role), "--memory", memory,
	                                      "--files",      files};
	const char **envp;
	struct loop_child_spec spec = {
		.path = sup->config->program,
		.argv = argv,
		.fds = {-1, fds->output[1], fds->output[1], fds->theirs, fds->page, fds->files[1]},
		.n_fds = 6,
	};
	int r;

	snprintf(memory, sizeof(memory), "%llu", (unsigned long long)sup->config->memory);
	snprintf(disk, sizeof(disk), "%lld", (long long)sup->disk_limit);
	snprintf(files, sizeof(files), "%lld", (long long)sup->config->open_files);
	confine_arguments(process, disk, argv + 7);
	r = confine_environment(process, &envp, err);
	spec.envp = envp;
	if (!r)
		r = loop_child_new(sup->env.loop, &spec, on_exit_of, process, &process->child, err);
	free(envp);
	return r;
}

static int connect_child(struct process *process, struct fds *fds, struct err *err)
{
	struct loop_stream_events talk = {process, process_hear, process_hear_end};
	struct loop_stream_events output = {process, process_output, process_output_end};
	struct loop *loop = process->sup->env.loop;
	int r;

	process->page = mmap(NULL, sizeof(struct wire_page), PROT_READ | PROT_WRITE, MAP_SHARED, fds->page, 0);
	if (process->page == MAP_FAILED) {
		process->page = NULL;
		return err_errno(err, errno, "cannot map the crash page");
	}
	r = start_child(process, fds, err);
	if (!r)
		r = loop_stream_new(loop, fds->ours, &talk, &process->stream, err);
	if (!r) {
		fds->ours = -1;
		process->output_fd = fcntl(fds->output[0], F_DUPFD_CLOEXEC, 0);
		r = loop_stream_new(loop, fds->output[0], &output, &process->output, err);
	}
	if (!r) {
		fds->output[0] = -1;
		process->files_fd = fds->files[0];
		fds->files[0] = -1;
		r = confine_watch(process, err);
	}
	if (!r) {
		r = loop_timer_new(loop, on_late, process, &process->timer, err);
	}
	if (!r)
		loop_timer_set(process->timer, HELLO_LIMIT_MS);
	return r;
}

int process_new(struct supervise *sup, enum role role, const struct order *order, struct process **ret, struct err *err)
{
	struct process *process = calloc(1, sizeof(*process));
	struct fds fds = NO_FDS;
	int r;

	if (!process)
		return err_set(err, ERR_NOMEM, "out of memory");
	list_init(&process->link);
	process->sup = sup;
	process->role = role;
	process->output_fd = process->files_fd = process->leaf = -1;
	process->rights = order ? order->rights : 0;
	process->places = role == ROLE_TASK || role == ROLE_QUERY ? sup->n_places : 0;
	process->started_at = clock_wall_ms();
	buf_init(&process->in, WIRE_JSON_MAX * 2);
	buf_init(&process->line, 0);
	buf_init(&process->out, 0);
	list_init(&process->ahead);
	process->mean_ns = ORDER_UNKNOWN_NS;
	r = staging_enter(process, err);
	if (!r)
		r = fds_open(&fds, err);
	if (!r)
		r = connect_child(process, &fds, err);
	fds_close(&fds);
	if (r) {
		process_free(process);
		return r;
	}
	cgroup_enter(process);
	*ret = process;
	return 0;
}

void process_free(struct process *process)
{
	if (!process)
		return;
	list_del(&process->link);
	fetch_forget(process);
	disk_forget(process);
	loop_child_free(process->child);
	cgroup_leave(process);
	staging_leave(process);
	loop_stream_free(process->stream);
	loop_stream_free(process->output);
	loop_timer_free(process->timer);
	loop_watch_free(process->file_watch);
	if (process->files_fd >= 0)
		close(process->files_fd);
	if (process->output_fd >= 0)
		close(process->output_fd);
	if (process->page)
		munmap(process->page, sizeof(struct wire_page));
	buf_done(&process->in);
	buf_done(&process->line);
	buf_done(&process->out);
	json_free(process->plugins);
	free(process);
}

void process_put(struct process *process, enum wire_type type, const struct json *json)
{
	struct err err = {0};
	size_t before = process->out.len;

	if (!wire_put(&process->out, type, json, &err))
		return;
	log_error("worker.send", LOG_STR("message", wire_name(type)), LOG_STR("error", err.text));
	process->out.len = before; /* half a frame would be the end of all */
	process->out.failed = 0;
}

void process_flush(struct process *process)
{
	if (process->out.len)
		loop_stream_write(process->stream, process->out.data, process->out.len);
	if (process->out.cap > OUT_KEPT)
		buf_done(&process->out);
	buf_clear(&process->out);
}

void process_send(struct process *process, enum wire_type type, const struct json *json)
{
	process_put(process, type, json);
	process_flush(process);
}

void process_interrupt(struct process *process)
{
	struct json *json = json_new_object();

	json_set_int(json, "order", process->order ? process->order->number : 0);
	process_send(process, WIRE_CANCEL, json);
	json_free(json);
	process_recall(process);
	loop_timer_set(process->timer, process->sup->config->cancel_grace_ms);
}

void process_kill(struct process *process, const char *why)
{
	if (process->killed)
		return;
	process->killed = 1;
	str_copy(process->why, sizeof(process->why), why);
	loop_child_kill(process->child, SIGKILL);
}

void process_retire(struct process *process)
{
	process->wanted = 1;
	process->state = PROCESS_STOPPING;
	process_kill(process, "");
}
