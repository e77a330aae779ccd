/* SPDX-License-Identifier: Apache-2.0 */
/* Plugins that do what their configuration names in "do"; some look at an "amount" and a "path" too. */
#ifndef TEST_DOER_H
#define TEST_DOER_H

#include <limits.h>

#include "plugins/plugin.h"

#define DOER_CONFIG                                                                                 \
	"{\"type\":\"object\",\"properties\":{\"do\":{\"type\":\"string\",\"default\":\"behave\"}," \
	"\"path\":{\"type\":\"string\",\"default\":\"/\"},"                                         \
	"\"amount\":{\"type\":\"integer\",\"minimum\":0,\"default\":0}}}"

struct doer {
	const orasi_host *host;
	char what[32], path[PATH_MAX];
	int64_t amount;
};

static inline int doer_is(const struct doer *doer, const char *what)
{
	return !strcmp(doer->what, what);
}

/* An instance of `size` bytes that begins with a struct doer; free() is its end. */
static inline orasi_status doer_new(size_t size, const orasi_host *host, const orasi_config *config, void **ret_self,
                                    orasi_error *err)
{
	struct doer *doer = calloc(1, size);
	orasi_str what = {"behave", 6}, path = {"/", 1};

	if (!doer)
		return test_fail(err, ORASI_E_NOMEM, "out of memory");
	doer->host = host;
	config->get_str(config, "/do", &what);
	config->get_str(config, "/path", &path);
	config->get_i64(config, "/amount", &doer->amount);
	snprintf(doer->what, sizeof(doer->what), "%.*s", (int)what.len, what.ptr);
	snprintf(doer->path, sizeof(doer->path), "%.*s", (int)path.len, path.ptr);
	*ret_self = doer;
	return ORASI_OK;
}

#endif
