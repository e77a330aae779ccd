/* SPDX-License-Identifier: Apache-2.0 */
/* A task that misbehaves in the way its configuration names. What a host must survive is in the table at the end. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "plugins/deeds.h"

#ifndef HOSTILE_ID
#define HOSTILE_ID "org.orasi.test.hostile"
#define HOSTILE_NAME "hostile"
#endif
#ifndef HOSTILE_FLAGS
#define HOSTILE_FLAGS 0
#endif
ORASI_PLUGIN_NOTE(HOSTILE_ID, "1.0.0");

/* Of a deed that reaches out: ORASI_OK when it went through. */
static orasi_status walled(orasi_error *err, int went_through)
{
	char text[128];

	if (went_through)
		return ORASI_OK;
	snprintf(text, sizeof(text), "walled: %s", strerror(errno));
	return test_fail(err, ORASI_E_INVALID, text);
}

/* ---- dying --------------------------------------------------------------------------------------------------- */

DEED(segfault)
{
	test_crash();
	return ORASI_OK;
}

static volatile int depth_wanted = 1 << 30;
static int recurse(int depth, const char *above)
{
	volatile char frame[4096];

	frame[0] = above ? above[0] : 1;
	return depth < depth_wanted ? recurse(depth + 1, (const char *)frame) + frame[0] : 0;
}

DEED(overflow)
{
	return recurse(0, NULL) ? ORASI_OK : ORASI_END;
}

DEED(do_abort)
{
	abort();
}

DEED(last_words)
{
	fprintf(stderr, "first words\nassertion 'x' failed\n");
	abort();
	return ORASI_OK;
}

DEED(do_exit)
{
	exit(0);
}

DEED(do_exit_now)
{
	_exit(0);
}

/* What a batch that is released twice comes to. */
DEED(double_free)
{
	void *volatile p = malloc(64);

	free(p);
	free(p);
	return ORASI_OK;
}

static void *crash_later(void *arg)
{
	nanosleep(&(struct timespec){0, 100000000}, NULL);
	test_crash();
	(void)arg;
	return NULL;
}

/* Comes back and leaves a thread that crashes when somebody else may be at work. */
DEED(late_thread)
{
	pthread_t thread;

	pthread_create(&thread, NULL, crash_later, (void *)8);
	pthread_detach(thread);
	return ORASI_OK;
}

/* ---- not coming back -------------------------------------------------------------------------------------------- */

static volatile int64_t counter; /* stays 0 */

DEED(loop)
{
	while (counter >= 0)
		counter = 0;
	return ORASI_OK;
}

DEED(loop_masked)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	for (int i = 1; i < 64; i++)
		signal(i, SIG_IGN);
	return loop(h, run, ret, err);
}

DEED(wait_for_cancel)
{
	const orasi_host_job *job = h->host->get_extension(h->host, ORASI_HOST_JOB);

	while (!*job->cancel_flag)
		nanosleep(&(struct timespec){0, 10000000}, NULL);
	return test_fail(err, ORASI_E_CANCELLED, "cancelled");
}

/* ---- taking everything ---------------------------------------------------------------------------------------------- */

static void *touch(size_t n)
{
	char *p = malloc(n);

	if (p)
		memset(p, 1, n);
	return p;
}

DEED(memory_bomb)
{
	size_t total = 0;

	while (touch(16u << 20))
		total += 16u << 20;
	return total ? test_fail(err, ORASI_E_NOMEM, "no more memory") : ORASI_OK;
}

/* Shared mappings are not data to the kernel's limit. */
DEED(shared_bomb)
{
	for (int i = 0; i < 1 << 20; i++) {
		char *p = mmap(NULL, 16u << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			return test_fail(err, ORASI_E_NOMEM, "no more memory");
		memset(p, 1, 16u << 20);
	}
	return ORASI_OK;
}

DEED(leak)
{
	return touch((size_t)h->amount) ? ORASI_OK : test_fail(err, ORASI_E_NOMEM, "no more memory");
}

DEED(fork_bomb)
{
	int made = 0, failed = 0;

	for (int i = 0; i < 2000 && failed < 10; i++) {
		pid_t pid = fork();

		if (!pid)
			for (;;)
				pause();
		made += pid > 0;
		failed += pid < 0;
	}
	return made ? test_fail(err, ORASI_E_INTERNAL, "children were made")
	            : test_fail(err, ORASI_E_INVALID, "no children");
}

/* One that waits for ever, without a look at who made it. */
DEED(leave_child)
{
	pid_t pid = fork();

	if (!pid)
		for (;;)
			pause();
	return pid > 0 ? ORASI_OK : test_fail(err, ORASI_E_INVALID, "no children");
}

DEED(fd_bomb)
{
	int n = 0;

	while (n < 1 << 20 && open("/dev/null", O_RDONLY) >= 0)
		n++;
	return test_fail(err, ORASI_E_INVALID, errno == EMFILE ? "descriptors are used up" : "no descriptors");
}

DEED(fd_leak)
{
	for (int64_t i = 0; i < h->amount; i++)
		if (open("/dev/null", O_RDONLY) < 0)
			return test_fail(err, ORASI_E_INVALID, "no descriptors");
	return ORASI_OK;
}

/* Its pages count for nobody until they are mapped. */
DEED(file_of_memory)
{
	return walled(err, memfd_create("hostile", 0) >= 0);
}

/* Outlives whoever made it. */
DEED(memory_of_all)
{
	int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);

	if (id >= 0)
		shmctl(id, IPC_RMID, NULL);
	return walled(err, id >= 0);
}

