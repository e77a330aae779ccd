/* SPDX-License-Identifier: Apache-2.0 */
#include "api/harness.h"

static void api_cases(Suite *suite)
{
	tasks_cases(suite);
	submit_cases(suite);
	members_cases(suite);
	queues_cases(suite);
	waiting_cases(suite);
	data_cases(suite);
	datasets_cases(suite);
	rest_cases(suite);
	hostile_cases(suite);
	bulk_cases(suite);
}

TEST_MAIN("api", api_cases)
