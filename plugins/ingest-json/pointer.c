/* SPDX-License-Identifier: Apache-2.0 */
/* The way to the array that the option 'records' names. */
#include <string.h>

#include <orasi/sdk/fail.h>

#include "flaw.h"
#include "scan.h"
#include "text.h"
#include "window.h"

#define POINTER_KEY_MAX (64 << 10)

/* One token of an RFC 6901 pointer, "~1" and "~0" resolved; *at moves behind it. */
static size_t pointer_token(const char **at, char *ret)
{
	const char *p = *at + 1;
	size_t n = 0;

	for (; *p && *p != '/'; p++) {
		if (*p == '~' && (p[1] == '0' || p[1] == '1'))
			ret[n++] = *++p == '0' ? '~' : '/';
		else
			ret[n++] = *p;
	}
	*at = p;
	return n;
}

static orasi_status expect(struct reader *r, int want, const char *what, orasi_error *err)
{
	int c;
	orasi_status status = window_next_byte(r, &c, err);

	if (status)
		return status;
	if (c != want)
		return reader_corrupt(r, err, reader_offset(r), what);
	r->pos++;
	return ORASI_OK;
}

static bool key_equals(const struct record *key, const char *token, size_t len)
{
	struct flaw flaw;
	struct text text;
	uint8_t plain[POINTER_KEY_MAX];

	if (key->too_long || key->len < 2 || !scan_string(key->text + 1, &text, &flaw))
		return false;
	if (!text.escaped)
		return text.len == len && !memcmp(text.p, token, len);
	return text_unescape(plain, text.p, text.len) == len && !memcmp(plain, token, len);
}

/* Inside an object: moves to the value of a key. */
static orasi_status find_key(struct reader *r, const char *token, size_t len, orasi_error *err)
{
	for (;;) {
		struct record record;
		bool found;
		int c;
		orasi_status status = window_next_byte(r, &c, err);

		if (!status && c != '"')
			return c == '}' ? orasi_fail(err, ORASI_E_NOTFOUND,
			                             "the document has nothing at the option 'records' "
			                             "(%s)",
			                             r->pointer)
			                : reader_corrupt(r, err, reader_offset(r), "a key is missing");
		if (!status)
			status = reader_take_value(r, POINTER_KEY_MAX, &record, err);
		found = !status && key_equals(&record, token, len);
		if (!status)
			status = expect(r, ':', "a colon is missing", err);
		if (status || found)
			return status;
		status = window_next_byte(r, &c, err);
		if (!status && c < 0)
			return reader_corrupt(r, err, reader_offset(r), "the source ends inside of the document");
		if (!status)
			status = reader_take_value(r, 0, &record, err);
		if (!status)
			status = window_next_byte(r, &c, err);
		if (status)
			return status;
		r->pos += c == ',';
	}
}

orasi_status reader_descend(struct reader *r, orasi_error *err)
{
	const char *at = r->pointer;
	char token[POINTER_KEY_MAX];
	orasi_status status;

	if (strlen(at) >= sizeof(token))
		return orasi_fail(err, ORASI_E_CONFIG, "the option 'records' is too long");
	while (*at) {
		size_t len = pointer_token(&at, token);

		status = expect(r, '{', "an object was expected on the way to 'records'", err);
		if (!status)
			status = find_key(r, token, len, err);
		if (status)
			return status;
		r->levels++;
	}
	r->phase = READER_FIRST;
	return expect(r, '[', "an array of records was expected", err);
}
