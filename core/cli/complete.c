/* SPDX-License-Identifier: Apache-2.0 */
/* Completion scripts for shells, printed from the table of commands. */
#include <string.h>

#include "cli.h"

static void each_word(const char *group, const char *separator)
{
	const char *last = "";

	for (const struct command *c = commands; c->name; c++) {
		const char *word = group ? c->name : c->group ? c->group : c->name;

		if ((group && (!c->group || strcmp(c->group, group))) || !strcmp(word, last))
			continue;
		printf("%s%s", word, separator);
		last = word;
	}
}

static void each_group(void (*print)(const char *group))
{
	const char *last = "";

	for (const struct command *c = commands; c->name; c++)
		if (c->group && strcmp(c->group, last)) {
			print(c->group);
			last = c->group;
		}
}

static void bash_group(const char *group)
{
	printf("\t%s) words=\"", group);
	each_word(group, " ");
	printf("\" ;;\n");
}

static void print_bash(void)
{
	printf("_orasi() {\n\tlocal words\n\tif [ \"$COMP_CWORD\" -eq 1 ]; then words=\"");
	each_word(NULL, " ");
	printf("\"\n\telif [ \"$COMP_CWORD\" -eq 2 ]; then case ${COMP_WORDS[1]} in\n");
	each_group(bash_group);
	printf("\tesac; fi\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
	       "\t[ -n \"$words\" ] || COMPREPLY=($(compgen -f -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\n"
	       "complete -F _orasi orasi\n");
}

static void fish_group(const char *group)
{
	printf("complete -c orasi -f -n '__fish_seen_subcommand_from %s' -a '", group);
	each_word(group, " ");
	printf("'\n");
}

static void print_fish(void)
{
	printf("complete -c orasi -n __fish_use_subcommand -f -a '");
	each_word(NULL, " ");
	printf("'\n");
	each_group(fish_group);
}

int cmd_completion(const struct args *args)
{
	const char *shell = args->words[0];

	if (!strcmp(shell, "fish")) {
		print_fish();
		return CLI_OK;
	}
	if (!strcmp(shell, "zsh"))
		printf("autoload -U +X bashcompinit && bashcompinit\n");
	else if (strcmp(shell, "bash"))
		return fail(CLI_USAGE, "there is no completion for '%s': use bash, zsh or fish", shell);
	print_bash();
	return CLI_OK;
}
