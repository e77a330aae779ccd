/* SPDX-License-Identifier: Apache-2.0 */
#include "http/harness.h"

static void http_cases(Suite *suite)
{
	reading_cases(suite);
	limits_cases(suite);
	flow_cases(suite);
	ending_cases(suite);
	lines_cases(suite);
}

TEST_MAIN("http", http_cases)
