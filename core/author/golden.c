/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of golden states: one is recorded, all are read. Per kind see golden_kinds.c. */
#include "golden.h"

#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"

#define GOLDEN_MAX (16u << 20)
#define GOLDENS_MAX 256

struct goldens {
	char folder[PATH_MAX];
	struct json *items[GOLDENS_MAX];
	char *names[GOLDENS_MAX]; /* of the files */
	size_t n;
};

/* ---- bytes ------------------------------------------------------------------------------------------------------- */

void golden_set_bytes(struct json *object, const char *key, const void *p, size_t n)
{
	char *text = malloc(base64_len(n));

	if (!text)
		abort(); /* no memory for a state */
	base64_encode(p, n, text);
	json_set_str(object, key, text);
	free(text);
}

uint8_t *golden_bytes(const struct json *object, const char *key, size_t *ret_n)
{
	const char *text = json_get_str(object, key, NULL);
	size_t n = text ? strlen(text) : 0;
	uint8_t *bytes = malloc(n + 1);
	int64_t len = bytes && text ? base64_decode(text, n, bytes, n) : -1;

	if (len < 0) {
		free(bytes);
		return NULL;
	}
	*ret_n = (size_t)len;
	return bytes;
}

/* ---- the folder -------------------------------------------------------------------------------------------------- */

/* What --golden says, or "golden" beside the plugin. */
static void find_folder(const struct exam *exam, char ret[PATH_MAX])
{
	const char *named = typed_get(exam->typed, "golden", NULL), *slash = strrchr(exam->file, '/');

	if (named)
		str_copy(ret, PATH_MAX, named);
	else
		snprintf(ret, PATH_MAX, "%.*sgolden", slash ? (int)(slash + 1 - exam->file) : 0, exam->file);
}

static int load_one(struct exam *exam, struct goldens *goldens, const char *path)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	struct json *json = NULL;
	struct err err = {0};
	struct buf text;
	int r;

	buf_init(&text, 0);
	r = file_read(path, GOLDEN_MAX, &text, &err);
	if (!r)
		r = json_parse(text.data, text.len, &json, &err);
	buf_done(&text);
	if (r)
		return exam_fail(exam, "golden '%s': %s", name, err.text);
	if (!str_eq(json_get_str(json, "plugin", NULL), exam->subject.descriptor->id)) {
		json_free(json); /* of another plugin of the file */
		return 0;
	}
	if (goldens->n == GOLDENS_MAX)
		return exam_fail(exam, "there are more than %d golden states", GOLDENS_MAX);
	goldens->names[goldens->n] = strdup(name);
	goldens->items[goldens->n++] = json;
	return 0;
}

static int load_all(struct exam *exam, struct goldens *goldens)
{
	char pattern[PATH_MAX + 8];
	glob_t files = {0};
	int r = 0;

	goldens->n = 0;
	find_folder(exam, goldens->folder);
	snprintf(pattern, sizeof(pattern), "%s/*.json", goldens->folder);
	if (!glob(pattern, 0, NULL, &files))
		for (size_t i = 0; i < files.gl_pathc && !r; i++)
			r = load_one(exam, goldens, files.gl_pathv[i]);
	globfree(&files);
	return r;
}

static void free_all(struct goldens *goldens)
{
	for (size_t i = 0; i < goldens->n; i++) {
		json_free(goldens->items[i]);
		free(goldens->names[i]);
	}
}

/* ---- recording --------------------------------------------------------------------------------------------------- */

static const struct golden_kind *kind_of(const struct exam *exam)
{
	const struct golden_kind *k = golden_kinds;

	while (k->kind && k->kind != exam->subject.descriptor->kind)
		k++;
	return k->kind ? k : NULL;
}

static struct json *begin(struct exam *exam)
{
	const orasi_descriptor *d = exam->subject.descriptor;
	struct json *golden = json_new_object(), *options = typed_config(exam->typed, "option");

	json_set_str(golden, "plugin", d->id);
	json_set_str(golden, "version", d->version);
	json_set_str(golden, "kind", kind_name(d->kind));
	json_set_int(golden, "state_version", d->state_version);
	json_set(golden, "options", options ? options : json_new_object());
	return golden;
}