/* ---- noise ------------------------------------------------------------------------------------------------------------ */

DEED(write_fds)
{
	static const char junk[256] = "\xff\xff\xff\xff junk";

	for (int fd = 0; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0 && write(fd, junk, sizeof(junk)) < 0)
			continue;
	return ORASI_OK;
}

DEED(shrink_fds)
{
	for (int fd = 3; fd < 1024; fd++)
		if (ftruncate(fd, 0))
			continue;
	return ORASI_OK;
}

DEED(garbage)
{
	char junk[4096];

	for (size_t i = 0; i < sizeof(junk); i++)
		junk[i] = (char)(i * 31 + 7);
	while (write(3, junk, sizeof(junk)) > 0)
		;
	return ORASI_OK;
}

static int say_end(uint32_t order, const char *result)
{
	unsigned char frame[8 + 32 + 64] = {0};
	uint32_t n = 32 + (uint32_t)strlen(result);

	memcpy(frame, &n, 4);
	frame[4] = 6; /* a result */
	memcpy(frame + 8, &order, 4);
	memcpy(frame + 40, result, strlen(result));
	return write(3, frame, 8 + n) > 0;
}

/* A well-formed lie: the result of an order that it was not asked for. */
DEED(forged_result)
{
	for (int i = 0; i < 100 && say_end(1, "{\"output\":{\"forged\":true}}"); i++)
		;
	return ORASI_OK;
}

/* Of its own order, whose number it does not know: rows, which it cannot have, and a result that is none. */
DEED(forged_null)
{
	for (uint32_t order = 1; order < 5000; order++) {
		unsigned char data[13] = {5, 0, 0, 0, 5};

		memcpy(data + 8, &order, 4);
		data[12] = '1';
		if (write(3, data, sizeof(data)) < 0 || !say_end(order, "null"))
			break;
	}
	return ORASI_OK;
}

static void close_all(void)
{
	for (int fd = 0; fd < 64; fd++)
		close(fd);
}

DEED(close_fds)
{
	close_all();
	return ORASI_OK;
}

/* And goes on, or crashes, when nobody can be told any more. By then the worker's own thread sleeps on the socket. */
DEED(close_loop)
{
	usleep(50000);
	close_all();
	for (volatile int i = 0;; i++)
		;
	return ORASI_OK;
}

DEED(close_crash)
{
	close_all();
	test_crash();
	return ORASI_OK;
}

DEED(shut_down)
{
	shutdown(3, SHUT_RDWR);
	return ORASI_OK;
}

DEED(print)
{
	for (int64_t i = 0; i < h->amount; i++)
		printf("a line that nobody asked for, number %lld\n", (long long)i);
	fflush(stdout);
	return ORASI_OK;
}

DEED(log_flood)
{
	const orasi_host_log *log = h->host->get_extension(h->host, ORASI_HOST_LOG);

	for (int64_t i = 0; i < h->amount; i++)
		log->log(h->host, ORASI_LOG_ERROR, ORASI_STR("the same again"), NULL, 0);
	return ORASI_OK;
}

DEED(progress_flood)
{
	const orasi_host_job *job = h->host->get_extension(h->host, ORASI_HOST_JOB);

	for (int64_t i = 0; i < h->amount; i++)
		job->progress(h->host, (uint64_t)i, 0, ORASI_STR("on and on"));
	return ORASI_OK;
}

