/* SPDX-License-Identifier: Apache-2.0 */
#include "crash.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define STACK_BYTES (64u << 10)

static struct wire_page *crash_page;

static void on_fatal(int number)
{
	crash_page->signal = (uint32_t)number;
	signal(number, SIG_DFL);
	raise(number);
}

void crash_catch(struct wire_page *page)
{
	static const int fatal[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
	struct sigaction action = {.sa_handler = on_fatal, .sa_flags = SA_ONSTACK | SA_RESETHAND | SA_NODEFER};
	stack_t stack = {.ss_sp = malloc(STACK_BYTES), .ss_size = STACK_BYTES};

	crash_page = page;
	if (stack.ss_sp)
		sigaltstack(&stack, NULL);
	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		sigaction(fatal[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void prefer_for_oom(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	ssize_t ignored;

	if (fd < 0)
		return;
	ignored = write(fd, "500", 3); /* a container may forbid it: then the kernel chooses by itself */
	(void)ignored;
	close(fd);
}

void crash_confine(uint64_t memory, uint64_t file, uint64_t files)
{
	struct rlimit none = {0, 0}, data = {memory, memory}, size = {file, file}, open_files;
	pid_t parent = getppid();

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0); /* it died in between */
	setrlimit(RLIMIT_CORE, &none);
	if (file)
		setrlimit(RLIMIT_FSIZE, &size);
	if (files && !getrlimit(RLIMIT_NOFILE, &open_files) && files < open_files.rlim_cur) {
		open_files.rlim_cur = files;
		setrlimit(RLIMIT_NOFILE, &open_files);
	}
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	if (memory)
		setrlimit(RLIMIT_DATA, &data);
#else
	(void)data;
#endif
	prefer_for_oom();
}
