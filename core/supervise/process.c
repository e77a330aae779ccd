/* SPDX-License-Identifier: Apache-2.0 */
/* One worker process: spawn, talk, watch, kill.
 *
 * Happy path: spawned with the socket at 3 and the crash page at 4 → HELLO → idle → ORDER → messages →
 * RESULT or FAIL → idle again. When it dies, the page tells which plugin call it was in.
 * When it does not say HELLO in time, breaks the protocol, or does not stop within the grace: SIGKILL. */
#include "supervise/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "plugin/plugin.h"

#define HELLO_LIMIT_MS 10000
#define LINE_LIMIT 2000

/* Orders are sent ahead to a worker that does them so fast that waiting for the next would be most of its time. */
#define QUICK_NS INT64_C(1000000) /* one takes less */
#define AHEAD_NS INT64_C(500000)  /* and all that wait this: whoever comes next waits behind them */
#define AHEAD_MAX 8
#define OUT_KEPT (64u << 10)
/* One takes longer than anybody thought: soon when others are idle, later when it may be the machine that is busy. */
#define RECALL_NS INT64_C(10000000)
#define RECALL_BUSY_NS INT64_C(50000000)
#define UNKNOWN_NS (10 * QUICK_NS)

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

/* ---- what it says ---------------------------------------------------------------------------- */

/* Said once, not with every worker. */
static void note_sandbox(struct supervise *sup, const char *missing)
{
	if (*missing && !sup->said_no_sandbox)
		log_warn("worker.sandbox", LOG_STR("missing", missing),
		         LOG_STR("effect", "this kernel does not offer it: plugins are "
		                           "held by what is left (workers.sandbox)"));
	sup->said_no_sandbox |= *missing != '\0';
}

static void on_hello(struct process *process, const struct json *json)
{
	note_sandbox(process->sup, json_get_str(json, "no_sandbox", ""));
	if (process->state != PROCESS_STARTING)
		return;
	loop_timer_set(process->timer, -1);
	process->state = PROCESS_IDLE;
	pool_idle(process);
}

#define WORDS_PER_SECOND 200

/* A worker may be made to shout: what comes too fast is dropped, and how much that was is said once a second. */
static int may_say(struct process *process)
{
	struct budget *words = &process->words;
	int64_t now = clock_mono_ms();

	if (now - words->since >= 1000) {
		if (words->dropped)
			log_warn("worker.noise", LOG_INT("pid", loop_child_pid(process->child)),
			         LOG_INT("dropped", words->dropped));
		*words = (struct budget){now, 0, 0};
	}
	if (words->used < WORDS_PER_SECOND) {
		words->used++;
		return 1;
	}
	words->dropped++;
	return 0;
}

static void on_log(struct process *process, const struct json *json)
{
	static const char *const levels[] = {"debug", "info", "warn", "error"};
	const char *name = json_get_str(json, "level", "info");
	const struct json *order = process->order ? process->order->json : NULL;
	enum log_level level = LOG_INFO;

	if (!may_say(process))
		return;
	for (int i = LOG_DEBUG; i <= LOG_ERROR; i++)
		if (!strcmp(levels[i], name))
			level = (enum log_level)i;
	log_at(level, json_get_str(json, "event", "worker.log"), LOG_INT("pid", loop_child_pid(process->child)),
	       LOG_STR("task", json_get_str(order, "task", "-")), LOG_STR("trace", json_get_str(order, "trace", "-")),
	       LOG_STR("plugin", json_get_str(json, "plugin", "-")), LOG_STR("line", json_get_str(json, "line", "")));
	if (process->sup->env.on_log && order)
		process->sup->env.on_log(process->sup->env.ctx, json_get_str(order, "task", ""), name,
		                         json_get_str(json, "line", ""));
}

/* ---- orders ---------------------------------------------------------------------------------- */

static void begin(struct process *process, struct order *order)
{
	process->state = PROCESS_BUSY;
	process->order = order;
	process->begun_ns = clock_mono_ns();
	process->cpu_given_ms = cgroup_cpu_ms(process);
	process->tail.len = 0;
	process->tail.text[0] = '\0';
	if (process->role == ROLE_SCAN)
		loop_timer_set(process->timer, process->sup->config->scan_limit_ms);
	if (order->events->on_begin)
		order->events->on_begin(order->ctx);
	if (order->stop.code)
		process_interrupt(process);
	watch_busy(process->sup);
}