DEED(scribble_page)
{
	char line[512];
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long from, to;

	while (maps && fgets(line, sizeof(line), maps))
		if (strstr(line, "orasi-page") && sscanf(line, "%lx-%lx", &from, &to) == 2)
			memset((void *)from, 'A', 120);
	if (maps)
		fclose(maps);
	return segfault(h, run, ret, err);
}

/* ---- lies ---------------------------------------------------------------------------------------------------------------- */

DEED(fail_without_words)
{
	return ORASI_E_IO;
}

DEED(strange_status)
{
	return 77;
}

/* As large as it may be, and with what the worker puts around it larger than what is kept. */
DEED(full_result)
{
	static char text[1 << 20];

	memcpy(text, "{\"text\":\"", 9);
	memset(text + 9, 'x', sizeof(text) - 11);
	memcpy(text + sizeof(text) - 2, "\"}", 2);
	*ret = (orasi_str){text, sizeof(text)};
	return ORASI_OK;
}

#define OPENED_20 "[[[[[[[[[[[[[[[[[[[["
#define CLOSED_20 "]]]]]]]]]]]]]]]]]]]]"

/* As deep as it may be, and with what the worker puts around it deeper. */
DEED(deep_result)
{
	*ret = ORASI_STR("{\"deep\":" OPENED_20 OPENED_20 OPENED_20 "[[[[]]]]" CLOSED_20 CLOSED_20 CLOSED_20 "}");
	return ORASI_OK;
}

DEED(huge_result)
{
	*ret = (orasi_str){"{}", (size_t)1 << 40};
	return ORASI_OK;
}

DEED(null_result)
{
	*ret = (orasi_str){NULL, 100};
	return ORASI_OK;
}

DEED(no_json)
{
	*ret = ORASI_STR("this is no JSON");
	return ORASI_OK;
}

DEED(other_schema)
{
	*ret = ORASI_STR("{\"done\":\"yes\"}");
	return ORASI_OK;
}

DEED(endless_message)
{
	memset(err->message, 'x', sizeof(err->message));
	memset(err->where, 'y', sizeof(err->where));
	return ORASI_E_INVALID;
}

DEED(huge_checkpoint)
{
	const orasi_host_job *job = h->host->get_extension(h->host, ORASI_HOST_JOB);

	return job->checkpoint(h->host, (orasi_bytes){(const uint8_t *)"x", (size_t)1 << 40}, err);
}

/* ---- reaching out ----------------------------------------------------------------------- */

DEED(kill_agent)
{
	return walled(err, !kill(getppid(), 0));
}

DEED(kill_thread)
{
	return walled(err, !syscall(SYS_tkill, getppid(), 0));
}

/* The signal of a descriptor goes to whoever it says. */
DEED(own_signal)
{
	return walled(err, !fcntl(STDIN_FILENO, F_SETOWN, getppid()));
}

DEED(slow_agent)
{
	return walled(err, !setpriority(PRIO_PROCESS, (id_t)getppid(), 19));
}

DEED(pin_agent)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	return walled(err, !sched_setaffinity(getppid(), sizeof(cpus), &cpus));
}

/* Landlock does not judge who changes the mode of a file. */
DEED(open_to_all)
{
	return walled(err, !chmod("/tmp", 01777));
}

DEED(give_away)
{
	return walled(err, !chown("/tmp", (uid_t)-1, (gid_t)-1));
}

DEED(mark_file)
{
	return walled(err, !setxattr("/tmp", "user.hostile", "x", 1, XATTR_REPLACE));
}

DEED(freeze_file)
{
	long flags = 0;

	return walled(err, !ioctl(STDIN_FILENO, FS_IOC_SETFLAGS, &flags));
}

DEED(lease_file)
{
	return walled(err, !fcntl(STDIN_FILENO, F_SETLEASE, F_UNLCK));
}

/* In the one folder that it may write: 1, 3 is the null device. */
DEED(make_device)
{
	char path[4096];
	int r;

	snprintf(path, sizeof(path), "%s/hostile", getenv("TMPDIR"));
	r = mknod(path, S_IFCHR | 0600, makedev(1, 3));
	if (!r)
		unlink(path);
	return walled(err, !r);
}

DEED(make_link)
{
	char path[4096];
	int r;

	snprintf(path, sizeof(path), "%s/hostile", getenv("TMPDIR"));
	r = symlink("/etc/passwd", path);
	if (!r)
		unlink(path);
	return walled(err, !r);
}

