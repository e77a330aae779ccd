/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest-avro/making.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "ingest-avro/varint.h"

struct fakehost *fake;
struct rows rows;

void making_setup(void)
{
	fake = fakehost_new();
	memset(&rows, 0, sizeof(rows));
}

void making_teardown(void)
{
	rows_done(&rows);
	fakehost_free(fake);
}

void put_bytes(struct buf *buf, const void *p, size_t n)
{
	ck_assert_int_eq(buf_add(buf, p, n), 0);
}

void put_long(struct buf *buf, int64_t v)
{
	uint8_t bytes[VARINT_MAX];

	put_bytes(buf, bytes, varint_write(bytes, v));
}

void put_text(struct buf *buf, const char *text)
{
	put_long(buf, (int64_t)strlen(text));
	put_bytes(buf, text, strlen(text));
}

void put_header(struct buf *buf, const char *schema, const char *codec)
{
	put_bytes(buf, "Obj\1", 4);
	put_long(buf, codec ? 2 : 1);
	put_text(buf, "avro.schema");
	put_text(buf, schema);
	if (codec) {
		put_text(buf, "avro.codec");
		put_text(buf, codec);
	}
	put_long(buf, 0);
	put_bytes(buf, MARKER, 16);
}

void put_block(struct buf *buf, int64_t count, const void *p, size_t n)
{
	put_long(buf, count);
	put_long(buf, (int64_t)n);
	put_bytes(buf, p, n);
	put_bytes(buf, MARKER, 16);
}

void read_file(const struct buf *file, struct rows_options options)
{
	struct fakehost_source source;

	making_teardown();
	making_setup();
	fakehost_source_init(&source, file->data, file->len, 1);
	rows_run(&rows, fake, &source.source, &options);
}

void read_records(const char *schema, int64_t count, const void *p, size_t n, const char *config)
{
	struct buf file = {0};

	put_header(&file, schema, NULL);
	put_block(&file, count, p, n);
	read_file(&file, (struct rows_options){.config = config});
	buf_done(&file);
}

static const char *rejects(void)
{
	static char text[1024];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < fakehost_rejects(fake); i++) {
		const struct fakehost_reject *r = fakehost_reject(fake, i);

		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s:%s", i ? " " : "", r->code, r->column);
	}
	return text;
}

void gives(const char *columns, const char *text, const char *rejected)
{
	ck_assert_msg(rows.status == ORASI_END, "status %d: %s", rows.status, rows.error.message);
	ck_assert_str_eq(rows.schema.data, columns);
	ck_assert_str_eq(rows.text.data, text);
	ck_assert_str_eq(rejects(), rejected);
}

void fails(orasi_status status, const char *words)
{
	ck_assert_msg(rows.status == status, "status %d: %s", rows.status, rows.error.message);
	ck_assert_msg(strstr(rows.error.message, words) != NULL, "'%s' is not in: %s", words, rows.error.message);
}
