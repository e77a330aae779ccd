/* SPDX-License-Identifier: Apache-2.0 */
/* What the encoder writes, from what the decoder reads; and that it reads back the same. */
#include "lib/test.h"

#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/arrow.h>

#include "ingest-json/rows.h"

static const char id[] = "org.orasi.ingest.csv";

struct run {
	struct fakehost *fake;
	struct fakehost_config *config;
	struct fakehost_source source;
	struct fakehost_output output;
	const orasi_ingest_factory *decode;
	const orasi_encode_factory *encode;
	void *decoder, *encoder;
	orasi_error error;
};

static void run_start(struct run *run, const char *text, const char *config)
{
	const orasi_entry *entry = orasi_plugin_entry_v1();
	const orasi_host *host;

	memset(run, 0, sizeof(*run));
	run->error.struct_size = sizeof(run->error);
	run->fake = fakehost_new();
	run->config = fakehost_config_new(config);
	host = fakehost_host(run->fake);
	fakehost_source_init(&run->source, text, strlen(text), 1);
	fakehost_output_init(&run->output);
	entry->init(host, &run->error);
	run->decode = entry->get_factory(ORASI_INGEST_FACTORY);
	run->encode = entry->get_factory(ORASI_ENCODE_FACTORY);
	ck_assert_int_eq(run->decode->create(host, id, fakehost_config(run->config), &run->decoder, &run->error), 0);
	ck_assert_int_eq(run->encode->create(host, id, fakehost_config(run->config), &run->encoder, &run->error), 0);
}

static void run_end(struct run *run)
{
	run->decode->destroy(run->decoder);
	run->encode->destroy(run->encoder);
	fakehost_output_done(&run->output);
	fakehost_config_free(run->config);
	fakehost_free(run->fake);
}

/* The text, read (as columns of `want`, if given) and written again, is `wanted`. */
static void writes_as(const char *text, const char *want, const char *config, const char *wanted)
{
	struct ArrowSchema schema = {0}, wanted_schema = {0};
	orasi_ingest_open open = {.struct_size = sizeof(open), .max_rows = 2, .max_bytes = 1 << 20};
	orasi_encode_info info = {.struct_size = sizeof(info)};
	struct ArrowArray batch;
	struct run run;
	uint64_t rows = 0;

	run_start(&run, text, config);
	open.source = &run.source.source;
	if (want) {
		schema_make(&wanted_schema, want);
		open.want = &wanted_schema;
	}
	ck_assert_msg(!run.decode->open(run.decoder, &open, &schema, &run.error), "%s", run.error.message);
	ck_assert_int_eq(
		run.encode->open(run.encoder,
	                         &(orasi_encode_open){sizeof(orasi_encode_open), 0, &run.output.output, &schema},
	                         &run.error),
		0);
	for (;;) {
		orasi_mark mark = {.struct_size = sizeof(mark)};

		if (run.decode->next(run.decoder, &batch, &mark, &run.error))
			break;
		rows += (uint64_t)batch.length;
		ck_assert_int_eq(run.encode->write(run.encoder, &batch, &run.error), 0);
		arrow_array_release(&batch);
	}
	ck_assert_uint_eq(fakehost_rejects(run.fake), 0);
	ck_assert_int_eq(run.encode->finish(run.encoder, &info, &run.error), 0);
	ck_assert_uint_eq(info.rows, rows);
	ck_assert_uint_eq(info.bytes, run.output.buf.len);
	buf_putc(&run.output.buf, '\0');
	ck_assert_str_eq(run.output.buf.data, wanted);
	arrow_schema_release(&schema);
	arrow_schema_release(&wanted_schema);
	run_end(&run);
}

static const struct {
	const char *text, *want, *config, *written;
} cases[] = {
	{"a,b\n1,x\n,\"\"\n\"\",y\n", NULL, NULL, "a,b\r\n1,x\r\n,\"\"\r\n,y\r\n"},
	{"a,b\n\"x,y\",\"say \"\"hi\"\"\"\n\"two\nlines\",\" z\"\n", NULL, NULL,
         "a,b\r\n\"x,y\",\"say \"\"hi\"\"\"\r\n\"two\nlines\",\" z\"\r\n"},
	{"a\n1\n\n2\n", NULL, NULL, "a\r\n1\r\n\r\n2\r\n"},
	{"v\n0.1\n3\n1e300\nnan\n-inf\n", NULL, NULL, "v\r\n0.1\r\n3.0\r\n1e+300\r\nnan\r\n-inf\r\n"},
	{"d,t,b\n2026-01-31,2026-01-31T01:02:03.5Z,true\n", NULL, NULL,
         "d,t,b\r\n2026-01-31,2026-01-31T01:02:03.500000Z,true\r\n"},
	{"v,f\n-1.05,0.1\n0.5,2\n", "v:d:9,2 f:f", NULL, "v,f\r\n-1.05,0.1\r\n0.50,2.0\r\n"},
	{"u,i\n18446744073709551615,-128\n", "u:L i:c", NULL, "u,i\r\n18446744073709551615,-128\r\n"},
	{"a;b\n1,5;x\n", NULL, "{\"delimiter\":\";\",\"decimal\":\",\"}", "a;b\r\n1,5;x\r\n"},
	{"a\tb\n\"x\ty\"\tz\n", NULL, "{\"delimiter\":\"tab\"}", "a\tb\r\n\"x\ty\"\tz\r\n"},
	{"1,x\n", NULL, "{\"header\":\"absent\"}", "1,x\r\n"},
	{"a,b\n\"NA\",NA\n", NULL, "{\"nulls\":[\"NA\"]}", "a,b\r\n\"NA\",\r\n"},
};

START_TEST(what_was_read_is_written_in_one_form)
{
	writes_as(cases[_i].text, cases[_i].want, cases[_i].config, cases[_i].written);
}
END_TEST

START_TEST(what_was_written_reads_back_the_same)
{
	writes_as(cases[_i].written, cases[_i].want, cases[_i].config, cases[_i].written);
}
END_TEST

START_TEST(columns_without_a_form_in_csv_are_refused_by_name)
{
	static const char *const formats[] = {"z", "+l"};
	struct run run;

	run_start(&run, "", NULL);
	for (size_t i = 0; i < 2; i++) {
		struct ArrowSchema schema;

		ck_assert_int_eq(arrow_schema_make(&schema, "+s", "", 0, 1), 0);
		ck_assert_int_eq(arrow_schema_make(schema.children[0], formats[i], "odd", 1, 0), 0);
		ck_assert_int_eq(run.encode->open(run.encoder,
		                                  &(orasi_encode_open){sizeof(orasi_encode_open), 0, &run.output.output,
		                                                       &schema},
		                                  &run.error),
		                 ORASI_E_UNSUPPORTED);
		ck_assert_ptr_nonnull(strstr(run.error.message, "'odd'"));
		arrow_schema_release(&schema);
	}
	run_end(&run);
}
END_TEST

void write_cases(Suite *suite);
void write_cases(Suite *suite)
{
	TCase *tests = tcase_create("write");

	tcase_add_loop_test(tests, what_was_read_is_written_in_one_form, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_loop_test(tests, what_was_written_reads_back_the_same, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(tests, columns_without_a_form_in_csv_are_refused_by_name);
	suite_add_tcase(suite, tests);
}
