/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/credentials.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "blob/http.h"
#include "json/json.h"

#define FILE_MAX (1u << 20)
#define METADATA_MAX (64u << 10)
#define METADATA_MS 1000
#define EARLY_MS (5 * 60 * 1000)

/* ---- the environment ----------------------------------------------------------------------------------------- */

static const char *env(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static int from_environment(struct credentials *ret)
{
	const char *id = env("AWS_ACCESS_KEY_ID"), *secret = env("AWS_SECRET_ACCESS_KEY"),
		   *token = env("AWS_SESSION_TOKEN");

	if (!id || !secret)
		return -1;
	str_copy(ret->id, sizeof(ret->id), id);
	str_copy(ret->secret, sizeof(ret->secret), secret);
	str_copy(ret->token, sizeof(ret->token), token ? token : "");
	return 0;
}

/* ---- files --------------------------------------------------------------------------------------------------- */

static char *trim(char *text)
{
	char *end;

	while (isspace((unsigned char)*text))
		text++;
	end = text + strlen(text);
	while (end > text && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return text;
}

/* [section], key = value. The value of a key, or -1. */
static int ini_get(char *text, const char *section, const char *key, char *ret, size_t cap)
{
	int inside = 0;

	for (char *line; (line = strsep(&text, "\n"));) {
		char *equals;

		line = trim(line);
		if (*line == '[') {
			line[strcspn(line, "]")] = '\0';
			inside = !strcmp(trim(line + 1), section);
		} else if (inside && *line != '#' && *line != ';' && (equals = strchr(line, '='))) {
			*equals = '\0';
			if (!strcmp(trim(line), key)) {
				str_copy(ret, cap, trim(equals + 1));
				return 0;
			}
		}
	}
	return -1;
}

static int file_get(const char *variable, const char *usual, const char *section, const char *key, char *ret,
                    size_t cap)
{
	const char *path = env(variable), *home = env("HOME");
	char place[PATH_MAX];
	struct buf text;
	int r = -1;

	snprintf(place, sizeof(place), "%s/.aws/%s", home ? home : "", usual);
	buf_init(&text, 0);
	if (!file_read(path ? path : place, FILE_MAX, &text, NULL) && text.len && !memchr(text.data, 0, text.len))
		r = ini_get(text.data, section, key, ret, cap);
	buf_done(&text);
	return r;
}

static const char *profile(void)
{
	const char *name = env("AWS_PROFILE");

	return name ? name : "default";
}

static int from_file(struct credentials *ret)
{
	static const char variable[] = "AWS_SHARED_CREDENTIALS_FILE", usual[] = "credentials";

	if (file_get(variable, usual, profile(), "aws_access_key_id", ret->id, sizeof(ret->id)) ||
	    file_get(variable, usual, profile(), "aws_secret_access_key", ret->secret, sizeof(ret->secret)))
		return -1;
	if (file_get(variable, usual, profile(), "aws_session_token", ret->token, sizeof(ret->token)))
		ret->token[0] = '\0';
	return 0;
}

void credentials_region(char *ret, size_t cap)
{
	const char *region = env("AWS_REGION");
	char section[160];

	if (!region)
		region = env("AWS_DEFAULT_REGION");
	snprintf(section, sizeof(section), "%s%.120s", strcmp(profile(), "default") ? "profile " : "", profile());
	if (region)
		str_copy(ret, cap, region);
	else if (file_get("AWS_CONFIG_FILE", "config", section, "region", ret, cap))
		str_copy(ret, cap, "us-east-1");
}

/* ---- metadata ------------------------------------------------------------------------------------------------- */

static int fetch(const char *method, const char *url, const char *header, const char *value, struct buf *ret)
{
	struct sign_pair headers[] = {{header, value}};
	struct http_call call = {.method = method,
	                         .url = url,
	                         .headers = headers,
	                         .n_headers = header ? 1 : 0,
	                         .connect_ms = METADATA_MS,
	                         .total_ms = METADATA_MS * 3};
	struct http_answer answer;
	int r;

	http_answer_init(&answer, METADATA_MAX);
	r = http_do(&call, &answer, NULL);
	if (!r && (answer.status != 200 || !answer.body.len || memchr(answer.body.data, 0, answer.body.len)))
		r = -1;
	if (!r)
		buf_add(ret, answer.body.data, answer.body.len);
	http_answer_done(&answer);
	return r || ret->failed;
}

/* {"AccessKeyId","SecretAccessKey","Token","Expiration"} */
static int take_answer(const struct buf *text, struct credentials *ret)
{
	struct json *json;
	int r = -1;

	if (json_parse(text->data, text->len, &json, NULL))
		return -1;
	if (json_get_str(json, "AccessKeyId", NULL) && json_get_str(json, "SecretAccessKey", NULL)) {
		str_copy(ret->id, sizeof(ret->id), json_get_str(json, "AccessKeyId", ""));
		str_copy(ret->secret, sizeof(ret->secret), json_get_str(json, "SecretAccessKey", ""));
		str_copy(ret->token, sizeof(ret->token), json_get_str(json, "Token", ""));
		if (clock_from_rfc3339(json_get_str(json, "Expiration", ""), &ret->expires_ms))
			ret->expires_ms = 0;
		r = 0;
	}
	json_free(json);
	return r;
}

static int from_container(struct credentials *ret)
{
	const char *relative = env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
		   *full = env("AWS_CONTAINER_CREDENTIALS_FULL_URI");
	const char *token = env("AWS_CONTAINER_AUTHORIZATION_TOKEN");
	struct buf text;
	char url[1024];
	int r;

	if (!relative && !full)
		return -1;
	snprintf(url, sizeof(url), "%s%s", relative ? "http://169.254.170.2" : "", relative ? relative : full);
	buf_init(&text, 0);
	r = fetch("GET", url, token ? "Authorization" : NULL, token, &text) || take_answer(&text, ret);
	buf_done(&text);
	return r;
}

/* IMDSv2: a token, the name of the role, its keys. */
static int from_instance(struct credentials *ret)
{
	static const char path[] = "/latest/meta-data/iam/security-credentials/";
	const char *disabled = env("AWS_EC2_METADATA_DISABLED"), *host = env("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	struct buf token, role, text;
	char url[1200];
	int r;

	if (disabled && !strcasecmp(disabled, "true"))
		return -1;
	host = host ? host : "http://169.254.169.254";
	buf_init(&token, 0);
	buf_init(&role, 0);
	buf_init(&text, 0);
	snprintf(url, sizeof(url), "%.500s/latest/api/token", host);
	r = fetch("PUT", url, "X-aws-ec2-metadata-token-ttl-seconds", "300", &token);
	snprintf(url, sizeof(url), "%.500s%s", host, path);
	r = r || fetch("GET", url, "X-aws-ec2-metadata-token", token.data, &role);
	if (!r) {
		snprintf(url, sizeof(url), "%.500s%s%.200s", host, path, trim(role.data));
		r = fetch("GET", url, "X-aws-ec2-metadata-token", token.data, &text) || take_answer(&text, ret);
	}
	buf_done(&token);
	buf_done(&role);
	buf_done(&text);
	return r;
}

/* ---- the whole -------------------------------------------------------------------------------------------------- */

int credentials_load(struct credentials *ret, struct err *err)
{
	static int (*const sources[])(struct credentials * ret) = {from_environment, from_file, from_container,
	                                                           from_instance};

	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		memset(ret, 0, sizeof(*ret));
		if (!sources[i](ret))
			return 0;
	}
	return err_set(err, ERR_PERM,
	               "there are no keys for S3: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or have the "
	               "profile '%.60s' in ~/.aws/credentials, or run where instance metadata has a role",
	               profile());
}

int credentials_are_stale(const struct credentials *credentials)
{
	return !credentials->id[0] || (credentials->expires_ms && clock_wall_ms() > credentials->expires_ms - EARLY_MS);
}
