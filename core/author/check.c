/* SPDX-License-Identifier: Apache-2.0 */
/* The suite: every test is this program started anew with `step`, under limits; it writes what it found into a page
 * that both share, and TAP or JSON comes of it.
 *
 *   check → for each test: spawn `step TEST FILE …` → page → one line
 *
 * A test that dies is a failure that names the signal and the plugin's function. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "exam.h"

#define PAGE_FD 3
#define TEST_SECONDS 60 /* unless --seconds says otherwise */
#define CPU_SECONDS 60
#define SAMPLE_MAX (64u << 20)

extern char **environ;

const struct test *test_at(size_t i)
{
	static const struct test *const groups[] = {
		tests_file,  tests_scan,      tests_any,  tests_ingest, tests_resume, tests_promises, tests_feed,
		tests_index, tests_transform, tests_task, tests_golden, tests_inputs, tests_stress};

	for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++)
		for (const struct test *t = groups[g]; t->name; t++)
			if (!i--)
				return t;
	return NULL;
}

/* ---- samples ------------------------------------------------------------------------------------------------------ */

/* For formats that everybody knows, when none was given. */
static const struct {
	const char *feature, *name, *text;
} known_samples[] = {
	{"ext:.json", "built-in.ndjson",
         "{\"id\":1,\"name\":\"first\",\"tags\":[\"a\",\"b\"],\"at\":\"2026-01-31T12:00:00Z\"}\n"
         "{\"id\":2,\"name\":\"second\",\"size\":2.5}\n"
         "{\"id\":3,\"name\":\"cut\n"
         "{\"id\":4,\"name\":\"\\u00e4\",\"more\":{\"deep\":[1,2,{\"x\":null}]}}\n"
         "{\"id\":5,\"name\":null,\"tags\":[]}\n"},
	{"ext:.txt", "built-in.txt", "one line\n\nthe third line\r\nbroken \xff bytes\nno end"},
	{"ext:.csv", "built-in.csv",
         "id,name,size\n1,first,2.5\n2,\"second, quoted\",\n3,\"two\nlines\",7\n4,short\n5,last,0\n"},
};

static int has_feature(const orasi_descriptor *d, const char *feature)
{
	for (int i = 0; d->features[i]; i++)
		if (!strcmp(d->features[i], feature))
			return 1;
	return 0;
}

static int read_samples(struct exam *exam)
{
	const char *path;

	for (int i = 0; (path = typed_nth(exam->typed, "sample", i)); i++) {
		struct err err = {0};
		struct buf bytes;

		if (exam->n_samples == SAMPLES_MAX)
			return exam_fail(exam, "more than %d samples", SAMPLES_MAX);
		buf_init(&bytes, 0);
		if (file_read(path, SAMPLE_MAX, &bytes, &err))
			return exam_fail(exam, "the sample: %s", err.text);
		exam->samples[exam->n_samples++] = (struct sample){strrchr(path, '/') ? strrchr(path, '/') + 1 : path,
		                                                   (uint8_t *)bytes.data, bytes.len};
	}
	for (size_t i = 0; !exam->n_samples && i < sizeof(known_samples) / sizeof(known_samples[0]); i++)
		if (exam->subject.descriptor && has_feature(exam->subject.descriptor, known_samples[i].feature))
			exam->samples[exam->n_samples++] = (struct sample){
				known_samples[i].name, (uint8_t *)known_samples[i].text, strlen(known_samples[i].text)};
	return 0;
}

/* ---- a step: one test in this process ------------------------------------------------------------------------------ */

static int apply_config(struct exam *exam)
{
	struct json *errors = json_new_array();
	int r = 0;

	exam->config = typed_config(exam->typed, "option");
	if (!exam->config || plugin_config_check(exam->subject.schema, exam->config, "", errors))
		r = exam_fail(exam, "the options: %s %s", json_get_str(json_at(errors, 0), "pointer", ""),
		              json_get_str(json_at(errors, 0), "detail", "not KEY=VALUE"));
	json_free(errors);
	return r;
}

