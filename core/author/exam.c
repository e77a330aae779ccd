/* SPDX-License-Identifier: Apache-2.0 */
#include "exam.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"

extern char **environ;

static int conclude(struct exam *exam, enum outcome outcome, const char *fmt, va_list ap)
{
	if (exam->page->outcome == OUTCOME_NONE) {
		vsnprintf(exam->page->sentence, sizeof(exam->page->sentence), fmt, ap);
		exam->page->outcome = outcome;
	}
	exam_leave(exam);
	return -1;
}

int exam_fail(struct exam *exam, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	conclude(exam, OUTCOME_FAIL, fmt, ap);
	va_end(ap);
	return -1;
}

int exam_skip(struct exam *exam, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	conclude(exam, OUTCOME_SKIP, fmt, ap);
	va_end(ap);
	return -1;
}

void exam_note(struct exam *exam, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(exam->page->note, sizeof(exam->page->note), fmt, ap);
	va_end(ap);
}

double exam_cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int exam_check_behind(struct exam *exam, const uint8_t behind[64], const char *function, const char *what)
{
	for (int i = 0; i < 64; i++)
		if (behind[i] != EXAM_BEHIND)
			return exam_fail(exam, "'%s' wrote behind the end of the %s: look at struct_size", function,
			                 what);
	return 0;
}

uint64_t exam_random(struct exam *exam, uint64_t below)
{
	uint64_t z = exam->random += 0x9E3779B97F4A7C15ull; /* splitmix64 */

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
	z = (z ^ z >> 27) * 0x94D049BB133111EBull;
	z ^= z >> 31;
	return below ? z % below : z;
}

void exam_enter(struct exam *exam, const char *function)
{
	struct page *page = exam->page;

	str_copy(page->plugin, sizeof(page->plugin),
	         exam->subject.descriptor ? exam->subject.descriptor->id : exam->file);
	str_copy(page->last, sizeof(page->last), function);
	str_copy(page->function, sizeof(page->function), function);
	guard_arm();
}

void exam_leave(struct exam *exam)
{
	guard_disarm();
	exam->page->function[0] = '\0';
}

orasi_error exam_no_error(void)
{
	return (orasi_error)ORASI_NO_ERROR;
}

int exam_error(struct exam *exam, const char *function, orasi_status status, const orasi_error *error)
{
	if (status >= 0)
		return exam_fail(exam, "'%s' returned %d, which does not belong there", function, status);
	if (!memchr(error->message, 0, sizeof(error->message)) || !memchr(error->where, 0, sizeof(error->where)))
		return exam_fail(exam, "'%s' failed with a message that does not end", function);
	if (!error->message[0])
		return exam_fail(exam,
		                 "'%s' failed with status %d and gave no reason: write a sentence into err->message",
		                 function, status);
	return 0;
}

/* ---- other processes -------------------------------------------------------------------------------------------- */

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int exam_fork(struct exam *exam, int (*fn)(struct exam *exam, void *ctx), void *ctx)
{
	pid_t pid = fork();
	int code;

	if (pid < 0)
		return exam_fail(exam, "cannot fork: %s", strerror(errno));
	if (!pid)
		_exit(fn(exam, ctx) ? 1 : 0);
	code = wait_for(pid);
	if (!code)
		return 0;
	if (exam->page->outcome != OUTCOME_NONE)
		return -1;
	if (code < 0)
		return exam_fail(exam, "it died of signal %d (%s) in '%s'", -code, strsignal(-code),
		                 exam->page->function);
	return exam_fail(exam, "it ended the process in '%s': a plugin returns its failures", exam->page->function);
}

int exam_again(struct exam *exam, const char *step, const char *const *more)
{
	const char *argv[AUTHOR_OPTIONS_MAX * 2];
	posix_spawnattr_t attributes;
	size_t n = 0;
	pid_t pid;
	int r;

	/* This process was called as: self step TEST FILE options… */
	argv[n++] = exam->typed->self;
	argv[n++] = "step";
	argv[n++] = step;
	for (char **at = exam->typed->argv + 3; *at && n < AUTHOR_OPTIONS_MAX; at++)
		argv[n++] = *at;
	for (; *more && n < AUTHOR_OPTIONS_MAX * 2 - 1; more++)
		argv[n++] = *more;
	argv[n] = NULL;
	posix_spawnattr_init(&attributes);
	r = posix_spawn(&pid, exam->typed->self, NULL, &attributes, (char **)argv, environ);
	posix_spawnattr_destroy(&attributes);
	return r ? exam_fail(exam, "cannot start '%s': %s", exam->typed->self, strerror(r)) : wait_for(pid);
}