static void unlink_ahead(struct process *process, struct order *order)
{
	list_del(&order->link);
	process->n_ahead--;
}

/* The worker goes on with the next one that waits there, or is idle. */
static void go_on(struct process *process)
{
	struct order *order;

	if (!process->n_ahead) {
		process->state = PROCESS_IDLE;
		return;
	}
	order = list_entry(process->ahead.next, struct order, link);
	unlink_ahead(process, order);
	begin(process, order);
}

static void finished(struct process *process, const struct json *result, const struct err *err)
{
	struct order *order = process->order;

	process->order = NULL;
	process->served++;
	loop_timer_set(process->timer, -1);
	if (pool_is_spent(process))
		process_take_back(process);
	go_on(process);
	order_end(order, result, err);
	if (process->state == PROCESS_IDLE && !process->is_dead)
		pool_idle(process);
}

static struct order *find_ahead(struct process *process, int64_t number)
{
	list_each (item, &process->ahead) {
		struct order *order = list_entry(item, struct order, link);

		if (order->number == number)
			return order;
	}
	return NULL;
}

static void take_back(struct process *process, int64_t number)
{
	struct order *order = find_ahead(process, number);

	if (order) {
		unlink_ahead(process, order);
	} else if (process->order && process->order->number == number && number != process->recalled_at) {
		order = process->order; /* its turn came while the recall was on its way */
		process->order = NULL;
	}
	if (order)
		pool_take_back(order);
}

/* The last ones first, so that they wait in their order again. */
static void on_back(struct process *process, const struct json *json)
{
	const struct json *orders = json_get(json, "orders");

	if (!process->recalled_at)
		return;
	for (size_t i = json_count(orders); i-- > 0;)
		take_back(process, json_int(json_at(orders, i), 0));
	process->recalled_at = 0;
	if (!process->order)
		go_on(process);
	if (process->state == PROCESS_IDLE)
		pool_idle(process);
	else
		pool_dispatch(process->sup, process->role);
}

void process_take_back(struct process *process)
{
	while (process->n_ahead) {
		struct order *order = list_entry(process->ahead.prev, struct order, link);

		unlink_ahead(process, order);
		pool_take_back(order);
	}
}

/* So many that they are done in AHEAD_NS, when those before were quick and the one at hand is no exception. */
size_t process_room(const struct process *process, uint64_t likeness)
{
	const struct order *order = process->order;
	int64_t depth;

	if (process->state != PROCESS_BUSY || process->killed || process->is_dead || process->recalled_at ||
	    !likeness || likeness != process->likeness || likeness != order->likeness || order->stop.code ||
	    process->mean_ns > QUICK_NS || clock_mono_ns() - process->begun_ns > AHEAD_NS)
		return 0;
	depth = process->mean_ns > AHEAD_NS / AHEAD_MAX ? AHEAD_NS / process->mean_ns : AHEAD_MAX;
	if (depth > process->sup->config->orders_per_worker - process->served - 1)
		depth = process->sup->config->orders_per_worker - process->served - 1;
	return depth > (int64_t)process->n_ahead ? (size_t)depth - process->n_ahead : 0;
}

void process_recall(struct process *process)
{
	struct json *json;

	if (!process->n_ahead || process->recalled_at || process->killed)
		return;
	process->recalled_at = process->order->number;
	json = json_new_object();
	process_send(process, WIRE_RECALL, json);
	json_free(json);
}

void process_recall_late(struct process *process, int somebody_is_idle)
{
	if (clock_mono_ns() - process->begun_ns > (somebody_is_idle ? RECALL_NS : RECALL_BUSY_NS))
		process_recall(process);
}

static void on_fail(struct process *process, const struct json *json)
{
	struct err err = {0};

	err_set(&err, err_from_name(json_get_str(json, "code", "internal")), "%s",
	        json_get_str(json, "text", "the worker gave no reason"));
	err_where(&err, "%s", json_get_str(json, "where", ""));
	if (!err.code)
		err.code = ERR_INTERNAL;
	finished(process, NULL, &err);
}

#define USAGE_MAX (INT64_C(1) << 50)

static int64_t within(int64_t v)
{
	return v < 0 ? 0 : v > USAGE_MAX ? USAGE_MAX : v;
}

