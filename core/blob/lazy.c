/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/lazy.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

/* The sonames are the libraries' ABI: another one would be another interface. */
#define CURL_SONAME "libcurl.so.4"
#define CRYPTO_SONAME "libcrypto.so.3"

static struct {
	__typeof__(curl_easy_cleanup) *cleanup;
	__typeof__(curl_easy_getinfo) *getinfo;
	__typeof__(curl_easy_init) *init;
	__typeof__(curl_easy_perform) *perform;
	__typeof__(curl_easy_reset) *reset;
	__typeof__(curl_easy_setopt) *setopt;
	__typeof__(curl_easy_strerror) *strerror;
	__typeof__(curl_getdate) *getdate;
	__typeof__(curl_slist_append) *append;
	__typeof__(curl_slist_free_all) *free_all;
} curl;

static struct {
	__typeof__(EVP_sha256) *sha256_kind;
	__typeof__(HMAC) *hmac;
	__typeof__(SHA256) *sha256;
} crypto;

static const struct library {
	const char *soname, *package;
	const struct {
		const char *name;
		void *to;
	} functions[12];
} libraries[] = {
	{CURL_SONAME,
         "libcurl4",
         {{"curl_easy_cleanup", &curl.cleanup},
          {"curl_easy_getinfo", &curl.getinfo},
          {"curl_easy_init", &curl.init},
          {"curl_easy_perform", &curl.perform},
          {"curl_easy_reset", &curl.reset},
          {"curl_easy_setopt", &curl.setopt},
          {"curl_easy_strerror", &curl.strerror},
          {"curl_getdate", &curl.getdate},
          {"curl_slist_append", &curl.append},
          {"curl_slist_free_all", &curl.free_all}}},
	{CRYPTO_SONAME,
         "libssl3",
         {{"EVP_sha256", &crypto.sha256_kind}, {"HMAC", &crypto.hmac}, {"SHA256", &crypto.sha256}}},
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct err failure;

static int load(const struct library *library)
{
	void *handle = dlopen(library->soname, RTLD_NOW | RTLD_LOCAL);

	for (size_t i = 0; handle && library->functions[i].name; i++) {
		void *function = dlsym(handle, library->functions[i].name);

		if (!function)
			handle = NULL;
		else
			*(void **)library->functions[i].to = function;
	}
	if (handle)
		return 0;
	return err_set(
		&failure, ERR_UNSUPPORTED,
		"requests over HTTP, as to S3, need the library %s (Debian package %s), which cannot be loaded: %s",
		library->soname, library->package, dlerror());
}

static void load_all(void)
{
	for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++)
		if (load(&libraries[i]))
			return;
}

int lazy_libraries(struct err *err)
{
	pthread_once(&once, load_all);
	if (failure.code)
		return err_set(err, failure.code, "%s", failure.text);
	return 0;
}

/* ---- the libraries' functions ---------------------------------------------------------------------------------- */

CURL *curl_easy_init(void)
{
	return curl.init();
}

void curl_easy_cleanup(CURL *handle)
{
	curl.cleanup(handle);
}

void curl_easy_reset(CURL *handle)
{
	curl.reset(handle);
}

CURLcode curl_easy_perform(CURL *handle)
{
	return curl.perform(handle);
}

/* The header has a macro of this name, which checks types. What type an option takes is told by its number. */
CURLcode(curl_easy_setopt)(CURL *handle, CURLoption option, ...)
{
	CURLcode code;
	va_list ap;

	va_start(ap, option);
	if (option >= CURLOPTTYPE_OFF_T && option < CURLOPTTYPE_BLOB)
		code = curl.setopt(handle, option, va_arg(ap, curl_off_t));
	else if (option < CURLOPTTYPE_OBJECTPOINT)
		code = curl.setopt(handle, option, va_arg(ap, long));
	else if (option >= CURLOPTTYPE_FUNCTIONPOINT && option < CURLOPTTYPE_OFF_T)
		code = curl.setopt(handle, option, va_arg(ap, void (*)(void)));
	else
		code = curl.setopt(handle, option, va_arg(ap, void *));
	va_end(ap);
	return code;
}

CURLcode(curl_easy_getinfo)(CURL *handle, CURLINFO info, ...)
{
	va_list ap;
	CURLcode code;

	va_start(ap, info);
	code = curl.getinfo(handle, info, va_arg(ap, void *));
	va_end(ap);
	return code;
}

const char *curl_easy_strerror(CURLcode code)
{
	return curl.strerror(code);
}

time_t curl_getdate(const char *text, const time_t *unused)
{
	return curl.getdate(text, unused);
}

struct curl_slist *curl_slist_append(struct curl_slist *list, const char *line)
{
	return curl.append(list, line);
}

void curl_slist_free_all(struct curl_slist *list)
{
	curl.free_all(list);
}

const EVP_MD *EVP_sha256(void)
{
	return crypto.sha256_kind();
}

unsigned char *HMAC(const EVP_MD *kind, const void *key, int key_len, const unsigned char *p, size_t n,
                    unsigned char *ret, unsigned int *ret_len)
{
	return crypto.hmac(kind, key, key_len, p, n, ret, ret_len);
}

unsigned char *SHA256(const unsigned char *p, size_t n, unsigned char *ret)
{
	return crypto.sha256(p, n, ret);
}
