#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Golden states: what a version wrote is kept beside the plugin, and every version that says it still reads it is held to
# that. Ours are held to theirs.
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/lib.sh"
for folder in "$SRC"/plugins/*/golden; do
	plugin=$(basename "$(dirname "$folder")")
	passes "$plugin reads the states of all its versions" "$(find "$BUILD/plugins/$plugin" -name "$plugin.so" | head -1)" \
		--golden "$folder" --only state
	check "  which is not skipped" grep -q '^#   [1-9][0-9]* golden states' "$SCRATCH/check.log"
done
needs_compiler
EXAMPLES=$SRC/examples/plugins

# plugin NAME SOURCE [SED]: NAME.so from a source, with a line changed.
plugin() {
	sed -E "${3:-}" "$2" >"$SCRATCH/changed.c"
	[ -n "${3:-}" ] && cmp -s "$SCRATCH/changed.c" "$2" && fail "the expression changes nothing: $3"
	compile "$SCRATCH/changed.c" "$SCRATCH/$1.so"
}
quietly() { "$@" >/dev/null 2>&1; }
records() { # NAME FILE [options…]
	local name=$1
	shift
	check "$name" quietly $CHECK "$@" --record-golden --seed 1
}

plugin lines "$EXAMPLES/lines/lines.c"
passes "a first version without goldens is told to record them" "$SCRATCH/lines.so" --only state
check "  and no more" grep -q 'SKIP there are no golden states: before a release record them with --record-golden' "$SCRATCH/check.log"
records "a state is recorded, beside the plugin" "$SCRATCH/lines.so"
same "  under the plugin's name and its state_version" lines.state-1.json "$(ls "$SCRATCH/golden")"
passes "and read" "$SCRATCH/lines.so" --only state
fails "it is not recorded over" "is there already: states that have changed need a higher state_version" "$SCRATCH/lines.so" --record-golden

plugin lines "$EXAMPLES/lines/lines.c" 's/!= sizeof\(lines->place\)\)/!= sizeof(lines->place) + 8)/'
fails "another layout under the old number" \
	"resumed behind row [0-9]+: it fails in 'open' \(-5\): .* \(golden 'lines.state-1.json': state version 1, written by version 1.0.0\)" \
	"$SCRATCH/lines.so" --only state
plugin lines "$EXAMPLES/lines/lines.c" 's/return skip\(lines, lines->place.offset, err\)/return skip(lines, lines->place.offset + !!lines->place.offset, err)/'
fails "a state that is misread" "resumed behind row [0-9]+: .*golden 'lines.state-1.json'" "$SCRATCH/lines.so" --only state
plugin lines "$EXAMPLES/lines/lines.c" 's/state_version = 1/state_version = 2/'
fails "a new version without a golden" "there is no golden state of version 2, which it writes, in '.*/golden': record it with --record-golden" \
	"$SCRATCH/lines.so" --only state
records "  it is recorded beside the old one" "$SCRATCH/lines.so"
passes "  and both are read" "$SCRATCH/lines.so" --only state
check "    as it says" grep -q '2 golden states, versions 1 to 2' "$SCRATCH/check.log"
rm "$SCRATCH/golden/lines.state-1.json"
fails "an old version without a golden" \
	"there is no golden state of version 1 in '.*/golden', and state_version_min says that it is read: .* or raise state_version_min" \
	"$SCRATCH/lines.so" --only state
plugin lines "$EXAMPLES/lines/lines.c" 's/state_version = 1/state_version = 2/; s/state_version_min = 1/state_version_min = 2/'
passes "  which is given up by state_version_min" "$SCRATCH/lines.so" --only state
echo '{"plugin":' >"$SCRATCH/golden/lines.state-2.json"
fails "a golden that is cut is named" "golden 'lines.state-2.json': " "$SCRATCH/lines.so" --only state
echo '{"plugin":"com.example.lines","state_version":2}' >"$SCRATCH/golden/lines.state-2.json"
fails "one that lacks what it should have" "the golden is damaged: it has no input, or no marks" "$SCRATCH/lines.so" --only state

echo "# the other kinds"
rm -r "$SCRATCH/golden"
plugin hash "$EXAMPLES/hash/hash.c"
records "segments of an index" "$SCRATCH/hash.so"
passes "  are read" "$SCRATCH/hash.so" --only state
plugin hash "$EXAMPLES/hash/hash.c" 's/0x3148534148ull/0x3248534148ull/'
fails "  of another layout are not" "'open' fails .*golden 'hash.state-1.json'" "$SCRATCH/hash.so" --only state
plugin hash "$EXAMPLES/hash/hash.c" 's/h \*= 0xff51afd7ed558ccdu/h *= 0xff51afd7ed558ccfu/'
fails "  nor those that are looked up in another way" "golden 'hash.state-1.json'" "$SCRATCH/hash.so" --only state

number=$SRC/tests/plugins/transform-number.c
plugin number "$number"
records "what a transform has saved" "$SCRATCH/number.so"
passes "  is bound again" "$SCRATCH/number.so" --only state
plugin number "$number" 's/if \(bind->state.len == sizeof\(n->next\)\)/if (bind->state.len == 99)/'
fails "  or it is told from which row on it differs" \
	"bound with the state behind row 50 it gives 250 rows instead of 250, or others .*golden 'number" "$SCRATCH/number.so" --only state

plugin primes "$EXAMPLES/primes/primes.c"
records "the checkpoint of a task" "$SCRATCH/primes.so" --option up_to=100000
passes "  is gone on from, with the options of then" "$SCRATCH/primes.so" --only state
plugin primes "$EXAMPLES/primes/primes.c" 's/if \(run->checkpoint.len != sizeof\(state\)\)/if (run->checkpoint.len != 8)/'
fails "  or refused" "resumed from a checkpoint of then, run fails \(-5\)" "$SCRATCH/primes.so" --only state
plugin logbook "$EXAMPLES/logbook/logbook.c"
records "a notifier has none" "$SCRATCH/logbook.so"
same "  and nothing is written" "" "$(ls "$SCRATCH/golden" | grep logbook)"
done_testing
