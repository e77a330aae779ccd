/* SPDX-License-Identifier: Apache-2.0 */
/* Who fits whom: the one decision over every major, target and host, and what is said to those who do not. */
#include <stdio.h>
#include <string.h>

#include "lib/test.h"
#include "plugin/host.h"
#include "plugin/inside.h"

#define MINORS 6

static struct plugin_note built(unsigned major, unsigned target)
{
	struct plugin_note note = {.abi_major = major, .target_minor = target};

	strcpy(note.bundle_id, "com.acme.syslog");
	return note;
}

static const char *sentence(unsigned major, unsigned target, unsigned host_major, unsigned host_minor)
{
	static struct err err;
	struct plugin_note note = built(major, target);

	err = (struct err){0};
	return plugin_version_judge(&note, host_major, host_minor, &err) ? err.text : "";
}

static void says(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "'%s' is missing in: %s", part, text);
}

/* The SDK's own minor has no say: what it was built *for* decides. */
START_TEST(a_plugin_fits_when_its_major_is_the_hosts_and_its_target_is_not_newer)
{
	for (unsigned sdk = 0; sdk < MINORS; sdk++)
		for (unsigned target = 0; target <= sdk; target++)
			for (unsigned host = 0; host < MINORS; host++)
				ck_assert_int_eq(plugin_abi_fit(1, target, 1, host),
				                 target <= host ? PLUGIN_FITS : PLUGIN_MINOR_NEWER);
}
END_TEST

START_TEST(a_newer_target_is_refused_with_both_numbers_and_the_flag_that_lowers_it)
{
	const char *text = sentence(1, 4, 1, 2);

	says(text, "'com.acme.syslog'");
	says(text, "ABI 1.4,");
	says(text, "offers 1.2:");
	says(text, "upgrade the agent, or build the plugin with -DORASI_TARGET_MINOR=2");
}
END_TEST

START_TEST(every_draft_is_refused_by_name_and_told_to_be_built_again)
{
	for (unsigned minor = 0; minor < 10; minor++)
		for (unsigned host = 0; host < MINORS; host++) {
			const char *text = sentence(0, minor, 1, host);

			says(text, "bundle 'com.acme.syslog' is built for plugin ABI 0.");
			says(text, "a draft");
			says(text, "rebuild it against SDK 1.0");
		}
}
END_TEST

START_TEST(other_majors_are_refused_whatever_their_minor)
{
	for (unsigned minor = 0; minor < MINORS; minor++) {
		ck_assert_int_eq(plugin_abi_fit(2, minor, 1, MINORS), PLUGIN_MAJOR_NEWER);
		ck_assert_int_eq(plugin_abi_fit(1, minor, 2, MINORS), PLUGIN_MAJOR_OLDER);
	}
	says(sentence(2, 0, 1, 3), "upgrade the agent");
	says(sentence(1, 7, 2, 0), "rebuild it against an SDK of 2.x");
	says(sentence(65535, 65535, 1, 0), "ABI 65535.65535,");
}
END_TEST

/* ---- what a host of a minor offers -------------------------------------------------------------------------- */

static const void *offer(const struct loader_host *h)
{
	return h;
}

START_TEST(a_host_hides_the_extensions_that_are_newer_than_its_minor)
{
	static const struct host_offer offers[] = {{"com.test.old/1", 0, offer},
	                                           {"com.test.new/1", 2, offer},
	                                           {NULL, 0, NULL}};
	struct loader_host h = {0};

	for (unsigned minor = 0; minor < MINORS; minor++) {
		ck_assert_ptr_eq(host_offer_find(offers, minor, &h, "com.test.old/1"), &h);
		ck_assert_ptr_eq(host_offer_find(offers, minor, &h, "com.test.new/1"), minor >= 2 ? &h : NULL);
		ck_assert_ptr_null(host_offer_find(offers, minor, &h, "com.test.never/1"));
	}
}
END_TEST

static void version_cases(Suite *suite)
{
	TCase *c = tcase_create("version");

	tcase_add_test(c, a_plugin_fits_when_its_major_is_the_hosts_and_its_target_is_not_newer);
	tcase_add_test(c, a_newer_target_is_refused_with_both_numbers_and_the_flag_that_lowers_it);
	tcase_add_test(c, every_draft_is_refused_by_name_and_told_to_be_built_again);
	tcase_add_test(c, other_majors_are_refused_whatever_their_minor);
	tcase_add_test(c, a_host_hides_the_extensions_that_are_newer_than_its_minor);
	suite_add_tcase(suite, c);
}

TEST_MAIN("version", version_cases)