static int keep(struct exam *exam, const char *folder, const struct json *golden)
{
	const orasi_descriptor *d = exam->subject.descriptor;
	const char *text = json_text_pretty(golden);
	char path[PATH_MAX + 128];
	struct err err = {0};
	struct buf line;
	int r;

	snprintf(path, sizeof(path), "%s/%s.state-%u.json", folder, d->name, d->state_version);
	if (!access(path, F_OK))
		return exam_fail(
			exam,
			"'%s' is there already: states that have changed need a higher state_version; remove it "
			"only if no version that wrote such states was ever used",
			path);
	buf_init(&line, 0);
	buf_puts(&line, text);
	buf_putc(&line, '\n');
	r = dir_make(folder, 0755, &err);
	if (!r)
		r = file_create(path, line.data, line.len, &err);
	buf_done(&line);
	if (r)
		return exam_fail(exam, "%s", err.text);
	exam_note(exam, "%s: commit it", path);
	return 0;
}

static int record(struct exam *exam)
{
	const struct golden_kind *kind = kind_of(exam);
	char folder[PATH_MAX];
	struct json *golden;
	int r;

	if (!kind)
		return exam_skip(exam, "plugins of this kind keep no state");
	find_folder(exam, folder);
	golden = begin(exam);
	r = kind->record(exam, golden);
	if (!r)
		r = keep(exam, folder, golden);
	json_free(golden);
	return r;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* What is said is said of this golden. */
static void name_it(struct exam *exam, const char *name, const struct json *golden)
{
	size_t n = strlen(exam->page->sentence);

	snprintf(exam->page->sentence + n, sizeof(exam->page->sentence) - n,
	         " (golden '%.80s': state version %lld, written by version %.20s)", name,
	         (long long)json_get_int(golden, "state_version", 0), json_get_str(golden, "version", "?"));
}

static int read_one(struct exam *exam, const char *name, const struct json *golden)
{
	const struct json *options = json_get(golden, "options");
	struct json *config = options ? json_copy(options) : json_new_object(), *errors = json_new_array();
	int r;

	if (plugin_config_check(exam->subject.schema, config, "", errors))
		r = exam_fail(exam, "the options of then are refused: %s %s",
		              json_get_str(json_at(errors, 0), "pointer", ""),
		              json_get_str(json_at(errors, 0), "detail", ""));
	else
		r = kind_of(exam)->read(exam, golden, config);
	if (r)
		name_it(exam, name, golden);
	json_free(errors);
	json_free(config);
	return r;
}

static int read_version(struct exam *exam, const struct goldens *goldens, uint32_t version)
{
	const orasi_descriptor *d = exam->subject.descriptor;
	int found = 0, r = 0;

	for (size_t i = 0; i < goldens->n && !r; i++) {
		if (json_get_int(goldens->items[i], "state_version", -1) != (int64_t)version)
			continue;
		found++;
		r = read_one(exam, goldens->names[i], goldens->items[i]);
	}
	if (found)
		return r;
	if (version == d->state_version)
		return exam_fail(exam,
		                 "there is no golden state of version %u, which it writes, in '%s': record it with "
		                 "--record-golden and commit it",
		                 version, goldens->folder);
	return exam_fail(exam,
	                 "there is no golden state of version %u in '%s', and state_version_min says that it is read: "
	                 "record it with the version of the plugin that wrote it, or raise state_version_min",
	                 version, goldens->folder);
}

static int reads_old_states(struct exam *exam)
{
	const orasi_descriptor *d = exam->subject.descriptor;
	struct goldens goldens;
	int r;

	if (d->kind == ORASI_KIND_TRANSFORM && d->flags & ORASI_FLAG_STATELESS)
		return exam_skip(exam, "it says STATELESS");
	r = load_all(exam, &goldens);
	if (!r && !goldens.n && d->state_version_min == d->state_version)
		r = exam_skip(exam, "there are no golden states: before a release record them with --record-golden");
	for (uint64_t v = d->state_version_min; v <= d->state_version && !r; v++)
		r = read_version(exam, &goldens, (uint32_t)v);
	if (!r)
		exam_note(exam, "%zu golden states, versions %u to %u", goldens.n, d->state_version_min,
		          d->state_version);
	free_all(&goldens);
	return r;
}

#define KINDS                                                                                        \
	(FOR_KIND(ORASI_KIND_INGEST) | FOR_KIND(ORASI_KIND_TRANSFORM) | FOR_KIND(ORASI_KIND_INDEX) | \
	 FOR_KIND(ORASI_KIND_TASK))
const struct test tests_golden[] = {
	{"state.golden", "the golden states of all versions that it says it reads are read", KINDS, 0,
         reads_old_states},
	{"state.record", "its state is recorded", 0, TEST_RECORD, record},
	{0},
};
