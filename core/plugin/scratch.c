/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs: scratch files of an instance, which have no name and are gone with it, however it ends. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "plugin/host.h"

#define FILES (sizeof(((struct loader_host *)0)->scratch_fds) / sizeof(int))

static orasi_status scratch_fail(orasi_error *err, const char *what)
{
	if (err)
		snprintf(err->message, sizeof(err->message), "scratch file: %s: %s", what, strerror(errno));
	return errno == EBADF ? ORASI_E_INVALID : errno == EMFILE ? ORASI_E_LIMIT : ORASI_E_IO;
}

static orasi_status host_scratch(const orasi_host *host, uint64_t *ret, orasi_error *err)
{
	struct loader_host *h = host_of(host);

	for (uint64_t i = 0; i < FILES; i++) {
		if (h->scratch_fds[i] >= 0)
			continue;
		h->scratch_fds[i] = open(h->scratch, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		if (h->scratch_fds[i] < 0)
			return scratch_fail(err, "cannot create");
		*ret = i;
		return ORASI_OK;
	}
	errno = EMFILE;
	return scratch_fail(err, "too many");
}

/* -1 for a handle that is none: the calls below then fail with "bad file descriptor". */
static int scratch_fd(const orasi_host *host, uint64_t handle)
{
	const struct loader_host *h = host_of(host);

	return handle < FILES ? h->scratch_fds[handle] : -1;
}

static orasi_status host_pwrite(const orasi_host *host, uint64_t handle, uint64_t off, const void *buf, size_t len,
                                orasi_error *err)
{
	while (len) {
		ssize_t n = pwrite(scratch_fd(host, handle), buf, len, (off_t)off);

		if (n <= 0)
			return scratch_fail(err, "cannot write");
		buf = (const char *)buf + n;
		off += (uint64_t)n;
		len -= (size_t)n;
	}
	return ORASI_OK;
}

static orasi_status host_pread(const orasi_host *host, uint64_t handle, uint64_t off, void *buf, size_t len,
                               orasi_error *err)
{
	while (len) {
		ssize_t n = pread(scratch_fd(host, handle), buf, len, (off_t)off);

		if (!n)
			errno = ENODATA;
		if (n <= 0)
			return scratch_fail(err, n ? "cannot read" : "it ends early");
		buf = (char *)buf + n;
		off += (uint64_t)n;
		len -= (size_t)n;
	}
	return ORASI_OK;
}

static void host_close(const orasi_host *host, uint64_t handle)
{
	int fd = scratch_fd(host, handle);

	if (fd >= 0) {
		close(fd);
		host_of(host)->scratch_fds[handle] = -1;
	}
}

const orasi_host_blob host_blob = {sizeof(orasi_host_blob), 0, host_scratch, host_pwrite, host_pread, host_close};

void host_scratch_init(struct loader_host *h, const char *folder)
{
	h->scratch = folder;
	for (size_t i = 0; i < FILES; i++)
		h->scratch_fds[i] = -1;
}

void host_scratch_done(struct loader_host *h)
{
	for (size_t i = 0; i < FILES; i++)
		host_close(&h->host, i);
}
