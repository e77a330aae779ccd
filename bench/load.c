/* SPDX-License-Identifier: Apache-2.0 */
/* Load for queues: one thread, many connections, the same loop whatever is on the other side.
 *
 *   load TARGET ADDRESS CONNECTIONS SECONDS [options]
 *
 * Targets, each with what it does per operation, answered only when it is durable:
 *   orasi HOST:PORT         POST /v1/tasks; --batch N: N tasks a request, one a line
 *   beanstalkd HOST:PORT    put; --cycle: put, reserve, delete
 *   postgresql CONNINFO     INSERT, prepared; --batch N: N rows a statement
 *
 * Options: --bytes N of payload (256), --batch N, --cycle, --rate N a second in all (open loop: the latency counts from
 * when an operation was due), --count N operations and no more, --path P and --body B of orasi's request (%llu in it becomes a number), --prefer P,
 * --started: the answers' results have "at", ns since 1970, when a task began: the time from when it was due.
 * Prints one JSON object: tasks, wall, tasks a second, percentiles of an operation in ms, errors. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#ifdef HAVE_LIBPQ
#include <libpq-fe.h>
#endif

#define CONNECTIONS_MAX 4096
#define ANSWER_MAX (64u << 10)
#define BUCKETS 4096

struct options {
	const char *target, *address, *path, *body, *prefer;
	int connections, batch, bytes, cycle, started;
	double seconds, rate;
	unsigned long long count;
};

struct connection {
	int fd, step; /* step: of a cycle */
	double due;   /* when the operation under way had to begin */
	char *out, *in;
	size_t out_len, out_at, in_len;
	unsigned long long job;
#ifdef HAVE_LIBPQ
	PGconn *pg;
#endif
};

struct target {
	const char *name;
	void (*open)(struct connection *c);
	void (*begin)(struct connection *c); /* starts the step at hand */
	int (*finish)(struct connection *c); /* bytes arrived: 1 the step ended, 0 more is to come */
};

static struct options options = {.bytes = 256, .batch = 1, .path = "/v1/tasks"};
static char *payload, *batch_body;
static size_t batch_len;
static unsigned long long operations, begun, errors, number;
struct latencies {
	double *at;
	size_t n, cap;
};
static struct latencies latencies, starts;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "load: %s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void note(struct latencies *list, double seconds)
{
	if (list->n == list->cap) {
		list->cap = list->cap ? list->cap * 2 : 65536;
		list->at = realloc(list->at, list->cap * sizeof(double));
		if (!list->at)
			die("latencies", "out of memory");
	}
	list->at[list->n++] = seconds;
}

/* What the wall clock is ahead of the monotonic one. */
static double wall_ahead(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9 - now();
}

/* ---- sockets ---------------------------------------------------------------------------------- */

static void open_socket(struct connection *c)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	const char *colon = strrchr(options.address, ':');
	char host[64];
	int on = 1;

	if (!colon || colon - options.address >= (int)sizeof(host))
		die(options.address, "write it as HOST:PORT");
	snprintf(host, sizeof(host), "%.*s", (int)(colon - options.address), options.address);
	address.sin_port = htons((uint16_t)atoi(colon + 1));
	if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
		die(host, "no IPv4 address");
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof(address)))
		die(options.address, strerror(errno));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	c->in = malloc(ANSWER_MAX + 1);
	c->out = malloc(batch_len + (size_t)options.bytes + 1024);
	if (!c->in || !c->out)
		die("connection", "out of memory");
}

static void push(struct connection *c)
{
	while (c->out_at < c->out_len) {
		ssize_t n = write(c->fd, c->out + c->out_at, c->out_len - c->out_at);

		if (n < 0 && errno == EAGAIN)
			return; /* edge-triggered: the socket says when there is room */
		if (n < 0)
			die("write", strerror(errno));
		c->out_at += (size_t)n;
	}
}

/* Reads what there is behind in_len; what comes later is told by an edge of its own. Answers longer than the buffer keep
 * their head only. */
static void pull(struct connection *c)
{
	static char spill[ANSWER_MAX];
	size_t room, cap;
	ssize_t n;

	do {
		room = ANSWER_MAX - c->in_len;
		cap = room ? room : sizeof(spill);
		n = read(c->fd, room ? c->in + c->in_len : spill, cap);
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0)
			die("read", n ? strerror(errno) : "the server closed the connection");
		if (room)
			c->in_len += (size_t)n;
		else
			c->job += (unsigned long long)n;
	} while (n == (ssize_t)cap);
	c->in[c->in_len] = 0;
}

