/* SPDX-License-Identifier: Apache-2.0 */
/* Metric rows as text for Prometheus (exposition format 0.0.4, or OpenMetrics 1.0) and as JSON. In the text all samples of one name stand together
 * below one HELP and one TYPE line, whichever tables they come from. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "health/inside.h"

static const char *const type_names[] = {"counter", "gauge", "histogram"};

static double row_value(const struct metric *row)
{
	return row->read ? row->read(row->ctx) : row->value ? (double)*row->value : 0;
}

/* The shortest text that reads back as the same number. */
static void put_number(struct buf *out, double v)
{
	char text[32];

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	buf_puts(out, isnan(v) ? "NaN" : isinf(v) ? (v > 0 ? "+Inf" : "-Inf") : text);
}

/* Reads the buckets once, so that count and +Inf agree while other threads count on. */
static uint64_t read_buckets(const struct metric_histogram *histogram, uint64_t ret_cumulative[METRIC_BUCKETS + 1])
{
	uint64_t n = 0;

	for (int i = 0; i <= METRIC_BUCKETS; i++) {
		n += histogram->bucket[i];
		ret_cumulative[i] = n;
	}
	return n;
}

/* ---- Prometheus and OpenMetrics: nearly the same text ---------------------------------------- */
enum dialect { PROMETHEUS, OPENMETRICS };

/* OpenMetrics has quotes escaped there, too. */
static void put_help(struct buf *out, const char *help, enum dialect dialect)
{
	for (; *help; help++)
		if (*help == '\\' || (*help == '"' && dialect == OPENMETRICS))
			buf_printf(out, "\\%c", *help);
		else if (*help == '\n')
			buf_puts(out, "\\n");
		else
			buf_putc(out, *help);
}

static void put_sample(struct buf *out, const struct metric *row, const char *suffix, double v)
{
	buf_printf(out, "%s%s", row->name, suffix);
	if (row->labels)
		buf_printf(out, "{%s}", row->labels);
	buf_putc(out, ' ');
	put_number(out, v);
	buf_putc(out, '\n');
}

/* In OpenMetrics the bound of a bucket is a float in its one form: 1.0, not 1. */
static void put_bucket(struct buf *out, const struct metric *row, double bound, uint64_t n, enum dialect dialect)
{
	buf_printf(out, "%s_bucket{%s%sle=\"", row->name, row->labels ? row->labels : "", row->labels ? "," : "");
	put_number(out, bound);
	if (dialect == OPENMETRICS && isfinite(bound) && bound == floor(bound))
		buf_puts(out, ".0");
	buf_printf(out, "\"} %llu\n", (unsigned long long)n);
}

static void put_histogram(struct buf *out, const struct metric *row, enum dialect dialect)
{
	uint64_t cumulative[METRIC_BUCKETS + 1], n = read_buckets(row->histogram, cumulative);

	for (int i = 0; i <= METRIC_BUCKETS; i++)
		put_bucket(out, row, i < METRIC_BUCKETS ? metric_bounds[i] : INFINITY, cumulative[i], dialect);
	put_sample(out, row, "_sum", (double)row->histogram->sum_us / 1e6);
	put_sample(out, row, "_count", (double)n);
}

static int has_total(const char *name)
{
	size_t n = strlen(name);

	return n > 6 && !strcmp(name + n - 6, "_total");
}

/* OpenMetrics: samples of a counter end in _total, its family is named without. */
static void put_row(struct buf *out, const struct metric *row, enum dialect dialect)
{
	int wants_total = dialect == OPENMETRICS && row->type == METRIC_COUNTER && !has_total(row->name);

	if (row->type == METRIC_HISTOGRAM)
		put_histogram(out, row, dialect);
	else
		put_sample(out, row, wants_total ? "_total" : "", row_value(row));
}

