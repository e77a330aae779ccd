/* SPDX-License-Identifier: Apache-2.0 */
/* A record that became no row, on its way to the host's quarantine: what is wrong with it, in words and with its
 * text. */
#include <stdio.h>
#include <string.h>

#include <orasi/sdk/fail.h>

#include "decode.h"

#define VALUE_SHOWN 80

/* How much of the value to show: up to a control byte, characters whole. */
static int shown(const struct field *field)
{
	size_t n = field->len < VALUE_SHOWN ? field->len : VALUE_SHOWN;

	for (size_t i = 0; i < n; i++)
		if (field->p[i] < 0x20)
			return (int)i;
	while (n && n < field->len && (field->p[n] & 0xC0) == 0x80)
		n--;
	return (int)n;
}

static void say(const struct decoder *d, const struct flaw *flaw, const char *column, char *ret, size_t cap)
{
	int n = snprintf(ret, cap, "%s%s%s", column, *column ? ": " : "", flaw->what);

	if (flaw->field && n < (int)cap)
		snprintf(ret + n, cap - (size_t)n, ": %.*s", shown(flaw->field), flaw->field->p);
	else if (!strcmp(flaw->code, FLAW_MISSING) || !strcmp(flaw->code, FLAW_EXTRA))
		snprintf(ret + n, cap - (size_t)n, ": %u, and there are %u", reader_fields(d->reader)->n,
		         d->table.sample.width);
}

/* Characters stay whole at the end of a text that was cut. */
static void trim_text(char *s)
{
	size_t n = strlen(s);

	while (n && !arrow_utf8_valid(s, n))
		s[--n] = '\0';
}

orasi_status decoder_reject(struct decoder *d, const struct record *record, const struct flaw *flaw, orasi_error *err)
{
	int64_t row = (int64_t)(d->state.rows + d->state.rejected);
	char column[256] = "", message[sizeof(err->message) - 64];
	orasi_rejected rejected;
	orasi_status status;

	if (flaw->column >= 0)
		snprintf(column, sizeof(column), "%s", d->table.schema.children[flaw->column]->name);
	trim_text(column);
	say(d, flaw, column, message, sizeof(message));
	trim_text(message);
	rejected = (orasi_rejected){.struct_size = sizeof(rejected),
	                            .code = flaw->code,
	                            .message = {message, strlen(message)},
	                            .column = {column, strlen(column)},
	                            .byte_offset = (int64_t)record->place.offset,
	                            .line = record->place.line,
	                            .row = row,
	                            .raw = {record->text, record->len},
	                            .raw_len = flaw->code == record->flaw ? record->whole : record->len};
	status = d->reject ? d->reject->reject(d->host, &rejected) : ORASI_E_CORRUPT;
	if (status >= 0) {
		d->state.rejected++;
		return ORASI_OK;
	}
	err->row = row;
	err->offset = (int64_t)record->place.offset;
	return orasi_fail(err, status, "record %lld at byte %lld, %s: %s", (long long)row,
	                  (long long)record->place.offset, flaw->code, message);
}
