/* SPDX-License-Identifier: Apache-2.0 */
/* Program orasi: what people type. It speaks the HTTP API and knows nothing that the API does not tell. Shared
 * inside the cli room only. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <signal.h>
#include <stdio.h>

#include "base/buf.h"
#include "json/json.h"

/* Exit codes. */
enum { CLI_OK, CLI_FAILED, CLI_USAGE, CLI_REJECTED, CLI_UNREACHABLE, CLI_INTERRUPTED = 130 };

/* Ctrl-C was pressed, or SIGTERM came: requests end with CLI_INTERRUPTED. A second one kills at once. */
extern volatile sig_atomic_t cli_interrupted;

#define OPTION_VALUES_MAX 64

/* What was typed behind the command: words, and --name values. */
struct args {
	char **typed; /* from the command's name on, as it was typed */
	char **words; /* in the place of argv: as many as were typed */
	int n_words;
	struct {
		const char *name, *value;
	} options[OPTION_VALUES_MAX];
	int n_options;
	/* global ones */
	const char *server, *local;
	int json, quiet;
	int probing;    /* a request that fails says nothing, and gives up soon */
	int last_words; /* a request that is made although we were interrupted */
};

const char *args_get(const struct args *args, const char *name, const char *otherwise);
int args_has(const struct args *args, const char *name);
/* The i-th value of an option that may be given often; NULL behind the last. */
const char *args_nth(const struct args *args, const char *name, int i);

struct command {
	const char *group, *name; /* group NULL: a command of its own */
	int min_words, max_words;
	const char *words;   /* "DATASET NAME", for the help */
	const char *options; /* "--a V --b" : V is a value */
	const char *help;
	int (*run)(const struct args *args);
};
extern const struct command commands[]; /* name NULL ends it */

int fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* "orasi: …" on stderr */

/* ---- http.c: the only user of libcurl ----------------------------------------------------------------- */

/* One request; `body` may be NULL. 0 with the answer of a 2xx, else an exit code after saying why. */
int http_json(const struct args *args, const char *method, const char *path, const struct json *body,
              struct json **ret);
/* A POST that makes a task, whose answer is waited for although we are interrupted meanwhile: its id is in it. */
int http_submit(const struct args *args, const char *path, const struct json *body, struct json **ret);
/* A 2xx answer goes to `out` as it comes. */
int http_stream(const struct args *args, const char *method, const char *path, const struct json *body, FILE *out);
/* A 2xx answer line by line, without the ends of the lines, until it ends. */
int http_lines(const struct args *args, const char *path, void (*on_line)(void *ctx, const char *line), void *ctx);
/* Sends a file of any length. */
/* Many tasks, as a JSON array or one a line; with an Idempotency-Key, or NULL. */
int http_many(const struct args *args, const char *path, const char *text, int is_lines, const char *key,
              struct json **ret);
int http_upload(const struct args *args, const char *path, FILE *in, struct json **ret);
long http_last_status(void); /* of the last answer, 0: there was none */
/* The token that requests are sent with: of a file (its first line), else $ORASI_TOKEN. 0 or an exit code. */
int http_token_from(const char *path);
void http_escape(const char *text, char *ret, size_t cap);

/* ---- local.c: --local DIR ------------------------------------------------------------------------------- */

/* An agent on the folder args->local, private unless one is there; sets args->server. 0 or an exit code. */
int local_start(struct args *args);
/* The program orasi-agent: beside this one, else as it is found by its name. */
#define PROGRAM_MAX 4096
void find_agent(char ret[PROGRAM_MAX]);
void local_stop(void); /* also after local_start has failed, or was not called */

/* ---- table.c: tables for people -------------------------------------------------------------------------- */

/* Rows are a JSON array of objects (or of arrays when `columns` are given by name in order). */
void table_print(const struct json *rows, const char *const *columns);
void table_print_page(const struct json *page); /* {"columns","rows"} of a query */
/* One object: a line per member, members of objects as "a.b", lists of objects as tables below. */
void fields_print(const struct json *object);
/* Cut to `room` characters (0: not at all), without control characters; caller frees. */
char *text_for_people(const char *s, int room);
void number_with_commas(int64_t n, char ret[32]);

/* ---- commands -------------------------------------------------------------------------------------------- */

