/* SPDX-License-Identifier: Apache-2.0 */
#include "recording.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"

#define RECORDING_MAX (1u << 30)
#define BATCH_ROWS 1024

static int read_recording(const char *path, struct json **ret)
{
	struct err err = {0};
	struct buf text;
	int r;

	buf_init(&text, 0);
	r = file_read(path, RECORDING_MAX, &text, &err);
	if (!r)
		r = json_parse(text.data, text.len, ret, &err);
	buf_done(&text);
	return r ? author_fail(AUTHOR_FAILED, "recording '%s': %s", path, err.text) : 0;
}

static int open_replay(struct recording *rec, const char *path, const char *plugin)
{
	struct json *held = NULL;
	const char *of;
	int r = read_recording(path, &held);

	if (r)
		return r;
	of = json_get_str(held, "plugin", plugin);
	rec->held = held;
	return !strcmp(of, plugin)
	               ? 0
	               : author_fail(AUTHOR_FAILED, "recording '%s' is of plugin '%s', not of '%s'", path, of, plugin);
}

int recording_open(struct recording *rec, const struct typed *typed, const char *plugin)
{
	const char *replay = typed_get(typed, "replay", NULL);
	int64_t batch;
	int r = replay ? open_replay(rec, replay, plugin) : 0;

	if (r || !typed_has(typed, "record"))
		return r;
	r = typed_number(typed, "batch", BATCH_ROWS, &batch);
	rec->made = json_new_object();
	rec->reads = json_new_array();
	json_set_str(rec->made, "plugin", plugin);
	json_set_int(rec->made, "max_rows", recording_batch(rec, batch));
	json_set(rec->made, "batches", json_new_array());
	return r;
}

int64_t recording_batch(const struct recording *rec, int64_t otherwise)
{
	return json_get_int(rec->held, "max_rows", otherwise);
}

const struct json *recording_script(const struct recording *rec)
{
	return json_get(rec->held, "reads");
}

int recording_wanted(const struct recording *rec)
{
	return rec->made || rec->held;
}

static void hold_against(struct recording *rec, const struct json *got)
{
	const struct json *wanted = json_at(json_get(rec->held, "batches"), rec->n);

	if (rec->differs || (wanted && !strcmp(json_text(wanted), json_text(got))))
		return;
	rec->differs = 1;
	fprintf(stderr, "batch %zu is not what was recorded\n  recorded: %s\n  now:      %s\n", rec->n,
	        wanted ? json_text(wanted) : "nothing", json_text(got));
}

void recording_note(struct recording *rec, struct json *one)
{
	if (rec->held)
		hold_against(rec, one);
	if (rec->made)
		json_push((struct json *)json_get_mut(rec->made, "batches"), one);
	else
		json_free(one);
	rec->n++;
}

void recording_hash(struct json *one, const char *key, uint64_t hash)
{
	char text[32];

	snprintf(text, sizeof(text), "%016llx", (unsigned long long)hash);
	json_set_str(one, key, text);
}

static int keep(struct recording *rec, const char *path)
{
	struct err err = {0};
	const char *text;

	json_set(rec->made, "reads", json_copy(rec->reads));
	text = json_text_pretty(rec->made);
	return file_replace(path, text, strlen(text), &err) ? author_fail(AUTHOR_FAILED, "%s", err.text) : 0;
}

int recording_close(struct recording *rec, const struct typed *typed)
{
	size_t recorded = json_count(json_get(rec->held, "batches"));
	int r = rec->made ? keep(rec, typed_get(typed, "record", NULL)) : 0;

	if (!r && rec->held && !rec->differs && recorded != rec->n)
		r = author_fail(AUTHOR_FAILED, "%zu batches were recorded, now there are %zu", recorded, rec->n);
	return r ? r : rec->differs ? AUTHOR_FAILED : AUTHOR_OK;
}
