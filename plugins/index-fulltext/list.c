/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "run.h"

int list_add(struct list *list, uint64_t row, float score)
{
	if (list->n == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 64;
		struct hit *all = realloc(list->all, cap * sizeof(*all));

		if (!all)
			return -1;
		list->all = all;
		list->cap = cap;
	}
	list->all[list->n++] = (struct hit){row, score};
	return 0;
}

void list_done(struct list *list)
{
	free(list->all);
	*list = (struct list){0};
}

void list_and(struct list *a, const struct list *b)
{
	size_t kept = 0, k = 0;

	for (size_t i = 0; i < a->n; i++) {
		while (k < b->n && b->all[k].row < a->all[i].row)
			k++;
		if (k < b->n && b->all[k].row == a->all[i].row)
			a->all[kept++] = (struct hit){a->all[i].row, a->all[i].score + b->all[k].score};
	}
	a->n = kept;
}

int list_or(struct list *a, const struct list *b)
{
	struct list both = {0};
	size_t i = 0, k = 0;
	int bad = 0;

	while (!bad && (i < a->n || k < b->n)) {
		if (k == b->n || (i < a->n && a->all[i].row < b->all[k].row)) {
			bad = list_add(&both, a->all[i].row, a->all[i].score);
			i++;
		} else if (i == a->n || b->all[k].row < a->all[i].row) {
			bad = list_add(&both, b->all[k].row, b->all[k].score);
			k++;
		} else {
			bad = list_add(&both, a->all[i].row, a->all[i].score + b->all[k].score);
			i++;
			k++;
		}
	}
	list_done(a);
	*a = both;
	return bad;
}

void list_without(struct list *a, const struct list *b)
{
	size_t kept = 0, k = 0;

	for (size_t i = 0; i < a->n; i++) {
		while (k < b->n && b->all[k].row < a->all[i].row)
			k++;
		if (k == b->n || b->all[k].row != a->all[i].row)
			a->all[kept++] = a->all[i];
	}
	a->n = kept;
}
