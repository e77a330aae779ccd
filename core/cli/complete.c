/* SPDX-License-Identifier: Apache-2.0 */
/* Completion scripts for shells, printed from the table of commands: commands, then options, else files. */
#include <string.h>

#include "cli.h"

#define GLOBALS "--server --local --token-file --json --quiet --help"

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

/* The names of the options, without the letters for their values. */
static void each_option(const struct command *c, const char *before)
{
	for (const char *at = c->options; (at = strstr(at, "--")); at += strcspn(at, " "))
		printf("%s%.*s", before, (int)strcspn(at, " "), at);
}

static void bash_group(const char *group)
{
	printf("\t%s) words=\"", group);
	each_word(group, " ");
	printf("\" ;;\n");
}

static void bash_options(const struct command *c)
{
	printf("\t%s%s%s) words=\"" GLOBALS, c->group ? c->group : "", c->group ? "\\ " : "", c->name);
	each_option(c, " ");
	printf("\" ;;\n");
}

static int n_patterns;

static void bash_pattern(const char *group)
{
	printf("%s%s", n_patterns++ ? "|" : "", group);
}

static void print_bash(void)
{
	printf("_orasi() {\n\tlocal words= word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]}\n"
	       "\tcase $command in ");
	n_patterns = 0;
	each_group(bash_pattern);
	printf(") command=\"$command ${COMP_WORDS[2]}\" ;; esac\n"
	       "\tif [ \"$COMP_CWORD\" -eq 1 ]; then words=\"" GLOBALS " ");
	each_word(NULL, " ");
	printf("\"\n\telif [[ $word == -* ]]; then case $command in\n");
	for (const struct command *c = commands; c->name; c++)
		bash_options(c);
	printf("\tesac\n\telif [ \"$COMP_CWORD\" -eq 2 ]; then case ${COMP_WORDS[1]} in\n");
	each_group(bash_group);
	printf("\tesac; fi\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
	       "\t[ -n \"$words\" ] || COMPREPLY=($(compgen -f -- \"$word\"))\n}\n"
	       "complete -o filenames -F _orasi orasi\n");
}

static void fish_group(const char *group)
{
	printf("complete -c orasi -f -n '__fish_seen_subcommand_from %s; and not __fish_seen_subcommand_from ", group);
	each_word(group, " ");
	printf("' -a '");
	each_word(group, " ");
	printf("'\n");
}

static void fish_options(const struct command *c)
{
	for (const char *at = c->options; (at = strstr(at, "--"));) {
		size_t n = strcspn(at, " ");

		printf("complete -c orasi -n '__fish_seen_subcommand_from %s%s%s' -l %.*s%s\n", c->name,
		       c->group ? "; and __fish_seen_subcommand_from " : "", c->group ? c->group : "", (int)n - 2,
		       at + 2, at[n] == ' ' && at[n + 1] != '-' ? " -r" : "");
		at += n;
	}
}

static void print_fish(void)
{
	printf("complete -c orasi -n __fish_use_subcommand -f -a '");
	each_word(NULL, " ");
	printf("'\ncomplete -c orasi -l server -x\ncomplete -c orasi -l local -r -a '(__fish_complete_directories)'\n"
	       "complete -c orasi -l json\ncomplete -c orasi -l quiet\n");
	each_group(fish_group);
	for (const struct command *c = commands; c->name; c++)
		fish_options(c);
}

int cmd_completion(const struct args *args)
{
	const char *shell = args->words[0];

	if (!strcmp(shell, "fish")) {
		print_fish();
		return CLI_OK;
	}
	if (!strcmp(shell, "zsh"))
		printf("autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n");
	else if (strcmp(shell, "bash"))
		return fail(CLI_USAGE, "there is no completion for '%s': use bash, zsh or fish", shell);
	print_bash();
	return CLI_OK;
}
