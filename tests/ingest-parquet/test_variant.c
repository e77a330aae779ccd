/* SPDX-License-Identifier: Apache-2.0 */
/* VARIANT as JSON: binaries as the specification (VariantEncoding.md, VariantShredding.md) has them, written out by hand;
 * what other writers make is in tests/peers/test_parquet.sh. */
#include "lib/test.h"

#include <stdio.h>

#include "base/buf.h"
#include "ingest-parquet/variant.h"

static orasi_error err;

/* "02 01 'ab": bytes in hex, text behind a quote up to a blank. */
static struct variant_bytes bytes_of(const char *text, uint8_t *to)
{
	struct variant_bytes ret = {to, 0};

	while (*text) {
		unsigned v;
		int n = 0;

		if (*text == '\'') {
			for (text++; *text && *text != ' '; text++)
				to[ret.len++] = (uint8_t)*text;
		} else if (sscanf(text, "%2x%n", &v, &n) == 1) {
			to[ret.len++] = (uint8_t)v;
			text += n;
		} else {
			text++;
		}
	}
	return ret;
}

/* Names a, b and ccc. */
#define NAMES "11 03 00 01 02 05 'abccc"

static const struct {
	const char *value, *json;
} values[] = {
	{"00", "null"},
	{"04", "true"},
	{"08", "false"},
	{"0c 80", "-128"},
	{"10 ff 7f", "32767"},
	{"14 00 00 00 80", "-2147483648"},
	{"18 ff ff ff ff ff ff ff 7f", "9223372036854775807"},
	{"1c 00 00 00 00 00 00 f8 3f", "1.5"},
	{"1c 00 00 00 00 00 00 f8 7f", "\"NaN\""},
	{"1c 00 00 00 00 00 00 f0 ff", "\"-Infinity\""},
	{"38 00 00 c0 3f", "1.5"},
	{"20 02 87 d6 12 00", "12345.67"},
	{"24 03 ff ff ff ff ff ff ff ff", "-0.001"},
	{"28 00 ff ff ff ff 3f 22 8a 09 7a c4 86 5a a8 4c 3b 4b", "99999999999999999999999999999999999999"},
	{"28 26 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00", "0.00000000000000000000000000000000000001"},
	{"2c 00 00 00 00", "\"1970-01-01\""},
	{"2c ff ff ff ff", "\"1969-12-31\""},
	{"30 15 cd 5b 07 00 00 00 00", "\"1970-01-01T00:02:03.456789Z\""},
	{"34 ff ff ff ff ff ff ff ff", "\"1969-12-31T23:59:59.999999\""},
	{"48 01 00 00 00 00 00 00 00", "\"1970-01-01T00:00:00.000000001Z\""},
	{"4c 00 00 00 00 00 00 00 00", "\"1970-01-01T00:00:00\""},
	{"44 15 cd 5b 07 00 00 00 00", "\"00:02:03.456789\""},
	{"3c 04 00 00 00 00 ff 10 20", "\"AP8QIA==\""},
	{"40 02 00 00 00 'hi", "\"hi\""},
	{"50 00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff", "\"00112233-4455-6677-8899-aabbccddeeff\""},
	{"01", "\"\""},
	{"11 '\"\\xy", "\"\\\"\\\\xy\""},
	{"03 00 00", "[]"},
	{"03 02 00 01 03 00 0c 07", "[null,7]"},
	{"13 01 00 00 00 00 01 04", "[true]"}, /* a large count */
	{"07 01 00 00 01 00 04", "[true]"},    /* offsets of two bytes */
	{"02 00 00", "{}"},
	{"02 02 00 02 02 00 04 0c 05 0c 06", "{\"a\":6,\"ccc\":5}"}, /* values in another order than names */
	{"02 01 01 00 05 03 01 00 02 0c 09", "{\"b\":[9]}"},
	{"42 01 00 00 00 02 00 01 04", "{\"ccc\":true}"}, /* a large count */
};

