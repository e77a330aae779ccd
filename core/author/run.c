/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin from the shell: a task or a notifier is run once, see run_once.c. A format on a file: rows on standard output,
 * one JSON object a line; what was rejected and the schema on standard error. The file "-" is standard input: a format
 * that can be fed gives rows while it comes.
 *
 * A recording notes how reads were cut and what came of every batch; a replay cuts them in the same way and says where
 * something else comes out. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "exam.h"
#include "rows.h"
#include "run.h"

#define INPUT_MAX (1u << 30)

struct running {
	struct exam exam;
	struct page page;
	struct decode decode;
	struct buf input;
	int64_t limit, printed, kill_after, batch;
	struct json *record, *reads;
	const struct json *replay;
	size_t batches;
	int differs;
};

static struct json *batch_json(const struct running *run, const struct ArrowArray *batch, const struct mark *mark)
{
	struct json *json = json_new_object();
	uint64_t hash = 0;
	char text[32];

	for (uint64_t i = mark->rows - (uint64_t)batch->length; i < mark->rows; i++)
		hash = digest_bytes(hash, &run->decode.digest.items[i], sizeof(uint64_t));
	snprintf(text, sizeof(text), "%016llx", (unsigned long long)hash);
	json_set_int(json, "rows", batch->length);
	json_set_str(json, "digest", text);
	snprintf(text, sizeof(text), "%016llx", (unsigned long long)digest_bytes(0, mark->state, mark->len));
	json_set_str(json, "state", mark->resumable ? text : "");
	json_set_int(json, "rejected", (int64_t)mark->rejects);
	return json;
}

static void hold_against(struct running *run, const struct json *got)
{
	const struct json *wanted = json_at(json_get(run->replay, "batches"), run->batches);

	if (run->differs || (wanted && !strcmp(json_text(wanted), json_text(got))))
		return;
	run->differs = 1;
	fprintf(stderr, "batch %zu is not what was recorded\n  recorded: %s\n  now:      %s\n", run->batches,
	        wanted ? json_text(wanted) : "nothing", json_text(got));
}

static int on_batch(void *ctx, const struct ArrowSchema *schema, struct ArrowArray *batch, const struct mark *mark)
{
	struct running *run = ctx;
	struct arrow_view view;
	struct json *json;
	struct buf text;

	if (arrow_view_init(&view, schema, batch))
		return -1;
	buf_init(&text, 0);
	for (int64_t i = 0; i < batch->length && run->printed < run->limit; i++, run->printed++) {
		buf_clear(&text);
		rows_print(&view, i, 0, &text);
		puts(text.data);
	}
	buf_done(&text);
	if (run->decode.fed)
		fflush(stdout);
	if (run->record || run->replay) {
		json = batch_json(run, batch, mark);
		if (run->replay)
			hold_against(run, json);
		if (run->record)
			json_push((struct json *)json_get_mut(run->record, "batches"), json);
		else
			json_free(json);
	}
	run->batches++;
	if (run->kill_after && (int64_t)run->batches == run->kill_after) {
		fflush(NULL);
		fprintf(stderr, "killed behind batch %zu%s\n", run->batches,
		        mark->resumable ? "" : " (its mark is not RESUMABLE)");
		kill(getpid(), SIGKILL);
	}
	return 0;
}

static int load(struct running *run, const struct typed *typed)
{
	struct exam *exam = &run->exam;
	orasi_error error = exam_no_error();
	struct json *errors = json_new_array();
	struct err err = {0};
	int r = subject_load(&exam->subject, typed->words[0], &err);

	lab_init(&exam->lab, NULL);
	if (!r && exam->subject.entry->init(&exam->lab.host, &error))
		r = err_set(&err, ERR_PLUGIN, "init fails: %s", error.message);
	if (!r)
		r = subject_choose(&exam->subject, typed_get(typed, "plugin", NULL), &err);
	if (!r && (exam->subject.index || exam->subject.transform))
		r = err_set(&err, ERR_INVALID,
		            "run is for formats, tasks and notifiers; use 'check' for the other kinds");
	exam->config = typed_config(typed);
	if (!r && (!exam->config || plugin_config_check(exam->subject.schema, exam->config, "", errors)))
		r = err_set(&err, ERR_INVALID, "the options: %s %s", json_get_str(json_at(errors, 0), "pointer", ""),
		            json_get_str(json_at(errors, 0), "detail", "not KEY=VALUE"));
	json_free(errors);
	return r ? author_fail(AUTHOR_FAILED, "%s: %s", typed->words[0], err.text) : 0;
}

static int read_json(const char *path, struct json **ret)
{
	struct err err = {0};
	struct buf text;
	int r;

	buf_init(&text, 0);
	r = file_read(path, INPUT_MAX, &text, &err);
	if (!r)
		r = json_parse(text.data, text.len, ret, &err);
	buf_done(&text);
	return r ? author_fail(AUTHOR_FAILED, "recording '%s': %s", path, err.text) : 0;
}

static void tell_end(const struct running *run)
{
	const struct decode *d = &run->decode;
	struct buf text;

	buf_init(&text, 0);
	if (d->schema.release)
		rows_type(&d->schema, &text);
	fprintf(stderr, "schema: %s\n", text.len ? text.data : "none");
	for (size_t i = 0; i < json_count(d->lab.rejected) && i < 20; i++)
		fprintf(stderr, "rejected: %s\n", json_text(json_at(d->lab.rejected, i)));
	fprintf(stderr, "%zu rows, %zu rejected, %zu batches\n", d->digest.n, d->lab.rejects.n, d->n_marks);
	buf_done(&text);
}

