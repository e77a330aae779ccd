/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/auth.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "lib/test.h"
#include "json/json.h"

static struct auth_config config;
static struct auth *auth;

static const char *file(void)
{
	return test_path("tokens.json");
}

static void begin(const char *peers)
{
	struct err err = {0};

	log_setup(LOG_TEXT, LOG_ERROR, "test");
	ck_ok(options_init(auth_options, &config, &err), &err);
	ck_ok(option_set(option_find(auth_options, "mode"), &config, "token", &err), &err);
	ck_ok(option_set(option_find(auth_options, "peers"), &config, peers, &err), &err);
	ck_ok(auth_new(&config, test_dir(), &auth, &err), &err);
}

static void end(void)
{
	auth_free(auth);
	options_done(auth_options, &config);
}

static const char *header_of(const char *token)
{
	static char header[256];

	snprintf(header, sizeof(header), "Bearer %s", token);
	return header;
}

static void add(const char *name, struct auth_scope scope, int64_t expires_at, char ret[AUTH_TOKEN_LEN])
{
	struct auth_entry entry = {name, expires_at, scope};
	struct err err = {0};

	ck_ok(auth_file_add(file(), &entry, ret, &err), &err);
}

#define ALL(verbs) ((struct auth_scope){"*", "*", "*", verbs})

static enum auth_verdict verdict_of(const char *header)
{
	struct auth_token *token;
	enum auth_verdict verdict = auth_check(auth, header, &token);

	auth_token_release(token);
	return verdict;
}

/* ---- headers ---------------------------------------------------------------------------- */
static const struct {
	const char *header;
	enum auth_verdict verdict;
} headers[] = {
	{NULL, AUTH_MISSING},
	{"", AUTH_MALFORMED},
	{" ", AUTH_MALFORMED},
	{"Bearer", AUTH_MALFORMED},
	{"Bearer ", AUTH_MALFORMED},
	{"Bearer  ", AUTH_MALFORMED},
	{"bearer x", AUTH_FINE},
	{"BEARER   x", AUTH_FINE},
	{"Bearer x y", AUTH_MALFORMED},
	{"Bearer x ", AUTH_MALFORMED},
	{"Bearer x, Bearer y", AUTH_MALFORMED},
	{"Bearer x,Basic y", AUTH_MALFORMED},
	{"Basic dTpw, Bearer x", AUTH_MALFORMED},
	{"Bearer\tx", AUTH_SCHEME},
	{"Bearerx", AUTH_SCHEME},
	{"Basic dTpw", AUTH_SCHEME},
	{"Bearer \"x\"", AUTH_MALFORMED},
	{"Bearer x=", AUTH_FINE},
	{"Bearer =x", AUTH_MALFORMED},
	{"Bearer x=y", AUTH_MALFORMED},
	{"Bearer \xc3\xa9", AUTH_MALFORMED},
	{"Bearer x\x01", AUTH_MALFORMED},
	{"Bearer 0123456789012345678901234567890123456789012345678901234567890123456789", AUTH_UNKNOWN},
};

START_TEST(a_header_is_bearer_and_one_token_or_it_is_told_what_is_wrong)
{
	char token[AUTH_TOKEN_LEN];

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		ck_assert_msg(auth_bearer(headers[i].header, token) == headers[i].verdict, "'%s'",
		              headers[i].header ? headers[i].header : "(none)");
}
END_TEST

START_TEST(a_header_of_a_megabyte_is_just_unknown)
{
	char *header = malloc(1 << 20), token[AUTH_TOKEN_LEN];

	memset(header, 'a', (1 << 20) - 1);
	memcpy(header, "Bearer ", 7);
	header[(1 << 20) - 1] = '\0';
	ck_assert_int_eq(auth_bearer(header, token), AUTH_UNKNOWN);
	free(header);
}
END_TEST

