/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments by table: one row and one function per verb. */
#include "author.h"

#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/str.h"

#define RUN_OPTIONS                                                                                            \
	"--plugin P --option K=V --batch N --read N --kill-after-batch N --record LOG --replay LOG --limit N " \
	"--format F --format-option K=V --plugins DIRS --column C --query Q --state S"

static const struct verb {
	const char *name, *words, *options, *help; /* "--a V --b": V is a value; help NULL: not for people */
	int min_words, max_words;
	int (*run)(const struct typed *typed);
} verbs[] = {
	{"new", "ID", "--kind K --lang L --dir D",
         "A project that builds and passes its check: kind ingest, index, transform, task or notifier; lang c, c++ or "
         "rust.",
         1, 1, author_new},
	{"check", "FILE",
         "--plugin P --sample F --option K=V --only T --level L --seed N --seconds N --golden D --record-golden --json",
         "The conformance suite, each test in its own process; TAP, or JSON.", 1, 1, author_check},
	{"run", "FILE [INPUT]", RUN_OPTIONS " --gdb",
         "Run a format on a file and print its rows; a transform, and print what it makes of them; an index, and print "
         "what it finds; a task, and print its result; a notifier on events, one a line.",
         1, 2, author_run},
	{"info", "FILE", "--json", "What a file says of itself.", 1, 1, author_info},
	{"docs", "FILE", "", "Its documentation, from its schemas, as Markdown.", 1, 1, author_docs},
	{"trust", "[FILE…]", "--trust-file T --grant R --revoke --key K --key-id ID --bundle P",
         "Let the agent load a file, or files that a key has signed; or never again.", 0, AUTHOR_OPTIONS_MAX,
         author_trust},
	{"sign", "FILE", "--key K --key-id ID", "A signature beside a plugin file.", 1, 1, author_sign},
	{"run-here", "FILE [INPUT]", RUN_OPTIONS, NULL, 1, 2, author_run_here},
	{"step", "TEST FILE", "--plugin P --sample F --option K=V --level L --seed N --scratch D --batch N --golden D",
         NULL, 2, 2, author_step},
	{0},
};

int author_fail(int code, const char *fmt, ...)
{
	va_list ap;

	fputs("orasi plugin: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return code;
}

/* ---- what was typed ------------------------------------------------------------------------------------------- */

const char *typed_nth(const struct typed *typed, const char *name, int i)
{
	for (int k = 0; k < typed->n_options; k++)
		if (!strcmp(typed->options[k].name, name) && i-- == 0)
			return typed->options[k].value;
	return NULL;
}

const char *typed_get(const struct typed *typed, const char *name, const char *otherwise)
{
	const char *value = typed_nth(typed, name, 0);

	return value ? value : otherwise;
}

int typed_has(const struct typed *typed, const char *name)
{
	return typed_nth(typed, name, 0) != NULL;
}

int typed_number(const struct typed *typed, const char *name, int64_t otherwise, int64_t *ret)
{
	const char *text = typed_get(typed, name, NULL);

	*ret = otherwise;
	if (text && (str_to_i64(text, ret) || *ret < 0))
		return author_fail(AUTHOR_USAGE, "--%s %s is no number", name, text);
	return 0;
}

/* Lists and objects as JSON, numbers and booleans as such, the rest as text. */
static struct json *typed_value(const char *text)
{
	struct json *json;
	int64_t i;
	double d;

	if ((*text == '[' || *text == '{') && !json_parse(text, strlen(text), &json, NULL))
		return json;
	if (!strcmp(text, "true") || !strcmp(text, "false"))
		return json_new_bool(*text == 't');
	if (!str_to_i64(text, &i))
		return json_new_int(i);
	return str_to_f64(text, &d) ? json_new_str(text) : json_new_double(d);
}

struct json *typed_config(const struct typed *typed, const char *name)
{
	struct json *config = json_new_object();
	const char *pair;

	for (int i = 0; (pair = typed_nth(typed, name, i)); i++) {
		const char *equals = strchr(pair, '=');
		char key[256];

		if (!equals || (size_t)(equals - pair) >= sizeof(key)) {
			author_fail(AUTHOR_USAGE, "--%s %s: write it as KEY=VALUE", name, pair);
			json_free(config);
			return NULL;
		}
		snprintf(key, sizeof(key), "%.*s", (int)(equals - pair), pair);
		json_set(config, key, typed_value(equals + 1));
	}
	return config;
}

/* ---- arguments ------------------------------------------------------------------------------------------------ */

/* -1: no such option; else whether it takes a value. */
static int takes_value(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = list; (at = strstr(at, "--")); at += 2)
		if (!strncmp(at + 2, name, n) && (at[2 + n] == ' ' || !at[2 + n]))
			return at[2 + n] && strncmp(at + 3 + n, "--", 2);
	return -1;
}

