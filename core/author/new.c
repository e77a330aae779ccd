/* SPDX-License-Identifier: Apache-2.0 */
#include "author.h"

int author_new(const struct typed *typed)
{
	(void)typed;
	return author_fail(AUTHOR_FAILED, "not yet");
}