static int prepare(struct exam *exam, const struct test *test)
{
	orasi_error error = exam_no_error();
	struct err err = {0};
	int r;

	lab_init(&exam->lab, NULL);
	if (test->flags & TEST_BARE)
		return 0;
	exam->page->fatal = 1;
	exam->load_ms = -exam_cpu_ms();
	exam_enter(exam, "load");
	r = subject_load(&exam->subject, exam->file, &err);
	exam_leave(exam);
	exam->load_ms += exam_cpu_ms();
	if (r)
		return exam_fail(exam, "%s", err.text);
	if (!exam->subject.entry->init || !exam->subject.entry->count || !exam->subject.entry->describe ||
	    !exam->subject.entry->get_factory)
		return exam_fail(exam, "the entry lacks init, count, describe or get_factory");
	exam->page->fatal = 0;
	if (test->flags & TEST_LOADED)
		return 0;
	exam->page->fatal = 1;
	if (CALL(exam, "init", exam->subject.entry->init(&exam->lab.host, &error)))
		return exam_fail(exam, "init fails: %s", error.message);
	if (subject_choose(&exam->subject, typed_get(exam->typed, "plugin", NULL), &err))
		return exam_fail(exam, "%s", err.text);
	lab_done(&exam->lab);
	lab_init(&exam->lab, exam->subject.descriptor);
	r = read_samples(exam);
	if (!r)
		r = apply_config(exam);
	exam->page->fatal = r != 0;
	return r;
}

static enum level level_of(const struct typed *typed)
{
	const char *level = typed_get(typed, "level", "full");

	return !strcmp(level, "basic") ? LEVEL_BASIC : !strcmp(level, "stress") ? LEVEL_STRESS : LEVEL_FULL;
}

/* What a plugin must not call explains much that comes after. */
static void blame_forbidden(struct exam *exam)
{
	size_t n = strlen(exam->page->sentence);

	if (guard_forbidden() && exam->page->outcome == OUTCOME_FAIL &&
	    !strstr(exam->page->sentence, guard_forbidden()))
		snprintf(exam->page->sentence + n, sizeof(exam->page->sentence) - n, " (it called '%s')",
		         guard_forbidden());
}

static int run_test(struct exam *exam, const struct test *test)
{
	int r = prepare(exam, test);

	if (r)
		return r;
	if (test->kinds && exam->subject.descriptor && !(test->kinds & FOR_KIND(exam->subject.descriptor->kind)))
		return exam_skip(exam, "another kind");
	if (test->flags & TEST_FULL && exam->level == LEVEL_BASIC)
		return exam_skip(exam, "level basic");
	if (test->flags & TEST_STRESS && exam->level != LEVEL_STRESS)
		return exam_skip(exam, "level stress only");
	if (test->flags & TEST_SAMPLE && !exam->n_samples)
		return exam_skip(exam, "there is no sample of its format: give one with --sample FILE");
	return test->fn(exam);
}

int author_step(const struct typed *typed)
{
	struct exam exam = {.typed = typed,
	                    .file = typed->words[1],
	                    .scratch = typed_get(typed, "scratch", "."),
	                    .level = level_of(typed)};
	const struct test *test = NULL;
	int64_t seed;

	for (size_t i = 0; (test = test_at(i)); i++)
		if (!strcmp(test->name, typed->words[0]))
			break;
	if (!test || typed_number(typed, "seed", 1, &seed))
		return author_fail(AUTHOR_USAGE, "there is no test '%s'", typed->words[0]);
	exam.seed = exam.random = (uint64_t)seed;
	exam.page = mmap(NULL, sizeof(*exam.page), PROT_READ | PROT_WRITE, MAP_SHARED, PAGE_FD, 0);
	if (exam.page == MAP_FAILED)
		return author_fail(AUTHOR_USAGE, "'step' is started by 'check'");
	if (!run_test(&exam, test) && exam.page->outcome == OUTCOME_NONE && test->sentence)
		exam.page->outcome = OUTCOME_PASS;
	blame_forbidden(&exam);
	fflush(NULL);
	guard_disarm();
	_exit(exam.page->outcome == OUTCOME_FAIL || exam.page->outcome == OUTCOME_SKIP);
}

