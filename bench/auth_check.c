/* SPDX-License-Identifier: Apache-2.0 */
/* What does a token cost a request? ./bench/auth_check FOLDER [CHECKS]
 *
 * Looks up one of 10,000 tokens, right and wrong in turn, beside the SHA-256 of the same text alone, as OpenSSL's
 * EVP_Digest makes it. Best of five; prints both, their ratio, and how many allocations a look-up made. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/auth.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "json/json.h"

#define TOKENS AUTH_TOKENS_MAX
#define ROUNDS 5

static char header[AUTH_TOKEN_LEN + 8];
static size_t n_allocations;

extern void *__libc_malloc(size_t n); /* glibc's own */

void *malloc(size_t n)
{
	n_allocations++;
	return __libc_malloc(n);
}

static double cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int give_up(const struct err *err)
{
	fprintf(stderr, "auth_check: %s\n", err->text);
	return EXIT_FAILURE;
}

/* A file of many: one real token, and as many that differ in their ids. */
static int fill(const char *path, char token[AUTH_TOKEN_LEN], struct err *err)
{
	struct auth_entry entry = {"bench", 0, {"*", "*", "*", AUTH_READ}};
	struct json *json = NULL;
	int r = auth_file_add(path, &entry, token, err);

	if (!r)
		r = auth_file_read(path, &json, err);
	for (int i = 1; i < TOKENS && !r; i++) {
		struct json *more = json_copy(json_at(json_get(json, "tokens"), 0));
		char id[AUTH_ID_LEN];

		snprintf(id, sizeof(id), "%010d", i);
		json_set_str(more, "id", id);
		json_push(json_get_mut(json, "tokens"), more);
	}
	if (!r)
		r = file_replace(path, json_text(json), strlen(json_text(json)), err);
	json_free(json);
	return r;
}

static double check_all(struct auth *auth, int64_t n, const char *token)
{
	double from = cpu_ns();

	snprintf(header, sizeof(header), "Bearer %s", token);
	for (int64_t i = 0; i < n; i++) {
		struct auth_token *held;

		header[sizeof(header) - 2] = i & 1 ? token[AUTH_TOKEN_LEN - 2] : '0';
		auth_check(auth, header, &held);
		auth_token_release(held);
	}
	return (cpu_ns() - from) / (double)n;
}

static double hash_all(int64_t n, const char *token)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len;
	double from = cpu_ns();

	for (int64_t i = 0; i < n; i++)
		EVP_Digest(token, strlen(token), digest, &len, EVP_sha256(), NULL);
	return (cpu_ns() - from) / (double)n;
}

int main(int argc, char **argv)
{
	struct auth_config config = {.mode = AUTH_MODE_TOKEN};
	int64_t n = argc > 2 ? atoll(argv[2]) : 500000;
	double check = 1e9, hash = 1e9;
	char path[4096], token[AUTH_TOKEN_LEN];
	struct auth *auth;
	struct err err = {0};
	size_t before;

	if (argc < 2 || *argv[1] != '/' || n < 1) {
		fprintf(stderr, "usage: auth_check /FOLDER [CHECKS]\n");
		return 2;
	}
	log_setup(LOG_TEXT, LOG_ERROR, "auth_check");
	snprintf(path, sizeof(path), "%s/tokens.json", argv[1]);
	remove(path);
	if (fill(path, token, &err) || auth_new(&config, argv[1], &auth, &err))
		return give_up(&err);
	for (int i = 0; i < ROUNDS; i++) {
		double a = check_all(auth, n, token), b = hash_all(n, token);

		check = a < check ? a : check;
		hash = b < hash ? b : hash;
	}
	before = n_allocations;
	check_all(auth, n, token);
	printf("tokens %zu  look-up %.0f ns  SHA-256 alone %.0f ns  ratio %.2f  allocations per look-up %.3f\n",
	       auth_count(auth), check, hash, check / hash, (double)(n_allocations - before) / (double)n);
	auth_free(auth);
	remove(path);
	return EXIT_SUCCESS;
}