/* ---- tokens ----------------------------------------------------------------------------- */
START_TEST(a_token_is_good_and_every_other_text_is_not)
{
	char token[AUTH_TOKEN_LEN], wrong[AUTH_TOKEN_LEN];
	struct auth_token *held;

	begin("");
	add("ci", ALL(AUTH_READ), 0, token);
	ck_assert_int_eq((int)strlen(token), AUTH_TOKEN_LEN - 1);
	ck_assert(str_starts(token, "ora_"));
	ck_assert_int_eq(auth_step(auth), 1);
	ck_assert_int_eq(auth_check(auth, header_of(token), &held), AUTH_FINE);
	ck_assert_str_eq(auth_token_name(held), "ci");
	ck_assert(auth_token_may(held, AUTH_READ));
	ck_assert(!auth_token_may(held, AUTH_SUBMIT));
	ck_assert(!auth_token_may(held, AUTH_READ | AUTH_MANAGE));
	for (size_t i = 0; i < AUTH_TOKEN_LEN - 1; i++) {
		str_copy(wrong, sizeof(wrong), token);
		wrong[i] = wrong[i] == 'z' ? 'y' : 'z';
		ck_assert_int_eq(verdict_of(header_of(wrong)), AUTH_UNKNOWN);
		str_copy(wrong, sizeof(wrong), token);
		wrong[i] = '\0';
		ck_assert_int_ne(verdict_of(header_of(wrong)), AUTH_FINE);
	}
	auth_token_release(held);
	end();
}
END_TEST

