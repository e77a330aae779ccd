/* SPDX-License-Identifier: Apache-2.0 */
/* What an examined plugin reads from and writes to, in memory. */
#include "lab.h"

#include <stdio.h>
#include <string.h>

#include "guard.h"

/* ---- source ----------------------------------------------------------------------------------------------------- */

static orasi_status source_fails(struct lab_source *s, orasi_error *err)
{
	s->reads++;
	if (s->cancel && s->reads > s->cancel_at)
		*s->cancel = 1;
	if (!s->fail_at || s->reads < s->fail_at)
		return ORASI_OK;
	if (err)
		snprintf(err->message, sizeof(err->message), "the disk of the examination fails at read %llu",
		         (unsigned long long)s->reads);
	return ORASI_E_IO;
}

static size_t wanted_size(struct lab_source *s, size_t n)
{
	int64_t scripted = json_int(json_at(s->script, (size_t)s->reads - 1), 0);

	if (s->script && scripted > 0 && (size_t)scripted < n)
		return (size_t)scripted;
	return s->max_read && n > s->max_read ? s->max_read : n;
}

static orasi_status source_read(orasi_source *source, void *buf, size_t cap, size_t *got, orasi_error *err)
{
	struct lab_source *s = source->ctx;
	orasi_status status = source_fails(s, err);
	size_t n;

	*got = 0;
	if (status)
		return status;
	if (s->at == s->len && s->repeat) {
		s->repeat--;
		s->at = 0;
	}
	n = s->len - s->at < cap ? s->len - s->at : cap;
	n = wanted_size(s, n);
	if (n)
		memcpy(buf, s->data + s->at, n);
	s->at += n;
	*got = n;
	if (s->record) {
		int armed = guard_pause();

		json_push(s->record, json_new_int((int64_t)n));
		guard_resume(armed);
	}
	return ORASI_OK;
}

static orasi_status source_pread(orasi_source *source, uint64_t off, void *buf, size_t len, size_t *got,
                                 orasi_error *err)
{
	struct lab_source *s = source->ctx;
	orasi_status status = source_fails(s, err);
	size_t at = off < s->len ? (size_t)off : s->len;

	*got = 0;
	if (status)
		return status;
	*got = s->len - at < len ? s->len - at : len;
	if (*got)
		memcpy(buf, s->data + at, *got);
	return ORASI_OK;
}

void lab_source_init(struct lab_source *s, const void *data, size_t len, int seek)
{
	*s = (struct lab_source){.data = data, .len = len};
	s->source = (orasi_source){sizeof(s->source),         seek ? ORASI_SOURCE_SEEK : 0, s,
	                           seek ? (int64_t)len : -1,  ORASI_STR("sample"),          source_read,
	                           seek ? source_pread : NULL};
}

/* ---- output ----------------------------------------------------------------------------------------------------- */

static orasi_status output_write(orasi_output *output, const void *p, size_t n, orasi_error *err)
{
	struct lab_output *o = output->ctx;
	int armed = guard_pause();
	int r = buf_add(&o->bytes, p, n);

	(void)err;
	guard_resume(armed);
	return r ? ORASI_E_NOMEM : ORASI_OK;
}

void lab_output_init(struct lab_output *o)
{
	buf_init(&o->bytes, 0);
	o->output = (orasi_output){sizeof(o->output), 0, o, output_write};
}
