/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/trust.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/str.h"

#define FILE_MAX (4u << 20)
#define SIGNATURE_MAX 4096

/* ---- owners ---------------------------------------------------------------------------------------- */

static int check_owner(const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st))
		return err_errno(err, errno, "cannot look at '%.200s'", path);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return err_set(err, ERR_PERM,
		               "'%.200s' belongs to user %d, neither to root nor to the agent's user: chown it", path,
		               (int)st.st_uid);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return err_set(err, ERR_PERM, "'%.200s' can be written by others: chmod go-w it", path);
	return 0;
}

static int check_places(const char *path, struct err *err)
{
	char folder[PATH_MAX];
	char *slash;

	str_copy(folder, sizeof(folder), path);
	slash = strrchr(folder, '/');
	if (slash)
		*slash = '\0';
	return check_owner(path, err) || check_owner(slash ? folder : ".", err) ? ERR_PERM : 0;
}

/* ---- the trust file -------------------------------------------------------------------------------- */

/* NULL with err->code 0: there is none. */
static struct json *read_file(const char *path, struct err *err)
{
	struct json *json = NULL;
	struct buf text;

	err->code = 0;
	if (access(path, F_OK) || check_places(path, err))
		return NULL;
	buf_init(&text, 0);
	if (!file_read_plain(path, FILE_MAX, &text, err) && json_parse(text.data, text.len, &json, err))
		err_prefix(err, "the trust file '%.200s'", path);
	buf_done(&text);
	return json;
}

static int fits(const struct json *entry, const char *bundle)
{
	return !fnmatch(json_get_str(entry, "bundle", "*"), bundle, 0);
}

static int is_listed(const struct json *list, const char *word)
{
	for (size_t i = 0; i < json_count(list); i++)
		if (!strcmp(json_str(json_at(list, i), ""), word))
			return 1;
	return 0;
}

static int is_allowed(const struct json *trust, const struct trust_subject *s)
{
	const struct json *list = json_get(trust, "sha256");

	for (size_t i = 0; i < json_count(list); i++)
		if (!strcmp(json_get_str(json_at(list, i), "sha256", ""), s->sha256) &&
		    fits(json_at(list, i), s->bundle))
			return 1;
	return 0;
}

/* ---- signatures ------------------------------------------------------------------------------------ */

static int verify(const uint8_t key[32], const uint8_t signature[64], const void *bytes, size_t n)
{
	EVP_PKEY *public = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, 32);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int fine = public && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, public) == 1 &&
	           EVP_DigestVerify(ctx, signature, 64, bytes, n) == 1;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(public);
	return fine;
}

static const struct json *find_key(const struct json *trust, const char *id, const char *bundle)
{
	const struct json *keys = json_get(trust, "keys");

	for (size_t i = 0; i < json_count(keys); i++)
		if (!strcmp(json_get_str(json_at(keys, i), "id", ""), id) && fits(json_at(keys, i), bundle))
			return json_at(keys, i);
	return NULL;
}

static int check_signature(const struct json *trust, const struct json *sig, const struct trust_subject *s,
                           struct err *err)
{
	const char *id = json_get_str(sig, "key", "");
	const struct json *key = find_key(trust, id, s->bundle), *text = json_get(sig, "signature"),
			  *public_text = json_get(key, "ed25519");
	uint8_t signature[64], public[32];

	if (is_listed(json_pointer(trust, "/revoked/keys"), id))
		return err_set(err, ERR_PERM, "it is signed by the key '%.60s', which is revoked: get it signed anew",
		               id);
	if (!key)
		return err_set(err, ERR_PERM,
		               "it is signed by the key '%.60s', which the trust file does not list for bundle '%s'",
		               id, s->bundle);
	if (base64_decode(json_str(public_text, ""), json_str_len(public_text), public, sizeof(public)) != 32)
		return err_set(err, ERR_PERM, "the key '%.60s' in the trust file is not 32 bytes in base64", id);
	if (base64_decode(json_str(text, ""), json_str_len(text), signature, sizeof(signature)) != 64 ||
	    !verify(public, signature, s->bytes, s->n))
		return err_set(err, ERR_PERM,
		               "its signature by the key '%.60s' is wrong: it was changed after it was signed", id);
	return 0;
}

