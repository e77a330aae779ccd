/* SPDX-License-Identifier: Apache-2.0 */
/* A record that became no row, on its way to the host's quarantine: what is wrong with it, in words and with its
 * text. */
#include <stdio.h>
#include <string.h>

#include <orasi/sdk/fail.h>

#include "decode.h"

#define VALUE_SHOWN 80

/* How much of the offending text to show: the value, up to a control byte. */
static int shown(const struct record *record, const struct flaw *flaw)
{
	size_t left = (size_t)(record->text + record->len - flaw->at);
	size_t n = flaw->len && flaw->len < left ? flaw->len : left;

	n = n < VALUE_SHOWN ? n : VALUE_SHOWN;
	for (size_t i = 0; i < n; i++)
		if (flaw->at[i] < 0x20)
			return (int)i;
	return (int)n;
}

static void say_flaw(const struct decoder *d, const struct record *record, const char *column, char *ret, size_t cap)
{
	const struct flaw *flaw = &d->row.flaw;
	size_t at = flaw->at ? (size_t)(flaw->at - record->text) : 0;
	int n;

	if (record->too_long) {
		snprintf(ret, cap, "the record has %llu bytes, max_record allows %lld",
		         (unsigned long long)record->whole, (long long)d->settings.max_record);
		return;
	}
	n = snprintf(ret, cap, "%s%s%s, at byte %zu of the record", column, *column ? ": " : "", flaw->what, at);
	if (strcmp(flaw->code, FLAW_UTF8) && at < record->len && n < (int)cap)
		snprintf(ret + n, cap - (size_t)n, ": %.*s", shown(record, flaw), flaw->at);
}

orasi_status decoder_reject(struct decoder *d, const struct record *record, orasi_error *err)
{
	const char *code = record->too_long ? FLAW_TOO_LONG : d->row.flaw.code;
	int64_t row = (int64_t)(d->state.rows + d->state.rejected);
	char column[256] = "", message[sizeof(err->message) - 64];
	orasi_rejected rejected;
	orasi_status status;

	if (d->row.flaw.column && !record->too_long)
		column_path(d->row.flaw.column, column, sizeof(column));
	text_trim(column);
	say_flaw(d, record, column, message, sizeof(message));
	text_trim(message);
	rejected = (orasi_rejected){.struct_size = sizeof(rejected),
	                            .code = code,
	                            .message = {message, strlen(message)},
	                            .column = {column, strlen(column)},
	                            .byte_offset = (int64_t)record->offset,
	                            .line = record->line,
	                            .row = row,
	                            .raw = {record->text, record->len},
	                            .raw_len = record->whole};
	status = d->reject ? d->reject->reject(d->host, &rejected) : ORASI_E_CORRUPT;
	if (status >= 0) {
		d->state.rejected++;
		return ORASI_OK;
	}
	err->row = row;
	err->offset = (int64_t)record->offset;
	return orasi_fail(err, status, "record %lld at byte %lld, %s: %s", (long long)row, (long long)record->offset,
	                  code, message);
}
