/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include <orasi/sdk/json.h>

#include "lib/test.h"

START_TEST(values_get_their_commas)
{
	struct jsonw w = {0};

	jsonw_object(&w);
	jsonw_key(&w, "a");
	jsonw_array(&w);
	jsonw_int(&w, INT64_MIN);
	jsonw_uint(&w, UINT64_MAX);
	jsonw_object(&w);
	jsonw_end_object(&w);
	jsonw_null(&w);
	jsonw_end_array(&w);
	jsonw_key(&w, "b");
	jsonw_bool(&w, 1);
	jsonw_keyn(&w, "c\0d", 3);
	jsonw_number(&w, "0.10", 4);
	jsonw_end_object(&w);
	ck_assert_int_eq(jsonw_finish(&w), 1);
	ck_assert_str_eq(w.data, "{\"a\":[-9223372036854775808,18446744073709551615,{},null],\"b\":true,"
	                         "\"c\\u0000d\":0.10}");
	jsonw_done(&w);
}
END_TEST

START_TEST(text_is_escaped_and_made_utf8)
{
	static const char text[] = "\"\\/\n\x01\xc3\xa4\xff\xf0\x9f\x98\x80\xc3";
	struct jsonw w = {0};

	jsonw_string(&w, text, sizeof(text) - 1);
	ck_assert_str_eq(w.data, "\"\\\"\\\\/\\n\\u0001\xc3\xa4\xef\xbf\xbd\xf0\x9f\x98\x80\xef\xbf\xbd\"");
	jsonw_done(&w);
}
END_TEST

START_TEST(doubles_read_back_the_same)
{
	struct jsonw w = {0};

	jsonw_array(&w);
	jsonw_double(&w, 0.1);
	jsonw_double(&w, 1e300);
	jsonw_double(&w, 0.1 + 0.2);
	jsonw_double(&w, NAN);
	jsonw_end_array(&w);
	ck_assert_str_eq(w.data, "[0.1,1e+300,0.30000000000000004,null]");
	jsonw_done(&w);
}
END_TEST

static void json_cases(Suite *suite)
{
	TCase *c = tcase_create("json writer");

	tcase_add_test(c, values_get_their_commas);
	tcase_add_test(c, text_is_escaped_and_made_utf8);
	tcase_add_test(c, doubles_read_back_the_same);
	suite_add_tcase(suite, c);
}

TEST_MAIN("json writer", json_cases)
