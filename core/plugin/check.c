/* SPDX-License-Identifier: Apache-2.0 */
/* The subset of JSON Schema that configurations are checked by. One function per keyword group, chosen by the
 * type of the value; every problem becomes an entry {"pointer","detail"}. */
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/near.h"
#include "base/str.h"
#include "plugin/schema.h"

#define PROBLEMS_MAX \
	32 /* told of one value; of the others only how many there are: one request must not be answered by
                         * a million sentences */

struct check {
	struct json *errors;
	const char *prefix;
	int depth;
	size_t problems;
};

/* Where a value is: a member or an item of the one above. Spelled out only when there is a problem. */
struct place {
	const struct place *above; /* NULL: the value that the check began with */
	const char *key;           /* NULL: item number `index` */
	int64_t index;
};

static void problem(struct check *c, const struct place *place, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static size_t put_escaped(const char *name, char *ret, size_t n, size_t cap)
{
	for (; *name && n + 3 < cap; name++) {
		if (*name == '~' || *name == '/') {
			ret[n++] = '~';
			ret[n++] = *name == '~' ? '0' : '1';
		} else {
			ret[n++] = *name;
		}
	}
	return n;
}

/* RFC 6901, in at most cap bytes; how many there are. */
static size_t put_pointer(const struct check *c, const struct place *place, char *ret, size_t cap)
{
	size_t n;

	if (!place)
		return str_copy(ret, cap, c->prefix) < cap ? strlen(c->prefix) : cap - 1;
	n = put_pointer(c, place->above, ret, cap);
	if (!place->key) {
		n += (size_t)snprintf(ret + n, cap - n, "/%lld", (long long)place->index);
		return n < cap ? n : cap - 1;
	}
	if (n + 1 < cap)
		ret[n++] = '/';
	n = put_escaped(place->key, ret, n, cap);
	ret[n] = '\0';
	return n;
}

static void problem(struct check *c, const struct place *place, const char *fmt, ...)
{
	struct json *entry;
	char text[512], pointer[1024];
	va_list ap;

	if (++c->problems > PROBLEMS_MAX)
		return;
	entry = json_new_object();
	put_pointer(c, place, pointer, sizeof(pointer));

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_set_str(entry, "pointer", pointer);
	json_set_str(entry, "detail", text);
	json_push(c->errors, entry);
}

static void check_value(struct check *c, struct schema *schema, struct json *value, const struct place *place);

/* ---- type, enum, const --------------------------------------------------------------------------------- */

static int type_fits(const struct schema *schema, const struct json *value)
{
	if (schema->fits & 1u << json_type(value))
		return 1;
	return json_type(value) == JSON_DOUBLE && !strcmp(schema->type, "integer") &&
	       json_int(value, INT64_MIN) != INT64_MIN;
}

static int equal(const struct json *a, const struct json *b)
{
	if (json_type(a) != json_type(b))
		return 0;
	if (json_type(a) == JSON_STRING)
		return json_str_len(a) == json_str_len(b) && !memcmp(json_str(a, ""), json_str(b, ""), json_str_len(a));
	return !strcmp(json_text(a), json_text(b));
}

static void not_listed(struct check *c, const struct json *list, const struct json *value, const struct place *place)
{
	char allowed[400] = "";

	for (size_t i = 0; i < json_count(list); i++) {
		size_t n = strlen(allowed);

		snprintf(allowed + n, sizeof(allowed) - n, "%s%s", i ? ", " : "", json_text(json_at(list, i)));
	}
	problem(c, place, "%.80s is not one of %s", json_text(value), allowed);
}

static int is_listed(const struct json *list, const struct json *value)
{
	for (size_t i = 0; i < json_count(list); i++)
		if (equal(json_at(list, i), value))
			return 1;
	return 0;
}

static void check_enum(struct check *c, const struct schema *schema, const struct json *value,
                       const struct place *place)
{
	if (schema->only && !equal(schema->only, value))
		problem(c, place, "it must be %s", json_text(schema->only));
	if (schema->list && !is_listed(schema->list, value))
		not_listed(c, schema->list, value, place);
}

/* ---- numbers --------------------------------------------------------------------------------------------- */

static void check_number(struct check *c, const struct schema *schema, const struct json *value,
                         const struct place *place)
{
	double v = json_double(value, 0);

	for (size_t i = 0; i < SCHEMA_BOUNDS; i++) {
		const struct json *bound = schema->bounds[i];
		double b = json_double(bound, 0);

		if (bound && (schema_bounds[i].upper ? v > b || (schema_bounds[i].exclusive && v == b)
		                                     : v < b || (schema_bounds[i].exclusive && v == b)))
			problem(c, place, "%s is out of range: it must be %s %s", json_text(value),
			        schema_bounds[i].text, json_text(bound));
	}
}

/* ---- text ------------------------------------------------------------------------------------------------ */

static size_t count_chars(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += (*s & 0xC0) != 0x80;
	return n;
}

/* ---- regular expressions --------------------------------------------------------------------------------- */

#define REGEX_DEPTH_MAX 32
#define REGEX_SIZE_MAX 1000

static const char *skip_bracket(const char *p)
{
	p += p[1] == '^' ? 2 : 1;
	if (*p == ']')
		p++;
	while (*p && *p != ']')
		p++;
	return *p ? p : p - 1;
}

/* How often the atom before a repetition is copied; *p is moved to the end of the repetition. */
static uint64_t copies(const char **p)
{
	uint64_t n = 0, most = 0;

	if (**p != '{')
		return **p == '*' || **p == '?' ? 1 : 2;
	for (; (*p)[1] && **p != '}'; ++*p) {
		n = (*p)[1] >= '0' && (*p)[1] <= '9' ? n * 10 + (uint64_t)((*p)[1] - '0') : 0;
		if (n > REGEX_SIZE_MAX)
			return REGEX_SIZE_MAX;
		most = n > most ? n : most;
	}
	return most + 1;
}

/* regcomp copies what is repeated, so that "a++++++++" or "((a{99}){99}){99}" would take all memory: the number of atoms
 * after all copies is bounded. */
static int is_small_regex(const char *s)
{
	uint64_t sum[REGEX_DEPTH_MAX] = {0}, last = 0;
	int depth = 0, repeated = 0;

	for (const char *p = s; *p; p++) {
		int repeats = strchr("*+?{", *p) != NULL;

		if (repeats && repeated) /* of a repetition: POSIX leaves it open, and it only costs */
			return 0;
		repeated = repeats;
		if (repeats) {
			uint64_t n = copies(&p);

			sum[depth] += last * (n - 1);
			last *= n;
		} else if (*p == '(') {
			if (++depth == REGEX_DEPTH_MAX)
				return 0;
			sum[depth] = last = 0;
		} else if (*p == ')' && depth) {
			last = sum[depth] + 1;
			sum[--depth] += last;
		} else {
			if (*p == '[')
				p = skip_bracket(p);
			else if (*p == '\\' && p[1])
				p++;
			last = 1;
			sum[depth]++;
		}
		if (sum[depth] > REGEX_SIZE_MAX)
			return 0;
	}
	return 1;
}

static int is_regex(const char *s)
{
	regex_t regex;
	int r = !is_small_regex(s) || regcomp(&regex, s, REG_EXTENDED | REG_NOSUB);

	if (!r)
		regfree(&regex);
	return !r;
}

/* ---- formats --------------------------------------------------------------------------------------------- */

static int check_bytes(struct check *c, const char *text, const struct place *place, int64_t *ret)
{
	uint64_t bytes;

	if (!str_to_bytes(text, &bytes) && bytes <= INT64_MAX) {
		*ret = (int64_t)bytes;
		return 1;
	}
	problem(c, place, "'%.60s' is not a size: write for example 64MiB", text);
	return 0;
}

static int check_duration(struct check *c, const char *text, const struct place *place, int64_t *ret)
{
	if (!str_to_duration_ms(text, ret))
		return 1;
	problem(c, place, "'%.60s' is not a duration: write for example 30s or 5m", text);
	return 0;
}

static int check_timestamp(struct check *c, const char *text, const struct place *place, int64_t *ret)
{
	if (clock_from_rfc3339(text, ret))
		problem(c, place, "'%.60s' is not a time: write for example 2026-01-31T12:00:00Z", text);
	return 0;
}

static int check_regex(struct check *c, const char *text, const struct place *place, int64_t *ret)
{
	(void)ret;
	if (!is_regex(text))
		problem(c, place, "'%.60s' is not a regular expression", text);
	return 0;
}

/* What the agent makes requests to. */
static int check_http_url(struct check *c, const char *text, const struct place *place, int64_t *ret)
{
	(void)ret;
	if (!str_starts(text, "http://") && !str_starts(text, "https://"))
		problem(c, place,
		        "'%.60s' is not a URL that begins with http:// or https://: there are no other schemes", text);
	return 0;
}

static int check_column(struct check *c, const char *text, const struct place *place, int64_t *ret)
{
	(void)ret;
	if (!*text)
		problem(c, place, "a column needs a name");
	return 0;
}

const struct schema_format *schema_format_of(const char *name)
{
	static const struct schema_format formats[] = {
		{"bytes", check_bytes}, {"duration", check_duration}, {"timestamp", check_timestamp},
		{"regex", check_regex}, {"column", check_column},     {"http-url", check_http_url},
	};

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (!strcmp(formats[i].name, name))
			return &formats[i];
	return NULL;
}

static void check_length(struct check *c, const struct schema *schema, const struct json *value,
                         const struct place *place)
{
	int64_t min = schema->min_length, max = schema->max_length, n = (int64_t)json_str_len(value);

	if (n <= max && n / 4 >= min) /* a character has one to four bytes */
		return;
	n = (int64_t)count_chars(json_str(value, ""));
	if (n < min)
		problem(c, place, "it is shorter than %lld characters", (long long)min);
	if (n > max)
		problem(c, place, "it is longer than %lld characters", (long long)max);
}

/* ---- arrays, objects ------------------------------------------------------------------------------------- */

static void check_array(struct check *c, struct schema *schema, struct json *value, const struct place *place)
{
	int64_t n = (int64_t)json_count(value), min = schema->min_items, max = schema->max_items;

	if (n < min)
		problem(c, place, "it has fewer than %lld items", (long long)min);
	if (n > max) {
		problem(c, place, "it has more than %lld items", (long long)max);
		return;
	}
	for (int64_t i = 0; i < n; i++) {
		struct place child = {place, NULL, i};

		if (schema->items)
			check_value(c, schema->items, (struct json *)json_at(value, (size_t)i), &child);
		for (int64_t k = 0; k < i && schema->is_set; k++)
			if (equal(json_at(value, (size_t)i), json_at(value, (size_t)k)))
				problem(c, &child, "it is the same as item %lld", (long long)k);
	}
}

static void set_converted(struct json *object, const struct member *member, const struct json *value, struct check *c,
                          const struct place *place)
{
	int64_t number;

	if (member->schema->format && json_type(value) == JSON_STRING &&
	    member->schema->format->check(c, json_str(value, ""), place, &number))
		json_set_int(object, member->name, number);
}

static void set_defaults(struct check *c, const struct schema *schema, struct json *value, const struct place *place)
{
	for (size_t i = 0; i < schema->n_defaults; i++) {
		struct member *member = schema->defaults[i];
		struct place child = {place, member->name, 0};
		struct json *copy;

		if (member->have)
			continue;
		json_set(value, member->name, copy = json_copy(member->schema->otherwise));
		set_converted(value, member, copy, c, &child);
	}
}

/* From the first one that it has on. */
static void check_members(struct check *c, struct member *first, struct json *value, const struct place *place)
{
	for (struct member *member = first; member; member = member->next) {
		struct json *have = member->have;
		struct place child = {place, member->name, 0};

		member->have = NULL;
		check_value(c, member->schema, have, &child);
		set_converted(value, member, have, c, &child);
	}
}

static void unknown_member(struct check *c, const struct schema *schema, const struct place *place)
{
	struct near near = {.word = place->key};
	char hint[NEAR_HINT];

	for (size_t i = 0; i < schema->n_members && c->problems < PROBLEMS_MAX; i++)
		near_offer(&near, schema->members[i].name);
	problem(c, place, "'%.100s' is not known%s", place->key, near_hint(&near, hint));
}

static void check_needs(struct check *c, const struct schema *schema, const struct json *value,
                        const struct place *place)
{
	for (size_t i = 0; i < schema->n_needs; i++) {
		const struct schema_need *need = &schema->needs[i];
		struct place child = {place, need->name, 0};

		if (need->member ? !need->member->have : !json_get(value, need->name))
			problem(c, &child, "'%s' is missing", need->name);
	}
}

static void check_others(struct check *c, const struct schema *schema, struct json *value, const struct place *place)
{
	const struct json *one;
	const char *key;
	size_t at = 0;

	while (json_each(value, &at, &key, &one)) {
		struct place child = {place, key, 0};

		if (schema_member(schema, key))
			continue;
		if (schema->more)
			check_value(c, schema->more, (struct json *)one, &child);
		else if (!schema->allows_more)
			unknown_member(c, schema, &child);
	}
}

static void check_object(struct check *c, struct schema *schema, struct json *value, const struct place *place)
{
	struct member *first = NULL, **end = &first;
	const struct json *one;
	const char *key;
	size_t at = 0, n_others = 0;

	while (json_each(value, &at, &key, &one)) {
		struct member *member = schema_member(schema, key);

		n_others += !member;
		if (!member || !one) /* null is as good as nothing */
			continue;
		member->have = (struct json *)one;
		*end = member;
		end = &member->next;
	}
	*end = NULL;
	check_needs(c, schema, value, place);
	if (n_others)
		check_others(c, schema, value, place);
	set_defaults(c, schema, value, place);
	check_members(c, first, value, place);
}

static void check_value(struct check *c, struct schema *schema, struct json *value, const struct place *place)
{
	if (++c->depth > SCHEMA_DEPTH_MAX)
		problem(c, place, "it is nested too deeply");
	else if (!type_fits(schema, value))
		problem(c, place, "it is %s, it must be %s", json_type_name(json_type(value)), schema->type);
	else {
		check_enum(c, schema, value, place);
		switch (json_type(value)) {
		case JSON_INT:
		case JSON_DOUBLE:
			check_number(c, schema, value, place);
			break;
		case JSON_STRING:
			check_length(c, schema, value, place);
			break;
		case JSON_ARRAY:
			check_array(c, schema, value, place);
			break;
		case JSON_OBJECT:
			check_object(c, schema, value, place);
			break;
		default:
			break;
		}
	}
	c->depth--;
}

static void tell_the_rest(struct check *c)
{
	struct json *entry = json_new_object();
	char text[64];

	snprintf(text, sizeof(text), "and %zu more problems", c->problems - PROBLEMS_MAX);
	json_set_str(entry, "pointer", c->prefix);
	json_set_str(entry, "detail", text);
	json_push(c->errors, entry);
}

int plugin_config_check(const struct json *schema, struct json *value, const char *pointer, struct json *errors)
{
	static struct schema any = {.fits = ~0u, .max_length = INT64_MAX, .max_items = INT64_MAX};
	struct check check = {errors, pointer, 0, 0};

	check_value(&check, json_type(schema) == JSON_OBJECT ? schema_of((struct json *)schema) : &any, value, NULL);
	if (check.problems > PROBLEMS_MAX)
		tell_the_rest(&check);
	return check.problems ? ERR_INVALID : 0;
}