/* 0: signed; ERR_NOTFOUND: there is no signature. */
static int check_signed(const struct json *trust, const struct trust_subject *s, struct err *err)
{
	char path[PATH_MAX + 8];
	struct json *sig = NULL;
	struct buf text;
	int r;

	snprintf(path, sizeof(path), "%s.sig", s->path);
	if (access(path, F_OK))
		return ERR_NOTFOUND;
	buf_init(&text, 0);
	r = file_read_plain(path, SIGNATURE_MAX, &text, err);
	if (!r && json_parse(text.data, text.len, &sig, err))
		r = err_prefix(err, "its signature '%.200s'", path);
	buf_done(&text);
	if (!r)
		r = check_signature(trust, sig, s, err);
	json_free(sig);
	return r ? ERR_PERM : 0;
}

/* ---- the door -------------------------------------------------------------------------------------- */

static int check_listed(const struct json *trust, const char *file, const struct trust_subject *s, struct err *err)
{
	int r;

	if (is_listed(json_pointer(trust, "/revoked/sha256"), s->sha256))
		return err_set(err, ERR_PERM, "this file (sha256 %.16s…) is revoked by the trust file", s->sha256);
	if (is_allowed(trust, s))
		return 0;
	r = check_signed(trust, s, err);
	if (r != ERR_NOTFOUND)
		return r;
	return err_set(
		err, ERR_PERM,
		"it (sha256 %s) is neither listed nor signed: 'orasi plugin trust %.160s --trust-file %.100s' lists "
		"it, or put its signature beside it; then 'orasi plugin rescan'",
		s->sha256, s->path, file);
}

int trust_check(const char *file, const struct trust_subject *s, struct err *err)
{
	struct json *trust;
	int r = check_places(s->path, err);

	if (r)
		return r;
	trust = read_file(file, err);
	r = err->code ? ERR_PERM : check_listed(trust, file, s, err);
	json_free(trust);
	return r;
}

static const char *const right_names[] = {"net", "fs", "exec"};
#define RIGHTS (sizeof(right_names) / sizeof(right_names[0]))

unsigned trust_rights(const char *file, const char *bundle)
{
	struct err err;
	struct json *trust = read_file(file, &err);
	const struct json *list = json_get(trust, "rights");
	unsigned rights = 0;

	for (size_t i = 0; i < json_count(list); i++)
		for (unsigned k = 0; k < RIGHTS && fits(json_at(list, i), bundle); k++)
			if (is_listed(json_get(json_at(list, i), "rights"), right_names[k]))
				rights |= 1u << k;
	json_free(trust);
	return rights;
}

const char *trust_rights_text(unsigned rights)
{
	static char text[64];
	size_t n = 0;

	text[0] = '\0';
	for (unsigned k = 0; k < RIGHTS; k++)
		if (rights & 1u << k)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? ", " : "", right_names[k]);
	return text;
}

/* ---- hosts ----------------------------------------------------------------------------------------- */

int plugin_host_fits(const char *pattern, const char *host, unsigned port)
{
	const char *colon = strrchr(pattern, ':'), *bracket = strrchr(pattern, ']');
	size_t n = strlen(pattern), len = strlen(host);
	uint64_t number;

	if (colon && (!bracket || colon > bracket)) {
		if (str_to_u64(colon + 1, &number) || number != port)
			return 0;
		n = (size_t)(colon - pattern);
	}
	if (n > 2 && pattern[0] == '*' && pattern[1] == '.')
		return len > n - 1 && !strncasecmp(host + len - (n - 1), pattern + 1, n - 1);
	return n == len && !strncasecmp(pattern, host, n);
}

int trust_host(const char *file, const char *bundle, const char *host, unsigned port)
{
	struct err err;
	struct json *trust = read_file(file, &err);
	const struct json *list = json_get(trust, "rights");
	int found = 0;

	for (size_t i = 0; i < json_count(list) && !found; i++) {
		const struct json *hosts = json_get(json_at(list, i), "hosts");

		for (size_t k = 0; k < json_count(hosts) && !found && fits(json_at(list, i), bundle); k++)
			found = plugin_host_fits(json_str(json_at(hosts, k), ""), host, port);
	}
	json_free(trust);
	return found;
}
