/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a token: made, taken from a header, hashed. */
#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "auth/inside.h"
#include "base/str.h"

#define PREFIX "ora_"
#define PREFIX_LEN 4
#define ID_DIGITS (AUTH_ID_LEN - 1)
#define SECRET_DIGITS 52
_Static_assert(PREFIX_LEN + ID_DIGITS + 1 + SECRET_DIGITS + 1 == AUTH_TOKEN_LEN, "a token has these parts");

/* Crockford's 32: no letter looks like a digit. */
static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

static void put_random(char *ret, size_t n)
{
	unsigned char bytes[SECRET_DIGITS];

	if (getrandom(bytes, n, 0) != (ssize_t)n)
		abort(); /* up to 256 bytes never fail once the kernel is seeded */
	for (size_t i = 0; i < n; i++)
		ret[i] = digits[bytes[i] & 31];
	OPENSSL_cleanse(bytes, sizeof(bytes));
}

void token_make(char ret[AUTH_TOKEN_LEN], char ret_id[AUTH_ID_LEN])
{
	memcpy(ret, PREFIX, PREFIX_LEN);
	put_random(ret + PREFIX_LEN, ID_DIGITS);
	ret[PREFIX_LEN + ID_DIGITS] = '_';
	put_random(ret + PREFIX_LEN + ID_DIGITS + 1, SECRET_DIGITS);
	ret[AUTH_TOKEN_LEN - 1] = '\0';
	memcpy(ret_id, ret + PREFIX_LEN, ID_DIGITS);
	ret_id[ID_DIGITS] = '\0';
}

/* `n` of our digits, and nothing else before the end `stop`. */
static int are_digits(const char *s, size_t n, char stop)
{
	for (size_t i = 0; i < n; i++)
		if (!s[i] || !strchr(digits, s[i]))
			return 0;
	return s[n] == stop;
}

int token_id_is_fine(const char *id)
{
	return are_digits(id, ID_DIGITS, '\0');
}

int token_split(const char *token, char ret_id[AUTH_ID_LEN])
{
	if (strncmp(token, PREFIX, PREFIX_LEN) || !are_digits(token + PREFIX_LEN, ID_DIGITS, '_') ||
	    !are_digits(token + PREFIX_LEN + ID_DIGITS + 1, SECRET_DIGITS, '\0'))
		return ERR_INVALID;
	memcpy(ret_id, token + PREFIX_LEN, ID_DIGITS);
	ret_id[ID_DIGITS] = '\0';
	return 0;
}

/* ---- the header (RFC 6750 section 2.1, RFC 9110 section 11.4) ---------------------------------- */

static size_t b64token_len(const char *s)
{
	size_t n = 0;

	while (s[n] && (isalnum((unsigned char)s[n]) || strchr("-._~+/", s[n])))
		n++;
	if (n)
		n += strspn(s + n, "=");
	return n;
}

/* Every header there was: two of them are joined by a comma, which is in no token. */
enum auth_verdict auth_bearer(const char *authorization, char ret[AUTH_TOKEN_LEN])
{
	const char *at = authorization;
	size_t n;

	if (!at)
		return AUTH_MISSING;
	n = strcspn(at, " ");
	if (n != 6 || strncasecmp(at, "Bearer", 6))
		return strchr(at, ',') || !n ? AUTH_MALFORMED : AUTH_SCHEME;
	at += n + strspn(at + n, " ");
	n = b64token_len(at);
	if (!n || at[n])
		return AUTH_MALFORMED;
	if (n >= AUTH_TOKEN_LEN)
		return AUTH_UNKNOWN;
	memcpy(ret, at, n + 1);
	return AUTH_FINE;
}

/* ---- hashes ------------------------------------------------------------------------------------ */

struct digest {
	EVP_MD *kind;
	EVP_MD_CTX *ctx;
};

struct digest *digest_new(void)
{
	struct digest *digest = calloc(1, sizeof(*digest));

	if (!digest)
		return NULL;
	digest->kind = EVP_MD_fetch(NULL, "SHA256", NULL);
	digest->ctx = EVP_MD_CTX_new();
	if (digest->kind && digest->ctx)
		return digest;
	digest_free(digest);
	return NULL;
}

void digest_free(struct digest *digest)
{
	if (!digest)
		return;
	EVP_MD_CTX_free(digest->ctx);
	EVP_MD_free(digest->kind);
	free(digest);
}

int digest_of(struct digest *digest, const char *token, unsigned char ret[AUTH_HASH])
{
	unsigned n = 0;

	return EVP_DigestInit_ex2(digest->ctx, digest->kind, NULL) == 1 &&
	                       EVP_DigestUpdate(digest->ctx, token, strlen(token)) == 1 &&
	                       EVP_DigestFinal_ex(digest->ctx, ret, &n) == 1 && n == AUTH_HASH
	               ? 0
	               : ERR_INTERNAL;
}

int hash_is_equal(const unsigned char *a, const unsigned char *b)
{
	return !CRYPTO_memcmp(a, b, AUTH_HASH);
}

static int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int hash_parse(const char *hex, unsigned char ret[AUTH_HASH])
{
	if (strlen(hex) != 2 * AUTH_HASH)
		return ERR_INVALID;
	for (size_t i = 0; i < AUTH_HASH; i++) {
		int high = nibble(hex[2 * i]), low = nibble(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return ERR_INVALID;
		ret[i] = (unsigned char)(high << 4 | low);
	}
	return 0;
}