static void put_family(struct buf *out, const struct metric *row, enum dialect dialect)
{
	int is_cut = dialect == OPENMETRICS && row->type == METRIC_COUNTER && has_total(row->name);
	int n = (int)strlen(row->name) - (is_cut ? 6 : 0);

	buf_printf(out, "# HELP %.*s ", n, row->name);
	put_help(out, row->help, dialect);
	buf_printf(out, "\n# TYPE %.*s %s\n", n, row->name, type_names[row->type]);
}

static int is_first_of_name(const struct health *health, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (!strcmp(health->rows[j]->name, health->rows[i]->name))
			return 0;
	return 1;
}

static void put_all(const struct health *health, struct buf *out, enum dialect dialect)
{
	for (size_t i = 0; i < health->n_rows; i++) {
		if (!is_first_of_name(health, i))
			continue;
		put_family(out, health->rows[i], dialect);
		for (size_t j = i; j < health->n_rows; j++)
			if (!strcmp(health->rows[j]->name, health->rows[i]->name))
				put_row(out, health->rows[j], dialect);
	}
}

void health_prometheus(const struct health *health, struct buf *out)
{
	put_all(health, out, PROMETHEUS);
}

void health_openmetrics(const struct health *health, struct buf *out)
{
	put_all(health, out, OPENMETRICS);
	buf_puts(out, "# EOF\n");
}

/* ---- JSON ------------------------------------------------------------------------------- */
/* Rendered pairs a="x",b="y" become "a":"x","b":"y": the escapes of both are the same. */
static void put_json_labels(struct buf *out, const char *labels)
{
	int in_value = 0, in_name = 0; /* in_value: 1 before the opening quote, 2 behind it */

	for (; labels && *labels; labels++) {
		if (!in_value && !in_name && *labels != ',') {
			buf_putc(out, '"');
			in_name = 1;
		}
		if (in_name && *labels == '=') {
			buf_puts(out, "\":");
			in_name = 0;
			in_value = 1;
			continue;
		}
		buf_putc(out, *labels);
		if (in_value && *labels == '\\' && labels[1])
			buf_putc(out, *++labels);
		else if (in_value && *labels == '"' && in_value++ == 2)
			in_value = 0;
	}
}

static void put_json_number(struct buf *out, double v)
{
	if (isfinite(v))
		put_number(out, v);
	else
		buf_puts(out, "null");
}

static void put_json_histogram(struct buf *out, const struct metric_histogram *histogram)
{
	uint64_t cumulative[METRIC_BUCKETS + 1], n = read_buckets(histogram, cumulative);

	buf_puts(out, "\"buckets\":[");
	for (int i = 0; i < METRIC_BUCKETS; i++) {
		buf_printf(out, "%s{\"le\":", i ? "," : "");
		put_number(out, metric_bounds[i]);
		buf_printf(out, ",\"count\":%llu}", (unsigned long long)cumulative[i]);
	}
	buf_puts(out, "],\"sum\":");
	put_number(out, (double)histogram->sum_us / 1e6);
	buf_printf(out, ",\"count\":%llu", (unsigned long long)n);
}

static void put_json_row(struct buf *out, const struct metric *row)
{
	buf_printf(out, "{\"name\":\"%s\",\"type\":\"%s\",\"help\":", row->name, type_names[row->type]);
	buf_json_str(out, row->help, strlen(row->help));
	buf_puts(out, ",\"labels\":{");
	put_json_labels(out, row->labels);
	buf_puts(out, "},");
	if (row->type == METRIC_HISTOGRAM) {
		put_json_histogram(out, row->histogram);
	} else {
		buf_puts(out, "\"value\":");
		put_json_number(out, row_value(row));
	}
	buf_putc(out, '}');
}

void health_metrics_json(const struct health *health, struct buf *out)
{
	buf_puts(out, "{\"metrics\":[");
	for (size_t i = 0; i < health->n_rows; i++) {
		if (i)
			buf_putc(out, ',');
		put_json_row(out, health->rows[i]);
	}
	buf_puts(out, "]}");
}
