/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define TURNS 8
#define OUT_OF_THE_WAY 100 /* descriptors from here on: tests mean some by their number */

static char root[PATH_MAX], dir[PATH_MAX], other[PATH_MAX];
static pid_t dir_owner, other_owner;

/* The folder that holds those of all tests of this program: who was killed, or forked, cannot remove his own. It is locked
 * by the program and all that it forks; one that nobody locks is of a program that was killed, and goes with the next. */
static int lock(const char *path, int wait)
{
	int low = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int fd = low < 0 ? -1 : fcntl(low, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
	struct stat st;

	if (low >= 0)
		close(low);
	if (fd < 0 || (!fstat(fd, &st) && st.st_uid == geteuid() && !flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB))))
		return fd;
	close(fd);
	return -1;
}

static void remove_those_of_the_dead(const char *tmp)
{
	char pattern[PATH_MAX];
	glob_t found = {0};
	int fd;

	snprintf(pattern, sizeof(pattern), "%s/orasi-tests-??????", tmp);
	glob(pattern, 0, NULL, &found);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		fd = lock(found.gl_pathv[i], 0);
		if (fd < 0)
			continue;
		dir_remove(found.gl_pathv[i], NULL);
		close(fd);
	}
	globfree(&found);
}

/* Between its birth and its lock another program may have taken it away. */
static int make_locked(const char *tmp, char path[PATH_MAX])
{
	struct stat st;
	int fd;

	remove_those_of_the_dead(tmp);
	do {
		snprintf(path, PATH_MAX, "%s/orasi-tests-XXXXXX", tmp);
		fd = mkdtemp(path) ? lock(path, 1) : -1;
		if (fd < 0 && errno != ENOENT)
			return -1;
	} while (fd < 0 || fstat(fd, &st) || stat(path, &st));
	return 0;
}

static void make_root(void)
{
	const char *tmp = getenv("TMPDIR");

	if (make_locked(tmp ? tmp : "/tmp", root)) {
		perror(root);
		exit(EXIT_FAILURE);
	}
}

int test_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	make_root();
	setenv("TEMP", root, 1); /* where Check keeps its messages: test_victim finds them by it */
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	dir_remove(root, NULL);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void remove_dir(void)
{
	if (dir_owner == getpid())
		dir_remove(dir, NULL);
}

static int holds_messages(const char *fd)
{
	char fd_path[64], path[PATH_MAX];
	ssize_t n;

	snprintf(fd_path, sizeof(fd_path), "/proc/self/fd/%s", fd);
	n = readlink(fd_path, path, sizeof(path));
	return n > (ssize_t)strlen(root) && !strncmp(path, root, strlen(root)) &&
	       !strncmp(path + strlen(root), "/check_", 7);
}

static void mute(void)
{
	DIR *fds = opendir("/proc/self/fd");
	int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (struct dirent *entry; fds && (entry = readdir(fds));)
		if (holds_messages(entry->d_name))
			dup2(nowhere, atoi(entry->d_name));
	if (fds)
		closedir(fds);
	close(nowhere);
}

pid_t test_victim(void)
{
	pid_t pid = fork();

	if (!pid)
		mute();
	return pid;
}

const char *test_dir(void)
{
	if (dir_owner == getpid())
		return dir;
	ck_assert_int_lt(snprintf(dir, sizeof(dir), "%s/XXXXXX", root), PATH_MAX);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	dir_owner = getpid();
	atexit(remove_dir);
	return dir;
}

static void remove_other(void)
{
	if (other_owner == getpid())
		dir_remove(other, NULL);
}

const char *test_dir_in(const char *place)
{
	if (make_locked(place, other))
		return NULL;
	other_owner = getpid();
	atexit(remove_other);
	return other;
}

const char *test_path(const char *name)
{
	static char paths[TURNS][PATH_MAX];
	static int turn;

	turn = (turn + 1) % TURNS;
	ck_assert_int_lt(snprintf(paths[turn], PATH_MAX, "%s/%s", test_dir(), name), PATH_MAX);
	return paths[turn];
}

const char *test_corpus(const char *name)
{
	static char paths[TURNS][PATH_MAX];
	static int turn;
	const char *corpus = getenv("ORASI_CORPUS"), *src = getenv("ORASI_SRCDIR");

	turn = (turn + 1) % TURNS;
	if (corpus)
		snprintf(paths[turn], PATH_MAX, "%s/%s", corpus, name);
	else
		snprintf(paths[turn], PATH_MAX, "%s/../shared/corpus/%s", src ? src : ".", name);
	if (!access(paths[turn], R_OK))
		return paths[turn];
	fprintf(stderr, "skipped: the corpus file %s is not here\n", name);
	return NULL;
}
