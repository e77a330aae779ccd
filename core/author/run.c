/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin from the shell. It runs in a process of its own, which may die: what it was doing stands in a page that both
 * share, and this one tells it.
 *
 *   run → fork → load → by kind: rows of a format, what a transform makes of them, an index over them, a task, events
 *
 * With --gdb the debugger starts the same without the fork. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <orasi/sdk/arrow.h>

#include "base/str.h"
#include "rows.h"
#include "run.h"

#define BATCH_ROWS 1024
#define SIGNALLED 128 /* and the signal: as a shell has it */

#define READERS (FOR_KIND(ORASI_KIND_INGEST) | FOR_KIND(ORASI_KIND_TRANSFORM) | FOR_KIND(ORASI_KIND_INDEX))

/* ---- failing ----------------------------------------------------------------------------------------------------- */

int run_fail(struct running *run, int code, const char *fmt, ...)
{
	va_list ap;

	if (run->code)
		return -1;
	run->code = code;
	va_start(ap, fmt);
	vsnprintf(run->sentence, sizeof(run->sentence), fmt, ap);
	va_end(ap);
	return -1;
}

int run_status(struct running *run, const char *function, orasi_status status, const orasi_error *error)
{
	return run_fail(run, AUTHOR_FAILED, "'%s' fails (%d): %.*s", function, status,
	                (int)strnlen(error->message, sizeof(error->message)), error->message);
}

