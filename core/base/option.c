/* SPDX-License-Identifier: Apache-2.0 */
#include "base/option.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

static int set_str(const struct option *o, void *field, const char *value, struct err *err)
{
	char *copy = strdup(value);

	(void)o;
	if (!copy)
		return err_set(err, ERR_NOMEM, "out of memory");
	free(*(char **)field);
	*(char **)field = copy;
	return 0;
}

static int out_of_range(const struct option *o, const char *value, struct err *err)
{
	return err_set(err, ERR_INVALID, "'%s: %s' is out of range: allowed is %lld to %lld", o->key, value,
	               (long long)o->min, (long long)o->max);
}

static int in_range(const struct option *o, int64_t v)
{
	return o->min || o->max ? v >= o->min && v <= o->max : v >= 0;
}

static int set_int(const struct option *o, void *field, const char *value, struct err *err)
{
	int64_t v;
	int r = str_to_i64(value, &v);

	if (r == ERR_INVALID)
		return err_set(err, ERR_INVALID, "'%s: %s' is not a whole number", o->key, value);
	if (r || !in_range(o, v))
		return out_of_range(o, value, err);
	*(int64_t *)field = v;
	return 0;
}

static int set_bool(const struct option *o, void *field, const char *value, struct err *err)
{
	if (str_to_bool(value, field))
		return err_set(err, ERR_INVALID, "'%s: %s' is not a boolean: write true or false", o->key, value);
	return 0;
}

static int set_bytes(const struct option *o, void *field, const char *value, struct err *err)
{
	uint64_t v;
	int r = str_to_bytes(value, &v);

	if (r == ERR_INVALID)
		return err_set(err, ERR_INVALID, "'%s: %s' is not a size: write for example 64MiB", o->key, value);
	if (r || v > INT64_MAX || !in_range(o, (int64_t)v))
		return out_of_range(o, value, err);
	*(uint64_t *)field = v;
	return 0;
}

static int set_duration(const struct option *o, void *field, const char *value, struct err *err)
{
	int64_t v;
	int r = str_to_duration_ms(value, &v);

	if (r == ERR_INVALID)
		return err_set(err, ERR_INVALID, "'%s: %s' is not a duration: write for example 30s or 5m", o->key,
		               value);
	if (r || !in_range(o, v))
		return out_of_range(o, value, err);
	*(int64_t *)field = v;
	return 0;
}

static int set_enum(const struct option *o, void *field, const char *value, struct err *err)
{
	struct buf words;
	int r;

	for (int i = 0; o->words[i]; i++)
		if (!strcmp(o->words[i], value)) {
			*(int *)field = i;
			return 0;
		}
	buf_init(&words, 0);
	for (int i = 0; o->words[i]; i++)
		buf_printf(&words, "%s%s", i ? ", " : "", o->words[i]);
	r = err_set(err, ERR_INVALID, "'%s: %s' is not one of: %s", o->key, value, words.data ? words.data : "");
	buf_done(&words);
	return r;
}

static int is_host(const char *host, size_t n)
{
	unsigned char address[sizeof(struct in6_addr)];
	int is_six = n > 2 && host[0] == '[' && host[n - 1] == ']';
	char text[INET6_ADDRSTRLEN];

	if (!n || (n == strlen("localhost") && !memcmp(host, "localhost", n)))
		return 1;
	if (n - 2 * (size_t)is_six >= sizeof(text))
		return 0;
	snprintf(text, sizeof(text), "%.*s", (int)n - 2 * is_six, host + is_six);
	return inet_pton(is_six ? AF_INET6 : AF_INET, text, address) == 1;
}

static int set_address(const struct option *o, void *field, const char *value, struct err *err)
{
	const char *colon = strrchr(value, ':');
	int64_t port;

	if (*value && (!colon || str_to_i64(colon + 1, &port) || port < 0 || port > 65535))
		return err_set(err, ERR_INVALID,
		               "'%s: %s' is not host:port, such as 127.0.0.1:8470 (a port is at most 65535)", o->key,
		               value);
	if (*value && !is_host(value, (size_t)(colon - value)))
		return err_set(err, ERR_INVALID, "'%s: %s': the host must be an IP address or localhost", o->key,
		               value);
	return set_str(o, field, value, err);
}

static int is_text(const struct option *o)
{
	return o->type == OPTION_STR || o->type == OPTION_ADDRESS;
}

static int (*const setters[])(const struct option *, void *, const char *, struct err *) = {
	[OPTION_STR] = set_str,         [OPTION_INT] = set_int,           [OPTION_BOOL] = set_bool,
	[OPTION_BYTES] = set_bytes,     [OPTION_DURATION] = set_duration, [OPTION_ENUM] = set_enum,
	[OPTION_ADDRESS] = set_address,
};

int option_set(const struct option *option, void *target, const char *value, struct err *err)
{
	return setters[option->type](option, (char *)target + option->offset, value, err);
}

int options_init(const struct option *options, void *target, struct err *err)
{
	for (const struct option *o = options; o->key; o++)
		if (is_text(o))
			*(char **)((char *)target + o->offset) = NULL;
	for (const struct option *o = options; o->key; o++) {
		int r = option_set(o, target, o->value, err);

		if (r)
			return r;
	}
	return 0;
}

void options_done(const struct option *options, void *target)
{
	for (const struct option *o = options; o->key; o++)
		if (is_text(o)) {
			char **field = (char **)((char *)target + o->offset);

			free(*field);
			*field = NULL;
		}
}

const struct option *option_find(const struct option *options, const char *key)
{
	for (const struct option *o = options; o->key; o++)
		if (!strcmp(o->key, key))
			return o;
	return NULL;
}