/* As the worker says: here it would include how long its word has waited. */
static void note_time(struct process *process, int64_t took)
{
	const struct order *order = process->order;

	if (!order->likeness)
		return;
	if (order->likeness != process->likeness)
		process->mean_ns = UNKNOWN_NS;
	process->likeness = order->likeness;
	if (took > 4 * process->mean_ns) /* one that was held up proves little, several do */
		took = 4 * process->mean_ns;
	process->mean_ns += (took - process->mean_ns) / 4;
}

/* A leaf knows it better: it counts what the worker has started, too, and nobody can lie about it. */
static void take_usage(struct process *process, const struct json *json)
{
	struct task_usage *usage = &process->order->usage;
	int64_t measured = cgroup_cpu_ms(process);

	note_time(process, within(json_get_int(json, "ns", UNKNOWN_NS)));
	usage->cpu_ms = within(json_get_int(json, "cpu_ms", 0));
	if (measured >= 0 && process->cpu_given_ms >= 0)
		usage->cpu_ms = measured - process->cpu_given_ms;
	usage->rss_kib = within(json_get_int(json, "rss_kib", 0));
	process->cpu_told_ms += usage->cpu_ms;
}

static int is_current(const struct process *process, uint32_t number)
{
	return process->order && process->order->number == number;
}

static void on_message(struct process *process, const struct wire_message *message)
{
	static const struct err fine = {0};
	const struct order *order = process->order;
	uint32_t number =
		message->type == WIRE_DATA ? message->order : (uint32_t)json_get_int(message->json, "order", 0);

	if ((message->type == WIRE_RESULT || message->type == WIRE_FAIL) && is_current(process, number))
		take_usage(process, message->json);
	if (message->type == WIRE_RESULT || message->type == WIRE_FAIL)
		process->spent |= json_get_bool(message->json, "spent", 0);
	if (message->type == WIRE_HELLO)
		on_hello(process, message->json);
	else if (message->type == WIRE_LOG)
		on_log(process, message->json);
	else if (message->type == WIRE_BACK)
		on_back(process, message->json);
	else if (message->type == WIRE_METRICS && may_say(process))
		plugin_count(process->sup->env.plugins, message->json);
	else if (!is_current(process, number))
		return; /* of an order that was stopped meanwhile */
	else if (message->type == WIRE_ASK)
		fetch_ask(process, message->json);
	else if (message->type == WIRE_PROGRESS && order->events->on_progress && may_say(process))
		order->events->on_progress(order->ctx, message->json);
	else if (message->type == WIRE_PART && order->events->on_part)
		order->events->on_part(order->ctx, message->json);
	else if (message->type == WIRE_DATA && order->events->on_data)
		order->events->on_data(order->ctx, message->data, message->len);
	else if (message->type == WIRE_RESULT)
		finished(process, json_get(message->json, "result"), &fine);
	else if (message->type == WIRE_FAIL)
		on_fail(process, message->json);
}

static void on_bytes(void *ctx, const char *p, size_t n)
{
	struct process *process = ctx;
	struct wire_message message;
	struct err err = {0};
	size_t at = 0;
	int r = 0;

	buf_add(&process->in, p, n);
	while (!process->killed && (r = wire_take(&process->in, &at, &message, &err)) > 0) {
		on_message(process, &message);
		wire_message_done(&message);
	}
	if (r < 0 || process->in.failed) {
		log_error("worker.protocol", LOG_INT("pid", loop_child_pid(process->child)),
		          LOG_STR("error", r < 0 ? err.text : "too much at once"));
		process_kill(process, "broke the protocol");
		buf_clear(&process->in);
		return;
	}
	buf_consume(&process->in, at);
}

/* The socket ends a little before a process that has died, and then its exit is what counts. One that lives on has closed
 * it: no code of ours does that. */
static void on_stream_end(void *ctx, const struct err *err)
{
	struct process *process = ctx;

	(void)err;
	if (!process->killed)
		process_kill(process, loop_child_is_ending(process->child) ? "" : "closed its socket to the agent");
}

/* ---- what it prints -------------------------------------------------------------------------- */

