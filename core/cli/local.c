/* SPDX-License-Identifier: Apache-2.0 */
/* orasi --local DIR: one command without a daemon. A private agent is started on the folder, listens on a Unix
 * socket that nobody else can open, serves the command and is stopped.
 *
 *   lock DIR/local.lock → somebody serves DIR already? use that agent
 *   → fork, exec orasi-agent --data DIR --listen unix:… → poll until it is ready → the command → SIGTERM, wait
 *
 * Commands on one folder take turns by the lock. The agent is in a process group of its own, so that Ctrl-C comes
 * to us alone: the command ends, then the agent is asked to. If we are killed, the kernel tells the agent. Its log
 * is DIR/local.log, whose last line is the reason if it does not start. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "cli.h"

#define POLL_US 5000
#define HELD_MS 60000 /* so long an agent that holds the folder may take to answer or to end */

static struct {
	char dir[PATH_MAX], server[PATH_MAX + 8], folder[32]; /* folder: of the socket, when it is not in dir */
	int lock_fd;
	pid_t pid;
} local = {.lock_fd = -1};

static const char *path_in(const char *name)
{
	static char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", local.dir, name);
	return path;
}

/* ---- who serves the folder ------------------------------------------------------------------------------------ */

static int find_folder(const char *name)
{
	struct err err;

	if (dir_make(name, 0755, &err))
		return fail(CLI_FAILED, "--local %s: %s", name, err.text);
	if (!realpath(name, local.dir))
		return fail(CLI_FAILED, "--local %s: %s", name, strerror(errno));
	return 0;
}

