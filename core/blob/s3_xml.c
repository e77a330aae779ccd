/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/s3_xml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_utf8(struct buf *out, unsigned long c)
{
	if (c < 0x80) {
		buf_putc(out, (char)c);
	} else if (c < 0x800) {
		buf_putc(out, (char)(0xc0 | c >> 6));
		buf_putc(out, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_putc(out, (char)(0xe0 | c >> 12));
		buf_putc(out, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_putc(out, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x110000) {
		buf_putc(out, (char)(0xf0 | c >> 18));
		buf_putc(out, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_putc(out, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_putc(out, (char)(0x80 | (c & 0x3f)));
	}
}

/* One reference at p, which is a '&'; how many bytes it was. What is none stays as it is. */
static size_t put_reference(struct buf *out, const char *p, const char *end)
{
	static const struct {
		const char *name;
		char c;
	} named[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
	unsigned long c;
	char *behind;

	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
		if (!strncmp(p, named[i].name, strlen(named[i].name))) {
			buf_putc(out, named[i].c);
			return strlen(named[i].name);
		}
	if (p[1] == '#') {
		c = p[2] == 'x' ? strtoul(p + 3, &behind, 16) : strtoul(p + 2, &behind, 10);
		if (behind < end && *behind == ';' && c) {
			put_utf8(out, c);
			return (size_t)(behind + 1 - p);
		}
	}
	buf_putc(out, '&');
	return 1;
}

static void put_decoded(struct buf *out, const char *p, const char *end)
{
	while (p < end) {
		if (*p == '&')
			p += put_reference(out, p, end);
		else
			buf_putc(out, *p++);
	}
}

int xml_next(const char **at, const char *tag, struct buf *ret)
{
	char open[64], close[64];
	const char *begin, *end;

	snprintf(open, sizeof(open), "<%s>", tag);
	snprintf(close, sizeof(close), "</%s>", tag);
	begin = *at ? strstr(*at, open) : NULL;
	if (!begin)
		return -1;
	begin += strlen(open);
	end = strstr(begin, close);
	if (!end)
		return -1;
	put_decoded(ret, begin, end);
	*at = end + strlen(close);
	return ret->failed ? -1 : 0;
}

int xml_next_entry(const char **at, struct xml_entry *ret)
{
	const char *object = strstr(*at, "<Contents>"), *folder = strstr(*at, "<CommonPrefixes>");

	if (!object && !folder)
		return -1;
	ret->is_folder = folder && (!object || folder < object);
	*at = ret->is_folder ? folder : object;
	buf_clear(&ret->key);
	return xml_next(at, ret->is_folder ? "Prefix" : "Key", &ret->key);
}
