/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what the agent does first with a file: load it, ask it what it is. */
#include <ctype.h>
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exam.h"

#define SCAN_MS 100

static int init(struct exam *exam)
{
	orasi_error error = exam_no_error();
	orasi_status status;

	if (!exam->subject.entry->init)
		return exam_fail(exam, "the entry has no init");
	status = CALL(exam, "init", exam->subject.entry->init(&exam->lab.host, &error));
	if (status)
		return exam_error(exam, "init", status, &error) ? -1 : exam_fail(exam, "init fails: %s", error.message);
	return 0;
}

static int is_id(const char *id)
{
	int dots = 0;

	for (const char *p = id; *p; p++) {
		if (*p == '.' && p > id && p[1] && p[1] != '.')
			dots++;
		else if (!islower((unsigned char)*p) && !isdigit((unsigned char)*p) && *p != '-' && *p != '_')
			return 0;
	}
	return dots > 0 && strlen(id) < 64;
}

static int is_semver(const char *version)
{
	int n = 0;

	for (int part = 0; part < 3; part++) {
		size_t digits = strspn(version + n, "0123456789");

		n += (int)digits;
		if (!digits || (part < 2 && version[n++] != '.'))
			return 0;
	}
	return !version[n] || version[n] == '-' || version[n] == '+';
}

/* As SPDX writes licences: names, WITH, AND, OR and brackets. */
static int is_license(const char *license)
{
	size_t n = strlen(license);

	return n && n < 200 &&
	       strspn(license, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-+() ") == n;
}

static int check_bundle(struct exam *exam, const orasi_entry *e)
{
	if (!is_id(e->bundle_id))
		return exam_fail(exam, "the bundle's id '%.80s' is no reverse domain name in lower case", e->bundle_id);
	if (!is_semver(e->bundle_version))
		return exam_fail(exam, "the bundle's version '%.40s' is no semantic version (1.2.3)",
		                 e->bundle_version);
	if (!*e->vendor)
		return exam_fail(exam, "the bundle does not say who its vendor is");
	return is_license(e->license) ? 0
	                              : exam_fail(exam,
	                                          "the bundle's license '%.60s' is none: write it as SPDX does, like "
	                                          "Apache-2.0",
	                                          e->license);
}

static int entry_agrees(struct exam *exam)
{
	const orasi_entry *e = exam->subject.entry;
	const struct plugin_note *note = &exam->subject.note;

	if (shape_of_entry(e))
		return exam_fail(exam, "%s", shape_of_entry(e));
	if (strcmp(e->bundle_id, note->bundle_id))
		return exam_fail(exam, "note and entry do not agree: bundle '%s' and '%.63s'", note->bundle_id,
		                 e->bundle_id);
	if (strcmp(e->bundle_version, note->bundle_version))
		return exam_fail(exam, "note and entry do not agree: version '%s' and '%.31s'", note->bundle_version,
		                 e->bundle_version);
	if (e->abi_major != note->abi_major || e->abi_target_minor != note->target_minor)
		return exam_fail(exam, "note and entry do not agree: ABI %u.%u and %u.%u", note->abi_major,
		                 note->target_minor, e->abi_major, e->abi_target_minor);
	return check_bundle(exam, e);
}

/* ---- traces that init may leave ---------------------------------------------------------------------------------- */

static int count_entries(const char *folder)
{
	DIR *dir = opendir(folder);
	int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

/* Calls that write, of this process: the tests of this file make none between two looks. */
static long long writes_so_far(void)
{
	FILE *file = fopen("/proc/self/io", "re");
	long long n = 0;
	char line[64];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "syscw: %lld", &n) == 1)
			break;
	if (file)
		fclose(file);
	return n;
}

struct traces {
	int threads, fds;
	long long writes;
	uint64_t environment, handlers;
	char cwd[4096], locale[256];
	mode_t mask;
};

extern char **environ;

