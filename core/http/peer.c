/* SPDX-License-Identifier: Apache-2.0 */
/* Who is at the other end of a connection, as the kernel says. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "http/conn.h"

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59 /* Linux 4.13 */
#endif

/* Without an answer it is nobody: the largest number is no user (POSIX: (uid_t)-1). */
void peer_look(struct conn *conn)
{
	struct http_peer *peer = &conn->peer;
	struct ucred user = {.uid = (uid_t)-1, .gid = (gid_t)-1};
	gid_t groups[HTTP_GROUPS_MAX];
	socklen_t n = sizeof(user), size = sizeof(groups);
	uv_os_fd_t fd = -1;

	peer->is_unix = 1;
	peer->uid = UINT32_MAX;
	if (uv_fileno(&conn->uv.handle, &fd) || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &user, &n))
		return;
	peer->uid = user.uid;
	peer->groups[peer->n_groups++] = user.gid;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size))
		return;
	for (size_t i = 0; i < size / sizeof(groups[0]) && peer->n_groups < HTTP_GROUPS_MAX; i++)
		peer->groups[peer->n_groups++] = groups[i];
}

const struct http_peer *http_peer(const struct http_request *req)
{
	return &req->conn->peer;
}

const char *http_peer_name(struct http_request *req)
{
	struct sockaddr_storage addr;
	int len = sizeof(addr);
	char text[64] = "gone";

	if (req->conn->peer.is_unix)
		return arena_printf(&req->arena, "uid %u", req->conn->peer.uid);
	if (req->conn->state != CONN_CLOSED && req->conn->uv.handle.type == UV_TCP &&
	    !uv_tcp_getpeername(&req->conn->uv.tcp, (struct sockaddr *)&addr, &len))
		uv_ip_name((struct sockaddr *)&addr, text, sizeof(text));
	return arena_str(&req->arena, text);
}