int run_misbehaves(struct running *run)
{
	return run_fail(run, AUTHOR_FAILED, "plugin '%s': %s", run->page->plugin, run->page->sentence);
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

void run_print(struct running *run, const struct arrow_view *rows, int64_t i)
{
	struct buf text;

	if (run->printed >= run->limit)
		return;
	buf_init(&text, 0);
	rows_print(rows, i, 0, &text);
	puts(text.data);
	buf_done(&text);
	run->printed++;
}

void run_tell_schema(const struct ArrowSchema *schema)
{
	struct buf text;

	buf_init(&text, 0);
	if (schema->release)
		rows_type(schema, &text);
	fprintf(stderr, "schema: %s\n", text.len ? text.data : "none");
	buf_done(&text);
}

void run_tell_rejected(const struct lab *lab)
{
	for (size_t i = 0; i < json_count(lab->rejected) && i < 20; i++)
		fprintf(stderr, "rejected: %s\n", json_text(json_at(lab->rejected, i)));
}

int run_has_begun(const struct running *run)
{
	return run->decode.schema.release != NULL;
}

/* ---- decoding ---------------------------------------------------------------------------------------------------- */

struct decoding {
	struct running *run;
	run_each each;
	void *ctx;
};

static void kill_here(struct running *run, const struct mark *mark)
{
	fflush(NULL);
	fprintf(stderr, "killed behind batch %llu%s\n", (unsigned long long)run->batches,
	        mark->resumable ? "" : " (its mark is not RESUMABLE)");
	run->page->back = 1;
	kill(getpid(), SIGKILL);
}

static int on_batch(void *ctx, const struct ArrowSchema *schema, struct ArrowArray *batch, const struct mark *mark)
{
	struct decoding *decoding = ctx;
	struct running *run = decoding->run;

	if (decoding->each(run, decoding->ctx, schema, batch, mark))
		return -1;
	if (run->decode.fed)
		fflush(stdout);
	run->page->batch = ++run->batches + 1;
	if (run->kill_after && run->batches == (uint64_t)run->kill_after)
		kill_here(run, mark);
	return 0;
}

static int64_t next_piece(void *from, void *buf, size_t cap, orasi_error *error)
{
	return input_next(from, buf, cap, error);
}

int run_decode(struct running *run, run_each each, void *ctx)
{
	struct sample sample = {run->typed->words[1], (uint8_t *)run->bytes.data, run->bytes.len};
	struct decoding decoding = {run, each, ctx};
	struct decode *d = &run->decode;
	int r;

	d->on_batch = on_batch;
	d->ctx = &decoding;
	d->more = next_piece;
	d->from = &run->input;
	run->page->batch = 1;
	r = decode_run(run->format, &sample, d);
	fflush(stdout);
	if (r)
		run_misbehaves(run);
	else if (d->status != ORASI_END)
		run_status(run, d->function, d->status, &d->error);
	else if ((uint64_t)run->kill_after > run->batches)
		run_fail(run, AUTHOR_FAILED, "--kill-after-batch %lld: it was not killed, the input has %llu batches",
		         (long long)run->kill_after, (unsigned long long)run->batches);
	return run->code;
}

/* ---- loading ----------------------------------------------------------------------------------------------------- */

int run_open(struct running *run, struct exam *exam, const char *file)
{
	orasi_error error = exam_no_error();
	struct err err = {0};
	int r;

	exam->typed = run->typed;
	exam->file = file;
	exam->page = run->page;
	exam_enter(exam, "load");
	r = subject_load(&exam->subject, file, &err);
	exam_leave(exam);
	lab_init(&exam->lab, NULL);
	if (!r && CALL(exam, "init", exam->subject.entry->init(&exam->lab.host, &error)))
		r = err_set(&err, ERR_PLUGIN, "init fails: %s", error.message);
	return r ? run_fail(run, AUTHOR_FAILED, "%s: %s", file, err.text), run->code : 0;
}

int run_choose(struct running *run, struct exam *exam, const char *plugin, const char *option)
{
	struct json *errors = json_new_array();
	struct err err = {0};
	int r = subject_choose(&exam->subject, plugin, &err);

	exam->config = r ? NULL : typed_config(run->typed, option);
	if (!r && (!exam->config || plugin_config_check(exam->subject.schema, exam->config, "", errors)))
		r = err_set(&err, ERR_INVALID, "the options: %s %s", json_get_str(json_at(errors, 0), "pointer", ""),
		            json_get_str(json_at(errors, 0), "detail", "not KEY=VALUE"));
	json_free(errors);
	return r ? run_fail(run, AUTHOR_FAILED, "%s: %s", exam->file, err.text), run->code : 0;
}

/* ---- what was typed ---------------------------------------------------------------------------------------------- */

/* Options that are not for every kind. */
static const struct {
	const char *name, *whose;
	uint32_t kinds;
} limited[] = {
	{"batch", "formats, transforms and indexes", READERS},
	{"read", "formats, transforms and indexes", READERS},
	{"kill-after-batch", "formats, transforms and indexes", READERS},
	{"record", "formats, transforms and indexes", READERS},
	{"replay", "formats, transforms and indexes", READERS},
	{"limit", "formats, transforms and indexes", READERS},
	{"format", "transforms and indexes", READERS & ~FOR_KIND(ORASI_KIND_INGEST)},
	{"format-option", "transforms and indexes", READERS & ~FOR_KIND(ORASI_KIND_INGEST)},
	{"plugins", "transforms and indexes", READERS & ~FOR_KIND(ORASI_KIND_INGEST)},
	{"column", "indexes", FOR_KIND(ORASI_KIND_INDEX)},
	{"query", "indexes", FOR_KIND(ORASI_KIND_INDEX)},
	{"state", "tasks and notifiers", FOR_KIND(ORASI_KIND_TASK) | FOR_KIND(ORASI_KIND_NOTIFIER)},
};

static int check_options(struct running *run)
{
	uint32_t kind = run->exam.subject.descriptor->kind;

	for (size_t i = 0; i < sizeof(limited) / sizeof(limited[0]); i++)
		if (typed_has(run->typed, limited[i].name) && !(limited[i].kinds & FOR_KIND(kind)))
			run_fail(run, AUTHOR_USAGE, "--%s is for %s; '%s' is of kind %s", limited[i].name,
			         limited[i].whose, run->exam.subject.descriptor->id, kind_name(kind));
	return run->code;
}

static int take_number(struct running *run, const char *name, int64_t least, int64_t most, int64_t otherwise,
                       int64_t *ret)
{
	const char *text = typed_get(run->typed, name, NULL);

	*ret = otherwise;
	if (text && (str_to_i64(text, ret) || *ret < least || *ret > most))
		run_fail(run, AUTHOR_USAGE, "--%s %s: give a number from %lld to %lld", name, text, (long long)least,
		         (long long)most);
	return run->code;
}

static int take_numbers(struct running *run)
{
	int64_t batch;

	take_number(run, "limit", 0, INT64_MAX, INT64_MAX, &run->limit);
	take_number(run, "kill-after-batch", 1, INT64_MAX, 0, &run->kill_after);
	take_number(run, "batch", 1, UINT32_MAX, BATCH_ROWS, &batch);
	take_number(run, "read", 1, INT64_MAX, 0, &run->read_max);
	if (run->code || recording_open(&run->recording, run->typed, run->exam.subject.descriptor->id))
		return run->code ? run->code : (run->code = AUTHOR_FAILED);
	run->decode.max_rows = (uint32_t)recording_batch(&run->recording, batch);
	run->decode.max_read = (size_t)run->read_max;
	run->decode.script = recording_script(&run->recording);
	run->decode.record = run->recording.reads;
	return 0;
}

/* ---- input ------------------------------------------------------------------------------------------------------- */

/* Bytes that come as a stream are handed in as they come to who can be fed, as the agent does it. */
static int is_to_be_fed(struct running *run, int is_pipe)
{
	int can;

	if (recording_wanted(&run->recording) || !run->format || (!is_pipe && !run->input.unpack))
		return 0;
	can = decode_can_feed(run->format);
	return can < 0 ? run_misbehaves(run) : can;
}

static int take_input(struct running *run)
{
	const char *path = run->typed->words[1];
	int is_pipe = path && !strcmp(path, "-"), fed;
	struct err err = {0};

	if (!path)
		return run_fail(run, AUTHOR_USAGE, "a %s needs an input file: orasi plugin run FILE INPUT",
		                run->exam.subject.ingest ? "format" : kind_name(run->exam.subject.descriptor->kind));
	if (is_pipe && recording_wanted(&run->recording))
		return run_fail(run, AUTHOR_USAGE, "--record and --replay need a file: what comes in a pipe is gone");
	if (input_open(&run->input, path, &err))
		return run_fail(run, AUTHOR_FAILED, "%s", err.text);
	run->decode.no_seek = run->input.unpack != NULL;
	fed = is_to_be_fed(run, is_pipe);
	if (fed) {
		run->decode.fed = FEED_STREAM;
		return run->code;
	}
	return input_all(&run->input, &run->bytes, &err) ? run_fail(run, AUTHOR_FAILED, "%s", err.text) : 0;
}

static int take_format(struct running *run)
{
	const char *named = typed_get(run->typed, "format", NULL);

	if (run->exam.subject.ingest)
		run->format = &run->exam;
	else if (named)
		run_find_format(run, (orasi_bytes){0});
	if (run->code || take_input(run))
		return run->code;
	if (!run->format)
		run_find_format(run, (orasi_bytes){(const uint8_t *)run->bytes.data, run->bytes.len});
	return run->code;
}

/* ---- the process that may die ------------------------------------------------------------------------------------ */

static int run_reader(struct running *run)
{
	const struct subject *subject = &run->exam.subject;

	if (take_numbers(run) || take_format(run))
		return run->code;
	if (subject->ingest)
		run_format(run);
	else if (subject->transform)
		run_transform(run);
	else
		run_index(run);
	input_close(&run->input);
	if (!run->code)
		run->code = recording_close(&run->recording, run->typed);
	return run->code;
}

static int run_inside(const struct typed *typed, struct page *page)
{
	static struct running run;
	int r;

	run.typed = typed;
	run.page = page;
	buf_init(&run.bytes, 0);
	r = run_open(&run, &run.exam, typed->words[0]);
	if (!r)
		r = run_choose(&run, &run.exam, typed_get(typed, "plugin", NULL), "option");
	if (!r)
		r = check_options(&run);
	if (!r)
		r = READERS & FOR_KIND(run.exam.subject.descriptor->kind) ? run_reader(&run) : run_once(&run);
	fflush(stdout);
	if (run.sentence[0])
		author_fail(r, "%s", run.sentence);
	return r;
}

int author_run_here(const struct typed *typed)
{
	struct page page = {0};

	return run_inside(typed, &page);
}

/* ---- the one that tells ------------------------------------------------------------------------------------------ */

/* "plugin 'x', function 'next', batch 3" */
static const char *place_of(const struct page *page, char *ret, size_t cap)
{
	int n = snprintf(ret, cap, "plugin '%s', %s '%s'", page->plugin,
	                 page->function[0] ? "function" : "behind function", page->last);

	if (page->batch && n > 0 && (size_t)n < cap)
		snprintf(ret + n, cap - (size_t)n, ", batch %llu", (unsigned long long)page->batch);
	return ret;
}

static int tell_death(const struct page *page, int status)
{
	char place[256];
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (page->back)
		return sig ? SIGNALLED + sig : WEXITSTATUS(status);
	if (!sig)
		return author_fail(AUTHOR_FAILED, "the process was ended in %s: a plugin returns its failures",
		                   place_of(page, place, sizeof(place)));
	return author_fail(SIGNALLED + sig, "it died of signal %d (%s) in %s; --gdb runs the same in a debugger", sig,
	                   strsignal(sig), place_of(page, place, sizeof(place)));
}

/* The same command inside of a debugger, in one process. */
static int debug(const struct typed *typed)
{
	const char *argv[AUTHOR_OPTIONS_MAX * 3 + 8] = {"gdb", "-q", "--args", typed->self, "run-here"};
	size_t n = 5;

	for (char **at = typed->argv + 2; *at && n < sizeof(argv) / sizeof(argv[0]) - 1; at++)
		if (strcmp(*at, "--gdb"))
			argv[n++] = *at;
	execvp("gdb", (char **)argv);
	return author_fail(AUTHOR_FAILED, "cannot start gdb (%s): apt-get install gdb", strerror(errno));
}

int author_run(const struct typed *typed)
{
	struct page *page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;
	int status = 0;

	if (typed_has(typed, "gdb"))
		return debug(typed);
	fflush(NULL);
	pid = page == MAP_FAILED ? -1 : fork();
	if (pid < 0)
		return author_fail(AUTHOR_FAILED, "cannot start a process: %s", strerror(errno));
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		status = run_inside(typed, page);
		fflush(NULL);
		page->back = 1;
		_exit(status);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return tell_death(page, status);
}