static void take_traces(struct traces *t)
{
	memset(t, 0, sizeof(*t));
	t->threads = count_entries("/proc/self/task");
	t->fds = count_entries("/proc/self/fd");
	t->writes = writes_so_far();
	for (char **e = environ; *e; e++)
		t->environment = digest_bytes(t->environment, *e, strlen(*e));
	for (int i = 1; i < SIGRTMIN; i++) {
		struct sigaction action = {0};

		sigaction(i, NULL, &action);
		t->handlers = digest_bytes(t->handlers, &action.sa_handler, sizeof(action.sa_handler));
	}
	if (!getcwd(t->cwd, sizeof(t->cwd)))
		t->cwd[0] = '\0';
	snprintf(t->locale, sizeof(t->locale), "%s", setlocale(LC_ALL, NULL));
	t->mask = umask(0);
	umask(t->mask);
}

static int leaves_no_traces(struct exam *exam)
{
	struct traces before, after;
	int r;

	take_traces(&before);
	r = init(exam);
	if (r)
		return r;
	take_traces(&after);
	if (after.threads != before.threads)
		return exam_fail(exam, "init has started %d threads: start them in create",
		                 after.threads - before.threads);
	if (after.fds != before.fds)
		return exam_fail(exam, "init has left %d descriptors open", after.fds - before.fds);
	if (after.writes != before.writes)
		return exam_fail(exam, "init writes to files: do that in create, or later");
	if (after.environment != before.environment)
		return exam_fail(exam, "init has changed the environment");
	if (after.handlers != before.handlers)
		return exam_fail(exam, "init has installed a signal handler: signals are the host's");
	if (strcmp(after.cwd, before.cwd) || strcmp(after.locale, before.locale) || after.mask != before.mask)
		return exam_fail(exam, "init has changed the working directory, the locale or the umask");
	return 0;
}

static int scans_quickly(struct exam *exam)
{
	double before = exam_cpu_ms(), spent;
	uint32_t n;

	if (init(exam))
		return -1;
	n = CALL(exam, "count", exam->subject.entry->count());
	for (uint32_t i = 0; i < n; i++)
		CALL(exam, "describe", exam->subject.entry->describe(i));
	spent = exam->load_ms + exam_cpu_ms() - before;
	exam_note(exam, "%.1f ms of CPU", spent);
	return spent <= SCAN_MS
	               ? 0
	               : exam_fail(exam, "loading it, init and describe take %.0f ms of CPU, at most %d are allowed",
	                           spent, SCAN_MS);
}

/* Both are one file in this process, and nobody else has written to it. */
static int has_said(struct exam *exam)
{
	struct stat st = {0};

	fflush(NULL);
	fstat(STDOUT_FILENO, &st);
	return st.st_size ? exam_fail(exam, "it writes to standard output or error (%lld bytes): use the host's log",
	                              (long long)st.st_size)
	                  : 0;
}

static int says_nothing(struct exam *exam)
{
	if (has_said(exam) || instance_work(exam, &exam->lab, exam->config, NULL))
		return -1;
	return has_said(exam);
}

/* ---- descriptors ------------------------------------------------------------------------------------------------- */

static int check_descriptor(struct exam *exam, const orasi_descriptor *d)
{
	const char *flaw = subject_flaw(d);
	struct json *schema;
	struct err err = {0};
	int r;

	if (flaw)
		return exam_fail(exam, "%s", flaw);
	if (!is_id(d->id))
		return exam_fail(exam, "the id '%.80s' is no reverse domain name in lower case", d->id);
	if (!is_semver(d->version))
		return exam_fail(exam, "the version '%.40s' of '%s' is no semantic version (1.2.3)", d->version, d->id);
	if (d->state_version_min > d->state_version)
		return exam_fail(exam, "state_version_min of '%s' is above state_version", d->id);
	r = json_parse(d->config_schema, strlen(d->config_schema), &schema, &err);
	if (!r) {
		r = plugin_config_schema_check(schema, &err);
		json_free(schema);
	}
	return r ? exam_fail(exam, "config_schema of '%s': %s%s%s", d->id, err.text, *err.where ? " at " : "",
	                     err.where)
	         : 0;
}

