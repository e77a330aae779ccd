/* SPDX-License-Identifier: Apache-2.0 */
/* The format that reads the input of a transform or an index: the file or the name that --format says, or the one that is
 * surest of the first bytes. Names are looked for in the folders of --plugins, else where the agent looks: the installed
 * folder, and the build tree that this program stands in. */
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "run.h"

#define HEAD_MAX (64u << 10)

struct search {
	struct running *run;
	const char *name; /* or NULL: by content */
	orasi_bytes head;
	struct exam *best; /* of a file that is loaded */
	const char *id;    /* of its plugin */
	uint32_t score;
	char looked[1024]; /* folders */
};

static uint32_t ask(struct search *search, struct exam *exam, const orasi_descriptor *d)
{
	const orasi_ingest_factory *f = exam->subject.entry->get_factory(ORASI_INGEST_FACTORY);
	const char *path = search->run->typed->words[1], *base = strrchr(path, '/');
	uint32_t score = 0;
	struct err err;

	base = base ? base + 1 : path;
	if (shape_check_factory(ORASI_INGEST_FACTORY, d->flags, f, &err) || !f->sniff)
		return 0;
	exam->subject.descriptor = d;
	if (CALL(exam, "sniff", f->sniff(d->id, search->head, (orasi_str){base, strlen(base)}, &score)))
		score = 0;
	exam->subject.descriptor = NULL;
	return score;
}

static void consider_plugin(struct search *search, struct exam *exam, const orasi_descriptor *d)
{
	uint32_t score;

	if (subject_flaw(d) || d->kind != ORASI_KIND_INGEST)
		return;
	if (search->name)
		score = !strcmp(d->id, search->name) || !strcmp(d->name, search->name);
	else
		score = ask(search, exam, d);
	if (score <= search->score)
		return;
	search->score = score;
	search->best = exam;
	search->id = d->id;
}

/* Stays loaded until the process ends, also when it is not taken. */
static void consider_file(struct search *search, const char *file)
{
	struct plugin_note note;
	struct exam *exam;
	char *path;
	uint32_t n;

	if (plugin_note_read(file, &note, NULL) || plugin_version_check(&note, NULL))
		return;
	exam = calloc(1, sizeof(*exam));
	path = strdup(file);
	if (!exam || !path)
		abort(); /* no memory for a name */
	if (run_open(search->run, exam, path)) {
		fprintf(stderr, "left out: %s\n", search->run->sentence);
		search->run->code = 0;
		search->run->sentence[0] = '\0';
		return;
	}
	n = exam->subject.entry->count();
	for (uint32_t i = 0; i < n; i++)
		consider_plugin(search, exam, exam->subject.entry->describe(i));
}

static void consider_folder(struct search *search, const char *folder)
{
	char pattern[PATH_MAX];
	size_t n = strlen(search->looked);
	glob_t files = {0};

	snprintf(search->looked + n, sizeof(search->looked) - n, "%s%s", n ? ", " : "", folder);
	snprintf(pattern, sizeof(pattern), "%s/*.so", folder);
	if (!glob(pattern, 0, NULL, &files))
		for (size_t i = 0; i < files.gl_pathc; i++)
			consider_file(search, files.gl_pathv[i]);
	globfree(&files);
}

static void consider_path(struct search *search, const char *path)
{
	char *folders = strdup(path), *next = folders, *folder;

	while (folders && (folder = strsep(&next, ":")))
		if (*folder)
			consider_folder(search, folder);
	free(folders);
}

static void consider_default(struct search *search)
{
	const char *self = search->run->typed->self, *slash = strrchr(self, '/');
	char pattern[PATH_MAX];
	glob_t own = {0};

	consider_folder(search, ORASI_PLUGINDIR);
	snprintf(pattern, sizeof(pattern), "%.*s/plugins/ingest-*/.libs", slash ? (int)(slash - self) : 0, self);
	if (!glob(pattern, 0, NULL, &own))
		for (size_t i = 0; i < own.gl_pathc; i++)
			consider_folder(search, own.gl_pathv[i]);
	globfree(&own);
}

static int not_found(struct search *search)
{
	struct running *run = search->run;

	if (search->name)
		return run_fail(run, AUTHOR_FAILED,
		                "--format %s: there is no such format in %s: name a file, or say other folders with "
		                "--plugins",
		                search->name, search->looked);
	return run_fail(run, AUTHOR_FAILED,
	                "no format in %s knows '%s': name one with --format, or say other folders with --plugins",
	                search->looked, run->typed->words[1]);
}

static int take_file(struct running *run, const char *file)
{
	struct exam *exam = calloc(1, sizeof(*exam));

	if (!exam)
		abort();
	if (run_open(run, exam, file) || run_choose(run, exam, NULL, "format-option"))
		return run->code;
	run->format = exam;
	return exam->subject.ingest
	               ? 0
	               : run_fail(run, AUTHOR_USAGE, "--format %s: '%s' is no format, it is of kind %s", file,
	                          exam->subject.descriptor->id, kind_name(exam->subject.descriptor->kind));
}

int run_find_format(struct running *run, orasi_bytes head)
{
	const char *format = typed_get(run->typed, "format", NULL), *path = typed_get(run->typed, "plugins", NULL);
	struct search search = {.run = run, .name = format, .head = head};

	if (format && (strchr(format, '/') || str_ends(format, ".so")))
		return take_file(run, format);
	search.head.len = head.len < HEAD_MAX ? head.len : HEAD_MAX;
	if (path)
		consider_path(&search, path);
	else
		consider_default(&search);
	if (!search.best)
		return not_found(&search);
	run->format = search.best;
	if (!run_choose(run, search.best, search.id, "format-option"))
		fprintf(stderr, "read as: %s\n", search.id);
	return run->code;
}
