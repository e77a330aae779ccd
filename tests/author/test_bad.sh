#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Bad plugins fail the suite, each with the sentence that tells its author what is wrong. Most are good examples with
# one line changed.
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/lib.sh"
needs_compiler

echo "# files that cannot be plugins"
# number of tests/plugins/hostile-file.c | name | sentence | flags
while IFS='|' read -r n name sentence flags; do
	compile "$SRC/tests/plugins/hostile-file.c" "$SCRATCH/bad.so" -DHOSTILE_FILE="$n" $flags
	fails "$name" "$sentence" "$SCRATCH/bad.so" --seconds 3
done <<'TABLE'
1|a crash when it is loaded|died of signal 11 .* in 'load'|
2|a crash in init|died of signal 11 .* in 'init'|
3|an init that never ends|does not come back from 'init'|
4|a note that lies|note and entry do not agree|
5|another ABI|built for plugin ABI 1.999, this agent .* offers 1.[0-9]+: upgrade the agent, or build the plugin with -DORASI_TARGET_MINOR|
6|a symbol that is nowhere|undefined symbol: nobody_has_this|-Wl,-z,undefs
7|a schema outside of the subset|the schema keyword 'anyOf' is not supported|
8|more plugins promised than there are|describe returned NULL for a plugin that count promised|
9|an exit in init|it ended the process in 'init'|
10|a print in init|writes to standard output or error|
TABLE
echo 'int x;' >"$SCRATCH/none.c"
compile "$SCRATCH/none.c" "$SCRATCH/bad.so"
fails "no note" "it has no note of an Orasi plugin" "$SCRATCH/bad.so"

echo "# a decoder that misbehaves as it is told"
hostile=$(find "$BUILD/tests/plugins" -name hostile-ingest.so | head -1)
echo data >"$SCRATCH/sample"
while IFS='|' read -r what sentence; do
	fails "$what" "$sentence" "$hostile" --sample "$SCRATCH/sample" --option "do=$what" --only ingest.samples --seconds 3
done <<'TABLE'
crash_create|died of signal 11 .* in 'create'
crash_open|died of signal 11 .* in 'open'
crash_next|died of signal 11 .* in 'next'
crash_destroy|died of signal 11 .* in 'destroy'
loop_next|does not come back from 'next'
no_schema|'open' returned ORASI_OK without a schema
bad_format|gave column 'n' the unknown format
fail_without_words|gave no reason
no_batch|'next' returned ORASI_OK without a batch
negative_rows|'next' gave a batch
few_children|not of its schema
wild_children|not of its schema
children_differ|not of its schema
no_buffers|not of its schema
huge_state|rows_total of the mark is 0 behind
text|not of its schema
TABLE
fails "an id that it does not know" "which it never described" "$hostile" --only scan.id

echo "# good examples with one line changed"
# example | test of the suite | name | sed expression | sentence
while IFS='|' read -r example only name change sentence; do
	sed -E "$change" "$SRC/examples/plugins/$example/$example.c" >"$SCRATCH/changed.c"
	if cmp -s "$SCRATCH/changed.c" "$SRC/examples/plugins/$example/$example.c"; then
		fail "$name" "the expression changes nothing: $change"
		continue
	fi
	compile "$SCRATCH/changed.c" "$SCRATCH/bad.so"
	fails "$name" "$sentence" "$SCRATCH/bad.so" --only "$only" --seconds 10