static int describes_itself(struct exam *exam)
{
	const orasi_entry *e = exam->subject.entry;
	uint32_t n;
	int r = init(exam);

	if (r)
		return r;
	n = CALL(exam, "count", e->count());
	if (!n || n > 8)
		return exam_fail(exam, "count is %u, a file has 1 to 8 plugins", n);
	for (uint32_t i = 0; i < n && !r; i++)
		r = check_descriptor(exam, CALL(exam, "describe", e->describe(i)));
	if (!r && (CALL(exam, "describe", e->describe(n)) || CALL(exam, "describe", e->describe(UINT32_MAX))))
		r = exam_fail(exam, "describe of a number that is out of range must give NULL");
	if (!r && (CALL(exam, "get_factory", e->get_factory("orasi.factory.nothing/9")) ||
	           CALL(exam, "get_factory", e->get_factory(""))))
		r = exam_fail(exam, "get_factory of an unknown id must give NULL");
	if (!r && e->get_extension && CALL(exam, "get_extension", e->get_extension("orasi.nothing/9")))
		r = exam_fail(exam, "get_extension of an unknown id must give NULL");
	return r;
}

static int offers_its_factory(struct exam *exam)
{
	struct err err = {0};

	if (init(exam))
		return -1;
	return subject_choose(&exam->subject, typed_get(exam->typed, "plugin", NULL), &err)
	               ? exam_fail(exam, "%s", err.text)
	               : 0;
}

static int ends_and_begins_again(struct exam *exam)
{
	if (init(exam))
		return -1;
	if (exam->subject.entry->deinit)
		CALL_VOID(exam, "deinit", exam->subject.entry->deinit());
	return init(exam);
}

static int refuses_foreign_ids(struct exam *exam)
{
	orasi_error error = exam_no_error();
	void *self = NULL;
	char id[256];
	orasi_status status;

	snprintf(id, sizeof(id), "%.200s.other", exam->subject.descriptor->id);
	status = instance_create(exam, &exam->lab, id, exam->config, &self, &error);
	if (status >= 0)
		return exam_fail(exam, "create made an instance of '%s', which it never described", id);
	return exam_error(exam, "create", status, &error);
}

static int stays_in_its_place(struct exam *exam)
{
	if (instance_work(exam, &exam->lab, exam->config, NULL))
		return -1;
	return guard_forbidden() ? exam_fail(exam, "it calls '%s', which a plugin must not", guard_forbidden()) : 0;
}

/* ---- versions ---------------------------------------------------------------------------------------------------- */

static int lives_on_little(struct exam *exam)
{
	exam->lab.minimal = 1;
	return instance_work(exam, &exam->lab, exam->config, NULL);
}

/* A host from the future: a longer struct, a newer minor. */
static int lives_on_a_newer_host(struct exam *exam)
{
	orasi_error error = exam_no_error();
	void *self = NULL;
	orasi_status status;

	exam->lab.host.struct_size += 256;
	exam->lab.host.abi_minor = (uint16_t)(ORASI_ABI_MINOR + 7);
	exam->lab.host.agent_version = "999.0.0";
	status = instance_create(exam, &exam->lab, NULL, exam->config, &self, &error);
	if (status)
		return exam_fail(exam, "create fails on a newer host: %s", error.message);
	instance_destroy(exam, self);
	return 0;
}

const struct test tests_scan[] = {
	{"scan.entry", "the entry is complete and says what the note says", 0, TEST_LOADED, entry_agrees},
	{"scan.describe", "descriptors are complete, what is unknown gives NULL", 0, TEST_LOADED, describes_itself},
	{"scan.factory", "the factory of its kind is there", 0, TEST_LOADED, offers_its_factory},
	{"scan.traces", "init writes nothing, and leaves no threads, descriptors, handlers or settings", 0, TEST_LOADED,
         leaves_no_traces},
	{"scan.time", "loading it, init and describe take at most 100 ms of CPU", 0, TEST_LOADED, scans_quickly},
	{"scan.again", "init works again after deinit", 0, TEST_LOADED, ends_and_begins_again},
	{"scan.id", "create refuses an id that was not described", 0, 0, refuses_foreign_ids},
	{"scan.silent", "standard output and error stay empty", 0, 0, says_nothing},
	{"scan.forbidden", "nothing is called that is the host's: exit, fork, signals, locale, umask, …", 0, 0,
         stays_in_its_place},
	{"version.minimal", "it works with the mandatory extensions and what requires_ext names", 0, 0,
         lives_on_little},
	{"version.newer", "it is made on a host with longer structs and a newer minor", 0, 0, lives_on_a_newer_host},
	{0},
};
