/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of AWS's own examples: the Signature Version 4 test suite, and those of the S3 documentation. */
#include "lib/test.h"

#include <string.h>

#include "base/buf.h"
#include "blob/lazy.h"
#include "blob/sign.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const struct {
	const char *id, *secret, *service, *method, *path;
	struct sign_pair query[4], headers[8];
	const char *payload_hash, *time, *target, *signature;
} cases[] = {
	/* get-vanilla */
	{"AKIDEXAMPLE",
         "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
         "service",
         "GET",
         "/",
         {{0}},
         {{"host", "example.amazonaws.com"}, {"x-amz-date", "20150830T123600Z"}},
         EMPTY,
         "20150830T123600Z",
         "/",
         "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
	/* post-vanilla */
	{"AKIDEXAMPLE",
         "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
         "service",
         "POST",
         "/",
         {{0}},
         {{"x-amz-date", "20150830T123600Z"}, {"host", "example.amazonaws.com"}},
         EMPTY,
         "20150830T123600Z",
         "/",
         "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
	/* get-vanilla-query-order-key-case */
	{"AKIDEXAMPLE",
         "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
         "service",
         "GET",
         "/",
         {{"Param2", "value2"}, {"Param1", "value1"}},
         {{"host", "example.amazonaws.com"}, {"x-amz-date", "20150830T123600Z"}},
         EMPTY,
         "20150830T123600Z",
         "/?Param1=value1&Param2=value2",
         "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
	/* S3: GET of a range */
	{"AKIAIOSFODNN7EXAMPLE",
         "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
         "s3",
         "GET",
         "/test.txt",
         {{0}},
         {{"host", "examplebucket.s3.amazonaws.com"},
          {"range", "bytes=0-9"},
          {"x-amz-content-sha256", EMPTY},
          {"x-amz-date", "20130524T000000Z"}},
         EMPTY,
         "20130524T000000Z",
         "/test.txt",
         "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
	/* S3: PUT of an object whose name must be encoded */
	{"AKIAIOSFODNN7EXAMPLE",
         "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
         "s3",
         "PUT",
         "/test$file.text",
         {{0}},
         {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
          {"host", "examplebucket.s3.amazonaws.com"},
          {"x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"},
          {"x-amz-date", "20130524T000000Z"},
          {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
         "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
         "20130524T000000Z",
         "/test%24file.text",
         "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
	/* S3: a parameter without a value */
	{"AKIAIOSFODNN7EXAMPLE",
         "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
         "s3",
         "GET",
         "/",
         {{"lifecycle", ""}},
         {{"host", "examplebucket.s3.amazonaws.com"},
          {"x-amz-content-sha256", EMPTY},
          {"x-amz-date", "20130524T000000Z"}},
         EMPTY,
         "20130524T000000Z",
         "/?lifecycle=",
         "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
	/* S3: a list, parameters out of order */
	{"AKIAIOSFODNN7EXAMPLE",
         "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
         "s3",
         "GET",
         "/",
         {{"prefix", "J"}, {"max-keys", "2"}},
         {{"host", "examplebucket.s3.amazonaws.com"},
          {"x-amz-content-sha256", EMPTY},
          {"x-amz-date", "20130524T000000Z"}},
         EMPTY,
         "20130524T000000Z",
         "/?max-keys=2&prefix=J",
         "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
};

static size_t count(const struct sign_pair *pairs, size_t max)
{
	size_t n = 0;

	while (n < max && pairs[n].name)
		n++;
	return n;
}

START_TEST(an_example_of_aws_gets_the_signature_it_should)
{
	struct sign_key key = {cases[_i].id, cases[_i].secret, "us-east-1", cases[_i].service};
	struct sign_request request = {cases[_i].method,          cases[_i].path,    cases[_i].query,
	                               count(cases[_i].query, 4), cases[_i].headers, count(cases[_i].headers, 8),
	                               cases[_i].payload_hash,    cases[_i].time};
	struct buf target, authorization;
	struct err err = {0};

	buf_init(&target, 0);
	buf_init(&authorization, 0);
	ck_ok(sign_request(&key, &request, &target, &authorization, &err), &err);
	ck_assert_str_eq(target.data, cases[_i].target);
	ck_assert_str_eq(strstr(authorization.data, "Signature=") + strlen("Signature="), cases[_i].signature);
	buf_done(&target);
	buf_done(&authorization);
}
END_TEST

START_TEST(a_hash_and_a_time_are_as_they_are_signed)
{
	char hash[SIGN_HASH_LEN], now[SIGN_TIME_LEN];

	sign_hash("", 0, hash);
	ck_assert_str_eq(hash, EMPTY);
	sign_time(1440938160, now);
	ck_assert_str_eq(now, "20150830T123600Z");
}
END_TEST

static void load_libraries(void)
{
	struct err err = {0};

	ck_ok(lazy_libraries(&err), &err);
}

static void sign_cases(Suite *suite)
{
	TCase *tc = tcase_create("sign");

	tcase_add_unchecked_fixture(tc, load_libraries, NULL);
	tcase_add_loop_test(tc, an_example_of_aws_gets_the_signature_it_should, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(tc, a_hash_and_a_time_are_as_they_are_signed);
	suite_add_tcase(suite, tc);
}

TEST_MAIN("sign", sign_cases)
