/* SPDX-License-Identifier: Apache-2.0 */
/* The operator's answer in the trust file (docs/PLUGIN-TRUST.md), and an author's signature beside a plugin.
 *
 *   trust FILE                     its sha256 may be loaded       trust FILE --revoke     never again
 *   trust FILE --grant net,fs      and its bundle gets rights     trust --key K --key-id ID [--bundle P]   a key may sign
 *                                                                 trust --key-id ID --revoke               never again
 *   sign FILE --key K --key-id ID  FILE.sig; K is made when it is not there
 *
 * The agent reads the trust file at every judgement; `orasi plugin rescan` makes it judge now. */
#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "author.h"
#include "base/file.h"
#include "base/str.h"
#include "plugin/plugin.h"

#define FILE_MAX (1u << 30)
#define TRUST_FILE ORASI_CONFDIR "/orasi/trust.json"

/* ---- the trust file ---------------------------------------------------------------------------------------------- */

static int read_trust(const char *path, struct json **ret)
{
	struct err err = {0};
	struct buf text;
	int r;

	if (access(path, F_OK)) {
		*ret = json_new_object();
		return 0;
	}
	buf_init(&text, 0);
	r = file_read(path, 16u << 20, &text, &err);
	if (!r)
		r = json_parse(text.data, text.len, ret, &err);
	buf_done(&text);
	return r ? author_fail(AUTHOR_FAILED, "the trust file '%s': %s", path, err.text) : 0;
}

static int write_trust(const char *path, const struct json *trust)
{
	const char *text = json_text_pretty(trust);
	struct err err = {0};

	if (file_replace(path, text, strlen(text), &err))
		return author_fail(AUTHOR_FAILED, "%s", err.text);
	return chmod(path, 0644) ? author_fail(AUTHOR_FAILED, "cannot chmod '%s': %s", path, strerror(errno)) : 0;
}

/* The list of that name, made when it is not there. */
static struct json *list_of(struct json *object, const char *name)
{
	if (json_type(json_get(object, name)) != JSON_ARRAY)
		json_set(object, name, json_new_array());
	return json_get_mut(object, name);
}

static struct json *object_of(struct json *object, const char *name)
{
	if (json_type(json_get(object, name)) != JSON_OBJECT)
		json_set(object, name, json_new_object());
	return json_get_mut(object, name);
}

/* A copy of the list without the entries whose `member` (NULL: that themselves) is `word`. */
static struct json *without(const struct json *list, const char *member, const char *word)
{
	struct json *ret = json_new_array();

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *entry = json_at(list, i);

		if (strcmp(member ? json_get_str(entry, member, "") : json_str(entry, ""), word))
			json_push(ret, json_copy(entry));
	}
	return ret;
}

static void drop(struct json *object, const char *list, const char *member, const char *word)
{
	if (json_get(object, list))
		json_set(object, list, without(json_get(object, list), member, word));
}

/* ---- what is trusted --------------------------------------------------------------------------------------------- */

struct judged {
	struct buf bytes;
	struct plugin_note note;
	char sha256[65];
};

static int judge(const char *path, struct judged *ret)
{
	uint8_t digest[32];
	struct err err = {0};
	unsigned n = 0;

	buf_init(&ret->bytes, 0);
	if (plugin_note_read(path, &ret->note, &err) || file_read(path, FILE_MAX, &ret->bytes, &err)) {
		buf_done(&ret->bytes);
		return author_fail(AUTHOR_FAILED, "%s", err.text);
	}
	if (EVP_Digest(ret->bytes.data, ret->bytes.len, digest, &n, EVP_sha256(), NULL) != 1)
		return author_fail(AUTHOR_FAILED, "cannot hash '%s'", path);
	hex_encode(digest, sizeof(digest), ret->sha256);
	return 0;
}

static void allow(struct json *trust, const struct judged *file)
{
	struct json *entry = json_new_object();

	drop(trust, "sha256", "sha256", file->sha256);
	drop(object_of(trust, "revoked"), "sha256", NULL, file->sha256);
	json_set_str(entry, "sha256", file->sha256);
	json_set_str(entry, "bundle", file->note.bundle_id);
	json_push(list_of(trust, "sha256"), entry);
}

static void forbid(struct json *trust, const struct judged *file)
{
	struct json *revoked = object_of(trust, "revoked");

	drop(trust, "sha256", "sha256", file->sha256);
	drop(revoked, "sha256", NULL, file->sha256);
	json_push(list_of(revoked, "sha256"), json_new_str(file->sha256));
}

