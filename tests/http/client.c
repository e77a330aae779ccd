/* SPDX-License-Identifier: Apache-2.0 */
#include "http/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/test.h"

static void client_init(struct client *client, int fd)
{
	struct timeval patience = {300, 0};

	memset(client, 0, sizeof(*client));
	client->fd = fd;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	buf_init(&client->in, 0);
	buf_init(&client->body, 0);
}

void client_open(struct client *client, int port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	client_init(client, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	ck_assert_int_eq(connect(client->fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
}

void client_open_unix(struct client *client, const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	client_init(client, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	ck_assert_int_eq(connect(client->fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
}

void client_close(struct client *client)
{
	close(client->fd);
	buf_done(&client->in);
	buf_done(&client->body);
}

/* The server may have refused and gone before all is sent; what it said is then still to be read.
 */
void client_send(struct client *client, const void *p, size_t n)
{
	const char *at = p;

	while (n) {
		ssize_t done = send(client->fd, at, n, MSG_NOSIGNAL);

		if (done <= 0)
			return;
		at += done;
		n -= (size_t)done;
	}
}

void client_puts(struct client *client, const char *text)
{
	client_send(client, text, strlen(text));
}

static int fill(struct client *client)
{
	char bytes[16384];
	ssize_t n = recv(client->fd, bytes, sizeof(bytes), 0);

	if (n <= 0)
		return 0;
	buf_add(&client->in, bytes, (size_t)n);
	return 1;
}

static const char *find(struct client *client, const char *text)
{
	return client->in.len ? memmem(client->in.data, client->in.len, text, strlen(text)) : NULL;
}

int client_wait_for(struct client *client, const char *text)
{
	while (!find(client, text))
		if (!fill(client))
			return 0;
	return 1;
}

int client_at_end(struct client *client)
{
	return !client->in.len && !fill(client);
}

const char *client_header(struct client *client, const char *name)
{
	static char values[4][1024];
	static int turn;
	char key[64];
	const char *at;

	turn = (turn + 1) % 4;
	values[turn][0] = '\0';
	snprintf(key, sizeof(key), "\r\n%s: ", name);
	at = strcasestr(client->head, key);
	if (at)
		sscanf(at + strlen(key), "%1023[^\r]", values[turn]);
	return values[turn];
}

static int take(struct client *client, size_t n)
{
	while (client->in.len < n)
		if (!fill(client))
			return 0;
	buf_add(&client->body, client->in.data, n);
	buf_consume(&client->in, n);
	return 1;
}

static int take_line(struct client *client, char *line, size_t cap)
{
	size_t n;

	if (!client_wait_for(client, "\r\n"))
		return 0;
	n = (size_t)(find(client, "\r\n") - client->in.data);
	snprintf(line, cap, "%.*s", (int)n, client->in.data);
	buf_consume(&client->in, n + 2);
	return 1;
}

static int read_chunks(struct client *client)
{
	char line[256];
	size_t n;

	do {
		if (!take_line(client, line, sizeof(line)))
			return 0;
		n = strtoul(line, NULL, 16);
		if (!take(client, n) || !take_line(client, line, sizeof(line)))
			return 0;
	} while (n);
	return 1;
}

static int read_body(struct client *client)
{
	const char *length = client_header(client, "Content-Length");

	if (*client_header(client, "Transfer-Encoding"))
		return read_chunks(client);
	if (*length)
		return take(client, strtoul(length, NULL, 10));
	while (fill(client))
		;
	return take(client, client->in.len);
}

int client_reply(struct client *client, int head_only)
{
	size_t n;

	client->status = client->whole = 0;
	client->head[0] = '\0';
	buf_clear(&client->body);
	if (!client_wait_for(client, "\r\n\r\n"))
		return 0;
	n = (size_t)(find(client, "\r\n\r\n") - client->in.data) + 4;
	snprintf(client->head, sizeof(client->head), "%.*s", (int)n, client->in.data);
	buf_consume(&client->in, n);
	ck_assert_int_eq(sscanf(client->head, "HTTP/1.1 %d", &client->status), 1);
	client->whole = head_only || client->status == 204 || client->status == 304 || client->status == 100 ||
	                read_body(client);
	return client->status;
}

int client_ask(struct client *client, const char *text)
{
	client_puts(client, text);
	return client_reply(client, !strncmp(text, "HEAD ", 5));
}
