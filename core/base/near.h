/* SPDX-License-Identifier: Apache-2.0 */
/* What did they mean? The known word that is nearest to one that nobody knows. */
#ifndef BASE_NEAR_H
#define BASE_NEAR_H

#define NEAR_MAX 64 /* bytes of a word; longer ones are near to nothing */

/* Fill in `word`, offer every known word, then read `best`: NULL when none is near. A word is near that at most a third
 * of its letters, and three of them, tell apart. */
struct near {
	const char *word, *best; /* borrowed */
	int edits;
};

void near_offer(struct near *near, const char *candidate);

/* Edits that make b of a: a letter put in, taken out, changed, or swapped with its neighbour (optimal string alignment,
 * Damerau 1964). NEAR_MAX for words that are too long. */
int near_edits(const char *a, const char *b);

/* "; did you mean 'best'?" into ret, or "" */
#define NEAR_HINT (NEAR_MAX + 24)
const char *near_hint(const struct near *near, char ret[NEAR_HINT]);

#endif
