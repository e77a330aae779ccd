/* SPDX-License-Identifier: Apache-2.0 */
/* Where the agent is found. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/inside.h"
#include "base/file.h"

static void address_path(const struct agent *agent, char *ret, size_t cap)
{
	snprintf(ret, cap, "%s/agent.address", agent->data);
}

int agent_write_address(const struct agent *agent, struct err *err)
{
	const struct http_config *http = &agent->config->http;
	const char *colon = strrchr(http->listen, ':');
	char path[PATH_MAX + 32], text[PATH_MAX + 32];
	int host = colon ? (int)(colon - http->listen) : 0;
	int any = !host || !strncmp(http->listen, "0.0.0.0", (size_t)host) ||
	          !strncmp(http->listen, "[::]", (size_t)host);

	if (*http->unix_socket)
		snprintf(text, sizeof(text), "unix:%s", http->unix_socket);
	else
		snprintf(text, sizeof(text), "http://%.*s:%d", any ? 9 : host, any ? "127.0.0.1" : http->listen,
		         http_server_port(agent->http));
	address_path(agent, path, sizeof(path));
	return file_replace(path, text, strlen(text), err);
}

void agent_remove_address(const struct agent *agent)
{
	char path[PATH_MAX + 32];

	address_path(agent, path, sizeof(path));
	unlink(path);
}
