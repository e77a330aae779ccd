#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What was frozen stays: for each minor in sdk/abi the headers of today, asked for that minor, are the same structs, laid
# out the same, with the same names and values; and each way to break that is found.
. "$(dirname "$0")/../e2e/lib.sh"
. "$SRC/tests/abi/lib.sh"
command -v gcc >/dev/null || skip_all "no compiler is here"
NOW=$SRC/sdk
minor_of() { sed -n 's/^#define ORASI_ABI_MINOR //p' "$1/orasi/abi.h"; }
major_of() { sed -n 's/^#define ORASI_ABI_MAJOR //p' "$1/orasi/abi.h"; }
has_abidiff() { command -v abidiff >/dev/null && command -v abidw >/dev/null; }

# differs INCLUDES TARGET FROZEN: how many changes, or nothing: in the text of structs, in layouts, in names.
differs() {
	{
		diff "$3/structs.txt" <(structs "$1" "$2")
		diff "$3/layout.txt" <(layout "$1" "$2" 2>&1)
		LC_ALL=C comm -23 "$3/ids.txt" <(ids "$1" "$2")
	} | head -5
}
# abidiff_of INCLUDES TARGET FROZEN: its exit status: 0 the same, 4 changed, 12 changed incompatibly.
abidiff_of() {
	probe "$1" "$2" "$SCRATCH/now.so" && probe "$3" "$2" "$SCRATCH/then.so" || return 99
	abidiff "$SCRATCH/then.so" "$SCRATCH/now.so" >"$SCRATCH/abidiff.log" 2>&1
}

for frozen in "$NOW"/abi/*/; do
	frozen=${frozen%/}
	version=$(basename "$frozen")
	minor=$(minor_of "$frozen")
	same "$version says that it is $version" "$version" "$(major_of "$frozen").$minor"
	check "$version is as it was frozen, byte for byte" \
		bash -c 'cd "$1" && sha256sum --quiet -c SHA256SUMS && [ "$(find . -type f ! -name SHA256SUMS | wc -l)" = "$(wc -l <SHA256SUMS)" ]' - "$frozen"
	same "$version: its tables are those of its headers" "" "$(differs "$frozen" "$minor" "$frozen")"
	same "$version: the headers of today have the same major" "$(major_of "$frozen")" "$(major_of "$NOW")"
	same "$version: the headers of today, asked for it, have the same structs, layouts, names and values" "" \
		"$(differs "$NOW" "$minor" "$frozen")"
	same "$version: asked for nothing older, they only have more, and at the end" "" "$(awk -F'|' '
		FNR == NR { if (NF > 1) now[$1, ++n[$1]] = $0; next }
		NF > 1 && now[$1, ++m[$1]] != $0 { print "was: " $0 "; is: " now[$1, m[$1]] }' \
		<(structs "$NOW" "$(minor_of "$NOW")") "$frozen/structs.txt" | head -5)"
	same "$version: nothing that had a name has lost it" "" \
		"$(LC_ALL=C comm -23 "$frozen/ids.txt" <(ids "$NOW" "$(minor_of "$NOW")"))"
	if has_abidiff; then
		abidiff_of "$NOW" "$minor" "$frozen"
		same "$version: abidiff sees no difference (0)" 0 $?
		abidiff --no-architecture "$frozen/abi.xml" "$SCRATCH/now.so" >"$SCRATCH/abidiff.log" 2>&1
		same "$version: nor between today and the baseline that abidw wrote then (0)" 0 $?
	else
		pass "$version: abidiff # SKIP abigail-tools is not here"
	fi
done

# ---- and so it was when each of them was frozen ------------------------------------------------------------------------

for newer in "$NOW"/abi/*/; do
	newer=${newer%/}
	for older in "$NOW"/abi/*/; do
		older=${older%/}
		[ "$(minor_of "$older")" -lt "$(minor_of "$newer")" ] || continue
		same "the headers of $(basename "$newer"), asked for $(basename "$older"), are those of $(basename "$older")" "" \
			"$(differs "$newer" "$(minor_of "$older")" "$older")"
	done
done

# ---- the tests would see it: a copy of the headers, broken in one place ------------------------------------------------

newest=$(ls -d "$NOW"/abi/*/ | sort -V | tail -1)
newest=${newest%/}
minor=$(minor_of "$newest")
# broken NAME FILE SED [TARGET]: with this change both ways to look find something.
broken() {
	local said
	rm -rf "$SCRATCH/copy" && mkdir -p "$SCRATCH/copy" && cp -r "$newest/orasi" "$SCRATCH/copy/"
	sed -i -E "$3" "$SCRATCH/copy/orasi/$2"
	cmp -s "$SCRATCH/copy/orasi/$2" "$newest/orasi/$2" && { fail "$1" "the expression changes nothing: $3"; return; }
	said=$(differs "$SCRATCH/copy" "$minor" "$newest")
	[ -n "$said" ] && pass "$1 is found in the text" || fail "$1 is found in the text"
	[ "${4:-}" = text ] && return
	if has_abidiff; then
		abidiff_of "$SCRATCH/copy" "$minor" "$newest"
		case $? in 0 | 99) fail "$1 is found by abidiff" "$(head -5 "$SCRATCH/abidiff.log")" ;; *) pass "$1 is found by abidiff" ;; esac
	fi
}
broken "two members of one type that change places" index.h \
	's/^\tuint64_t rows; .*rows fed.*/\tuint64_t entries;/; t; s/^\tuint64_t entries; .*keys or postings.*/\tuint64_t rows;/'