static int keep_record(struct running *run, const char *path)
{
	struct err err = {0};
	const char *text;

	json_set(run->record, "reads", json_copy(run->reads));
	text = json_text_pretty(run->record);
	return file_replace(path, text, strlen(text), &err) ? author_fail(AUTHOR_FAILED, "%s", err.text) : 0;
}

static int work(struct running *run, const struct typed *typed)
{
	struct sample sample = {typed->words[1], (uint8_t *)run->input.data, run->input.len};
	const char *record = typed_get(typed, "record", NULL);
	int r = decode_run(&run->exam, &sample, &run->decode);

	fflush(stdout);
	if (r)
		return author_fail(AUTHOR_FAILED, "%s misbehaves: %s", typed->words[0], run->page.sentence);
	tell_end(run);
	if (record && keep_record(run, record))
		return AUTHOR_FAILED;
	if (run->decode.status != ORASI_END)
		return author_fail(AUTHOR_FAILED, "'%s' fails (%d): %s", run->decode.function, run->decode.status,
		                   run->decode.error.message);
	if (run->replay && !run->differs && json_count(json_get(run->replay, "batches")) != run->batches)
		return author_fail(AUTHOR_FAILED, "%zu batches were recorded, now there are %zu",
		                   json_count(json_get(run->replay, "batches")), run->batches);
	return run->differs ? AUTHOR_FAILED : AUTHOR_OK;
}

/* The same command without --gdb, inside of a debugger. */
static int debug(const struct typed *typed)
{
	const char *argv[AUTHOR_OPTIONS_MAX * 2 + 8] = {"gdb", "-q", "--args", typed->self};
	size_t n = 4;

	for (char **at = typed->argv + 1; *at && n < sizeof(argv) / sizeof(argv[0]) - 1; at++)
		if (strcmp(*at, "--gdb"))
			argv[n++] = *at;
	execvp("gdb", (char **)argv);
	return author_fail(AUTHOR_FAILED, "cannot start gdb: apt-get install gdb");
}

/* Standard input: as it comes, or all of it for who cannot be fed. */
static int take_stdin(struct running *run, const struct typed *typed)
{
	char chunk[64 << 10];
	size_t n = 1;
	int can = decode_can_feed(&run->exam);

	if (can < 0)
		return author_fail(AUTHOR_FAILED, "%s misbehaves: %s", typed->words[0], run->page.sentence);
	if (typed_has(typed, "record") || typed_has(typed, "replay"))
		return author_fail(AUTHOR_USAGE, "--record and --replay need a file: what comes in a pipe is gone");
	if (can)
		run->decode.fed = FEED_STREAM;
	while (!can && n && run->input.len < INPUT_MAX) {
		n = fread(chunk, 1, sizeof(chunk), stdin);
		if (buf_add(&run->input, chunk, n))
			return author_fail(AUTHOR_FAILED, "out of memory");
	}
	return n && !can ? author_fail(AUTHOR_FAILED, "standard input has more than 1 GiB") : 0;
}

static int take_input(struct running *run, const struct typed *typed)
{
	struct err err = {0};

	if (!strcmp(typed->words[1], "-"))
		return take_stdin(run, typed);
	return file_read(typed->words[1], INPUT_MAX, &run->input, &err) ? author_fail(AUTHOR_FAILED, "%s", err.text)
	                                                                : 0;
}

static int prepare(struct running *run, const struct typed *typed)
{
	const char *replay = typed_get(typed, "replay", NULL);
	int64_t read_max, batch;
	struct json *recorded = NULL;
	int r = typed_number(typed, "limit", INT64_MAX, &run->limit);

	if (!r)
		r = typed_number(typed, "kill-after-batch", 0, &run->kill_after);
	if (!r)
		r = typed_number(typed, "batch", 1024, &batch);
	if (!r)
		r = typed_number(typed, "read", 0, &read_max);
	if (!r && replay)
		r = read_json(replay, &recorded);
	if (!r)
		r = take_input(run, typed);
	if (r)
		return r;
	run->replay = recorded;
	if (replay)
		batch = json_get_int(recorded, "max_rows", batch);
	run->decode.max_rows = batch > 0 && batch < UINT32_MAX ? (uint32_t)batch : 1024;
	run->decode.max_read = (size_t)read_max;
	run->decode.on_batch = on_batch;
	run->decode.ctx = run;
	run->decode.script = json_get(recorded, "reads");
	if (typed_has(typed, "record")) {
		run->record = json_new_object();
		run->reads = run->decode.record = json_new_array();
		json_set_int(run->record, "max_rows", run->decode.max_rows);
		json_set(run->record, "batches", json_new_array());
	}
	return 0;
}

int author_run(const struct typed *typed)
{
	static struct running run;
	int r;

	if (typed_has(typed, "gdb"))
		return debug(typed);
	run.exam = (struct exam){.typed = typed, .file = typed->words[0], .page = &run.page};
	buf_init(&run.input, 0);
	r = load(&run, typed);
	if (!r && !run.exam.subject.ingest)
		return run_once(&run.exam, typed);
	if (!r && typed->n_words < 2)
		return author_fail(AUTHOR_USAGE, "a format needs an input file: orasi plugin run FILE INPUT");
	if (!r)
		r = prepare(&run, typed);
	return r ? r : work(&run, typed);
}
