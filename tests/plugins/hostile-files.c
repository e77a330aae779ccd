/* SPDX-License-Identifier: Apache-2.0 */
/* A task that is after files: those of others, and all the room there is. Its configuration names the deed and a path. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "plugins/deeds.h"

#ifndef RAIDER_ID
#define RAIDER_ID "org.orasi.test.raider"
#define RAIDER_NAME "raider"
#endif
#ifndef RAIDER_FLAGS
#define RAIDER_FLAGS 0
#endif
ORASI_PLUGIN_NOTE(RAIDER_ID, "1.0.0");

static const char *own(const char *name)
{
	static char paths[4][PATH_MAX];
	static int turn;
	const char *place = getenv("TMPDIR");

	turn = (turn + 1) % 4;
	snprintf(paths[turn], PATH_MAX, "%.4000s/%.64s", place ? place : "/tmp", name);
	return paths[turn];
}

/* The answer of who comes back: where it was. */
static orasi_status here(orasi_str *ret)
{
	static char pid[32];

	snprintf(pid, sizeof(pid), "{\"pid\":%d}", (int)getpid());
	*ret = (orasi_str){pid, strlen(pid)};
	return ORASI_OK;
}

static int make(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* ---- the files of others ----------------------------------------------------------------------------------------- */

static void note(char *report, const char *what, int went_through)
{
	if (went_through)
		snprintf(report + strlen(report), 200 - strlen(report), " %s", what);
}

static int opens(const char *path, int flags)
{
	int fd = open(path, flags, 0600);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* From a descriptor that gives no access one that does. */
static int reopens(const char *path)
{
	int fd = open(path, O_PATH);
	char again[64];
	int r;

	snprintf(again, sizeof(again), "/proc/self/fd/%d", fd);
	r = fd >= 0 && opens(again, O_WRONLY);
	if (fd >= 0)
		close(fd);
	return r;
}

static int lists(const char *path)
{
	DIR *dir = opendir(path);

	if (dir)
		closedir(dir);
	return dir != NULL;
}

static int swaps(const char *path)
{
	make(own("swap"));
	return !syscall(SYS_renameat2, AT_FDCWD, own("swap"), AT_FDCWD, path, 2u /* RENAME_EXCHANGE */);
}

/* `path` is a staged file of another; what goes through is named. The harmless first, that there is something left. */
DEED(raid)
{
	char folder[PATH_MAX], beside[PATH_MAX + 16], report[200] = "";
	const char *path = h->path;

	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(path, '/') - path), path);
	snprintf(beside, sizeof(beside), "%s/beside", folder);
	note(report, "list", lists(folder));
	note(report, "read", opens(path, O_RDONLY));
	note(report, "create", make(beside));
	note(report, "mkdir", !mkdir(beside, 0700));
	note(report, "symlink", !symlink("/etc/passwd", beside));
	note(report, "link-in", make(own("link")) && !link(own("link"), beside));
	note(report, "link-out", !link(path, own("linked")));
	note(report, "move-in", make(own("moved")) && !rename(own("moved"), beside));
	note(report, "write", opens(path, O_WRONLY));
	note(report, "append", opens(path, O_WRONLY | O_APPEND));
	note(report, "reopen", reopens(path));
	note(report, "exchange", swaps(path));
	note(report, "replace", make(own("other")) && !rename(own("other"), path));
	note(report, "truncate", !truncate(path, 1));
	note(report, "open-truncate", opens(path, O_WRONLY | O_TRUNC));
	note(report, "move-out", !rename(path, own("taken")));
	note(report, "unlink", !unlink(path));
	note(report, "move-folder", !rename(folder, own("folder")));
	snprintf(err->message, sizeof(err->message), *report ? "went through:%s" : "walled", report);
	return ORASI_E_INVALID;
}

/* ---- what is in its way later --------------------------------------------------------------------------------------- */