/* Whoever revokes a key need not have it: it may be in the wrong hands alone. */
static void forbid_key(struct json *trust, const char *id)
{
	struct json *revoked = object_of(trust, "revoked");

	drop(trust, "keys", "id", id);
	drop(revoked, "keys", NULL, id);
	json_push(list_of(revoked, "keys"), json_new_str(id));
}

static int grant(struct json *trust, const char *bundle, const char *words)
{
	struct json *entry = json_new_object(), *rights = json_new_array();
	char copy[64], *next = copy, *word;

	str_copy(copy, sizeof(copy), words);
	while ((word = strsep(&next, ","))) {
		if (strcmp(word, "net") && strcmp(word, "fs") && strcmp(word, "exec")) {
			json_free(entry);
			json_free(rights);
			return author_fail(AUTHOR_USAGE, "--grant %s: rights are net, fs and exec, with commas", words);
		}
		json_push(rights, json_new_str(word));
	}
	json_set_str(entry, "bundle", bundle);
	json_set(entry, "rights", rights);
	drop(trust, "rights", "bundle", bundle);
	json_push(list_of(trust, "rights"), entry);
	return 0;
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

static EVP_PKEY *read_key(const char *path)
{
	FILE *in = fopen(path, "re");
	EVP_PKEY *key = in ? PEM_read_PrivateKey(in, NULL, NULL, NULL) : NULL;

	if (in)
		fclose(in);
	if (key && EVP_PKEY_id(key) != EVP_PKEY_ED25519) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	if (!key)
		author_fail(AUTHOR_FAILED, "'%s' is no Ed25519 key in PEM", path);
	return key;
}

static int make_key(const char *path)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	mode_t mask = umask(077);
	FILE *out = key ? fopen(path, "wxe") : NULL;
	int fine = out && PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) == 1;

	umask(mask);
	if (out && fclose(out))
		fine = 0;
	EVP_PKEY_free(key);
	if (!fine)
		return author_fail(AUTHOR_FAILED, "cannot make the key '%s': %s", path, strerror(errno));
	fprintf(stderr, "a new key was made: %s; keep it to yourself\n", path);
	return 0;
}

static int public_half(EVP_PKEY *key, uint8_t ret[32])
{
	size_t n = 32;

	return EVP_PKEY_get_raw_public_key(key, ret, &n) == 1 && n == 32 ? 0 : -1;
}

/* What an operator has of an author: the public half, as PEM or as the base64 that the trust file holds. An author who is
 * his own operator has the whole. */
static int read_public(const char *typed, uint8_t ret[32])
{
	FILE *in = fopen(typed, "re");
	EVP_PKEY *key = in ? PEM_read_PUBKEY(in, NULL, NULL, NULL) : NULL;
	uint8_t raw[64];
	int r;

	if (!in && base64_decode(typed, strlen(typed), raw, sizeof(raw)) == 32) {
		memcpy(ret, raw, 32);
		return 0;
	}
	if (in)
		fclose(in);
	if (!key)
		key = read_key(typed);
	if (!key)
		return AUTHOR_FAILED;
	r = EVP_PKEY_id(key) == EVP_PKEY_ED25519 ? public_half(key, ret) : -1;
	EVP_PKEY_free(key);
	return r ? author_fail(AUTHOR_FAILED, "'%s' is no Ed25519 key", typed) : 0;
}

static int allow_key(struct json *trust, const struct typed *typed, const char *path)
{
	const char *id = typed_get(typed, "key-id", NULL);
	struct json *entry;
	uint8_t public[32];
	char text[64];
	int r = read_public(path, public);

	if (r)
		return r;
	base64_encode(public, sizeof(public), text);
	entry = json_new_object();
	json_set_str(entry, "id", id);
	json_set_str(entry, "ed25519", text);
	if (typed_has(typed, "bundle"))
		json_set_str(entry, "bundle", typed_get(typed, "bundle", "*"));
	drop(trust, "keys", "id", id);
	drop(object_of(trust, "revoked"), "keys", NULL, id);
	json_push(list_of(trust, "keys"), entry);
	printf("%s %s trusted for %s\n", text, id, typed_get(typed, "bundle", "*"));
	return 0;
}