static int take_turn(const struct args *args)
{
	local.lock_fd = open(path_in("local.lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (local.lock_fd < 0)
		return fail(CLI_FAILED, "cannot open '%s': %s", path_in("local.lock"), strerror(errno));
	if (!flock(local.lock_fd, LOCK_EX | LOCK_NB))
		return 0;
	if (!args->quiet)
		fprintf(stderr, "orasi: another command works on '%s': waiting for it\n", local.dir);
	if (!flock(local.lock_fd, LOCK_EX))
		return 0;
	return errno == EINTR ? CLI_INTERRUPTED
	                      : fail(CLI_FAILED, "cannot lock '%s': %s", path_in("local.lock"), strerror(errno));
}

/* The address that an agent wrote into the folder counts if an agent on this very folder answers there. */
static int find_server(void)
{
	struct args probe = {.server = local.server, .probing = 1};
	struct json *answer = NULL;
	struct buf text;
	int found;

	buf_init(&text, 0);
	found = !file_read(path_in("agent.address"), PATH_MAX, &text, NULL) && text.len;
	if (found)
		str_copy(local.server, sizeof(local.server), text.data);
	buf_done(&text);
	if (!found || http_json(&probe, "GET", "/v1/agent", NULL, &answer))
		return 0;
	found = !strcmp(json_get_str(answer, "data_dir", ""), local.dir);
	json_free(answer);
	return found;
}

/* Does an agent hold the store of the folder? It may still start, or end: who ended it was perhaps killed. */
static int is_held(void)
{
	int fd = open(path_in("store.db.lock"), O_RDONLY | O_CLOEXEC), held;

	if (fd < 0)
		return 0;
	held = flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
	close(fd);
	return held;
}

/* 1: an agent serves the folder; 0: nobody holds it, or somebody who never answers; else an exit code, negative. */
static int look_for_server(const struct args *args)
{
	int64_t until = clock_mono_ms() + HELD_MS;
	int said = args->quiet;

	while (!find_server()) {
		if (!is_held() || cli_interrupted || clock_mono_ms() >= until)
			return 0;
		if (http_last_status() == 401 || http_last_status() == 403)
			return -fail(CLI_FAILED,
			             "the agent that serves '%s', at %s, wants a token for all tenants: --token-file "
			             "FILE or $ORASI_TOKEN",
			             local.dir, local.server);
		if (!said)
			fprintf(stderr, "orasi: an agent holds '%s' and does not answer: waiting for it\n", local.dir);
		said = 1;
		usleep(10 * POLL_US);
	}
	return 1;
}

/* ---- a private agent ---------------------------------------------------------------------------------------------- */

/* In the folder, or where there is a short name when that one is too long for a socket. */
static int choose_socket(void)
{
	if (strlen(path_in("local.sock")) < sizeof(((struct sockaddr_un *)0)->sun_path)) {
		snprintf(local.server, sizeof(local.server), "unix:%s", path_in("local.sock"));
		return 0;
	}
	str_copy(local.folder, sizeof(local.folder), "/tmp/orasi-XXXXXX");
	if (!mkdtemp(local.folder))
		return fail(CLI_FAILED, "cannot make a folder '%s': %s", local.folder, strerror(errno));
	snprintf(local.server, sizeof(local.server), "unix:%s/local.sock", local.folder);
	return 0;
}

/* Beside this program, else wherever programs are found. */
void find_agent(char ret[PROGRAM_MAX])
{
	ssize_t n = readlink("/proc/self/exe", ret, PROGRAM_MAX - 16);
	char *slash;

	ret[n > 0 ? n : 0] = '\0';
	slash = strrchr(ret, '/');
	strcpy(slash ? slash + 1 : ret, "orasi-agent");
	if (access(ret, X_OK))
		strcpy(ret, "orasi-agent");
}

static void become_agent(const char *program)
{
	int in = open("/dev/null", O_RDONLY), log = open(path_in("local.log"), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (log < 0 || in < 0)
		_exit(127);
	dup2(in, 0);
	dup2(log, 1);
	dup2(log, 2);
	execlp(program, program, "--data", local.dir, "--listen", local.server, (char *)NULL);
	dprintf(2, "cannot run '%s': %s\n", program, strerror(errno));
	_exit(127);
}

static int start_agent(void)
{
	char program[PROGRAM_MAX];
	int r = choose_socket();

	if (r)
		return r;
	find_agent(program);
	local.pid = fork();
	if (local.pid < 0)
		return fail(CLI_FAILED, "cannot start an agent: %s", strerror(errno));
	if (!local.pid)
		become_agent(program);
	return 0;
}

/* It did not start: the last line that it wrote is why. */
static int say_why(void)
{
	struct buf log;
	char *line, *stop;

	local.pid = 0;
	buf_init(&log, 0);
	if (file_read(path_in("local.log"), 1 << 20, &log, NULL) || !log.len)
		buf_puts(&log, "no reason was given");
	for (stop = log.data + log.len; stop > log.data && stop[-1] == '\n';)
		*--stop = '\0';
	line = strrchr(log.data, '\n');
	fail(CLI_FAILED, "the private agent on '%s' did not start: %s (log: %s)", local.dir, line ? line + 1 : log.data,
	     path_in("local.log"));
	buf_done(&log);
	return CLI_FAILED;
}

static int is_ready(const struct args *probe)
{
	struct json *answer = NULL;
	int ready = !http_json(probe, "GET", "/health/ready", NULL, &answer);

	json_free(answer);
	answer = NULL;
	if (ready) /* a command may name a plugin: all of them must have been looked at */
		ready = !http_json(probe, "GET", "/v1/plugins", NULL, &answer) && !json_get_bool(answer, "busy", 0);
	json_free(answer);
	return ready;
}

static int wait_ready(void)
{
	struct args probe = {.server = local.server, .probing = 1};

	while (!is_ready(&probe)) {
		if (cli_interrupted)
			return CLI_INTERRUPTED;
		if (waitpid(local.pid, NULL, WNOHANG) == local.pid)
			return say_why();
		usleep(POLL_US);
	}
	return 0;
}

int local_start(struct args *args)
{
	int r = find_folder(args->local);

	if (!r)
		r = take_turn(args);
	if (r)
		return r;
	args->server = local.server;
	r = look_for_server(args);
	if (r < 0)
		return -r;
	if (r) {
		if (!args->quiet)
			fprintf(stderr, "orasi: an agent serves '%s' already, at %s: using it\n", local.dir,
			        local.server);
		return 0;
	}
	r = cli_interrupted ? CLI_INTERRUPTED : start_agent();
	return r ? r : wait_ready();
}

void local_stop(void)
{
	if (local.pid > 0) {
		kill(local.pid, SIGTERM);
		while (waitpid(local.pid, NULL, 0) < 0 && errno == EINTR)
			continue;
		unlink(local.server + strlen("unix:"));
	}
	if (*local.folder)
		rmdir(local.folder);
	if (local.lock_fd >= 0)
		close(local.lock_fd);
	local.pid = 0;
}
