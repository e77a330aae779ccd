/* SPDX-License-Identifier: Apache-2.0 */
/* Signs requests that come as lines of JSON, for a test that compares with another signer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "blob/lazy.h"
#include "blob/sign.h"
#include "json/json.h"

#define PAIRS_MAX 16

static size_t pairs_of(const struct json *list, struct sign_pair *ret)
{
	size_t n = json_count(list) < PAIRS_MAX ? json_count(list) : PAIRS_MAX;

	for (size_t i = 0; i < n; i++)
		ret[i] = (struct sign_pair){json_str(json_at(json_at(list, i), 0), ""),
		                            json_str(json_at(json_at(list, i), 1), "")};
	return n;
}

int main(void)
{
	struct sign_pair query[PAIRS_MAX], headers[PAIRS_MAX];
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	if (lazy_libraries(NULL))
		return 1;
	while ((n = getline(&line, &cap, stdin)) > 0) {
		struct sign_key key = {"AKIDTEST", "sekrit", "us-east-1", "s3"};
		struct buf target, authorization;
		struct json *json;

		if (json_parse(line, (size_t)n, &json, NULL))
			return 1;
		buf_init(&target, 0);
		buf_init(&authorization, 0);
		struct sign_request request = {json_get_str(json, "method", ""),
		                               json_get_str(json, "path", ""),
		                               query,
		                               pairs_of(json_get(json, "query"), query),
		                               headers,
		                               pairs_of(json_get(json, "headers"), headers),
		                               json_get_str(json, "hash", ""),
		                               json_get_str(json, "time", "")};
		if (sign_request(&key, &request, &target, &authorization, NULL))
			return 1;
		printf("%s %s\n", target.data, authorization.data);
		buf_done(&target);
		buf_done(&authorization);
		json_free(json);
	}
	free(line);
	return 0;
}