/* What the author gives to operators. */
static void tell_public(EVP_PKEY *key, const char *id)
{
	uint8_t public[32];
	char text[64];

	if (public_half(key, public))
		return;
	base64_encode(public, sizeof(public), text);
	fprintf(stderr, "operators trust it by: orasi plugin trust --key %s --key-id %s\n", text, id);
}

static int sign_bytes(EVP_PKEY *key, const struct judged *file, uint8_t ret[64])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = 64;
	int fine = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
	           EVP_DigestSign(ctx, ret, &n, (const uint8_t *)file->bytes.data, file->bytes.len) == 1 && n == 64;

	EVP_MD_CTX_free(ctx);
	return fine ? 0 : author_fail(AUTHOR_FAILED, "the key cannot sign");
}

static int write_signature(const char *path, const char *id, const uint8_t signature[64])
{
	struct json *json = json_new_object();
	char to[PATH_MAX], text[128];
	struct err err = {0};
	int r;

	base64_encode(signature, 64, text);
	json_set_str(json, "key", id);
	json_set_str(json, "signature", text);
	snprintf(to, sizeof(to), "%s.sig", path);
	r = file_replace(to, json_text(json), strlen(json_text(json)), &err);
	json_free(json);
	return r ? author_fail(AUTHOR_FAILED, "%s", err.text) : 0;
}

/* ---- verbs ------------------------------------------------------------------------------------------------------- */

static int change_file(const struct typed *typed, struct json *trust, const char *path)
{
	struct judged file;
	int r = judge(path, &file);

	if (r)
		return r;
	if (typed_has(typed, "revoke"))
		forbid(trust, &file);
	else
		allow(trust, &file);
	if (typed_has(typed, "grant"))
		r = grant(trust, file.note.bundle_id, typed_get(typed, "grant", ""));
	if (!r)
		printf("%s %s %s\n", file.sha256, file.note.bundle_id,
		       typed_has(typed, "revoke") ? "revoked" : "trusted");
	buf_done(&file.bytes);
	return r;
}

static int change_trust(const struct typed *typed, struct json *trust)
{
	int r = 0;

	if (typed_has(typed, "key-id") && typed_has(typed, "revoke")) {
		forbid_key(trust, typed_get(typed, "key-id", ""));
		printf("%s revoked\n", typed_get(typed, "key-id", ""));
		return 0;
	}
	if (typed_has(typed, "key"))
		return allow_key(trust, typed, typed_get(typed, "key", ""));
	for (int i = 0; i < typed->n_words && !r; i++)
		r = change_file(typed, trust, typed->words[i]);
	return r;
}

/* A file or several; or a key by its name. */
static int is_complete(const struct typed *typed)
{
	int of_key = typed_has(typed, "key") || typed_has(typed, "key-id");

	if (!of_key)
		return typed->n_words > 0;
	return !typed->n_words && !typed_has(typed, "grant") && typed_has(typed, "key-id") &&
	       (typed_has(typed, "key") || typed_has(typed, "revoke"));
}

int author_trust(const struct typed *typed)
{
	const char *path = typed_get(typed, "trust-file", TRUST_FILE);
	struct json *trust = NULL;
	int r;

	if (!is_complete(typed))
		return author_fail(AUTHOR_USAGE, "trust files, or a key: trust FILE…, trust --key K --key-id ID, or "
		                                 "trust --key-id ID --revoke");
	r = read_trust(path, &trust);
	if (r)
		return r;
	r = change_trust(typed, trust);
	if (!r)
		r = write_trust(path, trust);
	json_free(trust);
	return r;
}

int author_sign(const struct typed *typed)
{
	const char *path = typed_get(typed, "key", NULL), *id = typed_get(typed, "key-id", NULL);
	uint8_t signature[64];
	struct judged file;
	EVP_PKEY *key;
	int r, is_new;

	if (!path || !id)
		return author_fail(AUTHOR_USAGE, "sign needs --key FILE and --key-id ID");
	is_new = access(path, F_OK) != 0;
	r = is_new ? make_key(path) : 0;
	if (!r)
		r = judge(typed->words[0], &file);
	if (r)
		return r;
	key = read_key(path);
	r = key ? sign_bytes(key, &file, signature) : AUTHOR_FAILED;
	if (!r)
		r = write_signature(typed->words[0], id, signature);
	if (!r && is_new)
		tell_public(key, id);
	EVP_PKEY_free(key);
	buf_done(&file.bytes);
	return r;
}
