/* SPDX-License-Identifier: Apache-2.0 */
/* A blunt HTTP client for tests: it sends the bytes it is told to and reads replies as they come. A
 * read gives up after 20 seconds, so that a test that waits for what never comes fails. */
#ifndef TESTS_HTTP_CLIENT_H
#define TESTS_HTTP_CLIENT_H

#include <stddef.h>

#include "base/buf.h"

struct client {
	int fd;
	struct buf in;   /* read and not yet parsed */
	int status;      /* of the last reply; 0: the connection ended before one came */
	char head[8192]; /* its status line and headers */
	struct buf body; /* without chunk framing */
	int whole;       /* the body came to its proper end */
};

void client_open(struct client *client, int port);
void client_open_unix(struct client *client, const char *path);
void client_close(struct client *client);
void client_send(struct client *client, const void *p, size_t n);
void client_puts(struct client *client, const char *text);
/* Reads the next reply; the status. `head_only`: it is one to HEAD. */
int client_reply(struct client *client, int head_only);
/* Sends and reads in one. */
int client_ask(struct client *client, const char *text);
/* Reads until `text` has come in the raw input (chunk framing and all); 1, or 0 at the end. */
int client_wait_for(struct client *client, const char *text);
/* 1 when the other side has ended and nothing is left to read. */
int client_at_end(struct client *client);
/* The value of a header of the last reply, "" if absent; static storage of 4 turns. */
const char *client_header(struct client *client, const char *name);

#endif