static void tail_add(struct tail *tail, const char *line, size_t n)
{
	const size_t cap = sizeof(tail->text) - 1;

	if (n > cap - 3)
		n = cap - 3;
	if (tail->len + n + 3 > cap) { /* the oldest go */
		size_t drop = tail->len + n + 3 - cap;

		memmove(tail->text, tail->text + drop, tail->len - drop);
		tail->len -= drop;
	}
	if (tail->len) {
		memcpy(tail->text + tail->len, " | ", 3);
		tail->len += 3;
	}
	memcpy(tail->text + tail->len, line, n);
	tail->len += n;
	tail->text[tail->len] = '\0';
}

static void print_line(struct process *process)
{
	if (process->line.len)
		tail_add(&process->tail, process->line.data, process->line.len);
	if (process->line.len && may_say(process))
		log_warn("worker.output", LOG_INT("pid", loop_child_pid(process->child)),
		         LOG_STR("role", role_name(process->role)), LOG_STR("line", process->line.data));
	buf_clear(&process->line);
}

static void on_output(void *ctx, const char *p, size_t n)
{
	struct process *process = ctx;

	for (size_t i = 0; i < n; i++) {
		if (p[i] != '\n')
			buf_putc(&process->line, p[i]);
		if (p[i] == '\n' || process->line.len >= LINE_LIMIT)
			print_line(process);
	}
}

void process_read_rest(struct process *process)
{
	char bytes[4096];
	ssize_t n;

	for (int i = 0; i < 32 && process->output_fd >= 0 && (n = read(process->output_fd, bytes, sizeof(bytes))) > 0;
	     i++)
		on_output(process, bytes, (size_t)n);
	print_line(process);
}

static void on_output_end(void *ctx, const struct err *err)
{
	(void)err;
	print_line(ctx);
}

/* ---- life and death --------------------------------------------------------------------------- */

/* What it had done before it died counts: else the order behind it would not be known as the one it died of. */
static void on_exit_of(void *ctx, int code, int signal)
{
	struct process *process = ctx;

	process->is_dead = 1;
	loop_stream_read_rest(process->stream);
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
	char memory[32], disk[32];
	const char *argv[CONFINE_ARGS_MAX] = {"orasi-worker", "--role", role_name(process->role), "--memory", memory};
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
	confine_arguments(process, disk, argv + 5);
	r = confine_environment(process, &envp, err);
	spec.envp = envp;
	if (!r)
		r = loop_child_new(sup->env.loop, &spec, on_exit_of, process, &process->child, err);
	free(envp);
	return r;
}

static int connect_child(struct process *process, struct fds *fds, struct err *err)
{
	struct loop_stream_events talk = {process, on_bytes, on_stream_end};
	struct loop_stream_events output = {process, on_output, on_output_end};
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
	process->mean_ns = UNKNOWN_NS;
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

static void put_message(struct process *process, enum wire_type type, const struct json *json)
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
	put_message(process, type, json);
	process_flush(process);
}

/* The list is most of a small order, and hardly ever changes: it is told with the first order, and when it is another. */
static void tell_plugins(struct process *process, struct order *order)
{
	uint64_t mark = plugin_orders_mark(process->sup->env.plugins);
	int own_only = process->role == ROLE_TABLE || process->role == ROLE_PLACE; /* they have no walls */

	if (process->plugins && process->plugins_mark == mark)
		return;
	json_free(process->plugins);
	process->plugins = plugin_orders(process->sup->env.plugins, own_only);
	process->plugins_mark = mark;
	json_set(order->json, "plugins", json_copy(process->plugins));
}

/* Its own folder in that of the worker, which makes it. */
static void tell_place(const struct process *process, const struct order *order)
{
	const char *stage = json_get_str(order->json, "stage", "");
	char path[PATH_MAX];

	if (!process->staging || process->role != ROLE_TASK)
		return;
	snprintf(path, sizeof(path), "%s%s%s", process->staging, *stage ? "/" : "", stage);
	json_set_str(order->json, "staging", path);
}

void process_give(struct process *process, struct order *order)
{
	if (order->strangers.n)
		process->strangers = order->strangers; /* those that are there are among them */
	tell_place(process, order);
	tell_plugins(process, order);
	put_message(process, WIRE_ORDER, order->json);
	order->process = process;
	if (!process->order) {
		begin(process, order);
		return;
	}
	list_add_tail(&process->ahead, &order->link);
	process->n_ahead++;
	process->sup->stats.ahead++;
	pool_watch_ahead(process->sup);
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
