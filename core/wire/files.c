/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors over a socket: unix(7), SCM_RIGHTS. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire/wire.h"

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static int take_fd(struct msghdr *message)
{
	struct cmsghdr *head = CMSG_FIRSTHDR(message);
	int fd;

	if (!head || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS ||
	    head->cmsg_len < CMSG_LEN(sizeof(int)))
		return -EPROTO;
	memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return fd;
}

int wire_open_file(int socket, const char *path)
{
	union control control;
	int32_t errnum = 0;
	struct iovec bytes = {&errnum, sizeof(errnum)};
	struct msghdr message = {.msg_iov = &bytes,
	                         .msg_iovlen = 1,
	                         .msg_control = &control,
	                         .msg_controllen = sizeof(control)};
	size_t n = strlen(path);
	ssize_t got;

	if (n > WIRE_PATH_MAX)
		return -ENAMETOOLONG;
	if (send(socket, path, n, MSG_NOSIGNAL) != (ssize_t)n)
		return -errno;
	do
		got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got != (ssize_t)sizeof(errnum))
		return got < 0 ? -errno : -EPROTO;
	return errnum ? -errnum : take_fd(&message);
}

int wire_next_path(int socket, char *ret)
{
	ssize_t n = recv(socket, ret, WIRE_PATH_MAX, MSG_DONTWAIT);

	if (n <= 0)
		return 0;
	ret[n] = '\0';
	return 1;
}

void wire_answer_file(int socket, int fd, int errnum)
{
	union control control = {.bytes = {0}};
	int32_t code = errnum;
	struct iovec bytes = {&code, sizeof(code)};
	struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};
	struct cmsghdr *head;

	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		head = CMSG_FIRSTHDR(&message);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	}
	/* A worker that does not listen has only itself to blame. */
	if (sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return;
}
