/* SPDX-License-Identifier: Apache-2.0 */
#include "looks.h"

#include <string.h>

#include "base/str.h"

static const struct {
	size_t at, n;
	const char *magic, *name;
} magics[] = {
	{0, 2, "\x1F\x8B", "gzip inside of the compression (unpack it once)"},
	{0, 4, "\x28\xB5\x2F\xFD", "zstd inside of the compression (unpack it once)"},
	{0, 3, "BZh", "bzip2 (unpack it and pipe it in)"},
	{0, 6,
         "\xFD"
         "7zXZ\0",
         "xz (unpack it and pipe it in)"},
	{0, 4, "\x04\x22\x4D\x18", "lz4 (unpack it and pipe it in)"},
	{0, 4, "PK\x03\x04", "a ZIP archive"},
	{257, 5, "ustar", "a tar archive"},
	{0, 4, "PAR1", "Parquet"},
	{0, 4, "PARE", "Parquet with an encrypted footer"},
	{0, 4, "Obj\x01", "Avro"},
	{0, 3, "ORC", "ORC"},
	{0, 6, "ARROW1", "an Arrow IPC file"},
	{0, 4, "\xFF\xFF\xFF\xFF", "an Arrow IPC stream"},
	{0, 15, "SQLite format 3", "an SQLite database"},
	{0, 5, "%PDF-", "PDF"},
	{0, 5, "<?xml", "XML"},
	{0, 2, "\xFF\xFE", "UTF-16 text (convert it with iconv -f UTF-16 -t UTF-8)"},
	{0, 2, "\xFE\xFF", "UTF-16 text (convert it with iconv -f UTF-16 -t UTF-8)"},
};

static size_t skip_mark(const uint8_t *p, size_t n)
{
	return n >= 3 && !memcmp(p, "\xEF\xBB\xBF", 3) ? 3 : 0;
}

int looks_blank(const uint8_t *p, size_t n)
{
	for (size_t i = skip_mark(p, n); i < n; i++)
		if (p[i] != ' ' && p[i] != '\t' && p[i] != '\r' && p[i] != '\n')
			return 0;
	return 1;
}

/* Every second byte of ASCII text in UTF-16 is zero. */
static int has_wide_text(const uint8_t *p, size_t n)
{
	size_t zeros[2] = {0, 0}, pairs = n / 2;

	for (size_t i = 0; i < pairs * 2; i++)
		zeros[i % 2] += !p[i];
	return pairs && ((!zeros[0] && zeros[1] * 10 > pairs * 9) || (!zeros[1] && zeros[0] * 10 > pairs * 9));
}

/* Delimiters of the line at *p outside of quotes; *p is moved behind the line. */
static size_t count_line(const uint8_t **p, const uint8_t *end, int delimiter)
{
	int quoted = 0;
	size_t n = 0;

	for (; *p < end && (quoted || **p != '\n'); ++*p) {
		quoted ^= **p == '"';
		n += !quoted && **p == delimiter;
	}
	*p += *p < end;
	return n;
}

/* As often in the first line as in the second, if there is one, and at least once. */
static int divides(const uint8_t *p, size_t n, int delimiter)
{
	const uint8_t *end = p + n;
	size_t first = count_line(&p, end, delimiter);

	return first && (p == end || count_line(&p, end, delimiter) == first);
}

static int is_text(const uint8_t *p, size_t n)
{
	size_t whole = n;

	while (whole && n - whole < 4 && !utf8_valid((const char *)p, whole)) /* the last character may be cut */
		whole--;
	return whole && utf8_valid((const char *)p, whole) && !memchr(p, 0, n);
}

const char *looks_like(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if (n >= magics[i].at + magics[i].n && !memcmp(p + magics[i].at, magics[i].magic, magics[i].n))
			return magics[i].name;
	if (has_wide_text(p, n))
		return "UTF-16 text (convert it with iconv -f UTF-16LE -t UTF-8)";
	if (!is_text(p, n))
		return "binary data";
	return divides(p, n, ',') || divides(p, n, ';') || divides(p, n, '\t') ? "delimited text (CSV)" : "plain text";
}
