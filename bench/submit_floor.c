/* SPDX-License-Identifier: Apache-2.0 */
/* What could a durable submit over HTTP cost at best? A server that does nothing else:
 *
 *   submit_floor PORT FILE
 *
 * One thread reads requests and writes answers, another puts the bodies into a log that is written over, and syncs it once
 * for all that have come meanwhile; each answer waits for its sync. No parser, no check, no JSON, no database: a request
 * ends with its Content-Length, and the answer is always the same. What the kernel takes for sockets, wake-ups and syncs
 * is the same as ours. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1024
#define REQUEST_MAX (64u << 10)
#define LOG_BYTES (4u << 20)

static const char answer[] = "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 24\r\n\r\n"
			     "{\"id\":\"t_0000000000000\"}";

struct connection {
	int fd;
	size_t len;
	char in[REQUEST_MAX + 1];
};

/* Handed over in one go when the loop has nothing more to read, and back when they are synced. */
struct batch {
	struct connection *members[CONNECTIONS_MAX];
	size_t n, bytes;
	char log[CONNECTIONS_MAX * 1024];
};

static struct batch gathered, waiting, written;
static struct connection *synced[CONNECTIONS_MAX];
static size_t n_synced;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static int log_fd, wake_fd;

static void must(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "submit_floor: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static void append(struct batch *to, const struct batch *from)
{
	memcpy(to->members + to->n, from->members, from->n * sizeof(from->members[0]));
	memcpy(to->log + to->bytes, from->log, from->bytes);
	to->n += from->n;
	to->bytes += from->bytes;
}

static void *sync_main(void *arg)
{
	off_t at = 0;

	(void)arg;
	pthread_mutex_lock(&mutex);
	for (;;) {
		uint64_t one = 1;

		while (!waiting.n)
			pthread_cond_wait(&more, &mutex);
		written.n = written.bytes = 0;
		append(&written, &waiting);
		waiting.n = waiting.bytes = 0;
		pthread_mutex_unlock(&mutex);
		if (at + (off_t)written.bytes > LOG_BYTES)
			at = 0;
		must(pwrite(log_fd, written.log, written.bytes, at) == (ssize_t)written.bytes, "write");
		must(!fdatasync(log_fd), "sync");
		at += (off_t)written.bytes;
		pthread_mutex_lock(&mutex);
		memcpy(synced + n_synced, written.members, written.n * sizeof(synced[0]));
		n_synced += written.n;
		must(write(wake_fd, &one, sizeof(one)) == sizeof(one), "wake");
	}
	return NULL;
}

static void hand_over(void)
{
	if (!gathered.n)
		return;
	pthread_mutex_lock(&mutex);
	append(&waiting, &gathered);
	pthread_cond_signal(&more);
	pthread_mutex_unlock(&mutex);
	gathered.n = gathered.bytes = 0;
}

static void answer_synced(void)
{
	struct connection *done[CONNECTIONS_MAX];
	uint64_t count;
	size_t n;

	must(read(wake_fd, &count, sizeof(count)) == sizeof(count), "wake");
	pthread_mutex_lock(&mutex);
	n = n_synced;
	memcpy(done, synced, n * sizeof(done[0]));
	n_synced = 0;
	pthread_mutex_unlock(&mutex);
	for (size_t i = 0; i < n; i++)
		must(write(done[i]->fd, answer, sizeof(answer) - 1) == sizeof(answer) - 1, "answer");
}

/* The length of a whole request, 0: more is to come. */
static size_t whole(struct connection *c, const char **ret_body, size_t *ret_n)
{
	char *end = strstr(c->in, "\r\n\r\n"), *length = end ? strcasestr(c->in, "\r\ncontent-length:") : NULL;

	if (!length)
		return 0;
	*ret_body = end + 4;
	*ret_n = strtoul(length + 17, NULL, 10);
	return c->len >= (size_t)(end + 4 - c->in) + *ret_n ? (size_t)(end + 4 - c->in) + *ret_n : 0;
}

static void on_input(struct connection *c)
{
	ssize_t n = read(c->fd, c->in + c->len, REQUEST_MAX - c->len);
	const char *body;
	size_t body_n;

	if (n <= 0) {
		close(c->fd);
		free(c);
		return;
	}
	c->len += (size_t)n;
	c->in[c->len] = 0;
	if (!whole(c, &body, &body_n))
		return;
	must(body_n < 1024, "a body that is too large");
	memcpy(gathered.log + gathered.bytes, body, body_n);
	gathered.bytes += body_n;
	gathered.members[gathered.n++] = c;
	c->len = 0; /* the client waits for the answer */
}

static void on_connection(int epoll, int listener)
{
	struct connection *c = calloc(1, sizeof(*c));
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
	int on = 1;

	must(c != NULL, "memory");
	c->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	must(c->fd >= 0, "accept");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	must(!epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event), "epoll");
}

static int listen_on(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	                              .sin_port = htons((uint16_t)port),
	                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	must(fd >= 0 && !bind(fd, (struct sockaddr *)&address, sizeof(address)) && !listen(fd, 511), "listen");
	return fd;
}

static void make_log(const char *path)
{
	static char zeros[1 << 20];

	log_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	must(log_fd >= 0, path);
	for (unsigned i = 0; i < LOG_BYTES / sizeof(zeros) + 1; i++)
		must(write(log_fd, zeros, sizeof(zeros)) == sizeof(zeros), path);
	must(!fsync(log_fd), path);
}

int main(int argc, char **argv)
{
	static int listener_mark, wake_mark;
	struct epoll_event events[256], event = {.events = EPOLLIN, .data.ptr = &listener_mark};
	int epoll = epoll_create1(EPOLL_CLOEXEC), listener;
	pthread_t thread;

	if (argc != 3) {
		fprintf(stderr, "submit_floor PORT FILE\n");
		return 2;
	}
	make_log(argv[2]);
	listener = listen_on(atoi(argv[1]));
	wake_fd = eventfd(0, EFD_CLOEXEC);
	must(!pthread_create(&thread, NULL, sync_main, NULL), "thread");
	must(!epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event), "epoll");
	event.data.ptr = &wake_mark;
	must(!epoll_ctl(epoll, EPOLL_CTL_ADD, wake_fd, &event), "epoll");
	for (;;) {
		int n = epoll_wait(epoll, events, 256, -1);

		for (int i = 0; i < n; i++)
			if (events[i].data.ptr == &listener_mark)
				on_connection(epoll, listener);
			else if (events[i].data.ptr == &wake_mark)
				answer_synced();
			else
				on_input(events[i].data.ptr);
		hand_over();
	}
}
