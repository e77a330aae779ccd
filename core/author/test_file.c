/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the file as bytes: nothing of it is run. */
#include <elf.h>
#include <string.h>

#include "base/file.h"
#include "exam.h"

#define FILE_MAX (1u << 30)

/* The file, with every offset checked against its length. */
struct elf {
	struct buf bytes;
	Elf64_Ehdr head;
};

static int elf_at(const struct elf *elf, uint64_t off, void *ret, size_t n)
{
	if (off > elf->bytes.len || n > elf->bytes.len - off)
		return -1;
	memcpy(ret, elf->bytes.data + off, n);
	return 0;
}

static int elf_open(struct exam *exam, struct elf *elf)
{
	struct err err = {0};

	buf_init(&elf->bytes, 0);
	if (file_read(exam->file, FILE_MAX, &elf->bytes, &err))
		return exam_fail(exam, "%s", err.text);
	if (elf_at(elf, 0, &elf->head, sizeof(elf->head)) || memcmp(elf->head.e_ident, ELFMAG, SELFMAG))
		return exam_fail(exam, "it is no ELF file");
	return 0;
}

static const char *elf_string(const struct elf *elf, uint64_t table, uint64_t at)
{
	uint64_t off = table + at;

	if (off >= elf->bytes.len || !memchr(elf->bytes.data + off, 0, elf->bytes.len - off))
		return "?";
	return elf->bytes.data + off;
}

static int with_elf(struct exam *exam, int (*fn)(struct exam *exam, const struct elf *elf))
{
	struct elf elf;
	int r = elf_open(exam, &elf);

	if (!r)
		r = fn(exam, &elf);
	buf_done(&elf.bytes);
	return r;
}

/* ---- tests -------------------------------------------------------------------------------------------------------- */

static int has_note(struct exam *exam)
{
	struct plugin_note note;
	struct err err = {0};
	int r = plugin_note_read(exam->file, &note, &err);

	if (!r)
		r = plugin_version_check(&note, &err);
	return r ? exam_fail(exam, "%s", err.text) : 0;
}

static int section(const struct elf *elf, unsigned i, Elf64_Shdr *ret)
{
	return i >= elf->head.e_shnum ? -1
	                              : elf_at(elf, elf->head.e_shoff + (uint64_t)i * sizeof(*ret), ret, sizeof(*ret));
}

static int is_offered(const Elf64_Sym *symbol)
{
	int bind = ELF64_ST_BIND(symbol->st_info), visibility = ELF64_ST_VISIBILITY(symbol->st_other);

	return symbol->st_shndx != SHN_UNDEF && (bind == STB_GLOBAL || bind == STB_WEAK || bind == STB_GNU_UNIQUE) &&
	       visibility != STV_HIDDEN && visibility != STV_INTERNAL;
}

static int check_symbols(struct exam *exam, const struct elf *elf)
{
	Elf64_Shdr symbols, strings;
	unsigned entries = 0;
	Elf64_Sym symbol;

	for (unsigned i = 0; !section(elf, i, &symbols); i++) {
		if (symbols.sh_type != SHT_DYNSYM || section(elf, symbols.sh_link, &strings))
			continue;
		for (uint64_t k = 0; k < symbols.sh_size / sizeof(symbol); k++) {
			const char *name;

			if (elf_at(elf, symbols.sh_offset + k * sizeof(symbol), &symbol, sizeof(symbol)) ||
			    !is_offered(&symbol))
				continue;
			name = elf_string(elf, strings.sh_offset, symbol.st_name);
			if (strncmp(name, "orasi_plugin_entry_v", 20))
				return exam_fail(
					exam,
					"it exports '%.100s' beside " ORASI_ENTRY_SYMBOL
					": build with -fvisibility=hidden and link with -Wl,--exclude-libs,ALL",
					name);
			entries += !strcmp(name, ORASI_ENTRY_SYMBOL);
		}
	}
	return entries == 1 ? 0
	                    : exam_fail(exam, "it does not export " ORASI_ENTRY_SYMBOL ": put ORASI_EXPORT before it");
}

static int exports_one_symbol(struct exam *exam)
{
	return with_elf(exam, check_symbols);
}

