/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a statement as NDJSON, CSV (RFC 4180) or a JSON page, in pieces to the sink. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/number.h>

#include "base/str.h"
#include "sql/inside.h"

#define PIECE (64u << 10)

enum kind { KIND_VALUE, KIND_BOOLEAN, KIND_JSON };

struct render {
	sqlite3_stmt *stmt;
	const struct sql_sink *sink;
	struct buf out;
	int n;
	char **names;
	enum kind *kinds;
	void (*row)(struct render *render);
	int64_t rows;
	int is_page;
};

static int flush(struct render *r, size_t above, struct err *err)
{
	int code;

	if (r->out.failed)
		return err_set(err, r->out.failed, "a row is too large");
	if (r->out.len <= above)
		return 0;
	code = r->sink->write(r->sink->ctx, r->out.data, r->out.len, err);
	buf_clear(&r->out);
	return code;
}

/* ---- values as JSON -------------------------------------------------------------------------------------- */

static void put_number(struct buf *out, double v)
{
	char text[NUMBER_DOUBLE_MAX];

	if (!isfinite(v)) {
		buf_puts(out, "null");
		return;
	}
	number_format_double(text, v, false);
	buf_puts(out, text);
}

static void put_base64(struct buf *out, const void *p, size_t n)
{
	char *text = malloc(base64_len(n));

	if (text)
		base64_encode(p, n, text);
	buf_puts(out, text ? text : "");
	free(text);
}

static void put_json_value(struct render *r, int i)
{
	const char *text;

	switch (sqlite3_column_type(r->stmt, i)) {
	case SQLITE_INTEGER:
		if (r->kinds[i] == KIND_BOOLEAN)
			buf_puts(&r->out, sqlite3_column_int(r->stmt, i) ? "true" : "false");
		else
			buf_printf(&r->out, "%" PRId64, (int64_t)sqlite3_column_int64(r->stmt, i));
		break;
	case SQLITE_FLOAT:
		put_number(&r->out, sqlite3_column_double(r->stmt, i));
		break;
	case SQLITE_TEXT:
		text = (const char *)sqlite3_column_text(r->stmt, i);
		if (r->kinds[i] == KIND_JSON)
			buf_add(&r->out, text, (size_t)sqlite3_column_bytes(r->stmt, i));
		else
			buf_json_str(&r->out, text, (size_t)sqlite3_column_bytes(r->stmt, i));
		break;
	case SQLITE_BLOB:
		buf_putc(&r->out, '"');
		put_base64(&r->out, sqlite3_column_blob(r->stmt, i), (size_t)sqlite3_column_bytes(r->stmt, i));
		buf_putc(&r->out, '"');
		break;
	default:
		buf_puts(&r->out, "null");
	}
}

/* ---- formats ----------------------------------------------------------------------------------------------- */

static void row_ndjson(struct render *r)
{
	buf_putc(&r->out, '{');
	for (int i = 0; i < r->n; i++) {
		buf_puts(&r->out, i ? "," : "");
		buf_json_str(&r->out, r->names[i], strlen(r->names[i]));
		buf_putc(&r->out, ':');
		put_json_value(r, i);
	}
	buf_puts(&r->out, "}\n");
}

static void row_page(struct render *r)
{
	buf_puts(&r->out, r->rows ? ",[" : "[");
	for (int i = 0; i < r->n; i++) {
		buf_puts(&r->out, i ? "," : "");
		put_json_value(r, i);
	}
	buf_putc(&r->out, ']');
}

static void put_csv(struct buf *out, const char *p, size_t n)
{
	if (n && !memchr(p, '"', n) && !memchr(p, ',', n) && !memchr(p, '\n', n) && !memchr(p, '\r', n)) {
		buf_add(out, p, n);
		return;
	}
	buf_putc(out, '"');
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '"')
			buf_putc(out, '"');
		buf_putc(out, p[i]);
	}
	buf_putc(out, '"');
}