START_TEST(a_value_is_what_it_says)
{
	uint8_t names_text[64], text[256];
	struct variant_names names;
	struct jsonw out = {0};

	ck_assert_int_eq(variant_names_open(&names, bytes_of(NAMES, names_text)), VARIANT_FINE);
	ck_assert_int_eq(variant_put(&out, &names, bytes_of(values[_i].value, text), 0), VARIANT_FINE);
	ck_assert(jsonw_finish(&out));
	ck_assert_str_eq(out.data, values[_i].json);
	jsonw_done(&out);
}
END_TEST

/* Every one of them, cut anywhere. */
START_TEST(a_value_that_is_cut_is_damaged)
{
	uint8_t names_text[64], text[256];
	struct variant_bytes value = bytes_of(values[_i].value, text);
	struct variant_names names;

	variant_names_open(&names, bytes_of(NAMES, names_text));
	for (size_t n = 0; n < value.len; n++) {
		struct jsonw out = {0};

		ck_assert_int_eq(variant_put(&out, &names, (struct variant_bytes){text, n}, 0), VARIANT_DAMAGED);
		jsonw_done(&out);
	}
}
END_TEST

static const struct {
	const char *names, *value;
	enum variant_flaw flaw;
} bad[] = {
	{NAMES, "54", VARIANT_UNKNOWN},                         /* a type of the future */
	{NAMES, "20 27 00 00 00 00", VARIANT_DAMAGED},          /* a scale of 39 */
	{NAMES, "02 01 03 00 01 00", VARIANT_DAMAGED},          /* a name that is not there */
	{NAMES, "02 02 01 01 00 01 02 00 00", VARIANT_DAMAGED}, /* one that is there twice */
	{NAMES, "03 01 05 06 00", VARIANT_DAMAGED},             /* an item behind the end */
	{"11 03 00 01 02 09 'abccc", "02 01 02 00 01 00", VARIANT_DAMAGED},
	{"11 03 00 01 00 05 'abccc", "02 01 01 00 01 00", VARIANT_DAMAGED},
	{"12 00 00", "00", VARIANT_UNKNOWN}, /* a version of the future */
	{"11 03 00", "00", VARIANT_DAMAGED},
	{"", "00", VARIANT_DAMAGED},
};

START_TEST(what_is_wrong_is_found)
{
	uint8_t names_text[64], text[256];
	struct variant_names names;
	struct jsonw out = {0};
	enum variant_flaw flaw = variant_names_open(&names, bytes_of(bad[_i].names, names_text));

	if (!flaw)
		flaw = variant_put(&out, &names, bytes_of(bad[_i].value, text), 0);
	ck_assert_int_eq(flaw, bad[_i].flaw);
	jsonw_done(&out);
}
END_TEST

START_TEST(nesting_has_an_end)
{
	uint8_t names_text[64], text[1024];
	struct variant_names names;
	struct jsonw out = {0};
	size_t n = 1024;

	variant_names_open(&names, bytes_of(NAMES, names_text));
	text[--n] = 0;
	while (n > 1024 - 1 - 4 * (VARIANT_DEPTH_MAX + 1)) { /* [[[…null…]]] */
		static const uint8_t array[] = {0x03, 1, 0, 1};

		n -= sizeof(array);
		memcpy(text + n, array, sizeof(array));
	}
	ck_assert_int_eq(variant_put(&out, &names, (struct variant_bytes){text + n, 1024 - n}, 0), VARIANT_DEEP);
	ck_assert_int_eq(variant_put(&out, &names, (struct variant_bytes){text + n + 4, 1024 - n - 4}, 0),
	                 VARIANT_FINE);
	jsonw_done(&out);
}
END_TEST

/* Each array points twenty times to the next one: 20^20 values in a few hundred bytes. */
START_TEST(much_of_little_has_an_end)
{
	uint8_t names_text[64], text[1024];
	struct variant_names names;
	struct jsonw out = {0};
	size_t n = 0;

	variant_names_open(&names, bytes_of(NAMES, names_text));
	for (int depth = 0; depth < 20; depth++) {
		text[n++] = 0x03;
		text[n++] = 20;
		for (int i = 0; i < 20; i++)
			text[n++] = 0;
		text[n++] = 1;
	}
	text[n++] = 0;
	ck_assert_int_eq(variant_put(&out, &names, (struct variant_bytes){text, n}, 0), VARIANT_LONG);
	jsonw_done(&out);
}
END_TEST

