/* SPDX-License-Identifier: Apache-2.0 */
/* A new project is one of the examples under another name: what builds and passes its check there does so here. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "author.h"
#include "author/embed.h"
#include "base/file.h"
#include "base/str.h"

#define EXAMPLES "examples/plugins/"

static const struct {
	const char *kind, *lang, *example;
} skeletons[] = {
	{"ingest", "c", "lines"},     {"ingest", "c++", "lines-cpp"},     {"ingest", "rust", "lines-rust"},
	{"index", "c", "hash"},       {"index", "c++", "hash-cpp"},       {"index", "rust", "hash-rust"},
	{"transform", "c", "upper"},  {"transform", "c++", "upper-cpp"},  {"transform", "rust", "upper-rust"},
	{"task", "c", "primes"},      {"task", "c++", "primes-cpp"},      {"task", "rust", "primes-rust"},
	{"notifier", "c", "logbook"}, {"notifier", "c++", "logbook-cpp"}, {"notifier", "rust", "logbook-rust"},
};

static const char *find_example(const char *kind, const char *lang)
{
	char known[400] = "";
	size_t n = 0;

	for (size_t i = 0; i < sizeof(skeletons) / sizeof(skeletons[0]); i++) {
		if (!strcmp(skeletons[i].kind, kind) && !strcmp(skeletons[i].lang, lang))
			return skeletons[i].example;
		n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s in %s", i ? ", " : "", skeletons[i].kind,
		                      skeletons[i].lang);
	}
	author_fail(AUTHOR_USAGE, "there is no example of kind '%s' in '%s': take one of %s", kind, lang, known);
	return NULL;
}

static int is_word(const char *p, size_t n)
{
	return n && strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789-") >= n && p[0] != '-' && p[n - 1] != '-';
}

/* "com.example.syslog": reverse domain, lower case. The last word becomes the short name. */
static int is_id(const char *id)
{
	const char *at = id;
	size_t n = strcspn(at, ".");

	while (at[n] && is_word(at, n)) {
		at += n + 1;
		n = strcspn(at, ".");
	}
	return at > id && is_word(at, n) && strlen(id) < 64;
}

/* ---- the text of a file under its new name ---------------------------------------------------------------------- */

struct naming {
	const char *example, *name, *id;
	char example_id[128], rust[PATH_MAX + 32];
};

static void name_it(struct naming *n, const char *example, const char *id, const char *self)
{
	const char *slash = strrchr(self, '/');
	int len = slash ? (int)(slash - self) : 0;

	n->example = example;
	n->id = id;
	n->name = strrchr(id, '.') + 1;
	snprintf(n->example_id, sizeof(n->example_id), "com.example.%s", example);
	/* The crate lies beside this program when it is installed, and in the sources when it is not. */
	snprintf(n->rust, sizeof(n->rust), "%.*s/../share/orasi/sdk/rust/orasi", len, self);
	if (access(n->rust, F_OK))
		str_copy(n->rust, sizeof(n->rust), ORASI_RUSTDIR);
}

/* Puts `fresh` in the place of every `old` that stands alone in its context. */
static void replace(struct buf *text, const char *old, const char *fresh)
{
	struct buf ret;
	const char *at = text->data, *hit;

	buf_init(&ret, 0);
	while ((hit = strstr(at, old))) {
		buf_add(&ret, at, (size_t)(hit - at));
		buf_puts(&ret, fresh);
		at = hit + strlen(old);
	}
	buf_puts(&ret, at);
	buf_done(text);
	*text = ret;
}

static void replace_word(struct buf *text, const struct naming *n, const char *before, const char *behind)
{
	char old[192], fresh[192];

	snprintf(old, sizeof(old), "%s%s%s", before, n->example, behind);
	snprintf(fresh, sizeof(fresh), "%s%s%s", before, n->name, behind);
	replace(text, old, fresh);
}

static void rename_all(struct buf *text, const struct naming *n)
{
	replace(text, n->example_id, n->id);
	replace_word(text, n, "\"", "\"");
	replace_word(text, n, "\"", "\\0\"");
	replace_word(text, n, ":", "\\0\"");
	replace_word(text, n, "NAME = ", "\n");
	replace_word(text, n, "\"plugin-", "\""); /* a package in Rust, whose name may not begin with a digit */
	replace(text, "@RUSTCRATE@", n->rust);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static int write_file(const char *dir, const char *path, const char *text, struct naming *n, struct err *err)
{
	char to[PATH_MAX], *slash;
	struct buf renamed;
	int r;

	buf_init(&renamed, 0);
	buf_puts(&renamed, path);
	replace_word(&renamed, n, "", ".");
	snprintf(to, sizeof(to), "%s/%s", dir, renamed.data);
	buf_clear(&renamed);
	buf_puts(&renamed, text);
	rename_all(&renamed, n);
	slash = strrchr(to, '/');
	*slash = '\0';
	r = dir_make(to, 0755, err);
	*slash = '/';
	if (!r)
		r = file_create(to, renamed.data, renamed.len, err);
	buf_done(&renamed);
	return r;
}

int author_new(const struct typed *typed)
{
	const char *id = typed->words[0], *example, *dir;
	struct naming naming;
	char folder[64];
	struct err err = {0};
	int r = 0;

	if (!is_id(id))
		return author_fail(AUTHOR_USAGE,
		                   "'%s' is no id: write a reverse domain name in lower case, like com.example.syslog",
		                   id);
	example = find_example(typed_get(typed, "kind", "ingest"), typed_get(typed, "lang", "c"));
	if (!example)
		return AUTHOR_USAGE;
	name_it(&naming, example, id, typed->self);
	dir = typed_get(typed, "dir", naming.name);
	if (!access(dir, F_OK))
		return author_fail(AUTHOR_FAILED, "'%s' is there already: give another folder with --dir", dir);
	snprintf(folder, sizeof(folder), EXAMPLES "%s/", example);
	for (const struct embedded_file *f = embedded_files; f->path && !r; f++)
		if (str_starts(f->path, folder))
			r = write_file(dir, f->path + strlen(folder), f->text, &naming, &err);
	if (r)
		return author_fail(AUTHOR_FAILED, "%s", err.text);
	printf("%s: plugin %s. Now: make -C %s check\n", dir, id, dir);
	printf("It finds the SDK as orasi-plugin.pc: 'make install' of Orasi puts it there; for a prefix of your own "
	       "set PKG_CONFIG_PATH=PREFIX/lib/pkgconfig.\n");
	return AUTHOR_OK;
}