static int check_segments(struct exam *exam, const struct elf *elf)
{
	Elf64_Phdr p;

	for (unsigned i = 0; i < elf->head.e_phnum; i++) {
		if (elf_at(elf, elf->head.e_phoff + (uint64_t)i * sizeof(p), &p, sizeof(p)))
			return exam_fail(exam, "its program headers are cut");
		if (p.p_type == PT_GNU_STACK && p.p_flags & PF_X)
			return exam_fail(exam, "it asks for an executable stack: link with -Wl,-z,noexecstack");
		if (p.p_type == PT_LOAD && p.p_flags & PF_W && p.p_flags & PF_X)
			return exam_fail(exam, "a segment is writable and executable");
	}
	return 0;
}

static int check_dynamic(struct exam *exam, const struct elf *elf)
{
	Elf64_Shdr dynamic, strings;
	Elf64_Dyn d;

	for (unsigned i = 0; !section(elf, i, &dynamic); i++) {
		if (dynamic.sh_type != SHT_DYNAMIC || section(elf, dynamic.sh_link, &strings))
			continue;
		for (uint64_t k = 0;
		     !elf_at(elf, dynamic.sh_offset + k * sizeof(d), &d, sizeof(d)) && d.d_tag != DT_NULL; k++) {
			if (d.d_tag == DT_TEXTREL)
				return exam_fail(exam, "its code is relocated (TEXTREL): compile with -fPIC");
			if ((d.d_tag == DT_RUNPATH || d.d_tag == DT_RPATH) &&
			    elf_string(elf, strings.sh_offset, d.d_un.d_val)[0] != '/' &&
			    elf_string(elf, strings.sh_offset, d.d_un.d_val)[0] != '$')
				return exam_fail(exam, "its RUNPATH '%.100s' depends on the working directory",
				                 elf_string(elf, strings.sh_offset, d.d_un.d_val));
		}
	}
	return check_segments(exam, elf);
}

static int is_hardened(struct exam *exam)
{
	return with_elf(exam, check_dynamic);
}

/* What a plugin must not call; that it never does is another test. A runtime may refer to some and not use them. */
static int is_foreign(const char *name)
{
	static const char *const names[] = {"fork",   "vfork",  "execve", "execvp", "execv",     "system", "popen",
	                                    "signal", "exit",   "_exit",  "abort",  "setlocale", "umask",  "chdir",
	                                    "setenv", "putenv", "atexit", "dlopen", "ptrace"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name))
			return 1;
	return 0;
}

static int tell_references(struct exam *exam, const struct elf *elf)
{
	Elf64_Shdr symbols, strings;
	char all[200] = "";
	Elf64_Sym symbol;
	size_t n = 0;

	for (unsigned i = 0; !section(elf, i, &symbols); i++) {
		if (symbols.sh_type != SHT_DYNSYM || section(elf, symbols.sh_link, &strings))
			continue;
		for (uint64_t k = 0; k < symbols.sh_size / sizeof(symbol); k++) {
			const char *name;

			if (elf_at(elf, symbols.sh_offset + k * sizeof(symbol), &symbol, sizeof(symbol)))
				break;
			name = elf_string(elf, strings.sh_offset, symbol.st_name);
			if (symbol.st_shndx == SHN_UNDEF && is_foreign(name) && n + strlen(name) + 3 < sizeof(all))
				n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s", n ? ", " : "", name);
		}
	}
	if (n)
		exam_note(exam, "it refers to %s: a plugin must not call them (scan.forbidden tells whether it does)",
		          all);
	return 0;
}

static int refers_to_what_it_may(struct exam *exam)
{
	return with_elf(exam, tell_references);
}

const struct test tests_file[] = {
	{"file.note", "its note is there and its ABI is this one", 0, TEST_BARE, has_note},
	{"file.exports", "the entry is the one symbol that it exports", 0, TEST_BARE, exports_one_symbol},
	{"file.segments", "no executable stack, no relocated code, no RUNPATH that moves", 0, TEST_BARE, is_hardened},
	{"file.references", "what it refers to of the C library is listed when a plugin must not call it", 0, TEST_BARE,
         refers_to_what_it_may},
	{0},
};