/* ---- orasi ------------------------------------------------------------------------------------ */

static size_t put_task(char *to, size_t cap)
{
	int n = options.body
	                ? snprintf(to, cap, options.body, ++number)
	                : snprintf(to, cap,
	                           "{\"kind\":\"query\",\"sql\":\"SELECT '%s'\",\"run_at\":\"2099-01-01T00:00:00Z\"}",
	                           payload);

	return (size_t)n;
}

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static size_t put_request(char *to)
{
	char task[8192];
	const char *body = batch_body, *type = options.batch > 1 ? "application/x-ndjson" : "application/json";
	size_t len = batch_len, head;

	if (!body) {
		body = task;
		len = put_task(task, sizeof(task));
	}
	head = (size_t)sprintf(
		to, "POST %s HTTP/1.1\r\nHost: bench\r\nContent-Type: %s\r\n%s%s%sContent-Length: %zu\r\n\r\n",
		options.path, type, options.prefer ? "Prefer: " : "", options.prefer ? options.prefer : "",
		options.prefer ? "\r\n" : "", len);
	memcpy(to + head, body, len);
	return head + len;
}

/* Mostly each request is that of before: the driver takes no more of the machine than it must. */
static void orasi_begin(struct connection *c)
{
	if (!c->out_len || (options.body && strchr(options.body, '%')))
		c->out_len = put_request(c->out);
	c->out_at = c->in_len = 0;
	c->job = 0; /* bytes that did not fit into the buffer */
	push(c);
}

/* Behind the head, and what its Content-Length says; NULL: it is not whole. */
static const char *find_body(const struct connection *c, unsigned long long *ret_length)
{
	const char *at = c->in, *stop;

	*ret_length = ULLONG_MAX;
	while ((stop = memchr(at, '\n', c->in_len - (size_t)(at - c->in)))) {
		if (stop - at <= 1)
			return stop + 1;
		if ((*at | 0x20) == 'c' && !strncasecmp(at, "content-length:", 15))
			*ret_length = strtoull(at + 15, NULL, 10);
		at = stop + 1;
	}
	return NULL;
}

static int orasi_finish(struct connection *c)
{
	unsigned long long length;
	const char *body;

	pull(c);
	body = find_body(c, &length);
	if (!body)
		return 0;
	if (length == ULLONG_MAX)
		die("orasi", "an answer without a length");
	if (c->in_len + c->job < (size_t)(body - c->in) + length)
		return 0;
	if (strncmp(c->in, "HTTP/1.1 2", 10) && !errors++)
		fprintf(stderr, "load: %.600s\n", c->in);
	if (options.started) {
		const char *result = strstr(c->in, "\"result\":"), *at = result ? strstr(result, "\"at\":") : NULL;

		if (at)
			note(&starts, strtod(at + 5, NULL) / 1e9 - wall_ahead() - c->due);
		else if (!errors++)
			fprintf(stderr, "load: no start in %.2000s\n", c->in);
	}
	return 1;
}

/* ---- beanstalkd ------------------------------------------------------------------------------- */

static void beanstalkd_begin(struct connection *c)
{
	if (c->step == 0)
		c->out_len = (size_t)sprintf(c->out, "put 100 0 60 %d\r\n%s\r\n", options.bytes, payload);
	else if (c->step == 1)
		c->out_len = (size_t)sprintf(c->out, "reserve\r\n");
	else
		c->out_len = (size_t)sprintf(c->out, "delete %llu\r\n", c->job);
	c->out_at = c->in_len = 0;
	push(c);
}

static int beanstalkd_finish(struct connection *c)
{
	const char *line_end;

	pull(c);
	line_end = strstr(c->in, "\r\n");
	if (!line_end)
		return 0;
	if (c->step == 0 && strncmp(c->in, "INSERTED", 8))
		die("beanstalkd put", c->in);
	if (c->step == 1) {
		size_t n = 0;

		if (sscanf(c->in, "RESERVED %llu %zu", &c->job, &n) != 2)
			die("beanstalkd reserve", c->in);
		if (c->in_len < (size_t)(line_end + 2 - c->in) + n + 2)
			return 0;
	}
	if (c->step == 2 && strncmp(c->in, "DELETED", 7))
		die("beanstalkd delete", c->in);
	if (options.cycle && c->step < 2) {
		c->step++;
		beanstalkd_begin(c);
		return 0;
	}
	c->step = 0;
	return 1;
}