START_TEST(the_file_has_the_hash_and_never_the_secret)
{
	char token[AUTH_TOKEN_LEN];
	struct buf text;
	struct stat st;
	struct err err;

	add("ci", ALL(AUTH_READ), 0, token);
	buf_init(&text, 0);
	ck_ok(file_read(file(), 1 << 20, &text, &err), &err);
	ck_assert_ptr_null(strstr(text.data, token + 15));
	ck_assert_ptr_nonnull(strstr(text.data, "\"sha256\""));
	ck_assert_int_eq(stat(file(), &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	buf_done(&text);
}
END_TEST

START_TEST(a_revoked_token_is_dead_at_once_and_others_live_on)
{
	char gone[AUTH_TOKEN_LEN], kept[AUTH_TOKEN_LEN], id[AUTH_ID_LEN];
	struct auth_token *a, *b, *again;
	struct err err;

	begin("");
	add("gone", ALL(AUTH_READ), 0, gone);
	add("kept", ALL(AUTH_READ), 0, kept);
	auth_step(auth);
	ck_assert_int_eq(auth_check(auth, header_of(gone), &a), AUTH_FINE);
	ck_assert_int_eq(auth_check(auth, header_of(kept), &b), AUTH_FINE);
	ck_ok(auth_file_revoke(file(), "gone", id, &err), &err);
	ck_assert_str_eq(id, auth_token_id(a));
	ck_assert(auth_token_is_live(a));
	ck_assert_int_eq(auth_step(auth), 1);
	ck_assert(!auth_token_is_live(a));
	ck_assert(auth_token_is_live(b));
	ck_assert_int_eq(verdict_of(header_of(gone)), AUTH_UNKNOWN);
	ck_assert_int_eq(auth_check(auth, header_of(kept), &again), AUTH_FINE);
	ck_assert_ptr_eq(again, b);
	auth_token_release(a);
	auth_token_release(b);
	auth_token_release(again);
	unlink(file());
	ck_assert_int_eq(auth_step(auth), 1);
	ck_assert_int_eq(verdict_of(header_of(kept)), AUTH_UNKNOWN);
	end();
}
END_TEST

START_TEST(a_token_whose_scope_was_changed_is_another_one)
{
	char token[AUTH_TOKEN_LEN], *at;
	struct auth_token *before, *after;
	struct buf text;
	struct err err;

	begin("");
	add("ci", ALL(AUTH_SUBMIT), 0, token);
	auth_step(auth);
	ck_assert_int_eq(auth_check(auth, header_of(token), &before), AUTH_FINE);
	buf_init(&text, 0);
	ck_ok(file_read(file(), 1 << 20, &text, &err), &err);
	at = strstr(text.data, "\"submit\"");
	memcpy(at, "\"manage\"", 8);
	ck_ok(file_replace(file(), text.data, text.len, &err), &err);
	auth_step(auth);
	ck_assert(!auth_token_is_live(before));
	ck_assert_int_eq(auth_check(auth, header_of(token), &after), AUTH_FINE);
	ck_assert(auth_token_may(after, AUTH_MANAGE));
	ck_assert(!auth_token_may(after, AUTH_SUBMIT));
	auth_token_release(before);
	auth_token_release(after);
	buf_done(&text);
	end();
}
END_TEST

START_TEST(a_token_ends_when_its_time_is_over)
{
	char token[AUTH_TOKEN_LEN];
	struct auth_token *held;

	clock_freeze(1800000000000);
	add("short", ALL(AUTH_READ), clock_wall_ms() + 1000, token);
	begin("");
	ck_assert_int_eq(auth_check(auth, header_of(token), &held), AUTH_FINE);
	clock_advance(999);
	ck_assert(auth_token_is_live(held));
	clock_advance(1);
	ck_assert(!auth_token_is_live(held));
	ck_assert_int_eq(verdict_of(header_of(token)), AUTH_EXPIRED);
	auth_token_release(held);
	end();
	clock_thaw();
}
END_TEST

static void no_line(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
}

START_TEST(a_file_with_an_error_leaves_the_tokens_as_they_were)
{
	char token[AUTH_TOKEN_LEN];
	struct err err;

	begin("");
	add("ci", ALL(AUTH_READ), 0, token);
	auth_step(auth);
	log_redirect(no_line, NULL);
	ck_ok(file_replace(file(), "{\"tokens\":[{}]}", 15, &err), &err);
	ck_assert_int_eq(auth_step(auth), 1);
	ck_assert_ptr_nonnull(strstr(auth_trouble(auth), "/tokens/0: its id is missing"));
	ck_assert_int_eq(verdict_of(header_of(token)), AUTH_FINE);
	ck_assert_int_eq(auth_new(&config, test_dir(), &(struct auth *){0}, &err), ERR_INVALID);
	log_redirect(NULL, NULL);
	end();
}
END_TEST

START_TEST(a_file_that_others_can_write_is_refused)
{
	char token[AUTH_TOKEN_LEN];
	struct json *json;
	struct err err;

	add("ci", ALL(AUTH_READ), 0, token);
	ck_assert_int_eq(chmod(file(), 0620), 0);
	ck_assert_int_eq(auth_file_read(file(), &json, &err), ERR_PERM);
	ck_assert_ptr_nonnull(strstr(err.text, "chmod 600"));
}
END_TEST

START_TEST(two_tokens_of_one_name_are_told_apart_by_id_or_by_themselves)
{
	char a[AUTH_TOKEN_LEN], b[AUTH_TOKEN_LEN], id[AUTH_ID_LEN], want[AUTH_ID_LEN];
	struct json *json;
	struct err err;

	add("ci", ALL(AUTH_READ), 0, a);
	add("ci", ALL(AUTH_READ), 0, b);
	ck_assert_int_eq(auth_file_revoke(file(), "ci", id, &err), ERR_CONFLICT);
	ck_assert_int_eq(auth_file_revoke(file(), "nobody", id, &err), ERR_NOTFOUND);
	snprintf(want, sizeof(want), "%.10s", b + 4);
	ck_ok(auth_file_revoke(file(), a, id, &err), &err);
	ck_ok(auth_file_read(file(), &json, &err), &err);
	ck_assert_uint_eq(json_count(json_get(json, "tokens")), 1);
	ck_assert_str_eq(json_str(json_pointer(json, "/tokens/0/id"), ""), want);
	json_free(json);
	ck_ok(auth_file_revoke(file(), want, id, &err), &err);
}
END_TEST

START_TEST(owner_and_mode_of_the_file_stay)
{
	char token[AUTH_TOKEN_LEN], id[AUTH_ID_LEN];
	struct stat st;
	struct err err;

	add("ci", ALL(AUTH_READ), 0, token);
	ck_assert_int_eq(chmod(file(), 0640), 0);
	if (!geteuid())
		ck_assert_int_eq(chown(file(), 4001, 4002), 0);
	ck_ok(auth_file_revoke(file(), "ci", id, &err), &err);
	ck_assert_int_eq(stat(file(), &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0640);
	ck_assert(geteuid() || (st.st_uid == 4001 && st.st_gid == 4002));
}
END_TEST

/* As Kubernetes does it: tokens.json → ..data/tokens.json, and ..data is a link that is swapped. */
START_TEST(a_file_behind_a_link_is_read_when_the_link_is_swapped)
{
	char token[AUTH_TOKEN_LEN];
	struct err err = {0};

	ck_ok(dir_make(test_path("one"), 0700, &err), &err);
	ck_ok(dir_make(test_path("two"), 0700, &err), &err);
	add("ci", ALL(AUTH_READ), 0, token);
	ck_assert_int_eq(rename(file(), test_path("two/tokens.json")), 0);
	ck_assert_int_eq(symlink("one", test_path("..data")), 0);
	ck_assert_int_eq(symlink("..data/tokens.json", file()), 0);
	begin("");
	ck_assert_int_eq(verdict_of(header_of(token)), AUTH_UNKNOWN);
	ck_assert_int_eq(symlink("two", test_path("..next")), 0);
	ck_assert_int_eq(rename(test_path("..next"), test_path("..data")), 0);
	ck_assert_int_eq(auth_step(auth), 1);
	ck_assert_int_eq(verdict_of(header_of(token)), AUTH_FINE);
	end();
}
END_TEST

/* ---- the file's contents ---------------------------------------------------------------- */
#define HASH "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\""
#define ENTRY(more)                                                                                              \
	"{\"tokens\":[{\"id\":\"0123456789\",\"name\":\"n\",\"sha256\":" HASH ",\"created_at\":\"2026-01-01T00:" \
	"00:00Z\"," more "}]}"
#define PLACES "\"tenant\":\"*\",\"queue\":\"*\",\"dataset\":\"*\""

static const struct {
	const char *text, *said;
} files[] = {
	{"", ""},
	{"[]", "one member 'tokens'"},
	{"{\"tokens\":{}}", "one member 'tokens'"},
	{"{\"tokens\":[],\"more\":1}", "one member 'tokens'"},
	{"{\"tokens\":[1]}", "/tokens/0: it is not an object"},
	{"{\"tokens\":[{\"tennant\":\"x\"}]}", "unknown member 'tennant'; did you mean 'tenant'?"},
	{"{\"tokens\":[{\"id\":1}]}", "its id has the type integer"},
	{ENTRY(PLACES ",\"verbs\":[]"), "it has no verbs"},
	{ENTRY(PLACES ",\"verbs\":[\"raed\"]"), "'raed' is not a verb"},
	{ENTRY(PLACES ",\"verbs\":[\"raed\"]"), "did you mean 'read'?"},
	{ENTRY(PLACES ",\"verbs\":[1]"), "not all texts"},
	{ENTRY(PLACES ",\"verbs\":[\"read\"],\"expires_at\":\"soon\""), "one of its times"},
	{ENTRY("\"tenant\":\"a\\u0000b\",\"queue\":\"*\",\"dataset\":\"*\",\"verbs\":[\"read\"]"), "NUL"},
	{ENTRY("\"tenant\":\"a[b]\",\"queue\":\"*\",\"dataset\":\"*\",\"verbs\":[\"read\"]"), "the tenant 'a[b]'"},
	{ENTRY("\"tenant\":\"*\",\"queue\":\"a?\",\"dataset\":\"*\",\"verbs\":[\"read\"]"), "the queue 'a?'"},
	{ENTRY("\"tenant\":\"a\",\"queue\":\"*\",\"dataset\":\"*\",\"verbs\":[\"work\"]"), "the verb work"},
	{ENTRY("\"tenant\":\"*\",\"queue\":\"q\",\"dataset\":\"*\",\"verbs\":[\"admin\"]"), "the verb admin"},
	{ENTRY(PLACES ",\"verbs\":[\"read\"]"), NULL},
	{ENTRY("\"tenant\":\"acme-*\",\"queue\":\"\",\"dataset\":\"a*_b\",\"verbs\":[\"read\",\"submit\"]"), NULL},
	{"{\"tokens\":[]}", NULL},
};

START_TEST(a_file_is_right_to_the_last_member_or_refused_with_the_place)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct json *json = NULL;
		struct err err = {0};
		int r = auth_file_parse(files[i].text, strlen(files[i].text), &json, &err);

		ck_assert_msg(!r == !files[i].said, "%s: %s", files[i].text, err.text);
		if (r)
			ck_assert_msg(strstr(err.text, files[i].said), "%s: %s", files[i].text, err.text);
		json_free(json);
	}
}
END_TEST

START_TEST(one_id_is_one_token)
{
	static const char one[] = "{\"id\":\"0123456789\",\"name\":\"n\",\"sha256\":" HASH
				  ",\"created_at\":\"2026-01-01T00:00:00Z\"," PLACES ",\"verbs\":[\"read\"]}";
	char text[2048];
	struct json *json;
	struct err err;

	snprintf(text, sizeof(text), "{\"tokens\":[%s,%s]}", one, one);
	ck_assert_int_eq(auth_file_parse(text, strlen(text), &json, &err), ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(err.text, "/tokens/1: another one has the same id"));
}
END_TEST

/* ---- patterns --------------------------------------------------------------------------- */
static const struct {
	const char *pattern, *text;
	int matches;
} patterns[] = {
	{"*", "", 1},          {"*", "x", 1},           {"", "", 1},
	{"", "x", 0},          {"acme", "acme", 1},     {"acme", "acme2", 0},
	{"acme", "Acme", 0},   {"acme-*", "acme-", 1},  {"acme-*", "acme-x", 1},
	{"acme-*", "acme", 0}, {"*-x", "a-b-x", 1},     {"*-x", "a-x-b", 0},
	{"a*b*c", "abc", 1},   {"a*b*c", "axxbyyc", 1}, {"a*b*c", "acb", 0},
	{"a**b", "ab", 1},     {"*a*", "bab", 1},       {"*a*", "bbb", 0},
	{"a*a", "a", 0},
};

START_TEST(a_star_is_any_text_and_all_else_is_itself)
{
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		ck_assert_msg(auth_pattern_matches(patterns[i].pattern, patterns[i].text) == patterns[i].matches,
		              "'%s' '%s'", patterns[i].pattern, patterns[i].text);
}
END_TEST

START_TEST(admin_may_everything_and_what_is_of_all_needs_all_tenants)
{
	char admin[AUTH_TOKEN_LEN], acme[AUTH_TOKEN_LEN];
	struct auth_token *a, *b;

	add("root", ALL(AUTH_ADMIN), 0, admin);
	add("acme", (struct auth_scope){"acme", "*", "", AUTH_READ}, 0, acme);
	begin("");
	ck_assert_int_eq(auth_check(auth, header_of(admin), &a), AUTH_FINE);
	ck_assert_int_eq(auth_check(auth, header_of(acme), &b), AUTH_FINE);
	for (unsigned verb = 1; verb & AUTH_VERBS; verb <<= 1)
		ck_assert(auth_token_may(a, verb | AUTH_WHOLE));
	ck_assert(auth_token_may(b, AUTH_READ));
	ck_assert(auth_token_may(b, AUTH_ANY));
	ck_assert(!auth_token_may(b, AUTH_READ | AUTH_WHOLE));
	auth_token_release(a);
	auth_token_release(b);
	end();
}
END_TEST

/* ---- peers ------------------------------------------------------------------------------ */
START_TEST(the_agents_user_root_and_who_is_listed_may_use_the_sockets)
{
	uint32_t groups[] = {7, 4711};

	begin("1234, 4242 @4711");
	ck_assert(auth_peer_may(auth, 0, NULL, 0));
	ck_assert(auth_peer_may(auth, geteuid(), NULL, 0));
	ck_assert(auth_peer_may(auth, 1234, NULL, 0));
	ck_assert(auth_peer_may(auth, 4242, NULL, 0));
	ck_assert(!auth_peer_may(auth, 4711, NULL, 0));
	ck_assert(!auth_peer_may(auth, 5, groups, 1));
	ck_assert(auth_peer_may(auth, 5, groups, 2));
	ck_assert(!auth_peer_may(auth, UINT32_MAX, NULL, 0));
	end();
}
END_TEST

static int open_with(const char *tokens, const char *peers, struct err *err)
{
	struct auth_config wrong = {AUTH_MODE_OFF, (char *)(uintptr_t)tokens, (char *)(uintptr_t)peers};

	return auth_new(&wrong, test_dir(), &auth, err);
}

START_TEST(a_user_that_is_not_there_is_refused_at_the_start)
{
	struct err err;

	ck_assert_int_eq(open_with("", "no-such-user-here", &err), ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(err.text, "no user 'no-such-user-here'"));
	ck_assert_int_eq(open_with("", "@no-such-group-here", &err), ERR_INVALID);
	ck_assert_int_eq(open_with("", "4294967295", &err), ERR_INVALID);
	ck_assert_int_eq(open_with("relative", "", &err), ERR_INVALID);
}
END_TEST

/* ---- the log ---------------------------------------------------------------------------- */
static int n_lines;

static void count_line(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	n_lines++;
	ck_assert_ptr_null(strstr(line, "secret"));
}

START_TEST(many_refusals_are_counted_all_and_logged_a_few)
{
	begin("");
	clock_freeze(1800000000000);
	log_setup(LOG_TEXT, LOG_WARN, "test");
	log_redirect(count_line, NULL);
	n_lines = 0;
	for (int i = 0; i < 1000; i++)
		auth_note(auth, AUTH_UNKNOWN, NULL, "192.0.2.1", "GET", "/v1/tasks");
	ck_assert_int_eq(n_lines, 20);
	clock_advance(60000);
	auth_note(auth, AUTH_UNKNOWN, NULL, "192.0.2.1", "GET", "/v1/tasks");
	ck_assert_int_eq(n_lines, 21);
	for (const struct metric *row = auth_metrics(auth); row->name; row++)
		if (row->labels && strstr(row->labels, "unknown"))
			ck_assert_int_eq((int)*row->value, 1001);
	log_redirect(NULL, NULL);
	clock_thaw();
	end();
}
END_TEST

static void auth_cases(Suite *suite)
{
	TCase *tcase = tcase_create("auth");

	tcase_add_test(tcase, a_header_is_bearer_and_one_token_or_it_is_told_what_is_wrong);
	tcase_add_test(tcase, a_header_of_a_megabyte_is_just_unknown);
	tcase_add_test(tcase, a_token_is_good_and_every_other_text_is_not);
	tcase_add_test(tcase, the_file_has_the_hash_and_never_the_secret);
	tcase_add_test(tcase, a_revoked_token_is_dead_at_once_and_others_live_on);
	tcase_add_test(tcase, a_token_whose_scope_was_changed_is_another_one);
	tcase_add_test(tcase, a_token_ends_when_its_time_is_over);
	tcase_add_test(tcase, a_file_with_an_error_leaves_the_tokens_as_they_were);
	tcase_add_test(tcase, a_file_that_others_can_write_is_refused);
	tcase_add_test(tcase, two_tokens_of_one_name_are_told_apart_by_id_or_by_themselves);
	tcase_add_test(tcase, owner_and_mode_of_the_file_stay);
	tcase_add_test(tcase, a_file_behind_a_link_is_read_when_the_link_is_swapped);
	tcase_add_test(tcase, a_file_is_right_to_the_last_member_or_refused_with_the_place);
	tcase_add_test(tcase, one_id_is_one_token);
	tcase_add_test(tcase, a_star_is_any_text_and_all_else_is_itself);
	tcase_add_test(tcase, admin_may_everything_and_what_is_of_all_needs_all_tenants);
	tcase_add_test(tcase, the_agents_user_root_and_who_is_listed_may_use_the_sockets);
	tcase_add_test(tcase, a_user_that_is_not_there_is_refused_at_the_start);
	tcase_add_test(tcase, many_refusals_are_counted_all_and_logged_a_few);
	suite_add_tcase(suite, tcase);
}

TEST_MAIN("auth", auth_cases)