static int take_option(struct typed *typed, const struct verb *verb, char *arg, const char *following, int *ret_taken)
{
	char *equals = strchr(arg, '=');
	int value;

	if (equals)
		*equals++ = '\0';
	value = takes_value(verb->options, arg);
	if (value < 0)
		return author_fail(AUTHOR_USAGE, "unknown option --%s of '%s': %s", arg, verb->name, verb->options);
	if (value && !equals && !following)
		return author_fail(AUTHOR_USAGE, "--%s needs a value", arg);
	if (typed->n_options == AUTHOR_OPTIONS_MAX)
		return author_fail(AUTHOR_USAGE, "more than %d options", AUTHOR_OPTIONS_MAX);
	typed->options[typed->n_options].name = arg;
	typed->options[typed->n_options++].value = !value ? "" : equals ? equals : following;
	*ret_taken = value && !equals;
	return 0;
}

static void print_verb(const struct verb *verb)
{
	printf("  %s %-11s %s\n  %-17s %s\n", verb->name, verb->words, verb->help ? verb->help : "", "", verb->options);
}

/* argv stays whole: options are taken apart in copies. */
static int run_verb(const struct verb *verb, struct typed *typed, char **argv, struct arena *arena)
{
	for (int i = 0; argv[i]; i++) {
		int taken = 0, r = 0;

		if (!strcmp(argv[i], "--help")) {
			print_verb(verb);
			return AUTHOR_OK;
		}
		if (!strncmp(argv[i], "--", 2) && argv[i][2]) {
			r = take_option(typed, verb, arena_str(arena, argv[i] + 2), argv[i + 1], &taken);
		} else if (typed->n_words < verb->max_words) {
			typed->words[typed->n_words++] = argv[i];
		} else {
			r = AUTHOR_USAGE;
		}
		if (r)
			return r == AUTHOR_USAGE && typed->n_words == verb->max_words
			               ? author_fail(r, "usage: orasi plugin %s %s %s", verb->name, verb->words,
			                             verb->options)
			               : r;
		i += taken;
	}
	if (typed->n_words < verb->min_words)
		return author_fail(AUTHOR_USAGE, "usage: orasi plugin %s %s %s", verb->name, verb->words,
		                   verb->options);
	return verb->run(typed);
}

static int print_help(void)
{
	puts("Usage: orasi plugin VERB …, or orasi-plugin VERB …\n");
	for (const struct verb *v = verbs; v->name; v++)
		if (v->help)
			print_verb(v);
	return AUTHOR_OK;
}

int main(int argc, char **argv)
{
	static char self[PATH_MAX];
	struct typed typed = {.self = self, .argv = argv};
	struct arena arena;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[n > 0 ? n : 0] = '\0';
	if (argc < 2 || !strcmp(argv[1], "--help"))
		return argc < 2 ? (print_help(), AUTHOR_USAGE) : print_help();
	for (const struct verb *v = verbs; v->name; v++)
		if (!strcmp(argv[1], v->name)) {
			int r;

			arena_init(&arena);
			r = run_verb(v, &typed, argv + 2, &arena);
			arena_done(&arena);
			return r;
		}
	return author_fail(AUTHOR_USAGE, "unknown verb '%s': see 'orasi-plugin --help'", argv[1]);
}