/* ---- PostgreSQL ------------------------------------------------------------------------------- */

#ifdef HAVE_LIBPQ
static void pg_must(struct connection *c, PGresult *result)
{
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		die("postgresql", PQerrorMessage(c->pg));
	PQclear(result);
}

static void pg_open(struct connection *c)
{
	char *sql = malloc((size_t)options.batch * 16 + 128), *at = sql;

	c->pg = PQconnectdb(options.address);
	if (!sql || PQstatus(c->pg) != CONNECTION_OK)
		die("postgresql", PQerrorMessage(c->pg));
	pg_must(c, PQexec(c->pg, "SET synchronous_commit = on"));
	at += sprintf(at, "INSERT INTO task (body) VALUES ");
	for (int i = 1; i <= options.batch; i++)
		at += sprintf(at, "%s($%d)", i > 1 ? "," : "", i);
	pg_must(c, PQprepare(c->pg, "put", sql, options.batch, NULL));
	free(sql);
	PQsetnonblocking(c->pg, 1);
	c->fd = PQsocket(c->pg);
}

static void pg_begin(struct connection *c)
{
	static const char **values;

	if (!values && !(values = calloc((size_t)options.batch, sizeof(*values))))
		die("postgresql", "out of memory");
	for (int i = 0; i < options.batch; i++)
		values[i] = payload;
	if (!PQsendQueryPrepared(c->pg, "put", options.batch, values, NULL, NULL, 0))
		die("postgresql", PQerrorMessage(c->pg));
	PQflush(c->pg);
}

static int pg_finish(struct connection *c)
{
	PGresult *result;

	PQflush(c->pg);
	if (!PQconsumeInput(c->pg))
		die("postgresql", PQerrorMessage(c->pg));
	while (!PQisBusy(c->pg)) {
		result = PQgetResult(c->pg);
		if (!result)
			return 1;
		pg_must(c, result);
	}
	return 0;
}
#endif

static const struct target targets[] = {
	{"orasi", open_socket, orasi_begin, orasi_finish},
	{"beanstalkd", open_socket, beanstalkd_begin, beanstalkd_finish},
#ifdef HAVE_LIBPQ
	{"postgresql", pg_open, pg_begin, pg_finish},
#endif
};

/* ---- the loop --------------------------------------------------------------------------------- */

static const struct target *find_target(void)
{
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		if (!strcmp(targets[i].name, options.target))
			return &targets[i];
	die(options.target, "no such target (postgresql needs libpq-dev when this is built)");
	return NULL;
}

static void make_payload(void)
{
	payload = malloc((size_t)options.bytes + 1);
	if (!payload)
		die("payload", "out of memory");
	for (int i = 0; i < options.bytes; i++)
		payload[i] = (char)('a' + i % 26);
	payload[options.bytes] = 0;
	if (options.batch < 2 || strcmp(options.target, "orasi"))
		return;
	batch_body = malloc((size_t)options.batch * ((size_t)options.bytes + 256));
	if (!batch_body)
		die("payload", "out of memory");
	for (int i = 0; i < options.batch; i++) {
		batch_len += put_task(batch_body + batch_len, (size_t)options.bytes + 256);
		batch_body[batch_len++] = '\n';
	}
}

/* Open loop: who is free takes the operation that is due longest; latency counts from when it was due. */
static struct connection *idle[CONNECTIONS_MAX];
static int n_idle;
static double next_due;

static void start_due(const struct target *target)
{
	double t = now();

	while (n_idle && next_due <= t) {
		struct connection *c = idle[--n_idle];

		c->due = next_due;
		next_due += 1 / options.rate;
		target->begin(c);
	}
}

static void on_done(const struct target *target, struct connection *c, double t, double end)
{
	note(&latencies, t - c->due);
	operations++;
	if (options.rate > 0 || t >= end || (options.count && begun >= options.count)) {
		idle[n_idle++] = c;
	} else {
		begun++;
		c->due = t;
		target->begin(c);
	}
}