/* Staged files that turn up in the folder of this process are cut. */
static void cut(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char path[PATH_MAX];

		if (entry->d_name[0] == '.' ||
		    (size_t)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) >= sizeof(path))
			continue;
		if (!strncmp(entry->d_name, "t_", 2))
			cut(path);
		else if (!strncmp(entry->d_name, "part-", 5) && truncate(path, 3))
			continue;
	}
	if (dir)
		closedir(dir);
}

static void on_alarm(int number)
{
	(void)number;
	cut(getenv("TMPDIR"));
}

/* Comes back, and goes on by way of a timer, which no thread and no descriptor tells of. */
DEED(lurk)
{
	struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
	struct itimerval often = {{0, 1000}, {0, 1000}};

	if (sigaction(SIGALRM, &action, NULL) || setitimer(ITIMER_REAL, &often, NULL))
		return test_fail(err, ORASI_E_INTERNAL, "no timer");
	return here(ret);
}

/* Dies, and writes into the page that another was at work. */
DEED(frame)
{
	char line[512];
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long from, to;

	(void)err;
	while (maps && fgets(line, sizeof(line), maps))
		if (strstr(line, "orasi-page") && sscanf(line, "%lx-%lx", &from, &to) == 2)
			snprintf((char *)from + 16, 64, "%.63s", h->path);
	if (maps)
		fclose(maps);
	test_crash();
	return ORASI_OK;
}

/* ---- what is left ----------------------------------------------------------------------------------------------------- */

/* Deep, wide, and in the name of a task. */
DEED(litter)
{
	char name[64];
	int at = open(getenv("TMPDIR"), O_RDONLY | O_DIRECTORY), next;

	for (int64_t i = 0; at >= 0 && i < h->amount; i++) {
		snprintf(name, sizeof(name), "file-%lld", (long long)i);
		close(openat(at, name, O_WRONLY | O_CREAT, 0600));
		if (mkdirat(at, i ? "deeper" : "t_0000000000001-1", 0700))
			break;
		next = openat(at, i ? "deeper" : "t_0000000000001-1", O_RDONLY | O_DIRECTORY);
		close(at);
		at = next;
	}
	if (at < 0)
		return test_fail(err, ORASI_E_INTERNAL, strerror(errno));
	close(at);
	mkdir(own("forbidden"), 0);
	return here(ret);
}

/* ---- all the room ------------------------------------------------------------------------------------------------------- */

static orasi_status pour(int fd, orasi_error *err)
{
	static char block[1 << 20];
	char text[128];

	memset(block, 7, sizeof(block));
	while (fd >= 0 && write(fd, block, sizeof(block)) > 0)
		;
	snprintf(text, sizeof(text), "no more: %s", strerror(errno));
	return test_fail(err, ORASI_E_INVALID, text);
}

DEED(fill)
{
	return pour(open(own("full"), O_WRONLY | O_CREAT, 0600), err);
}

DEED(fill_many)
{
	char name[32], block[65536] = {1};

	for (int i = 0;; i++) {
		int fd;

		snprintf(name, sizeof(name), "full-%d", i);
		fd = open(own(name), O_WRONLY | O_CREAT, 0600);
		if (fd < 0)
			return test_fail(err, ORASI_E_INVALID, "no more files");
		for (int k = 0; k < 64; k++)
			if (write(fd, block, sizeof(block)) < 0)
				return test_fail(err, ORASI_E_INVALID, "no more bytes");
		close(fd);
	}
}

/* Files that no folder shows. */
DEED(fill_nameless)
{
	static char block[1 << 20];

	memset(block, 7, sizeof(block));
	for (;;) {
		int fd = open(getenv("TMPDIR"), O_TMPFILE | O_RDWR, 0600);

		for (int k = 0; fd >= 0 && k < 4; k++)
			if (write(fd, block, sizeof(block)) < 0)
				return test_fail(err, ORASI_E_INVALID, "no more bytes");
		if (fd < 0)
			return test_fail(err, ORASI_E_INVALID, "no more files");
	}
}