/* ---- the suite: starting steps -------------------------------------------------------------------------------------- */

struct suite {
	const struct typed *typed;
	struct page *page;
	int page_fd, output_fd;
	char scratch[64];
	int64_t seed, seconds;
	int failed, n;
	struct json *results;
	struct reason {
		char text[512];
		int n;
	} reasons[8]; /* of what was skipped */
};

static int spawn_step(struct suite *suite, const struct test *test, pid_t *ret)
{
	const char *argv[AUTHOR_OPTIONS_MAX + 16];
	posix_spawn_file_actions_t actions;
	char seed[32];
	size_t n = 0;
	int r;

	snprintf(seed, sizeof(seed), "%lld", (long long)suite->seed);
	argv[n++] = suite->typed->self;
	argv[n++] = "step";
	argv[n++] = test->name;
	argv[n++] = suite->typed->words[0];
	argv[n++] = "--scratch";
	argv[n++] = suite->scratch;
	argv[n++] = "--seed";
	argv[n++] = seed;
	for (int i = 0; i < suite->typed->n_options && n < AUTHOR_OPTIONS_MAX + 12; i++) {
		static const char *const passed[][2] = {{"plugin", "--plugin"},
		                                        {"sample", "--sample"},
		                                        {"option", "--option"},
		                                        {"level", "--level"},
		                                        {"golden", "--golden"}};

		for (size_t k = 0; k < sizeof(passed) / sizeof(passed[0]); k++)
			if (!strcmp(suite->typed->options[i].name, passed[k][0])) {
				argv[n++] = passed[k][1];
				argv[n++] = suite->typed->options[i].value;
			}
	}
	argv[n] = NULL;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, suite->output_fd, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, suite->output_fd, STDERR_FILENO);
	posix_spawn_file_actions_adddup2(&actions, suite->page_fd, PAGE_FD);
	r = posix_spawn(ret, suite->typed->self, &actions, NULL, (char **)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

/* The wait status; a test that takes too long is killed. */
static int wait_step(const struct suite *suite, pid_t pid, int *ret_slow)
{
	struct timespec pause = {.tv_nsec = 500000};
	int status;

	*ret_slow = 0;
	for (int64_t waited_ns = 0; waitpid(pid, &status, WNOHANG) == 0; waited_ns += pause.tv_nsec) {
		if (waited_ns > suite->seconds * 1000000000) {
			*ret_slow = 1;
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			break;
		}
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 20000000)
			pause.tv_nsec += pause.tv_nsec / 4;
	}
	return status;
}

static void conclude(struct suite *suite, int status, int slow)
{
	struct page *page = suite->page;
	const char *function = page->function[0] ? page->function : "no function";

	if (page->outcome == OUTCOME_FAIL)
		return; /* what was seen first is the cause */
	if (slow || (WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGALRM))) {
		page->outcome = OUTCOME_FAIL;
		snprintf(page->sentence, sizeof(page->sentence), "it does not come back from '%s'", function);
	} else if (WIFSIGNALED(status)) {
		page->outcome = OUTCOME_FAIL;
		snprintf(page->sentence, sizeof(page->sentence), "it died of signal %d (%s) in '%s'", WTERMSIG(status),
		         strsignal(WTERMSIG(status)), function);
	} else if (page->outcome == OUTCOME_NONE) {
		page->outcome = OUTCOME_FAIL;
		snprintf(page->sentence, sizeof(page->sentence),
		         "it ended the process in '%s': a plugin returns its failures", function);
	}
}

