/* SPDX-License-Identifier: Apache-2.0 */
/* The ELF note of a plugin, read as bytes of a stranger: every offset is checked against the file. */
#include <elf.h>
#include <string.h>

#include <orasi/abi.h>

#include "base/buf.h"
#include "base/file.h"
#include "plugin/inside.h"

#define FILE_MAX (1u << 30)

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#else
#define MACHINE EM_NONE
#endif

static int take_note(const uint8_t *p, uint64_t n, struct plugin_note *ret)
{
	orasi_note note;

	while (n >= 12) {
		uint32_t namesz, descsz;
		uint64_t step;

		memcpy(&namesz, p, 4);
		memcpy(&descsz, p + 4, 4);
		step = 12 + (((uint64_t)namesz + 3) & ~3ull) + (((uint64_t)descsz + 3) & ~3ull);
		if (step > n)
			return 0;
		if (namesz == 6 && descsz == sizeof(note) - 20 && step >= sizeof(note)) {
			memcpy(&note, p, sizeof(note));
			if (note.type == ORASI_NOTE_TYPE && !memcmp(note.owner, ORASI_NOTE_OWNER, 6)) {
				ret->abi_major = note.abi_major;
				ret->target_minor = note.abi_target_minor;
				ret->sdk_minor = note.sdk_minor;
				memcpy(ret->bundle_id, note.bundle_id, sizeof(ret->bundle_id));
				memcpy(ret->bundle_version, note.bundle_version, sizeof(ret->bundle_version));
				ret->bundle_id[sizeof(ret->bundle_id) - 1] = '\0';
				ret->bundle_version[sizeof(ret->bundle_version) - 1] = '\0';
				return 1;
			}
		}
		p += step;
		n -= step;
	}
	return 0;
}

int plugin_note_parse(const uint8_t *p, size_t n, struct plugin_note *ret, struct err *err)
{
	Elf64_Ehdr head;
	const char *cut = NULL;
	int found = 0;

	if (n < sizeof(head) || memcmp(p, ELFMAG, SELFMAG))
		return err_set(err, ERR_CORRUPT, "it is no ELF file");
	memcpy(&head, p, sizeof(head));
	if (head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_ident[EI_DATA] != ELFDATA2LSB || head.e_machine != MACHINE ||
	    head.e_type != ET_DYN)
		return err_set(err, ERR_CORRUPT, "it is no shared object for this machine");
	for (unsigned i = 0; i < head.e_phnum; i++) {
		uint64_t at, end;
		Elf64_Phdr program;

		if (__builtin_add_overflow(head.e_phoff, (uint64_t)i * sizeof(program), &at) ||
		    __builtin_add_overflow(at, sizeof(program), &end) || end > n)
			return err_set(err, ERR_CORRUPT, "its program headers are cut");
		memcpy(&program, p + at, sizeof(program));
		if (program.p_type != PT_NOTE && program.p_type != PT_LOAD)
			continue;
		if (__builtin_add_overflow(program.p_offset, program.p_filesz, &end) || end > n)
			cut = program.p_type == PT_NOTE ? "a note" : "a segment";
		else if (program.p_type == PT_NOTE && !found)
			found = take_note(p + program.p_offset, program.p_filesz, ret);
	}
	if (cut)
		return err_set(err, ERR_CORRUPT, "it is cut: %s lies outside of the file; copy it again", cut);
	return found ? 0 : err_set(err, ERR_NOTFOUND, "it has no note of an Orasi plugin");
}

/* Read, not mapped: a file that is cut while we look at it must not end the agent with SIGBUS. */
int plugin_note_read(const char *path, struct plugin_note *ret, struct err *err)
{
	struct buf bytes;
	int r;

	buf_init(&bytes, 0);
	r = file_read_plain(path, FILE_MAX, &bytes, err);
	if (!r) {
		r = plugin_note_parse((const uint8_t *)bytes.data, bytes.len, ret, err);
		if (r)
			err_prefix(err, "'%s'", path);
	}
	buf_done(&bytes);
	return r;
}