/* ---- shredded: the table of VariantShredding.md, "Objects" -------------------------------------------------------- */

static struct ArrowSchema schema;
static struct tree tree;
static struct node *group;

static void make(struct ArrowSchema *s, const char *format, const char *name, int nullable, int64_t n)
{
	ck_assert_int_eq(arrow_schema_make(s, format, name, nullable, n), 0);
}

/* v: {metadata, value, typed_value: {type: {value, typed_value text}, at: {value, typed_value number}}} */
static void make_schema(void)
{
	struct ArrowSchema *v, *typed;

	make(&schema, "+s", "", 0, 1);
	v = schema.children[0];
	make(v, "+s", "event", 1, 3);
	make(v->children[0], "z", "metadata", 0, 0);
	make(v->children[1], "z", "value", 1, 0);
	typed = v->children[2];
	make(typed, "+s", "typed_value", 1, 2);
	for (int i = 0; i < 2; i++) {
		make(typed->children[i], "+s", i ? "at" : "type", 0, 2);
		make(typed->children[i]->children[0], "z", "value", 1, 0);
		make(typed->children[i]->children[1], i ? "l" : "u", "typed_value", 1, 0);
	}
	ck_assert_int_eq(tree_from_arrow(&tree, &schema, &err), ORASI_OK);
	group = tree.root.children[0];
}

static void setup(void)
{
	err = (orasi_error){.struct_size = sizeof(err)};
	make_schema();
}

static void teardown(void)
{
	tree_free(&tree);
	arrow_schema_release(&schema);
}

static void append(struct arrow_builder *b, const char *hex)
{
	uint8_t text[256];
	struct variant_bytes bytes;

	if (!hex) {
		ck_assert_int_eq(arrow_append_null(b), 0);
		return;
	}
	bytes = bytes_of(hex, text);
	ck_assert_int_eq(arrow_append_bytes(b, bytes.ptr, bytes.len), 0);
}

/* A row; a member is "v HEX", "t TEXT" or NULL: not there. `object` 0: typed_value is null. */
static void add_row(struct arrow_builder *b, const char *value, int object, const char *const members[2])
{
	struct arrow_builder *typed = arrow_builder_child(b, 2);

	append(arrow_builder_child(b, 0), "11 04 00 04 06 0b 0c 'typeatemailx");
	append(arrow_builder_child(b, 1), value);
	if (!object) {
		ck_assert_int_eq(arrow_append_null(typed), 0);
		ck_assert_int_eq(arrow_end_struct(b), 0);
		return;
	}
	for (int i = 0; i < 2; i++) {
		struct arrow_builder *member = arrow_builder_child(typed, i), *plain = arrow_builder_child(member, 1);
		const char *m = members[i];

		append(arrow_builder_child(member, 0), m && *m == 'v' ? m + 2 : NULL);
		if (!m || *m != 't')
			ck_assert_int_eq(arrow_append_null(plain), 0);
		else if (i)
			ck_assert_int_eq(arrow_append_int(plain, atoll(m + 2)), 0);
		else
			ck_assert_int_eq(arrow_append_bytes(plain, m + 2, strlen(m + 2)), 0);
		ck_assert_int_eq(arrow_end_struct(member), 0);
	}
	ck_assert_int_eq(arrow_end_struct(typed), 0);
	ck_assert_int_eq(arrow_end_struct(b), 0);
}

static orasi_status to_text(struct arrow_builder *b, struct ArrowArray *ret)
{
	struct ArrowSchema inner;
	struct ArrowArray structs;
	orasi_status r;

	ck_assert_int_eq(variant_check(group, &err), ORASI_OK);
	ck_assert_int_eq(variant_schema(group, &inner), 0);
	ck_assert_int_eq(arrow_builder_finish(b, &structs), 0);
	r = variant_to_text(group, &inner, &structs, ret, &err);
	arrow_array_release(&structs);
	arrow_schema_release(&inner);
	arrow_builder_free(b);
	return r;
}

