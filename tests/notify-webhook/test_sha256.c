/* SPDX-License-Identifier: Apache-2.0 */
/* The hash against the examples of FIPS 180-4 and RFC 4231. */
#include "lib/test.h"

#include <stdio.h>
#include <string.h>

#include "notify-webhook/sha256.h"

static const char *hex(const uint8_t mac[SHA256_SIZE])
{
	static char text[2 * SHA256_SIZE + 1];

	for (int i = 0; i < SHA256_SIZE; i++)
		sprintf(text + 2 * i, "%02x", mac[i]);
	return text;
}

static const struct {
	const char *text;
	int times;
	const char *wanted;
} hashes[] = {
	{"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	{"", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	{"aaaaaaaaaa", 100000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
};

START_TEST(hashes_are_those_of_the_standard)
{
	uint8_t ret[SHA256_SIZE];
	struct sha256 sha;

	sha256_init(&sha);
	for (int i = 0; i < hashes[_i].times; i++)
		sha256_add(&sha, hashes[_i].text, strlen(hashes[_i].text));
	sha256_finish(&sha, ret);
	ck_assert_str_eq(hex(ret), hashes[_i].wanted);
}
END_TEST

static const struct {
	uint8_t key; /* repeated */
	size_t n;
	const char *data, *wanted;
} macs[] = {
	{0x0b, 20, "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
	{0xaa, 131, "Test Using Larger Than Block-Size Key - Hash Key First",
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
};

START_TEST(macs_are_those_of_the_standard)
{
	uint8_t key[131], ret[SHA256_SIZE];
	struct hmac hmac;

	memset(key, macs[_i].key, sizeof(key));
	hmac_init(&hmac, key, macs[_i].n);
	hmac_add(&hmac, macs[_i].data, 3);
	hmac_add(&hmac, macs[_i].data + 3, strlen(macs[_i].data) - 3);
	hmac_finish(&hmac, ret);
	ck_assert_str_eq(hex(ret), macs[_i].wanted);
}
END_TEST

static void cases(Suite *suite)
{
	TCase *tests = tcase_create("sha256");

	tcase_add_loop_test(tests, hashes_are_those_of_the_standard, 0, sizeof(hashes) / sizeof(hashes[0]));
	tcase_add_loop_test(tests, macs_are_those_of_the_standard, 0, sizeof(macs) / sizeof(macs[0]));
	suite_add_tcase(suite, tests);
}

TEST_MAIN("sha256", cases)
