/* SPDX-License-Identifier: Apache-2.0 */
/* Program orasi-plugin: what authors of plugins use, without an agent: new, check, run, info, docs. `orasi plugin …`
 * hands these verbs on to it. It loads plugins into throw-away processes of its own.
 *
 * Shared inside the author room only. */
#ifndef AUTHOR_AUTHOR_H
#define AUTHOR_AUTHOR_H

#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "json/json.h"

enum { AUTHOR_OK, AUTHOR_FAILED, AUTHOR_USAGE };

#define AUTHOR_OPTIONS_MAX 64

/* What was typed behind the verb: words, and --name values. */
struct typed {
	const char *self; /* path of this program */
	char **argv;      /* all of it, for starting again */
	const char *words[AUTHOR_OPTIONS_MAX];
	int n_words;
	struct {
		const char *name, *value;
	} options[AUTHOR_OPTIONS_MAX];
	int n_options;
};

const char *typed_get(const struct typed *typed, const char *name, const char *otherwise);
int typed_has(const struct typed *typed, const char *name);
const char *typed_nth(const struct typed *typed, const char *name, int i); /* NULL behind the last */
int typed_number(const struct typed *typed, const char *name, int64_t otherwise, int64_t *ret); /* or AUTHOR_USAGE */
/* The --NAME K=V into an object; numbers and booleans as such. */
struct json *typed_config(const struct typed *typed, const char *name);

int author_fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* "orasi plugin: …" */

int author_new(const struct typed *typed);
int author_check(const struct typed *typed);
int author_step(const struct typed *typed); /* one test in a process of its own; started by author_check */
int author_run(const struct typed *typed);
int author_run_here(const struct typed *typed); /* in this process; started by author_run --gdb */
int author_info(const struct typed *typed);
int author_docs(const struct typed *typed);
int author_trust(const struct typed *typed);
int author_sign(const struct typed *typed);

#endif
