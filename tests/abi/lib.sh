# SPDX-License-Identifier: Apache-2.0
# What the ABI is, as text: structs, layouts, names with values, debug information. For tests/abi and tools/abi-freeze;
# source it with SRC (the tree) and SCRATCH (a folder) set.
ABI_CC=${ABI_CC:-gcc}

# structs INCLUDES TARGET: one member a line, as a plugin built for that minor sees them.
structs() {
	echo '#include <orasi/plugin.h>' |
		$ABI_CC -E -P -xc -std=gnu17 -I"$1" -DORASI_TARGET_MINOR="$2" - | awk -f "$SRC/tests/abi/structs.awk"
}

# layout INCLUDES TARGET: sizes, alignments and offsets, as a compiler has them.
layout() {
	structs "$1" "$2" | awk -f "$SRC/tests/abi/layout.awk" >"$SCRATCH/layout.c" &&
		$ABI_CC -std=gnu17 -I"$1" -DORASI_TARGET_MINOR="$2" "$SCRATCH/layout.c" -o "$SCRATCH/layout" && "$SCRATCH/layout"
}

# ids INCLUDES TARGET: every name with a value: extensions, factories, kinds, flags, status codes, operators, levels.
ids() {
	echo '#include <orasi/plugin.h>' |
		$ABI_CC -E -dM -xc -std=gnu17 -I"$1" -DORASI_TARGET_MINOR="$2" - |
		sed -nE 's/^#define (ORASI_[A-Z0-9_]+) (.+)$/\1 \2/p' |
		grep -vE '^ORASI_(ABI_MAJOR|ABI_MINOR|TARGET_MINOR|EXPORT|NO_ERROR) ' | LC_ALL=C sort
}

# probe INCLUDES TARGET FILE: a shared object whose debug information has every struct and whatever it leads to.
probe() {
	{
		echo '#include <orasi/plugin.h>'
		structs "$1" "$2" | awk -F'|' 'NF == 1 { n = substr($1, 8); print $1 " probe_" n ";" }'
	} >"$SCRATCH/probe.c"
	$ABI_CC -std=gnu17 -g -gdwarf-4 -shared -fPIC -I"$1" -DORASI_TARGET_MINOR="$2" "$SCRATCH/probe.c" -o "$3"
}

# words: what is not in the headers and holds for plugins all the same: keywords and formats of their schemas, kinds by
# name, types of the events that the host makes itself.
words() {
	{
		sed -n '/^static const char \*const keywords\[\]/,/NULL/p' "$SRC/core/plugin/schema.c" | grep -oE '"[^"]+"' | sed 's/^/keyword /'
		sed -n '/^	static const struct schema_format formats\[\]/,/};/p' "$SRC/core/plugin/check.c" | grep -oE '"[a-z-]+"' | sed 's/^/format /'
		sed -nE 's/.*ROW\(ORASI_KIND_[A-Z]+, [0-9]+, ("[a-z]+"),.*/kind \1/p' "$SRC/core/plugin/loaded.c"
		grep -A2 '^static const char \*const state_names\[' "$SRC/core/queue/queue.c" | sed '/};/q' | grep -oE '"[a-z]+"' | sed 's/"\(.*\)"/event "orasi.task.\1"/'
	} | LC_ALL=C sort -u
}
