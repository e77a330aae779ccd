/* SPDX-License-Identifier: Apache-2.0 */
/* What authors of plugins type goes to a program of its own beside this one: it loads plugins, this one never does. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "cli.h"

#define PROGRAM "orasi-plugin"

/* Only returns when there is no such program. */
static int start(char **argv)
{
	char path[PATH_MAX + sizeof(PROGRAM)];
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);

	while (n > 0 && path[n - 1] != '/')
		n--;
	str_copy(path + (n > 0 ? n : 0), sizeof(PROGRAM), PROGRAM);
	argv[0] = (char *)PROGRAM;
	execv(path, argv);
	return fail(CLI_FAILED, "'%s' cannot be started: %s", path, strerror(errno));
}

int cmd_author(const struct args *args)
{
	return start(args->typed - 1);
}

int author_is_file(const char *word)
{
	return strchr(word, '/') || (str_ends(word, ".so") && !access(word, F_OK)); /* no id has a slash */
}

int author_info_file(const struct args *args)
{
	char *argv[] = {NULL, (char *)"info", args->words[0], args->json ? (char *)"--json" : NULL, NULL};

	return start(argv);
}
