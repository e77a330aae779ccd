/* SPDX-License-Identifier: Apache-2.0 */
/* What decides who may do what reads any bytes: as a file of tokens, as an Authorization header, and as a pattern with
 * its text. A file that is accepted is accepted again as it is written. */
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "json/json.h"

static void as_file(const char *text, size_t n)
{
	struct json *json, *again;
	const char *written;
	struct err err;

	if (auth_file_parse(text, n, &json, &err))
		return;
	written = json_text(json);
	if (auth_file_parse(written, strlen(written), &again, &err))
		abort();
	json_free(json);
	json_free(again);
}

static void as_header(const char *text)
{
	char token[AUTH_TOKEN_LEN];

	if (auth_bearer(text, token) == AUTH_FINE && (!*token || strchr(token, ',') || strchr(token, ' ')))
		abort();
}

/* Every text is matched by itself, unless it has a star, and by the star. */
static void as_pattern(const char *text)
{
	const char *line = strchr(text, '\n');

	if (!auth_pattern_matches("*", text) || !auth_pattern_matches(text, text))
		abort();
	if (line)
		auth_pattern_matches(line + 1, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	as_file(text, size);
	as_header(text);
	if (size < 512)
		as_pattern(text);
	free(text);
	return 0;
}