int cmd_ingest(const struct args *args);
int cmd_sql(const struct args *args);
int cmd_task_submit(const struct args *args);
int cmd_task_batch(const struct args *args);
int cmd_task_promote(const struct args *args);
int cmd_task_reschedule(const struct args *args);
int cmd_task_list(const struct args *args);
int cmd_task_get(const struct args *args);
int cmd_task_wait(const struct args *args);
int cmd_task_cancel(const struct args *args);
int cmd_task_retry(const struct args *args);
int cmd_task_attempts(const struct args *args);
int cmd_task_watch(const struct args *args);
int cmd_task_redrive(const struct args *args);
int cmd_task_delete(const struct args *args);
int cmd_task_logs(const struct args *args);
int cmd_token_create(const struct args *args);
int cmd_token_list(const struct args *args);
int cmd_token_revoke(const struct args *args);
int cmd_store_check(const struct args *args);
int cmd_store_backup(const struct args *args);
int cmd_queue_list(const struct args *args);
int cmd_queue_get(const struct args *args);
int cmd_queue_stats(const struct args *args);
int cmd_queue_set(const struct args *args);
int cmd_queue_pause(const struct args *args);
int cmd_queue_resume(const struct args *args);
int cmd_queue_drain(const struct args *args);
int cmd_queue_purge(const struct args *args);
int cmd_schedule_list(const struct args *args);
int cmd_schedule_get(const struct args *args);
int cmd_schedule_set(const struct args *args);
int cmd_schedule_pause(const struct args *args);
int cmd_schedule_resume(const struct args *args);
int cmd_schedule_delete(const struct args *args);
int cmd_dataset_attach(const struct args *args);
int cmd_dataset_create(const struct args *args);
int cmd_dataset_export(const struct args *args);
int cmd_dataset_optimize(const struct args *args);
int cmd_dataset_vacuum(const struct args *args);
int cmd_dataset_verify(const struct args *args);
int cmd_dataset_delete(const struct args *args);
int cmd_dataset_list(const struct args *args);
int cmd_dataset_show(const struct args *args);
int cmd_dataset_schema(const struct args *args);
int cmd_dataset_files(const struct args *args);
int cmd_dataset_history(const struct args *args);
int cmd_dataset_drop(const struct args *args);
int cmd_index_create(const struct args *args);
int cmd_index_list(const struct args *args);
int cmd_index_show(const struct args *args);
int cmd_index_drop(const struct args *args);
int cmd_index_build(const struct args *args);
int cmd_index_verify(const struct args *args);
int cmd_index_optimize(const struct args *args);
int cmd_search(const struct args *args);
int cmd_plugin_list(const struct args *args);
int cmd_plugin_info(const struct args *args);
int cmd_plugin_rescan(const struct args *args);
int cmd_plugin_clear(const struct args *args);
int cmd_plugin_pin(const struct args *args);
int cmd_plugin_unpin(const struct args *args);
/* author.c: verbs for authors of plugins, which belong to another program. */
int cmd_author(const struct args *args);
int author_is_file(const char *word);
int author_info_file(const struct args *args);
int cmd_status(const struct args *args);
int cmd_completion(const struct args *args);

/* A word that is JSON, or names a file with JSON; - is standard input. 0 or an exit code. */
int read_order(const char *word, struct json **ret);
/* Asks on the terminal, unless --yes was given. */
int confirmed(const struct args *args, const char *question, const char *name);
/* POSTs a verb on many tasks and follows it to its end. */
int operate(const struct args *args, const char *path, const struct json *body);
void pause_ms(int ms);
/* true, false and numbers become JSON of that type; the rest is text. */
struct json *typed_value(const char *text);
/* All of a stream into `ret`; 0 or an exit code. */
int read_all(FILE *in, const char *name, struct buf *ret);
/* KEY=VALUE options into an object; numbers and booleans as such, unless all shall be text. 0 or an exit code. */
int put_pairs(const struct args *args, const char *option, struct json *object, int as_text);
/* A number of an option, if it was given, as a member; 0 or CLI_USAGE after saying what is wrong. */
int put_number(const struct args *args, const char *option, struct json *object, const char *member);
/* GET as a table of these columns; any method, the answer as JSON. */
int show_list(const struct args *args, const char *path, const char *const *columns);
int show_one(const struct args *args, const char *method, const char *path);
int show_sent(const struct args *args, const char *method, const char *path, const struct json *body);
/* before + name, escaped + behind; static storage. */
const char *path_of(const char *before, const char *name, const char *behind);
/* Runs a query and prints its rows as --format or --json say, by default as a table. */
int run_query(const struct args *args, struct json *body);
/* ---- follow.c: waiting for a task -------------------------------------------------------------------------- */

/* Waits for the end of a task, showing progress on a terminal. The last answer is in *ret. */
int task_follow(const struct args *args, const char *id, struct json **ret);
/* index.c: the same, then the result on the output; with --no-wait just the id. */
int task_run_to_end(const struct args *args, const char *id);
int task_is_final(const struct json *task);
/* Says how a task ended that did not succeed. 0 or CLI_FAILED. */
int task_verdict(const struct json *task);

#endif