/* A file that is mapped, and has neither name nor descriptor. */
DEED(hide)
{
	const orasi_host_job *job = h->host->get_extension(h->host, ORASI_HOST_JOB);
	int fd = open(getenv("TMPDIR"), O_TMPFILE | O_RDWR, 0600);

	if (fd < 0 || ftruncate(fd, 4096) || mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED)
		return test_fail(err, ORASI_E_INTERNAL, "no map");
	close(fd);
	while (!*job->cancel_flag)
		usleep(10000);
	return test_fail(err, ORASI_E_CANCELLED, "cancelled");
}

static void on_fill(int number)
{
	static char block[65536];
	static int fd = -1, n;
	char name[32];

	(void)number;
	snprintf(name, sizeof(name), "later-%d", n / 64);
	if (n++ % 64 == 0) {
		if (fd >= 0)
			close(fd);
		fd = open(own(name), O_WRONLY | O_CREAT, 0600);
	}
	if (write(fd, block, sizeof(block)) < 0)
		return;
}

DEED(fill_later)
{
	struct sigaction action = {.sa_handler = on_fill, .sa_flags = SA_RESTART};
	struct itimerval often = {{0, 1000}, {0, 1000}};

	if (sigaction(SIGALRM, &action, NULL) || setitimer(ITIMER_REAL, &often, NULL))
		return test_fail(err, ORASI_E_INTERNAL, "no timer");
	return ORASI_OK;
}

/* Empty, but for what the file system needs to know of each. */
DEED(fill_names)
{
	char name[32];

	for (int i = 0;; i++) {
		snprintf(name, sizeof(name), "name-%d", i);
		if (!make(own(name)))
			return test_fail(err, ORASI_E_INVALID, "no more names");
	}
}

/* One that it is about to put through the file socket or a pair of its own, so that no folder and no descriptor shows it. */
DEED(send_file)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.bytes = {0}};
	char byte = 0;
	struct iovec bytes = {&byte, 1};
	struct msghdr message = {.msg_iov = &bytes,
	                         .msg_iovlen = 1,
	                         .msg_control = &control,
	                         .msg_controllen = sizeof(control)};
	int pair[2], fd = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return test_fail(err, ORASI_E_INTERNAL, "no pair");
	CMSG_FIRSTHDR(&message)->cmsg_level = SOL_SOCKET;
	CMSG_FIRSTHDR(&message)->cmsg_type = SCM_RIGHTS;
	CMSG_FIRSTHDR(&message)->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), &fd, sizeof(fd));
	if (sendmsg(pair[0], &message, 0) == 1)
		return here(ret);
	return test_fail(err, ORASI_E_INVALID, errno == EPERM ? "walled" : "not sent");
}

/* ---- what stays ------------------------------------------------------------------------------------------------------------- */

/* So many MiB, which it does not give back. */
DEED(keep)
{
	static char block[1 << 20];
	int fd = open(own("kept"), O_WRONLY | O_CREAT, 0600);

	for (int64_t i = 0; i < h->amount; i++)
		if (write(fd, block, sizeof(block)) < 0)
			return test_fail(err, ORASI_E_INVALID, "no more bytes");
	close(fd);
	return here(ret);
}

/* A byte at the end of a file outside tells that it was run. */
DEED(mark)
{
	int fd = open(h->path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	ssize_t n = write(fd, ".", 1);

	close(fd);
	return n == 1 ? here(ret) : test_fail(err, ORASI_E_INVALID, strerror(errno));
}

DEED(behave)
{
	return here(ret);
}

static const struct deed deeds[] = {
	{"raid", raid},
	{"lurk", lurk},
	{"frame", frame},
	{"litter", litter},
	{"fill", fill},
	{"fill_many", fill_many},
	{"fill_nameless", fill_nameless},
	{"hide", hide},
	{"fill_later", fill_later},
	{"fill_names", fill_names},
	{"send_file", send_file},
	{"keep", keep},
	{"mark", mark},
	{"behave", behave},
};

DEEDS_PLUGIN(RAIDER_ID, RAIDER_NAME, "Is after files", RAIDER_FLAGS, deeds,
             "{\"type\":\"object\",\"properties\":{\"pid\":{\"type\":\"integer\"}}}")
