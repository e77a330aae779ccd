#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The headers of the ABI: they compile alone, in C and C++, with gcc and clang, without hidden padding; every function
# has its threading tag; nothing in a struct has a width of the compiler's choice; the table of layouts is true; ids and
# status codes are only added.
. "$(dirname "$0")/../e2e/lib.sh"
. "$SRC/tests/abi/lib.sh"
SDK=$SRC/sdk
headers=$(cd "$SDK" && ls orasi/*.h)
helpers=$(cd "$SDK" && ls orasi/sdk/*.h)
command -v gcc >/dev/null || skip_all "no compiler is here"

# compiles NAME HEADERS COMMAND…: an empty translation unit that includes each header alone.
compiles() {
	local name=$1 all=$2 header bad=
	shift 2
	for header in $all; do
		echo "#include <$header>" >"$SCRATCH/one.$EXT"
		echo "extern int nothing;" >>"$SCRATCH/one.$EXT"
		"$@" -I"$SDK" -fsyntax-only "$SCRATCH/one.$EXT" 2>"$SCRATCH/cc.log" ||
			bad+="$header: $(grep -m1 -E 'error|warning' "$SCRATCH/cc.log")"$'\n'
	done
	same "$name" "" "$bad"
}
warnings="-Wall -Wextra -Wpedantic -Werror"
for cc in gcc clang-14; do
	command -v $cc >/dev/null || { pass "$cc is not here # SKIP"; continue; }
	EXT=c compiles "each header of the ABI compiles as C11 with $cc, without padding" "$headers" $cc -std=c11 $warnings -Wpadded
	EXT=c compiles "so does each of the helper library" "$helpers" $cc -std=c11 $warnings
done
for cxx in g++ clang++-14; do
	command -v $cxx >/dev/null || { pass "$cxx is not here # SKIP"; continue; }
	EXT=cpp compiles "each header of the ABI compiles as C++17 with $cxx, without padding" "$headers" $cxx -std=c++17 \
		$warnings -Wpadded
	EXT=cpp compiles "so does each of the helper library" "$helpers" $cxx -std=c++17 $warnings
	echo '#include <orasi/orasi.hpp>' >"$SCRATCH/one.cpp"
	check "orasi.hpp compiles as C++17 with $cxx" $cxx -std=c++17 -Wall -Wextra -Wpedantic -Wshadow -Werror -I"$SDK" \
		-fsyntax-only "$SCRATCH/one.cpp"
done

# Bodies of structs, without comments.
bodies() {
	sed -E 's://.*::' "$@" | awk 'BEGIN { RS = "\0" } { gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, ""); print }' |
		awk '/^(typedef )?struct [a-z_]+ \{/ { on = 1 } on { print } /^\}/ { on = 0 }'
}
same "no struct has a member of a width that compilers choose" "" \
	"$(cd "$SDK" && bodies $headers | grep -wE 'enum|bool|_Bool|long|short|time_t|off_t|va_list|FILE|int' | head -3)"
same "struct_size comes first in every struct that may grow" "" "$(cd "$SDK" && bodies $headers | awk '
	/^(typedef )?struct/ { name = $0; first = 1; next }
	first { first = 0; if ($0 !~ /struct_size/ && name !~ /orasi_(str|bytes|kv|note) |Arrow/) print name, $0 }')"

# The tag stands in the comment above a function, or behind it.
same "every function has its threading tag" "" "$(cd "$SDK" && awk '
	/^(typedef )?struct [a-z_]+ \{/ { on = 1; above = said = "" }
	/^\}/ { on = 0 }
	!on { next }
	/^[ \t]*(\/\*|\*)/ { above = above $0; next }
	{ said = said $0 }
	/;/ {
		if (said ~ /\(\*[a-z0-9_]+\)\(/ && above said !~ /\[(any|inst|scan|cur)\]/) print FILENAME ": " said
		above = said = ""
	}' $headers | head -5)"

# All of it, as the newest target sees it.
newest=$(sed -n 's/^#define ORASI_ABI_MINOR //p' "$SDK/orasi/abi.h")
same "the table of layouts has every struct and member, and is true" "" \
	"$(diff <(grep -v '^#' "$SDK/rust/orasi/tests/abi-table.txt") <(layout "$SDK" "$newest") | head -5)"

# `ids.lock` has the names with values, and the words, that were there before.
{ ids "$SDK" "$newest"; words; } | LC_ALL=C sort >"$SCRATCH/ids"
lock=$SDK/ids.lock
same "what was there once is still there, with the same value" "" \
	"$(LC_ALL=C comm -23 <(grep -v '^#' "$lock" | LC_ALL=C sort) "$SCRATCH/ids")"
same "what is new is in ids.lock too" "" "$(LC_ALL=C comm -13 <(grep -v '^#' "$lock" | LC_ALL=C sort) "$SCRATCH/ids")"
same "the list is long enough to be one" "yes" "$([ "$(grep -c . "$lock")" -gt 120 ] && echo yes)"
same "the ABI's numbers are those of the Rust crate" \
	"$(sed -nE 's/^#define ORASI_ABI_M(AJOR|INOR) ([0-9]+)/\2/p' "$SDK/orasi/abi.h" | xargs)" \
	"$(sed -nE 's/^pub const ABI_M(AJOR|INOR): u16 = ([0-9]+);/\2/p' "$SDK/rust/orasi/src/sys.rs" | xargs)"
done_testing