/* One end of a pair of datagrams can write to every socket that has a path. */
DEED(send_datagram)
{
	int pair[2];

	return walled(err, !socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
}

DEED(watch_files)
{
	return walled(err, inotify_init1(0) >= 0);
}

DEED(read_environ)
{
	char text[65536];
	FILE *file = fopen("/proc/self/environ", "r");
	size_t n = file ? fread(text, 1, sizeof(text), file) : 0;
	int seen = memmem(text, n, "hostile-secret", 14) != NULL;

	if (file)
		fclose(file);
	for (char **variable = environ; *variable; variable++)
		seen |= strstr(*variable, "hostile-secret") != NULL;
	return seen ? ORASI_OK : test_fail(err, ORASI_E_INVALID, "walled: it is not there");
}

DEED(open_outside)
{
	return walled(err, open("/etc/passwd", O_RDONLY) >= 0);
}

DEED(write_outside)
{
	return walled(err, open("/tmp/orasi-hostile", O_WRONLY | O_CREAT, 0600) >= 0);
}

DEED(make_socket)
{
	return walled(err, socket(AF_INET, SOCK_STREAM, 0) >= 0);
}

DEED(run_program)
{
	static char name[] = "true";
	char *const argv[] = {name, NULL};

	return walled(err, execve("/bin/true", argv, NULL) == 0);
}

DEED(raise_limit)
{
	struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};

	return walled(err, !setrlimit(RLIMIT_DATA, &all));
}

DEED(write_plugins)
{
	char line[4096];
	FILE *maps = fopen("/proc/self/maps", "r");
	char *path = NULL;

	while (maps && fgets(line, sizeof(line), maps))
		if (strstr(line, "/cas/") && (path = strchr(line, '/')))
			break;
	if (maps)
		fclose(maps);
	if (!path)
		return ORASI_OK;
	path[strcspn(path, "\n")] = '\0';
	return walled(err, open(path, O_WRONLY) >= 0);
}

DEED(behave)
{
	*ret = ORASI_STR("{\"done\":true}");
	return ORASI_OK;
}

static const struct deed deeds[] = {
	{"segfault", segfault},
	{"overflow", overflow},
	{"abort", do_abort},
	{"last_words", last_words},
	{"exit", do_exit},
	{"_exit", do_exit_now},
	{"double_free", double_free},
	{"late_thread", late_thread},
	{"loop", loop},
	{"loop_masked", loop_masked},
	{"wait", wait_for_cancel},
	{"memory_bomb", memory_bomb},
	{"shared_bomb", shared_bomb},
	{"leak", leak},
	{"fork_bomb", fork_bomb},
	{"leave_child", leave_child},
	{"fd_bomb", fd_bomb},
	{"fd_leak", fd_leak},
	{"file_of_memory", file_of_memory},
	{"memory_of_all", memory_of_all},
	{"write_fds", write_fds},
	{"shrink_fds", shrink_fds},
	{"garbage", garbage},
	{"forged_result", forged_result},
	{"forged_null", forged_null},
	{"close_fds", close_fds},
	{"close_loop", close_loop},
	{"close_crash", close_crash},
	{"shut_down", shut_down},
	{"print", print},
	{"log_flood", log_flood},
	{"progress_flood", progress_flood},
	{"scribble_page", scribble_page},
	{"fail_without_words", fail_without_words},
	{"strange_status", strange_status},
	{"full_result", full_result},
	{"deep_result", deep_result},
	{"huge_result", huge_result},
	{"null_result", null_result},
	{"no_json", no_json},
	{"other_schema", other_schema},
	{"endless_message", endless_message},
	{"huge_checkpoint", huge_checkpoint},
	{"kill_agent", kill_agent},
	{"kill_thread", kill_thread},
	{"own_signal", own_signal},
	{"slow_agent", slow_agent},
	{"pin_agent", pin_agent},
	{"open_to_all", open_to_all},
	{"give_away", give_away},
	{"mark_file", mark_file},
	{"freeze_file", freeze_file},
	{"lease_file", lease_file},
	{"make_device", make_device},
	{"make_link", make_link},
	{"send_datagram", send_datagram},
	{"watch_files", watch_files},
	{"read_environ", read_environ},
	{"open_outside", open_outside},
	{"write_outside", write_outside},
	{"make_socket", make_socket},
	{"run_program", run_program},
	{"raise_limit", raise_limit},
	{"write_plugins", write_plugins},
	{"behave", behave},
};

DEEDS_PLUGIN(HOSTILE_ID, HOSTILE_NAME, "Misbehaves as told", HOSTILE_FLAGS, deeds,
             "{\"type\":\"object\",\"properties\":{\"done\":{\"type\":\"boolean\"},\"text\":{\"type\":\"string\"},"
             "\"deep\":{\"type\":\"array\"}}}")