static const struct {
	const char *value;
	int object;
	const char *members[2];
	const char *json; /* NULL: an error */
} rows[] = {
	{NULL, 1, {"t noop", "t 1729794114937"}, "{\"type\":\"noop\",\"at\":1729794114937}"},
	{"02 01 02 00 03 09 'me", 1, {"t login", "t 5"}, "{\"type\":\"login\",\"at\":5,\"email\":\"me\"}"},
	{"02 01 02 00 03 09 'me", 1, {NULL, NULL}, "{\"email\":\"me\"}"},
	{"05 'a", 0, {NULL, NULL}, "\"a\""},
	{"02 01 02 00 03 09 'me", 1, {NULL, "t 7"}, "{\"at\":7,\"email\":\"me\"}"},
	{NULL, 1, {"v 00", "t 7"}, "{\"type\":null,\"at\":7}"},
	{NULL, 1, {"t noop", "v 05 'x"}, "{\"type\":\"noop\",\"at\":\"x\"}"},
	{NULL, 1, {NULL, NULL}, "{}"},
	{"00", 0, {NULL, NULL}, "null"},
	{NULL, 0, {NULL, NULL}, "null"},
	/* Wrong writers: a member in both places counts where it is typed; what is no object has no members. */
	{"02 01 00 00 03 09 'me", 1, {"t login", "t 5"}, "{\"type\":\"login\",\"at\":5}"},
	{"05 'a", 1, {NULL, NULL}, NULL},
};

START_TEST(a_shredded_object_is_put_together)
{
	struct arrow_builder *b = arrow_builder_new(schema.children[0]);
	struct ArrowSchema text;
	struct ArrowArray array;
	struct arrow_view view;
	const char *p;
	size_t n;
	orasi_status r;

	add_row(b, rows[_i].value, rows[_i].object, rows[_i].members);
	ck_assert_int_eq(arrow_append_null(b), 0);
	r = to_text(b, &array);
	if (!rows[_i].json) {
		ck_assert_int_eq(r, ORASI_E_CORRUPT);
		ck_assert_msg(strstr(err.message, "VARIANT column 'event'") != NULL, "%s", err.message);
		return;
	}
	ck_assert_msg(!r, "%s", err.message);
	make(&text, "u", "event", 1, 0);
	ck_assert_int_eq(arrow_view_init(&view, &text, &array), 0);
	ck_assert_int_eq(view.length, 2);
	p = arrow_view_bytes(&view, 0, &n);
	ck_assert_msg(n == strlen(rows[_i].json) && !memcmp(p, rows[_i].json, n), "%.*s", (int)n, p);
	ck_assert(arrow_view_is_null(&view, 1));
	arrow_array_release(&array);
	arrow_schema_release(&text);
}
END_TEST

START_TEST(a_group_that_is_no_variant_is_refused_by_name)
{
	struct node *typed = group->children[2], *leaf = typed->children[0]->children[1];
	const char *name = group->children[0]->name;

	group->children[0]->name = "meta";
	ck_assert_int_eq(variant_check(group, &err), ORASI_E_UNSUPPORTED);
	ck_assert_msg(strstr(err.message, "VARIANT column 'event' has no metadata") != NULL, "%s", err.message);
	group->children[0]->name = name;
	arrow_type_parse("I", &leaf->info); /* unsigned */
	ck_assert_int_eq(variant_check(group, &err), ORASI_E_UNSUPPORTED);
	ck_assert_msg(strstr(err.message, "unshredded, or as JSON text") != NULL, "%s", err.message);
}
END_TEST

static void variant_cases(Suite *suite)
{
	TCase *plain = tcase_create("values"), *shredded = tcase_create("shredded");

	tcase_add_loop_test(plain, a_value_is_what_it_says, 0, sizeof(values) / sizeof(values[0]));
	tcase_add_loop_test(plain, a_value_that_is_cut_is_damaged, 0, sizeof(values) / sizeof(values[0]));
	tcase_add_loop_test(plain, what_is_wrong_is_found, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(plain, nesting_has_an_end);
	tcase_add_test(plain, much_of_little_has_an_end);
	suite_add_tcase(suite, plain);
	tcase_add_checked_fixture(shredded, setup, teardown);
	tcase_add_loop_test(shredded, a_shredded_object_is_put_together, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(shredded, a_group_that_is_no_variant_is_refused_by_name);
	suite_add_tcase(suite, shredded);
}

TEST_MAIN("variant", variant_cases)