broken "a member that is wider" index.h 's/^\tuint32_t max_columns;/\tuint64_t max_columns;/'
broken "a member of another sign" task.h 's/^\tuint32_t attempt;/\tint32_t attempt;/'
broken "a member at the end that is not hidden from older targets" notifier.h 's/^\} orasi_event;/\tuint64_t more;\n&/'
broken "another parameter" ingest.h 's/\(\*close\)\(void \*self, orasi_error \*err\)/(*close)(void *self, uint32_t how, orasi_error *err)/'
broken "a function that is taken away" transform.h '/\(\*save\)/d'
broken "a status code with another value" abi.h 's/ORASI_E_LIMIT \(-8\)/ORASI_E_LIMIT (-9)/' text
broken "an extension with another id" host.h 's/(ORASI_HOST_CLOCK "orasi\.host\.)clock/\1time/' text
broken "a flag that is taken away" abi.h '/define ORASI_FLAG_ROWS/d' text

# ---- and lets through what a later minor may do ------------------------------------------------------------------------

rm -rf "$SCRATCH/next" && mkdir "$SCRATCH/next" && cp -r "$newest/orasi" "$SCRATCH/next/"
sed -i "s/^#define ORASI_ABI_MINOR .*/#define ORASI_ABI_MINOR $((minor + 1))/" "$SCRATCH/next/orasi/abi.h"
sed -i -E "s/^\} orasi_event;/#if ORASI_SINCE($((minor + 1)))\n\tuint64_t more;\n#endif\n&/" "$SCRATCH/next/orasi/notifier.h"
sed -i -E 's/^#define ORASI_HOST_LOG .*/&\n#define ORASI_HOST_LATER "orasi.host.later\/1"/' "$SCRATCH/next/orasi/host.h"
same "a later minor with a member and an extension more is the same for who asks for the older" "" \
	"$(differs "$SCRATCH/next" "$minor" "$newest")"
if has_abidiff; then
	abidiff_of "$SCRATCH/next" "$minor" "$newest"
	same "abidiff says so too (0)" 0 $?
fi
check "and another one for who asks for the later" test -n "$(differs "$SCRATCH/next" $((minor + 1)) "$newest")"
echo '#include <orasi/plugin.h>' >"$SCRATCH/one.c"
check "a target that is newer than the headers does not compile, with a sentence" bash -c \
	'! gcc -fsyntax-only -I"$1" -DORASI_TARGET_MINOR=99 "$2" 2>&1 | tee "$2.log" | grep -q "is newer than this SDK" && exit 1; exit 0' - "$NOW" "$SCRATCH/one.c"
done_testing
