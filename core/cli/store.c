/* SPDX-License-Identifier: Apache-2.0 */
/* orasi store check: the audit, of the agent that runs or of a data folder. orasi store backup: a copy. */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"

static int check_folder(const char *dir)
{
	char program[PROGRAM_MAX];
	int status = 0;
	pid_t pid;

	find_agent(program);
	pid = fork();
	if (pid < 0)
		return fail(CLI_FAILED, "cannot run '%s': %s", program, strerror(errno));
	if (!pid) {
		execlp(program, program, "--data", dir, "--check-store", (char *)NULL);
		dprintf(2, "orasi: cannot run '%s': %s\n", program, strerror(errno));
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return CLI_FAILED;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? CLI_OK : CLI_FAILED;
}

int cmd_store_check(const struct args *args)
{
	struct json *answer;
	int r;

	if (args->n_words)
		return check_folder(args->words[0]);
	r = http_json(args, "POST", "/v1/store:check", NULL, &answer);
	if (r)
		return r;
	if (strcmp(json_get_str(answer, "status", ""), "ok"))
		r = fail(CLI_FAILED, "the store is damaged: %s", json_get_str(answer, "detail", ""));
	else if (args->json)
		printf("%s\n", json_text_pretty(answer));
	else if (!args->quiet)
		printf("ok\n");
	json_free(answer);
	return r;
}

int cmd_store_backup(const struct args *args)
{
	struct json *answer;
	int r = http_json(args, "POST", "/v1/store:backup", NULL, &answer);

	if (r)
		return r;
	if (args->json)
		printf("%s\n", json_text_pretty(answer));
	else if (!args->quiet)
		printf("%s\n", json_get_str(answer, "path", ""));
	json_free(answer);
	return 0;
}
