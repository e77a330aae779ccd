/* SPDX-License-Identifier: Apache-2.0 */
/* The file of a Unix socket, before anybody listens there. One that a dead agent has left is removed; one that somebody
 * listens at is theirs, whichever data folder they serve. It says here what libuv would not say, or say wrongly: a path that
 * is too long would be cut, and a folder that is missing be called forbidden. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"
#include "http/conn.h"

/* Only who is refused knows that nobody listens: one that may not ask, or cannot, must not take it from them. */
static int need_nobody(const struct sockaddr_un *addr, struct err *err)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r = fd < 0 || connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) ? errno : 0;

	if (fd >= 0)
		close(fd);
	if (r == ECONNREFUSED || r == ENOENT)
		return 0;
	if (!r || r == EAGAIN) /* EAGAIN: so many wait there that no more are taken */
		return err_set(err, ERR_EXISTS,
		               "cannot listen on '%s': another process listens there: stop it, or name another path",
		               addr->sun_path);
	return err_errno(err, r,
	                 "cannot listen on '%s': whether another process listens there cannot be found out (name "
	                 "another path, or remove it)",
	                 addr->sun_path);
}

static int need_folder(const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)] = "/";
	struct stat st;

	if (!slash)
		return 0;
	if (slash != path) {
		memcpy(folder, path, (size_t)(slash - path));
		folder[slash - path] = '\0';
	}
	if (stat(folder, &st))
		return err_errno(err, errno, "cannot listen on '%s': the folder '%s'", path, folder);
	return 0;
}

int socket_make_room(const char *path, struct err *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct stat st;

	if (strlen(path) >= sizeof(addr.sun_path))
		return err_set(err, ERR_INVALID,
		               "cannot listen on '%s': the path of a Unix socket has at most %zu bytes, this has %zu",
		               path, sizeof(addr.sun_path) - 1, strlen(path));
	str_copy(addr.sun_path, sizeof(addr.sun_path), path);
	if (need_folder(path, err))
		return err->code;
	if (lstat(path, &st))
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return err_set(
			err, ERR_EXISTS,
			"cannot listen on '%s': there is a file, and it is no socket: name another path, or remove it",
			path);
	if (need_nobody(&addr, err))
		return err->code;
	unlink(path);
	return 0;
}