done <<'TABLE'
lines|file.exports|a second symbol|s/^static uint32_t count/ORASI_EXPORT int other = 1;\n&/|exports 'other' beside
lines|scan.entry|a licence that is none|s/license = "Apache-2.0"/license = "mine, all mine"/|write it as SPDX does
lines|scan.entry|no vendor|s/vendor = "Example"/vendor = ""/|does not say who its vendor is
lines|scan.entry|another version in the entry|s/bundle_version = PLUGIN_VERSION/bundle_version = "9.9.9"/|note and entry do not agree: version
lines|scan.describe|an id that is none|s/\.id = PLUGIN_ID/.id = "Lines"/|is no reverse domain name
lines|scan.describe|a version that is none|s/\.version = PLUGIN_VERSION/.version = "one"/|is no semantic version
lines|scan.traces|a changed umask|s/^\t\(void\)host, \(void\)err;/\textern unsigned umask(unsigned);\n\tumask(1);/|the umask
lines|scan.forbidden|setlocale|s/^#include <stdlib.h>/&\n#include <locale.h>/; s/^\tstruct lines \*lines;$/&\n\tsetlocale(LC_ALL, "C");/|it calls 'setlocale'
lines|scan.id|any id will do|s/if \(strcmp\(id, PLUGIN_ID\)\)/if (0)/|which it never described
lines|version.minimal|an extension that is not in requires_ext|s/requires_ext\[\] = \{ORASI_HOST_REJECT, NULL\}/requires_ext[] = {NULL}/|died of signal 11 .* in 'next'
lines|config.values|an example that its schema refuses|s/64KiB/64 elephants/|the schema refuses its own the example of option 'max_line'
lines|error.memory|memory that is not there|s/^\tif \(!lines\)$/\tif (0)/|died of signal 11 .* in 'create' \(when allocation 1 fails\)
lines|own.leak|a leak|s/^\tfree\(lines->window\);//|it leaks: [0-9]+ blocks
lines|ingest.samples|output instead of rows|s/^\tmark->rows_total = .*/\tmark->rows_total = 1;/|rows_total of the mark is 1 behind
lines|ingest.batches|more rows than allowed|s/arrow_builder_length\(lines->rows\) < lines->max_rows/arrow_builder_length(lines->rows) < 99/|at most 1 were allowed
lines|ingest.reads|a short read taken for the end|s/lines->at_end = !got;/lines->at_end = got < CHUNK;/|with short reads
lines|ingest.kill|a state one byte too far|s/return skip\(lines, lines->place.offset, err\)/return skip(lines, lines->place.offset + !!lines->place.offset, err)/|killed behind every batch and resumed
lines|ingest.kill|a pointer in the state|s/mark->state = .*/mark->state = (orasi_bytes){(const uint8_t *)\&self, sizeof(self)};/; s/!= sizeof\(lines->place\)/!= sizeof(self)/; s/memcpy\(&lines->place, open->checkpoint.ptr.*/lines->place = (**(struct lines *const *)open->checkpoint.ptr).place;/|in 'open'
lines|ingest.struct-size|a write behind the end of a struct|s/mark->flags = ORASI_MARK_RESUMABLE;/& mark->first_row = 0;/|wrote behind the end of the mark
lines|ingest.io|an error of the host made into another|s/(&got, err)\);/\1) ? ORASI_E_CORRUPT : ORASI_OK;/|return it as it came
lines|ingest.cancel|a deaf reader|s/if \(\*lines->job->cancel_flag\)/if (0)/|it was cancelled, and goes on
lines|ingest.release|a batch that is never released|s/^\tmark->flags/\tret->release = (void (*)(struct ArrowArray *))free;\n&/|died of signal 6 .* in 'release'
upper|own.input|text that is changed where it lies|s/^\tstruct upper \*upper = self;\n//; s/^\tint64_t n = in->n_children, length = in->length;/\t((char *)(uintptr_t)in->children[1]->buffers[2])[0] = 'X';\n&/|died of signal 11 .* in 'process': what it is handed cannot be written
upper|transform.odd|a crash over nulls|s/arrow_view_is_null\(&view, i\) \? NULL :/0 ? NULL :/; s/append_upper\(builder, text, n\) : arrow_append_null/*text == 'R' ? append_upper(builder, text, n) : arrow_append_null/|signal 11
hash|own.input|keys that are changed where they lie|s/^\tstruct arrow_view root, view;$/&\n\n\tmemset((void *)(uintptr_t)keys->children[0]->buffers[1], 0, 8);/|died of signal 11 .* in 'build_add': what it is handed cannot be written
hash|index.scan|only the first of IN|s/i < values.length \&\& !status/i < 1 \&\& !status/|IN: row [0-9]+ is missing; a scan finds it
hash|index.scan|deleted rows|s/if \(deleted \&\& deleted->contains\(deleted, row\)\)/if (0)/|is deleted and comes all the same
hash|index.scan|too many rows without LOSSY|s/ret->flags = ORASI_INDEX_LOSSY;//; s/return h \^ h >> 33;/return h % 4;/|does not fit; a scan would not find it
hash|index.scan|rows out of order|s/^\t\tqsort\(cursor->rows.*/\t\t;/|row ids do not ascend|comes twice
hash|index.scan|more hits than there is room for|s/left < hits->cap \? \(uint32_t\)left : hits->cap/(uint32_t)left/|there was room for
hash|index.resume|a token that is promised and not there|s/ret->flags = ORASI_INDEX_LOSSY;/ret->flags = ORASI_INDEX_LOSSY + ORASI_INDEX_RESUMABLE;/|the token of its hits has 0 bytes
hash|index.resume|a token that is not listened to|s/ret->flags = ORASI_INDEX_LOSSY;/ret->flags = ORASI_INDEX_LOSSY + ORASI_INDEX_RESUMABLE;/; s/^\tcursor->at \+= hits->n;/\thits->resume = (orasi_bytes){(const uint8_t *)"x", 1};\n&/|stopped and resumed behind every batch
hash|index.damage|a verify that sees nothing|s/^\tif \(level \&\& checksum.*/\tif (0)/; s/level > 1 \&\& i < /0 \&\& i < /|verify at level 2 does not see it
hash|index.abort|an abort that leaks|s/^\tfree\(build->pairs\);//|build_abort leaks
hash|index.estimate|an estimate beyond the rows|s/^\t\*ret = cursor.n;/\t*ret = cursor.n + 100000;/|estimate of = expects
hash|index.estimate|an estimate of nothing|s/^\t\*ret = cursor.n;/\t*ret = 0;/|estimate of IN expects 0 rows, a scan finds [0-9]+
hash|index.estimate|an estimate of everything|s/^\t\*ret = cursor.n;/\t*ret = 1800;/|expects 1800 rows, a scan finds [0-9]+: within a factor of 10
hash|index.bytes|bytes that depend on what was built before|s/header.crc = checksum/static unsigned built;\n\n\theader.magic += ++built;\n\theader.crc = checksum/|builds other bytes
hash|index.io|a failing store that goes unheard|s/return status \? status : build->store->close/return build->store->close/|'build_finish' makes -1 of it
TABLE

echo "# formats that are fed, of ABI 1.1"
compile "$SRC/examples/plugins/lines/lines.c" "$SCRATCH/fed.so" -DORASI_TARGET_MINOR=1
passes "lines, built for 1.1, can be fed" "$SCRATCH/fed.so" --only ingest.feed
check "which is not skipped" test "$(grep -c SKIP "$SCRATCH/check.log")" = 0
while IFS='|' read -r only name change sentence; do
	sed -E "$change" "$SRC/examples/plugins/lines/lines.c" >"$SCRATCH/changed.c"
	cmp -s "$SCRATCH/changed.c" "$SRC/examples/plugins/lines/lines.c" && fail "$name" "the expression changes nothing: $change"
	compile "$SCRATCH/changed.c" "$SCRATCH/bad.so" -DORASI_TARGET_MINOR=1
	fails "$name" "$sentence" "$SCRATCH/bad.so" --only "$only" --seconds 10
done <<'TABLE'
ingest.feed|bytes that are looked at later|s/^\t\tmemcpy\(lines->window \+ lines->end, bytes.*/\t\t;/|fed one byte at a time: 0 rows, but
ingest.feed|a piece taken for the end|s/lines->at_end = \(flags & ORASI_FEED_LAST\) != 0;/lines->at_end = 1;/|'next' returned ORASI_END before ORASI_FEED_LAST
ingest.feed|an end that is not heard|s/lines->at_end = \(flags & ORASI_FEED_LAST\) != 0;/;/|with ORASI_FEED_LAST, and 'next' returned ORASI_AGAIN
ingest.feed|half a line taken for one|s/if \(newline .. lines->at_end\)/if (newline ? 1 : lines->at_end ? 1 : lines->fed)/|not the same as in one go|before ORASI_FEED_LAST|rows, but
ingest.feed|a table that is too short|s/\.struct_size = sizeof\(fed\)/.struct_size = 16/|its table 'orasi.ingest.feed/1' is too short
ingest.feed-resume|a place one byte too far|s/^\t\*ret_from = lines->place.offset;/\t*ret_from = lines->place.offset + !!lines->place.offset;/|from the mark behind row [0-9]+ on fed again|wants to be fed from byte
TABLE

echo "# tasks and notifiers"
# example | test | name | sed expression | sentence | options
while IFS='|' read -r example only name change sentence options; do
	sed -E "$change" "$SRC/examples/plugins/$example/$example.c" >"$SCRATCH/changed.c"
	cmp -s "$SCRATCH/changed.c" "$SRC/examples/plugins/$example/$example.c" && fail "$name" "the expression changes nothing: $change"
	compile "$SCRATCH/changed.c" "$SCRATCH/bad.so"
	fails "$name" "$sentence" "$SCRATCH/bad.so" --only "$only" $options
done <<'TABLE'
primes|task.stop|a task that is deaf while it runs|s/if \(\*primes->job->cancel_flag\)/if (0)/|it was cancelled while it ran, and went on for|--option up_to=10000000
primes|task.result|a result that is no object|s/"\{\\"primes\\":%lld\}"/"[%lld]"/|the result is no JSON object
primes|task.resume|any checkpoint will do|s/if \(run->checkpoint.len != sizeof\(state\)\)/if (0)/; s/if \(state.next < 2 .*/if (state.next < 2)\n\t\t\tabort();\n\t\tif (0)/|signal 6|--seed 3
primes|task.twice|a task that can run once|s/^static orasi_status run_task/static int ran;\n&/; s/^\torasi_status status = ORASI_OK;/&\n\n\tif (ran++)\n\t\treturn fail(err, ORASI_E_INVALID, "again");/|fails \(-1\) when the same task runs again
logbook|notifier.deliver|a status behind those of its events|s/each\[i\] = ORASI_OK;/each[i + 1] = ORASI_OK;/|wrote a status behind those of its events
TABLE
done_testing