/* Null is nothing between the commas, an empty text is "". */
static void row_csv(struct render *r)
{
	for (int i = 0; i < r->n; i++) {
		buf_puts(&r->out, i ? "," : "");
		switch (sqlite3_column_type(r->stmt, i)) {
		case SQLITE_NULL:
			break;
		case SQLITE_TEXT:
			put_csv(&r->out, (const char *)sqlite3_column_text(r->stmt, i),
			        (size_t)sqlite3_column_bytes(r->stmt, i));
			break;
		case SQLITE_BLOB:
			put_base64(&r->out, sqlite3_column_blob(r->stmt, i), (size_t)sqlite3_column_bytes(r->stmt, i));
			break;
		default:
			put_json_value(r, i);
		}
	}
	buf_puts(&r->out, "\r\n");
}

static void head_csv(struct render *r)
{
	for (int i = 0; i < r->n; i++) {
		buf_puts(&r->out, i ? "," : "");
		put_csv(&r->out, r->names[i], strlen(r->names[i]));
	}
	buf_puts(&r->out, "\r\n");
}

const char *render_type(sqlite3_stmt *stmt, int i, char ret[TYPE_NAME_MAX])
{
	const char *declared = sqlite3_column_decltype(stmt, i);

	snprintf(ret, TYPE_NAME_MAX, "%.*s", declared ? (int)strcspn(declared, " ") : 0, declared ? declared : "");
	return ret;
}

static void head_page(struct render *r)
{
	buf_puts(&r->out, "{\"columns\":[");
	for (int i = 0; i < r->n; i++) {
		char type[TYPE_NAME_MAX];

		render_type(r->stmt, i, type);
		buf_puts(&r->out, i ? ",{\"name\":" : "{\"name\":");
		buf_json_str(&r->out, r->names[i], strlen(r->names[i]));
		buf_puts(&r->out, ",\"type\":");
		buf_json_str(&r->out, type, strlen(type));
		buf_putc(&r->out, '}');
	}
	buf_puts(&r->out, "],\"rows\":[");
}

/* ---- the door ------------------------------------------------------------------------------------------------- */

/* Two columns of one name: the second is name_2. */
static char *unique_name(struct render *r, int at, const char *name)
{
	char text[300];
	int suffix = 1, again;

	snprintf(text, sizeof(text), "%s", name);
	do {
		again = 0;
		for (int i = 0; i < at; i++)
			again |= !strcmp(r->names[i], text);
		if (again)
			snprintf(text, sizeof(text), "%.280s_%d", name, ++suffix);
	} while (again);
	return strdup(text);
}

int render_new(const char *format, sqlite3_stmt *stmt, const struct sql_sink *sink, struct render **ret,
               struct err *err)
{
	struct render *r = calloc(1, sizeof(*r));

	if (!r)
		return err_set(err, ERR_NOMEM, "out of memory");
	r->stmt = stmt;
	r->sink = sink;
	buf_init(&r->out, 1u << 30);
	r->n = sqlite3_column_count(stmt);
	r->names = calloc((size_t)r->n + 1, sizeof(*r->names));
	r->kinds = calloc((size_t)r->n + 1, sizeof(*r->kinds));
	for (int i = 0; r->names && r->kinds && i < r->n; i++) {
		const char *type = sqlite3_column_decltype(stmt, i);

		r->names[i] = unique_name(r, i, sqlite3_column_name(stmt, i));
		r->kinds[i] = str_eq(type, "JSON") ? KIND_JSON : str_eq(type, "BOOLEAN") ? KIND_BOOLEAN : KIND_VALUE;
	}
	r->is_page = str_eq(format, "json");
	r->row = r->is_page ? row_page : str_eq(format, "csv") ? row_csv : row_ndjson;
	if (r->is_page)
		head_page(r);
	else if (r->row == row_csv)
		head_csv(r);
	*ret = r;
	return 0;
}

void render_free(struct render *r)
{
	if (!r)
		return;
	for (int i = 0; r->names && i < r->n; i++)
		free(r->names[i]);
	free(r->names);
	free(r->kinds);
	buf_done(&r->out);
	free(r);
}

int render_row(struct render *r, struct err *err)
{
	r->row(r);
	r->rows++;
	return flush(r, PIECE, err);
}

int render_end(struct render *r, int truncated, struct err *err)
{
	if (r->is_page)
		buf_printf(&r->out, "],\"truncated\":%s}", truncated ? "true" : "false");
	return flush(r, 0, err);
}
