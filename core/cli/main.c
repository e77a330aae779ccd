/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments by table: one row and one function per command; help and completion are printed from it. */
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/near.h"
#include "base/str.h"
#include "cli.h"

const struct command commands[] = {
	{NULL, "ingest", 1, INT_MAX, "FILE…",
         "--dataset D --format F --option K=V --transform T --compression C --max-rejected N --max-rejected-percent P "
         "--label K=V "
         "--priority P --dry-run --no-wait --strict",
         "Ingest files (or - for standard input) into a dataset.", cmd_ingest},
	{NULL, "sql", 1, 1, "STATEMENT", "--format F --limit N", "Run SQL and print the rows (- reads standard input).",
         cmd_sql},
	{NULL, "search", 2, 2, "DATASET WORDS", "--column C --limit N --format F --select COLUMNS",
         "Full-text search, best rows first.", cmd_search},
	{"task", "submit", 0, 1, "[JSON|FILE|-]",
         "--kind K --dataset D --sql S --queue Q --priority P --run-at T --expires-at T --timeout T --max-attempts N "
         "--deadline T --unique-key K --idempotency-key K --concurrency-key K --tenant T --batch ID --label K=V "
         "--callback URL --callback-secret NAME --unique-scope S --unique-ttl T --on-conflict C --depends-on ID "
         "--on-dep-failure F --fairness-key K --weight N --rate-key K --cost N --slots N --heartbeat T --wait",
         "Submit a task, or many, all or none: an array, or one a line; prints the ids.", cmd_task_submit},
	{"task", "batch", 1, 1, "JSON|FILE|-", "--atomic --idempotency-key K",
         "Submit many tasks, each for itself; says which were refused.", cmd_task_batch},
	{"task", "list", 0, 0, "",
         "--state S --kind K --dataset D --queue Q --tenant T --parent ID --batch ID --label K=V --order newest|oldest "
         "--limit N "
         "--cursor C",
         "Tasks, newest first.", cmd_task_list},
	{"task", "get", 1, 1, "ID", "", "One task.", cmd_task_get},
	{"task", "wait", 1, 1, "ID", "", "Wait for the end of a task.", cmd_task_wait},
	{"task", "watch", 0, 1, "[ID]", "", "See tasks run: all of them, or one to its end.", cmd_task_watch},
	{"task", "logs", 1, 1, "ID", "", "What workers and plugins said about it.", cmd_task_logs},
	{"task", "cancel", 0, 1, "[ID]",
         "--state S --kind K --queue Q --tenant T --dataset D --label K=V --parent ID --batch ID --created-after T "
         "--created-before T --all --max N --dry-run",
         "Cancel a task, or all that match.", cmd_task_cancel},
	{"task", "redrive", 0, 1, "[ID]",
         "--state S --kind K --queue Q --tenant T --dataset D --label K=V --parent ID --batch ID --created-after T "
         "--created-before T --all --max N --dry-run",
         "Run a task that did not succeed once more, or all that match.", cmd_task_redrive},
	{"task", "promote", 1, 1, "ID", "", "Run a task that waits now, before the others.", cmd_task_promote},
	{"task", "reschedule", 1, 1, "ID", "--run-at T --priority P",
         "Give a task that waits another time or priority.", cmd_task_reschedule},
	{"task", "retry", 1, 1, "ID", "", "The same as redrive.", cmd_task_retry},
	{"task", "delete", 0, 1, "[ID]",
         "--state S --kind K --queue Q --tenant T --dataset D --label K=V --parent ID --batch ID --created-after T "
         "--created-before T --all --max N --dry-run",
         "Forget a task that has ended, or all that match.", cmd_task_delete},
	{"task", "attempts", 1, 1, "ID", "", "What became of each attempt.", cmd_task_attempts},
	{"queue", "list", 0, 0, "", "", "Queues with what waits and runs in them.", cmd_queue_list},
	{"queue", "get", 1, 1, "QUEUE", "", "One queue: counts and settings.", cmd_queue_get},
	{"queue", "stats", 1, 1, "QUEUE", "",
         "Its numbers alone: what waits and runs, how long, how many more it takes.", cmd_queue_stats},
	{"queue", "set", 2, INT_MAX, "QUEUE KEY=VALUE…", "", "Change settings, such as weight=5 max_running=2.",
         cmd_queue_set},
	{"queue", "pause", 1, 1, "QUEUE", "", "Start no more of its tasks.", cmd_queue_pause},
	{"queue", "resume", 1, 1, "QUEUE", "", "End pause and drain.", cmd_queue_resume},
	{"queue", "drain", 1, 1, "QUEUE", "", "Accept no more tasks.", cmd_queue_drain},
	{"queue", "purge", 1, 1, "QUEUE", "--yes", "Cancel what waits in it.", cmd_queue_purge},
	{"schedule", "list", 0, 0, "", "", "Tasks that come again and again.", cmd_schedule_list},
	{"schedule", "get", 1, 1, "NAME", "", "One schedule with its next times.", cmd_schedule_get},
	{"schedule", "set", 3, 3, "NAME CRON TASK",
         "--zone Z --overlap skip|queue|replace --catchup D --start-after D --expires-after D --deadline-after D",
         "Submit a task by the clock, such as '0 3 * * *'.", cmd_schedule_set},
	{"schedule", "pause", 1, 1, "NAME", "", "Make no tasks meanwhile.", cmd_schedule_pause},
	{"schedule", "resume", 1, 1, "NAME", "", "End the pause.", cmd_schedule_resume},
	{"schedule", "delete", 1, 1, "NAME", "", "End a schedule; its tasks stay.", cmd_schedule_delete},
	{"dataset", "attach", 2, 2, "DATASET LOCATION", "",
         "Make a table known that is there, in a folder or s3://bucket/prefix.", cmd_dataset_attach},
	{"dataset", "create", 1, 1, "DATASET", "--column NAME:TYPE --partition-by C --property K=V --location L",
         "Make an empty table.", cmd_dataset_create},
	{"dataset", "list", 0, 0, "", "--limit N --cursor C", "Datasets.", cmd_dataset_list},
	{"dataset", "show", 1, 1, "DATASET", "", "One dataset: place, version, rows.", cmd_dataset_show},
	{"dataset", "schema", 1, 1, "DATASET", "", "Its columns and types.", cmd_dataset_schema},
	{"dataset", "files", 1, 1, "DATASET", "--limit N --cursor C", "Its data files.", cmd_dataset_files},
	{"dataset", "history", 1, 1, "DATASET", "--limit N --cursor C", "Its commits.", cmd_dataset_history},
	{"dataset", "export", 1, 1, "DATASET",
         "--out FILE|FOLDER/|S3 --format F --option K=V --version N --at T --target-bytes N --overwrite --no-wait",
         "Write a version as files of any format that a plugin writes.", cmd_dataset_export},
	{"dataset", "optimize", 1, 1, "DATASET", "--sort-by C --bloom C --target-bytes N --no-wait",
         "Make few large files of many small ones.", cmd_dataset_optimize},
	{"dataset", "vacuum", 1, 1, "DATASET", "--older-than T --force --dry-run --no-wait",
         "Remove files that are in the table no more.", cmd_dataset_vacuum},
	{"dataset", "verify", 1, 1, "DATASET", "--no-wait", "Read every file and hold it against the log.",
         cmd_dataset_verify},
	{"dataset", "delete", 1, 1, "DATASET", "--where COLUMN=VALUE --all --no-wait",
         "Take the files of a partition out.", cmd_dataset_delete},
	{"dataset", "drop", 1, 1, "DATASET", "--yes", "Delete a dataset with its files.", cmd_dataset_drop},
	{"index", "create", 2, 2, "DATASET NAME", "--plugin P --column C --option K=V --no-wait",
         "Make and build an index (btree, fulltext).", cmd_index_create},
	{"index", "list", 1, 1, "DATASET", "", "The indexes of a dataset.", cmd_index_list},
	{"index", "show", 2, 2, "DATASET NAME", "", "One index.", cmd_index_show},
	{"index", "build", 2, 2, "DATASET NAME", "--no-wait", "Index the files that are new.", cmd_index_build},
	{"index", "verify", 2, 2, "DATASET NAME", "--no-wait", "Check every entry.", cmd_index_verify},
	{"index", "optimize", 2, 2, "DATASET NAME", "--no-wait", "Merge small segments.", cmd_index_optimize},
	{"index", "drop", 2, 2, "DATASET NAME", "", "Delete an index; the data stays.", cmd_index_drop},
	{"plugin", "list", 0, 0, "", "", "Plugin files and what became of them.", cmd_plugin_list},
	{"plugin", "info", 1, 1, "PLUGIN|FILE", "", "One plugin with its options, or what a file says of itself.",
         cmd_plugin_info},
	{"plugin", "rescan", 0, 0, "", "", "Look at the plugin folders again.", cmd_plugin_rescan},
	{"plugin", "clear", 1, 1, "PLUGIN", "", "Forget why a plugin was refused or quarantined.", cmd_plugin_clear},
	{"plugin", "pin", 1, 2, "PLUGIN [VERSION|SHA256]", "", "Hold a bundle to the generation in use, or to another.",
         cmd_plugin_pin},
	{"plugin", "unpin", 1, 1, "PLUGIN", "", "Use the newest generation again.", cmd_plugin_unpin},
	{"plugin", "new", 1, 1, "ID", "--kind K --lang L --dir D",
         "For authors: a project that builds and passes its check.", cmd_author},
	{"plugin", "check", 1, 1, "FILE",
         "--plugin P --sample F --option K=V --only T --level L --seed N --seconds N --json",
         "For authors: the conformance suite.", cmd_author},
	{"plugin", "run", 1, 2, "FILE [INPUT]",
         "--plugin P --option K=V --batch N --read N --kill-after-batch N --record LOG --replay LOG --limit N "
         "--state S --gdb",
         "For authors: a format on a file, a task, or a notifier on events.", cmd_author},
	{"plugin", "trust", 0, INT_MAX, "[FILE…]", "--trust-file T --grant R --revoke --key K --key-id ID --bundle P",
         "Let the agent load a file, or files that a key has signed; or never again.", cmd_author},
	{"plugin", "sign", 1, 1, "FILE", "--key K --key-id ID", "For authors: a signature beside a plugin file.",
         cmd_author},
	{"plugin", "docs", 1, 1, "FILE", "", "For authors: documentation from its schemas.", cmd_author},
	{"store", "check", 0, 1, "[DIR|FILE]", "",
         "Verify the stored tasks: of the agent, of a data folder, or of a file such as a copy.", cmd_store_check},
	{"store", "backup", 0, 0, "", "", "Copy the store while the agent runs; prints the path of the copy.",
         cmd_store_backup},
	{"token", "create", 1, 1, "NAME",
         "--verbs LIST --tenant T --queue Q --dataset D --expires T --data DIR --file FILE",
         "Make a token for the API and print it, once.", cmd_token_create},
	{"token", "list", 0, 0, "", "--data DIR --file FILE", "The tokens of a data folder.", cmd_token_list},
	{"token", "revoke", 1, 1, "ID|NAME", "--data DIR --file FILE", "End a token, at once.", cmd_token_revoke},
	{NULL, "status", 0, 0, "", "", "The agent: version, workers, tasks.", cmd_status},
	{NULL, "completion", 1, 1, "bash|zsh|fish", "", "Print a completion script for a shell.", cmd_completion},
	{0},
};

