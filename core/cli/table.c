/* SPDX-License-Identifier: Apache-2.0 */
/* Tables for people: columns as wide as their values, numbers to the right, long texts cut on a terminal. */
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

#define CELL_MAX 60

struct grid {
	char **cells; /* rows × columns */
	int *right, *width;
	size_t n_rows, n_columns;
};

void number_with_commas(int64_t n, char ret[32])
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRId64, n), out = 0;

	for (int i = 0; i < len; i++) {
		if (i && digits[i - 1] != '-' && (len - i) % 3 == 0)
			ret[out++] = ',';
		ret[out++] = digits[i];
	}
	ret[out] = '\0';
}

static int display_width(const char *s)
{
	int n = 0;

	for (; *s; s++)
		n += (*s & 0xC0) != 0x80;
	return n;
}

/* What a terminal would obey: C0, DEL, and C1 (U+0080 to U+009F), of which the first byte of two is 0xC2. */
static int control_length(const unsigned char *s)
{
	if (*s < 0x20 || *s == 0x7F)
		return 1;
	return *s == 0xC2 && s[1] >= 0x80 && s[1] < 0xA0 ? 2 : 0;
}

char *text_for_people(const char *s, int room)
{
	char *cell = malloc(strlen(s) + 4), *to = cell;

	if (!room)
		room = INT_MAX;

	for (; cell && *s && room > 0; s++) {
		int control = control_length((const unsigned char *)s);

		if ((*s & 0xC0) != 0x80)
			room--;
		*to++ = control ? ' ' : *s;
		s += control == 2;
	}
	while (cell && (*s & 0xC0) == 0x80)
		*to++ = *s++;
	if (cell && *s) {
		memcpy(to, "…", 3);
		to += 3;
	}
	if (cell)
		*to = '\0';
	return cell;
}

static char *cell_text(const char *s)
{
	return text_for_people(s, isatty(STDOUT_FILENO) ? CELL_MAX : 0);
}

static char *cell_of(const struct json *value)
{
	switch (json_type(value)) {
	case JSON_NULL:
		return cell_text("");
	case JSON_STRING:
		return cell_text(json_str(value, ""));
	default:
		return cell_text(json_text(value));
	}
}

static void grid_done(struct grid *grid)
{
	for (size_t i = 0; grid->cells && i < grid->n_rows * grid->n_columns; i++)
		free(grid->cells[i]);
	free(grid->cells);
	free(grid->right);
	free(grid->width);
}

/* grid_done also when it fails. */
static int grid_init(struct grid *grid, size_t rows, size_t columns)
{
	memset(grid, 0, sizeof(*grid));
	grid->cells = calloc(rows * columns + 1, sizeof(*grid->cells));
	grid->right = calloc(columns + 1, sizeof(*grid->right));
	grid->width = calloc(columns + 1, sizeof(*grid->width));
	grid->n_rows = rows;
	grid->n_columns = columns;
	return grid->cells && grid->right && grid->width ? 0 : -1;
}

static void grid_set(struct grid *grid, size_t row, size_t column, const struct json *value)
{
	char *cell = cell_of(value);
	int width = cell ? display_width(cell) : 0;

	grid->cells[row * grid->n_columns + column] = cell;
	if (width > grid->width[column])
		grid->width[column] = width;
	if (json_type(value) == JSON_INT || json_type(value) == JSON_DOUBLE)
		grid->right[column] = 1;
}

static void put_cell(const char *text, int width, int right, int last)
{
	int pad = width - display_width(text);

	printf("%*s%s%*s", right ? pad : 0, "", text, right || last ? 0 : pad, "");
	fputs(last ? "\n" : "  ", stdout);
}

static void grid_print(struct grid *grid, const char *const *names)
{
	int bold = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");

	for (size_t c = 0; c < grid->n_columns; c++)
		if (display_width(names[c]) > grid->width[c])
			grid->width[c] = display_width(names[c]);
	fputs(bold ? "\033[1m" : "", stdout);
	for (size_t c = 0; c < grid->n_columns; c++)
		put_cell(names[c], grid->width[c], grid->right[c], c + 1 == grid->n_columns);
	fputs(bold ? "\033[0m" : "", stdout);
	for (size_t r = 0; r < grid->n_rows; r++)
		for (size_t c = 0; c < grid->n_columns; c++) {
			const char *cell = grid->cells[r * grid->n_columns + c];

			put_cell(cell ? cell : "", grid->width[c], grid->right[c], c + 1 == grid->n_columns);
		}
}

void table_print(const struct json *rows, const char *const *columns)
{
	struct grid grid;
	size_t n = 0;

	while (columns[n])
		n++;
	if (!grid_init(&grid, json_count(rows), n)) {
		for (size_t r = 0; r < grid.n_rows; r++)
			for (size_t c = 0; c < n; c++)
				grid_set(&grid, r, c, json_get(json_at(rows, r), columns[c]));
		grid_print(&grid, columns);
	}
	grid_done(&grid);
}

void table_print_page(const struct json *page)
{
	const struct json *columns = json_get(page, "columns"), *rows = json_get(page, "rows");
	size_t n = json_count(columns);
	const char **names = calloc(n + 1, sizeof(*names));
	struct grid grid;

	if (!grid_init(&grid, json_count(rows), n) && names) {
		for (size_t c = 0; c < n; c++)
			names[c] = json_get_str(json_at(columns, c), "name", "");
		for (size_t r = 0; r < grid.n_rows; r++)
			for (size_t c = 0; c < n; c++)
				grid_set(&grid, r, c, json_at(json_at(rows, r), c));
		grid_print(&grid, names);
	}
	grid_done(&grid);
	free(names);
}
