/* SPDX-License-Identifier: Apache-2.0 */
#include "base/near.h"

#include <stdio.h>
#include <string.h>

#define EDITS_MAX 3

static int smaller(int a, int b)
{
	return a < b ? a : b;
}

int near_edits(const char *a, const char *b)
{
	int rows[3][NEAR_MAX + 1], n = (int)strnlen(b, NEAR_MAX);

	if (n == NEAR_MAX || strnlen(a, NEAR_MAX) == NEAR_MAX)
		return NEAR_MAX;
	for (int k = 0; k <= n; k++)
		rows[0][k] = k;
	for (int i = 1; a[i - 1]; i++) {
		int *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];

		row[0] = i;
		for (int k = 1; k <= n; k++) {
			row[k] = smaller(smaller(above[k], row[k - 1]) + 1, above[k - 1] + (a[i - 1] != b[k - 1]));
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
				row[k] = smaller(row[k], two_above[k - 2] + 1);
		}
	}
	return rows[strlen(a) % 3][n];
}

void near_offer(struct near *near, const char *candidate)
{
	int edits = near_edits(near->word, candidate);

	if (edits > EDITS_MAX || edits * 3 > (int)strlen(candidate) || (near->best && edits >= near->edits))
		return;
	near->best = candidate;
	near->edits = edits;
}

const char *near_hint(const struct near *near, char ret[NEAR_HINT])
{
	*ret = '\0';
	if (near->best)
		snprintf(ret, NEAR_HINT, "; did you mean '%s'?", near->best);
	return ret;
}