#define HELP_WIDTH 110
#define HELP_INDENT 36
#define GLOBAL_OPTIONS "--server V --local V --token-file V --json --quiet"

volatile sig_atomic_t cli_interrupted;

int fail(int code, const char *fmt, ...)
{
	va_list ap;

	fputs("orasi: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return code;
}

const char *args_nth(const struct args *args, const char *name, int i)
{
	for (int k = 0; k < args->n_options; k++)
		if (!strcmp(args->options[k].name, name) && i-- == 0)
			return args->options[k].value;
	return NULL;
}

const char *args_get(const struct args *args, const char *name, const char *otherwise)
{
	const char *value = args_nth(args, name, 0);

	return value ? value : otherwise;
}

int args_has(const struct args *args, const char *name)
{
	return args_nth(args, name, 0) != NULL;
}

/* ---- help ------------------------------------------------------------------------------------------------ */

/* "--a V --b" in lines, an option with its value never apart. */
static void print_options(const char *options)
{
	size_t column = 0;

	while (*options) {
		const char *next = strstr(options + 1, " --");
		size_t n = next ? (size_t)(next - options) : strlen(options);

		if (!column || column + n >= HELP_WIDTH) {
			printf("%s%*s", column ? "\n" : "", HELP_INDENT, "");
			column = HELP_INDENT;
		}
		column += (size_t)printf(" %.*s", (int)n, options);
		options += n + (next != NULL);
	}
	printf("\n");
}

/* Columns that a text takes: bytes that begin a character. */
static int columns(const char *s)
{
	int n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

/* What it does stands behind the words, or below them when they reach too far. */
static void print_command(const struct command *c, int whole)
{
	char line[128];
	int gap;

	snprintf(line, sizeof(line), "  orasi %s%s%s %s", c->group ? c->group : "", c->group ? " " : "", c->name,
	         c->words);
	gap = HELP_INDENT - columns(line);
	printf("%s%s%*s %s\n", line, gap < 0 ? "\n" : "", gap < 0 ? HELP_INDENT : gap, "", c->help);
	if (*c->options && whole)
		print_options(c->options);
}

static const char epilogue[] =
	"\nOptions of a command: orasi COMMAND --help.\n"
	"The agent is --server, else $ORASI_SERVER, else http://127.0.0.1:8470; unix:PATH is a socket.\n"
	"It asks for a token? --token-file FILE, else $ORASI_TOKEN; 'orasi token create' makes one.\n"
	"--local DIR needs none: one is started on the data folder DIR for this command, unless one serves it.\n"
	"--json prints what the API answers, --quiet nothing but problems. Behind a lone -- all are words.\n"
	"\nExit codes: 0 done; 1 failed; 2 usage; 3 records were rejected (ingest --strict); 4 no agent answers;\n"
	"130 interrupted.\n";

static int print_help(const char *group)
{
	if (!group)
		printf("Usage: orasi [--server URL | --local DIR] [--json] [--quiet] COMMAND …\n\n");
	for (const struct command *c = commands; c->name; c++)
		if (!group || (c->group ? !strcmp(c->group, group) : !strcmp(c->name, group)))
			print_command(c, group != NULL);
	if (!group)
		printf("%s", epilogue);
	return CLI_OK;
}

/* ---- options ---------------------------------------------------------------------------------------------- */

/* Is --name among the words of `list`, and does it take a value? -1: no such option. */
static int takes_value(const char *list, const char *name, size_t len)
{
	for (const char *at = list; at && (at = strstr(at, "--")); at++) {
		size_t n = strcspn(at, " ");

		if (n == len && !strncmp(at, name, n))
			return at[n] == ' ' && at[n + 1] && strncmp(at + n + 1, "--", 2);
	}
	return -1;
}

static int keep_option(struct args *args, const char *name, const char *value)
{
	if (args->n_options == OPTION_VALUES_MAX)
		return fail(CLI_USAGE, "more than %d options: give fewer at once", OPTION_VALUES_MAX);
	args->options[args->n_options].name = name;
	args->options[args->n_options++].value = value;
	return 0;
}

static void offer_options(struct near *near, const char *list, char (*names)[NEAR_MAX])
{
	for (const char *at = list; (at = strstr(at, "--")); at += strcspn(at, " "), names++) {
		snprintf(*names, NEAR_MAX, "%.*s", (int)strcspn(at, " "), at);
		near_offer(near, *names);
	}
}

static int unknown_option(const struct command *command, const char *arg, size_t len)
{
	char typed[NEAR_MAX], names[OPTION_VALUES_MAX][NEAR_MAX], hint[NEAR_HINT];
	struct near near = {.word = typed};

	snprintf(typed, sizeof(typed), "%.*s", (int)len, arg);
	offer_options(&near, GLOBAL_OPTIONS, names);
	if (!near.best && command)
		offer_options(&near, command->options, names);
	return fail(CLI_USAGE, "unknown option %s: see 'orasi%s%s%s%s --help'%s", typed,
	            command && command->group ? " " : "", command && command->group ? command->group : "",
	            command ? " " : "", command ? command->name : "", near_hint(&near, hint));
}

static int take_option(struct args *args, const struct command *command, char **argv, int *at)
{
	char *arg = argv[*at], *equals = strchr(arg, '=');
	size_t len = equals ? (size_t)(equals - arg) : strlen(arg);
	int value = takes_value(GLOBAL_OPTIONS, arg, len);

	if (value < 0)
		value = takes_value(command ? command->options : "", arg, len);
	if (value < 0)
		return unknown_option(command, arg, len);
	if (equals)
		*equals++ = '\0';
	if (!value && equals)
		return fail(CLI_USAGE, "%s takes no value", arg);
	if (value && !equals && !(equals = argv[++*at]))
		return fail(CLI_USAGE, "%s needs a value", arg);
	if (!strcmp(arg, "--server"))
		args->server = equals;
	else if (!strcmp(arg, "--local"))
		args->local = equals;
	else if (!strcmp(arg, "--token-file"))
		return http_token_from(equals);
	else if (!strcmp(arg, "--json"))
		args->json = 1;
	else if (!strcmp(arg, "--quiet"))
		args->quiet = 1;
	else
		return keep_option(args, arg + 2, value ? equals : "");
	return 0;
}

static int is_group(const char *word)
{
	for (const struct command *c = commands; c->name; c++)
		if (c->group && !strcmp(c->group, word))
			return 1;
	return 0;
}

static const struct command *find_command(char **argv, int *at)
{
	for (const struct command *c = commands; c->name; c++) {
		if (!c->group && !strcmp(argv[*at], c->name)) {
			(*at)++;
			return c;
		}
		if (c->group && !strcmp(argv[*at], c->group) && argv[*at + 1] && !strcmp(argv[*at + 1], c->name)) {
			*at += 2;
			return c;
		}
	}
	return NULL;
}

/* The names of a group's commands, or with NULL of groups and of commands without one. */
static const char *near_command(const char *word, const char *group, char hint[NEAR_HINT])
{
	struct near near = {.word = word};

	for (const struct command *c = commands; c->name; c++)
		if (!group || (c->group && !strcmp(c->group, group)))
			near_offer(&near, !group && c->group ? c->group : c->name);
	return near_hint(&near, hint);
}

static void on_interrupt(int signum)
{
	(void)signum;
	cli_interrupted = 1;
}

/* The second signal finds the handler gone, and kills. */
static void catch_interrupts(void)
{
	struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESETHAND};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static int run_somewhere(const struct command *command, struct args *args)
{
	int r = 0;

	if (command->run == cmd_completion || str_eq(command->group, "token")) /* no agent is asked */
		return command->run(args);
	catch_interrupts();
	if (args->local)
		r = local_start(args);
	if (!r)
		r = command->run(args);
	local_stop();
	return r;
}

/* Behind a lone -- all are words: a file may be called --x, and SQL may begin with a comment. */
static int run_command(const struct command *command, struct args *args, char **argv, int at)
{
	int only_words = 0, r = 0;

	args->typed = argv + at - 1;
	if (command->run == cmd_author) /* its options are read by the program that it is for */
		return command->run(args);
	args->words = argv + at;
	for (; argv[at] && !r; at++) {
		if (only_words || strncmp(argv[at], "--", 2))
			args->words[args->n_words++] = argv[at];
		else if (!argv[at][2])
			only_words = 1;
		else if (!strcmp(argv[at], "--help"))
			return print_help(command->group ? command->group : command->name);
		else
			r = take_option(args, command, argv, &at);
	}
	if (r)
		return r;
	if (args->n_words < command->min_words || args->n_words > command->max_words)
		return fail(CLI_USAGE, "usage: orasi %s%s%s %s %s", command->group ? command->group : "",
		            command->group ? " " : "", command->name, command->words, command->options);
	return run_somewhere(command, args);
}

int main(int argc, char **argv)
{
	struct args args = {.server = getenv("ORASI_SERVER")};
	const struct command *command;
	char hint[NEAR_HINT];
	int at = 1, r;

	if (!args.server)
		args.server = "http://127.0.0.1:8470";
	for (; at < argc && !strncmp(argv[at], "--", 2); at++) {
		if (!strcmp(argv[at], "--help"))
			return print_help(NULL);
		if (!strcmp(argv[at], "--version")) {
			printf("orasi " ORASI_VERSION "\n");
			return CLI_OK;
		}
		r = take_option(&args, NULL, argv, &at);
		if (r)
			return r;
	}
	if (at >= argc) {
		print_help(NULL);
		return CLI_USAGE;
	}
	if (is_group(argv[at]) && (!argv[at + 1] || !strcmp(argv[at + 1], "--help")))
		return print_help(argv[at]) || !argv[at + 1] ? CLI_USAGE : CLI_OK;
	command = find_command(argv, &at);
	if (!command && is_group(argv[at]))
		return fail(CLI_USAGE, "unknown command '%s %s': see 'orasi %s --help'%s", argv[at], argv[at + 1],
		            argv[at], near_command(argv[at + 1], argv[at], hint));
	if (!command)
		return fail(CLI_USAGE, "unknown command '%s': see 'orasi --help'%s", argv[at],
		            near_command(argv[at], NULL, hint));
	return run_command(command, &args, argv, at);
}