/* ---- the suite: telling ---------------------------------------------------------------------------------------------- */

static void show_output(const struct suite *suite)
{
	char text[2000];
	ssize_t n = pread(suite->output_fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return;
	text[n] = '\0';
	for (char *line = text, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (*line)
			printf("#   | %s\n", line);
	}
}

/* A page of "ok" may hold little that was looked at. */
static void note_skip(struct suite *suite)
{
	for (size_t i = 0; i < sizeof(suite->reasons) / sizeof(suite->reasons[0]); i++) {
		struct reason *reason = &suite->reasons[i];

		if (reason->n && strcmp(reason->text, suite->page->sentence))
			continue;
		str_copy(reason->text, sizeof(reason->text), suite->page->sentence);
		reason->n++;
		return;
	}
}

static void tell_skips(const struct suite *suite)
{
	for (size_t i = 0; i < sizeof(suite->reasons) / sizeof(suite->reasons[0]); i++)
		if (suite->reasons[i].n > 2)
			printf("# %d skipped: %s\n", suite->reasons[i].n, suite->reasons[i].text);
}

static void tell_tap(const struct suite *suite, const struct test *test)
{
	const struct page *page = suite->page;

	printf("%s %d - %s: %s%s%s\n", page->outcome == OUTCOME_FAIL ? "not ok" : "ok", suite->n, test->name,
	       test->sentence, page->outcome == OUTCOME_SKIP ? " # SKIP " : "",
	       page->outcome == OUTCOME_SKIP ? page->sentence : "");
	if (page->outcome == OUTCOME_FAIL) {
		printf("#   %s\n", page->sentence);
		show_output(suite);
		printf("#   once more: orasi plugin check %s --only %s --seed %lld\n", suite->typed->words[0],
		       test->name, (long long)suite->seed);
	} else if (page->outcome == OUTCOME_PASS && page->note[0]) {
		printf("#   %s\n", page->note);
	}
	fflush(stdout);
}

static void tell(struct suite *suite, const struct test *test)
{
	static const char *const words[] = {"none", "pass", "fail", "skip"};
	struct json *one;

	suite->n++;
	suite->failed += suite->page->outcome == OUTCOME_FAIL;
	if (suite->page->outcome == OUTCOME_SKIP)
		note_skip(suite);
	if (!suite->results) {
		tell_tap(suite, test);
		return;
	}
	one = json_new_object();
	json_set_str(one, "test", test->name);
	json_set_str(one, "sentence", test->sentence);
	json_set_str(one, "outcome", words[suite->page->outcome]);
	if (suite->page->outcome != OUTCOME_PASS)
		json_set_str(one, "reason", suite->page->sentence);
	else if (suite->page->note[0])
		json_set_str(one, "note", suite->page->note);
	json_push(suite->results, one);
}

static int is_wanted(const struct suite *suite, const struct test *test)
{
	const char *only = typed_get(suite->typed, "only", NULL);

	if (!test->sentence || !(test->flags & TEST_RECORD) != !typed_has(suite->typed, "record-golden"))
		return 0;
	return test->flags & TEST_RECORD || !only || str_starts(test->name, only);
}

static int run_step(struct suite *suite, const struct test *test)
{
	int slow, status, r;
	pid_t pid;

	memset(suite->page, 0, sizeof(*suite->page));
	if (ftruncate(suite->output_fd, 0) || lseek(suite->output_fd, 0, SEEK_SET))
		return author_fail(AUTHOR_FAILED, "the output file: %s", strerror(errno));
	r = spawn_step(suite, test, &pid);
	if (r)
		return author_fail(AUTHOR_FAILED, "cannot start '%s': %s", suite->typed->self, strerror(r));
	status = wait_step(suite, pid, &slow);
	conclude(suite, status, slow);
	if (suite->page->outcome == OUTCOME_SKIP && !strcmp(suite->page->sentence, "another kind"))
		return 0;
	tell(suite, test);
	if (suite->page->outcome != OUTCOME_FAIL || !suite->page->fatal)
		return 0;
	if (!suite->results)
		printf("Bail out! every other test would say the same\n");
	return AUTHOR_FAILED;
}

static int open_suite(struct suite *suite)
{
	struct rlimit cpu = {CPU_SECONDS, CPU_SECONDS + 5}, core = {0, 0}, stack = {8 << 20, 8 << 20};

	setrlimit(RLIMIT_CPU, &cpu);
	setrlimit(RLIMIT_CORE, &core);
	setrlimit(RLIMIT_STACK, &stack);
	snprintf(suite->scratch, sizeof(suite->scratch), "/tmp/orasi-check-XXXXXX");
	suite->page_fd = memfd_create("orasi-check", MFD_CLOEXEC);
	suite->output_fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC | O_APPEND, 0600);
	if (suite->page_fd < 0 || suite->output_fd < 0 || ftruncate(suite->page_fd, sizeof(*suite->page)) ||
	    !mkdtemp(suite->scratch))
		return author_fail(AUTHOR_FAILED, "cannot make scratch files: %s", strerror(errno));
	suite->page = mmap(NULL, sizeof(*suite->page), PROT_READ | PROT_WRITE, MAP_SHARED, suite->page_fd, 0);
	return suite->page == MAP_FAILED ? author_fail(AUTHOR_FAILED, "cannot map a page: %s", strerror(errno)) : 0;
}