/* Sleeps until shortly before the next is due, and waits actively from then on: a server of the same machine needs the
 * processor more than we do. */
#define AWAKE_BEFORE 50e-6

static int await(int epoll, struct epoll_event *events, int n)
{
	struct timespec wait = {0, 0};
	double left = next_due - AWAKE_BEFORE - now();

	if (left > 0) {
		wait.tv_sec = (time_t)left;
		wait.tv_nsec = (long)((left - (double)wait.tv_sec) * 1e9);
	}
	return epoll_pwait2(epoll, events, n, n_idle ? &wait : NULL, NULL);
}

static double drive(const struct target *target, struct connection *all)
{
	struct epoll_event events[256];
	int epoll = epoll_create1(EPOLL_CLOEXEC), n;
	double start, end, t;

	for (int i = 0; i < options.connections; i++) {
		struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = &all[i]};

		target->open(&all[i]);
		epoll_ctl(epoll, EPOLL_CTL_ADD, all[i].fd, &event);
	}
	start = next_due = now();
	end = start + options.seconds;
	for (int i = 0; i < options.connections; i++) {
		if (options.rate > 0) {
			idle[n_idle++] = &all[i];
		} else {
			begun++;
			all[i].due = start;
			target->begin(&all[i]);
		}
	}
	for (;;) {
		if (options.rate > 0 && next_due < end) {
			start_due(target);
			n = await(epoll, events, 256);
		} else if (n_idle == options.connections) {
			break;
		} else {
			n = epoll_wait(epoll, events, 256, -1);
		}
		t = now();
		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;

			if (c->out && c->out_at < c->out_len)
				push(c);
			if ((events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP)) && target->finish(c))
				on_done(target, c, t, end);
		}
	}
	close(epoll);
	return now() - start;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double percentile(struct latencies *list, double p)
{
	qsort(list->at, list->n, sizeof(double), by_size);
	return list->n ? list->at[(size_t)((double)(list->n - 1) * p)] * 1e3 : 0;
}

static void take_options(int argc, char **argv)
{
	if (argc < 5)
		die("usage", "load TARGET ADDRESS CONNECTIONS SECONDS [options]");
	options.target = argv[1];
	options.address = argv[2];
	options.connections = atoi(argv[3]);
	options.seconds = atof(argv[4]);
	for (int i = 5; i < argc; i++) {
		const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";

		if (!strcmp(name, "--cycle") || !strcmp(name, "--started")) {
			*(name[2] == 'c' ? &options.cycle : &options.started) = 1;
			continue;
		}
		i++;
		if (!strcmp(name, "--batch"))
			options.batch = atoi(value);
		else if (!strcmp(name, "--bytes"))
			options.bytes = atoi(value);
		else if (!strcmp(name, "--rate"))
			options.rate = atof(value);
		else if (!strcmp(name, "--count"))
			options.count = strtoull(value, NULL, 10);
		else if (!strcmp(name, "--path"))
			options.path = value;
		else if (!strcmp(name, "--body"))
			options.body = value;
		else if (!strcmp(name, "--prefer"))
			options.prefer = value;
		else
			die(name, "unknown option");
	}
	if (options.connections < 1 || options.connections > CONNECTIONS_MAX || options.batch < 1 ||
	    options.bytes < 1 || options.bytes > 4096)
		die("usage", "a number is out of range");
}

int main(int argc, char **argv)
{
	struct connection *all;
	double wall;

	take_options(argc, argv);
	prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); /* ns; 50,000 unless told */
	make_payload();
	all = calloc((size_t)options.connections, sizeof(*all));
	if (!all)
		die("connections", "out of memory");
	wall = drive(find_target(), all);
	printf("{\"tasks\":%llu,\"wall\":%.3f,\"rate\":%.0f,\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f,"
	       "\"start_p50\":%.3f,\"start_p99\":%.3f,\"errors\":%llu}\n",
	       operations * (unsigned long long)options.batch, wall, (double)operations * options.batch / wall,
	       percentile(&latencies, 0.5), percentile(&latencies, 0.99), percentile(&latencies, 1),
	       percentile(&starts, 0.5), percentile(&starts, 0.99), errors);
	return EXIT_SUCCESS;
}