static void print_json(const struct suite *suite)
{
	struct json *json = json_new_object();

	json_set_str(json, "file", suite->typed->words[0]);
	json_set_int(json, "seed", suite->seed);
	json_set_int(json, "failed", suite->failed);
	json_set(json, "tests", json_copy(suite->results));
	puts(json_text_pretty(json));
	json_free(json);
}

/* Whatever else is wrong with it is for the tests to say. */
static int is_readable(const char *path)
{
	struct buf bytes;
	struct err err = {0};
	int r;

	buf_init(&bytes, 0);
	r = file_read_plain(path, 1u << 30, &bytes, &err);
	buf_done(&bytes);
	return r ? author_fail(AUTHOR_USAGE, "%s", err.text) : 0;
}

int author_check(const struct typed *typed)
{
	struct suite suite = {.typed = typed, .results = typed_has(typed, "json") ? json_new_array() : NULL};
	int r = typed_number(typed, "seed", (int64_t)time(NULL), &suite.seed);
	const char *level = typed_get(typed, "level", "full");

	if (!r)
		r = typed_number(typed, "seconds", TEST_SECONDS, &suite.seconds);
	if (r)
		return r;
	if (strcmp(level, "basic") && strcmp(level, "full") && strcmp(level, "stress"))
		return author_fail(AUTHOR_USAGE, "--level is basic, full or stress");
	r = is_readable(typed->words[0]);
	if (!r)
		r = open_suite(&suite);
	if (r)
		return r;
	if (!suite.results)
		printf("# %s, seed %lld, ABI %d.%d\n", typed->words[0], (long long)suite.seed, ORASI_ABI_MAJOR,
		       ORASI_ABI_MINOR);
	for (size_t i = 0; !r && test_at(i); i++)
		if (is_wanted(&suite, test_at(i)))
			r = run_step(&suite, test_at(i));
	if (suite.results)
		print_json(&suite);
	else {
		printf("1..%d\n# %d failed\n", suite.n, suite.failed);
		tell_skips(&suite);
	}
	json_free(suite.results);
	dir_remove(suite.scratch, NULL);
	if (!r && !suite.n)
		return author_fail(AUTHOR_USAGE, "no test is called '%s'", typed_get(typed, "only", ""));
	return r ? r : suite.failed ? AUTHOR_FAILED : AUTHOR_OK;
}
