#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Bad plugins fail the suite, each with the sentence that tells its author what is wrong. Most are good examples with
# one line changed.
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/lib.sh"
command -v jq >/dev/null || skip_all "jq is not here"
needs_compiler
# Goldens have a test of their own (test_golden.sh); the others give a note or a number, and never fail.
ELSEWHERE="state.golden state.record file.references stress.batches"

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
orasi_says "a file that is not there is one sentence" 2 "cannot open '$SCRATCH/nowhere.so'" plugin check "$SCRATCH/nowhere.so"
mkfifo "$SCRATCH/pipe.so"
orasi_says "and so is a pipe, which nobody waits for" 2 "pipe.so' is no plain file" plugin check "$SCRATCH/pipe.so"
fails "no note" "it has no note of an Orasi plugin" "$SCRATCH/bad.so"

compile "$SRC/examples/plugins/lines/lines.c" "$SCRATCH/good.so"
same "for machines it says the same as JSON: the seed, how many failed, and of each test its outcome" "$SEED 0 pass skip" \
	"$($CHECK "$SCRATCH/good.so" --seed "$SEED" --only ingest --json | jq -r '"\(.seed) \(.failed) \([.tests[].outcome] | unique | join(" "))"')"

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
huge_state|a RESUMABLE mark has a state of 1099511627776 bytes, it must be 1 to 65536
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
	rm -f "$SCRATCH/bad.so"
	compile "$SCRATCH/changed.c" "$SCRATCH/bad.so"
	fails "$name" "$sentence" "$SCRATCH/bad.so" --only "$only" --seconds 10
done <<'TABLE'
lines|file.exports|a second symbol|s/^static uint32_t count/ORASI_EXPORT int other = 1;\n&/|exports 'other' beside
lines|scan.entry|a licence that is none|s/license = "Apache-2.0"/license = "mine, all mine"/|write it as SPDX does
lines|scan.entry|no vendor|s/vendor = "Example"/vendor = ""/|does not say who its vendor is
lines|scan.entry|another version in the entry|s/bundle_version = PLUGIN_VERSION/bundle_version = "9.9.9"/|note and entry do not agree: version
lines|scan.describe|an id that is none|s/\.id = PLUGIN_ID/.id = "Lines"/|is no reverse domain name
lines|scan.describe|a version that is none|s/\.version = PLUGIN_VERSION/.version = "one"/|is no semantic version
lines|scan.describe|a describe that knows no end|s/return index \? NULL : &descriptor;/(void)index;\n\treturn \&descriptor;/|describe of a number that is out of range must give NULL
lines|scan.describe|a factory for everything|s/return strcmp\(id, ORASI_INGEST_FACTORY\) \? NULL : &factory;/(void)id;\n\treturn \&factory;/|get_factory of an unknown id must give NULL
lines|scan.factory|no factory|s/return strcmp\(id, ORASI_INGEST_FACTORY\) \? NULL : &factory;/(void)id;\n\treturn NULL;/|get_factory does not know 'orasi.factory.ingest
lines|scan.again|an init that works once|s/^\t\(void\)host, \(void\)err;/\tstatic int n;\n\n\t(void)host;\n\tif (n++)\n\t\treturn fail(err, ORASI_E_INTERNAL, "not again");/|init fails: not again
lines|scan.time|an init that takes its time|s/^#include <stdlib.h>/&\n#include <time.h>/; s/^\t\(void\)host, \(void\)err;/&\n\tfor (clock_t from = clock(); clock() - from < CLOCKS_PER_SEC \/ 5;)\n\t\t;/|take [0-9]+ ms of CPU, at most 100
lines|scan.time|a constructor that does|s/^#include <stdlib.h>/&\n#include <time.h>/; s/^static uint32_t count/__attribute__((constructor)) static void early(void)\n{\n\tfor (clock_t from = clock(); clock() - from < CLOCKS_PER_SEC \/ 5;)\n\t\t;\n}\n\n&/|take [0-9]+ ms of CPU, at most 100
lines|scan.silent|a word on standard output|s/^\tlines->source = open->source;/\tputs("hello");\n&/|writes to standard output or error
lines|scan.traces|a changed umask|s/^\t\(void\)host, \(void\)err;/\textern unsigned umask(unsigned);\n\tumask(1);/|the umask
lines|scan.traces|a thread of init|s/^#include <stdlib.h>/&\n#include <pthread.h>\n#include <unistd.h>/; s/^static orasi_status init/static void *wait_on(void *p)\n{\n\tpause();\n\treturn p;\n}\n\n&/; s/^\t\(void\)host, \(void\)err;/\tpthread_t thread;\n\n&\n\tpthread_create(\&thread, NULL, wait_on, NULL);/|init has started 1 threads
lines|scan.traces|a descriptor of init|s/^\t\(void\)host, \(void\)err;/&\n\tif (!tmpfile())\n\t\tabort();/|init has left 1 descriptors open
lines|scan.traces|a file of init|s/^\t\(void\)host, \(void\)err;/\tFILE *file = tmpfile();\n\n&\n\tfputs("kept", file);\n\tfclose(file);/|init writes to files
lines|scan.traces|a variable of init|s/^\t\(void\)host, \(void\)err;/&\n\tsetenv("LINES_WAS_HERE", "1", 1);/|init has changed the environment
lines|scan.traces|a signal handler of init|s/^#include <stdlib.h>/&\n#include <signal.h>/; s/^\t\(void\)host, \(void\)err;/&\n\tsignal(SIGUSR1, SIG_IGN);/|init has installed a signal handler
lines|scan.forbidden|setlocale|s/^#include <stdlib.h>/&\n#include <locale.h>/; s/^\tstruct lines \*lines;$/&\n\tsetlocale(LC_ALL, "C");/|it calls 'setlocale'
lines|scan.id|any id will do|s/if \(strcmp\(id, PLUGIN_ID\)\)/if (0)/|which it never described
lines|version.minimal|an extension that is not in requires_ext|s/requires_ext\[\] = \{ORASI_HOST_REJECT, NULL\}/requires_ext[] = {NULL}/|died of signal 11 .* in 'next'
lines|version.newer|a look at the host's minor|s/^\tlines->host = host;/\tif (host->abi_minor > 3) {\n\t\tdestroy(lines);\n\t\treturn fail(err, ORASI_E_UNSUPPORTED, "too new");\n\t}\n&/|create fails on a newer host: too new
lines|config.values|an example that its schema refuses|s/64KiB/64 elephants/|the schema refuses its own the example of option 'max_line'
lines|config.wrong|a value that it relies on|s/^\tif \(lines->max_line < 1\) \{/\tif (lines->max_line < 0)\n\t\tabort();\n&/|died of signal 6 .* in 'create'
lines|config.wrong|an option that it relies on|s/^\tif \(config\)$/\torasi_status had = /; s/^\t\tconfig->get_i64\(config, "\/max_line", &lines->max_line\);/\t\tconfig->get_i64(config, "\/max_line", \&lines->max_line);\n\tif (had \&\& config->json.len < 3)\n\t\tabort();/|died of signal 6 .* in 'create'
lines|config.defaults|another default in the code|s/lines->max_line = 1 << 20;/lines->max_line = 5;/|the defaults of the schema give other results than no options
lines|config.secrets|a secret in the log|s/"properties\\":\{"$/"properties\\":{\\"token\\":{\\"type\\":\\"string\\",\\"x-secret\\":true},"/; s/^\tlines->host = host;/&\n\torasi_str token = ORASI_STR("");\n\tconst orasi_host_log *log = host->get_extension(host, ORASI_HOST_LOG);\n\tconfig->get_str(config, "\/token", \&token);\n\tlog->log(host, ORASI_LOG_INFO, token, NULL, 0);/|a secret option is in a log line
lines|error.memory|memory that is not there|s/^\tif \(!lines\)$/\tif (0)/|died of signal 11 .* in 'create' \(when allocation 1 fails\)
lines|own.leak|a leak|s/^\tfree\(lines->window\);//|it leaks: [0-9]+ blocks
lines|own.null|a destroy that needs something|s/^\tstruct lines \*lines = self;/&\n\n\t(void)*(volatile char *)self;/|died of signal 11 .* in 'destroy'
lines|own.many|one that wears out|s/^\tlines->host = host;/\tstatic int n;\n\n\tif (++n > 500)\n\t\tabort();\n&/|died of signal 6 .* in 'create'
lines|work.twice|rows that count on|s/\(int64_t\)lines->place\.line\)/1000 * counted++ + &/; s/^static orasi_status add_row/static int64_t counted;\n\n&/|it says DETERMINISTIC, but gives another result the second time
lines|threads.instances|one at a time|s/^#include <stdlib.h>/&\n#include <unistd.h>/; s/^static void destroy/static int n;\n\n&/; s/^\tfree\(lines->window\);/&\n\t__atomic_sub_fetch(\&n, 1, __ATOMIC_SEQ_CST);/; s/^\tlines->host = host;/\tif (__atomic_add_fetch(\&n, 1, __ATOMIC_SEQ_CST) > 1)\n\t\tabort();\n\tusleep(500000);\n&/|died of signal 6 .* in 'create'
lines|ingest.samples|output instead of rows|s/^\tmark->rows_total = .*/\tmark->rows_total = 1;/|rows_total of the mark is 1 behind
lines|ingest.batches|more rows than allowed|s/arrow_builder_length\(lines->rows\) < lines->max_rows/arrow_builder_length(lines->rows) < 99/|at most 1 were allowed
lines|ingest.reads|a short read taken for the end|s/lines->at_end = !got;/lines->at_end = got < CHUNK;/|with short reads
lines|ingest.kill|a state one byte too far|s/return skip\(lines, lines->place.offset, err\)/return skip(lines, lines->place.offset + !!lines->place.offset, err)/|killed behind every batch and resumed
lines|ingest.kill|a pointer in the state|s/mark->state = .*/mark->state = (orasi_bytes){(const uint8_t *)\&self, sizeof(self)};/; s/!= sizeof\(lines->place\)/!= sizeof(self)/; s/memcpy\(&lines->place, open->checkpoint.ptr.*/lines->place = (**(struct lines *const *)open->checkpoint.ptr).place;/|in 'open'
lines|ingest.struct-size|a write behind the end of a struct|s/mark->flags = ORASI_MARK_RESUMABLE;/& mark->first_row = 0;/|wrote behind the end of the mark
lines|ingest.cut|a crash over a cut line|s/^\tif \(n && text\[n - 1\] == '.r'\)/\tif (n == 3 \&\& !memcmp(text, "one", 3))\n\t\tabort();\n&/|died of signal 6 .* in 'next' \(sample 'built-in.txt' cut behind 3 bytes
lines|ingest.flipped|a crash over a flipped bit|s/^\tif \(n && text\[n - 1\] == '.r'\)/\tif (n == 8 \&\& memcmp(text, "one line", 8))\n\t\tabort();\n&/|died of signal 6 .* in 'next' \(sample 'built-in.txt' with flipped bits
lines|ingest.state|a crash over a foreign state|s/^\tif \(open->checkpoint.len && open/\tif (open->checkpoint.len > 40)\n\t\tabort();\n&/|died of signal 6 .* in 'open'
lines|ingest.sniff|more than sure|s/^\t\*ret = name.len > 4 .*/\t(void)name, (void)head;\n\t*ret = 101;/|sniff answers 101, the most is 100
lines|ingest.split|ranges that are not looked at|s/\.flags = ORASI_FLAG_DETERMINISTIC,/.flags = ORASI_FLAG_DETERMINISTIC + ORASI_FLAG_SPLITTABLE,/|split at byte [0-9]+ it gives
lines|ingest.rows|rows that are not asked for|s/\.flags = ORASI_FLAG_DETERMINISTIC,/.flags = ORASI_FLAG_DETERMINISTIC + ORASI_FLAG_ROWS,/|asked for [0-9]+ rows it gives
lines|ingest.samples|a host's function on a thread of its own|s/^#include <stdlib.h>/&\n#include <pthread.h>/; s/^static orasi_status reject_line/static void *tell(void *p)\n{\n\tstruct lines *lines = p;\n\n\tlines->job->progress(lines->host, 1, 2, ORASI_STR("on my own"));\n\treturn NULL;\n}\n\n&/; s/^\tlines->source = open->source;/\tpthread_t thread;\n\n\tpthread_create(\&thread, NULL, tell, lines);\n\tpthread_join(thread, NULL);\n&/|progress was called on a thread of the plugin's own: it is \[inst\]
lines|ingest.io|an error of the host made into another|s/(&got, err)\);/\1) ? ORASI_E_CORRUPT : ORASI_OK;/|return it as it came
lines|ingest.cancel|a deaf reader|s/if \(\*lines->job->cancel_flag\)/if (0)/|it was cancelled, and goes on
lines|ingest.release|a batch that is never released|s/^\tmark->flags/\tret->release = (void (*)(struct ArrowArray *))free;\n&/|died of signal 6 .* in 'release'
upper|own.input|text that is changed where it lies|s/^\tstruct upper \*upper = self;\n//; s/^\tint64_t n = in->n_children, length = in->length;/\t((char *)(uintptr_t)in->children[1]->buffers[2])[0] = 'X';\n&/|died of signal 11 .* in 'process': what it is handed cannot be written
upper|transform.odd|a crash over nulls|s/^\tint r = builder && !arrow_view_init.*/&\n\n\tif (column->null_count == column->length \&\& column->length > 1)\n\t\tabort();/|died of signal 6 .* in 'process'
upper|transform.batches|rows that depend on the batch|s/arrow_view_is_null\(&view, i\) \? NULL :/!i + arrow_view_is_null(\&view, i) ? NULL :/|fed 1 rows at once: row [0-9]+ is another
upper|transform.batches|batches of another schema than bind gave|/^static orasi_status bind_schema/,/^}/ s/^\treturn ORASI_OK;$/\tret->children[1]->format = "l";\n&/|is not of the schema that bind gave
upper|transform.stop|a sink that is not listened to|s/out->push\(out, &batch\)/(out->push(out, \&batch), ORASI_OK)/|push answered ORASI_E_CANCELLED, and process returned 0
hash|own.input|keys that are changed where they lie|s/^\tstruct arrow_view root, view;$/&\n\n\tmemset((void *)(uintptr_t)keys->children[0]->buffers[1], 0, 8);/|died of signal 11 .* in 'build_add': what it is handed cannot be written
hash|index.scan|only the first of IN|s/i < values.length \&\& !status/i < 1 \&\& !status/|IN: row [0-9]+ is missing; a scan finds it
hash|index.scan|deleted rows|s/if \(deleted \&\& deleted->contains\(deleted, row\)\)/if (0)/|is deleted and comes all the same
hash|index.scan|too many rows without LOSSY|s/ret->flags = ORASI_INDEX_LOSSY;//; s/return h \^ h >> 33;/return h % 4;/|does not fit; a scan would not find it
hash|index.scan|rows out of order|s/^\t\tqsort\(cursor->rows.*/\t\t;/|row ids do not ascend|comes twice
hash|index.scan|more hits than there is room for|s/left < hits->cap \? \(uint32_t\)left : hits->cap/(uint32_t)left/|there was room for
hash|index.scan|a word behind the hits|s/^\tcursor->at \+= hits->n;/&\n\t((char *)(hits + 1))[3] = 1;/|'next' wrote behind the end of the hits
hash|index.resume|a token that is promised and not there|s/ret->flags = ORASI_INDEX_LOSSY;/ret->flags = ORASI_INDEX_LOSSY + ORASI_INDEX_RESUMABLE;/|the token of its hits has 0 bytes
hash|index.resume|a token that is not listened to|s/ret->flags = ORASI_INDEX_LOSSY;/ret->flags = ORASI_INDEX_LOSSY + ORASI_INDEX_RESUMABLE;/; s/^\tcursor->at \+= hits->n;/\thits->resume = (orasi_bytes){(const uint8_t *)"x", 1};\n&/|stopped and resumed behind every batch
hash|index.resume-fresh|a token that means something in this process only|s/ret->flags = ORASI_INDEX_LOSSY;/ret->flags = ORASI_INDEX_LOSSY + ORASI_INDEX_RESUMABLE;/; s/^static orasi_status query_reader/static uint64_t reached;\n\n&/; s/^\tsort_rows\(cursor\);/&\n\tcursor->at = query->resume.len ? reached : 0;/; s/^\tcursor->at \+= hits->n;/&\n\treached = cursor->at;\n\thits->resume = (orasi_bytes){(const uint8_t *)"x", 1};/|stopped behind every batch and resumed in a fresh process
hash|index.damage|a verify that sees nothing|s/^\tif \(level \&\& checksum.*/\tif (0)/; s/level > 1 \&\& i < /0 \&\& i < /|verify at level 2 does not see it
hash|index.abort|an abort that leaks|s/^\tfree\(build->pairs\);//|build_abort leaks
hash|index.verify|a verify that refuses what is good|s/^\tif \(level && checksum.*/\tif (level > 1)/|verify at level 2 refuses a good segment
hash|index.estimate|an estimate beyond the rows|s/^\t\*ret = cursor.n;/\t*ret = cursor.n + 100000;/|estimate of = expects
hash|index.estimate|an estimate of nothing|s/^\t\*ret = cursor.n;/\t*ret = 0;/|estimate of IN expects 0 rows, a scan finds [0-9]+
hash|index.estimate|an estimate of everything|s/^\t\*ret = cursor.n;/\t*ret = 1800;/|expects 1800 rows, a scan finds [0-9]+: within a factor of 10
hash|index.bytes|bytes that depend on what was built before|s/header.crc = checksum/static unsigned built;\n\n\theader.magic += ++built;\n\theader.crc = checksum/|builds other bytes
hash|index.io|a failing store that goes unheard|s/return status \? status : build->store->close/return build->store->close/|'build_finish' makes -1 of it
TABLE

echo "# good examples that are linked badly"
# name | flags | sentence
{
	cat "$SRC/examples/plugins/lines/lines.c"
	printf '#ifdef TEXTREL\n__asm__(".text\\n.balign 8\\n.quad abort\\n");\n#endif\n'
	printf '#ifdef SYSTEM\nint (*volatile never)(const char *) = system;\n#endif\n'
} >"$SCRATCH/bad-link.c"
while IFS='|' read -r name flags sentence; do
	rm -f "$SCRATCH/bad.so"
	compile "$SCRATCH/bad-link.c" "$SCRATCH/bad.so" $flags
	fails "$name" "$sentence" "$SCRATCH/bad.so" --only file
done <<TABLE
a stack that can be executed|-Wl,-z,execstack|it asks for an executable stack
code that is relocated|-DTEXTREL -Wl,-z,notext|its code is relocated \(TEXTREL\)
a search path that depends on where one stands|-Wl,-rpath,lib|its RUNPATH 'lib' depends on the working directory
TABLE
compile "$SCRATCH/bad-link.c" "$SCRATCH/bad.so" -DSYSTEM
passes "a call that a plugin must not make, and does not, is no failure" "$SCRATCH/bad.so" --only file
check "  but told" grep -q "it refers to system: a plugin must not call them" "$SCRATCH/check.log"

echo "# an index that merges"
merging() { # SED: hash with a merge, and a line of that changed
	sed -E "$1" "$SRC/tests/plugins/hash-merge.h" >"$SCRATCH/merge.h"
	[ -n "$1" ] && cmp -s "$SCRATCH/merge.h" "$SRC/tests/plugins/hash-merge.h" && fail "the expression changes nothing: $1"
	sed -E 's/^static const orasi_index_factory factory/#include "merge.h"\n\n&/; s/^\t\.verify = verify,/&\n\t.merge = merge,/' \
		"$SRC/examples/plugins/hash/hash.c" >"$SCRATCH/changed.c"
	rm -f "$SCRATCH/bad.so"
	compile "$SCRATCH/changed.c" "$SCRATCH/bad.so" -I"$SCRATCH"
}
merging ""
passes "hash with a merge passes" "$SCRATCH/bad.so" --only index
check "  and it is not skipped" grep -q '^ok .* index.merge: [^#]*$' "$SCRATCH/check.log"
merging 's/if \(!drop .*/if (1)/'
fails "rows that were to be left out" "is deleted and comes all the same" "$SCRATCH/bad.so" --only index.merge
merging 's/pairs\[i\]\.row \+ base/pairs[i].row/'
fails "rows that keep their old numbers" "row [0-9]+ (is missing|is out of range or comes twice|does not fit|is deleted and comes)" "$SCRATCH/bad.so" --only index.merge

echo "# formats that are fed, of ABI 1.1"
compile "$SRC/examples/plugins/lines/lines.c" "$SCRATCH/fed.so" -DORASI_TARGET_MINOR=1
passes "lines, built for 1.1, can be fed" "$SCRATCH/fed.so" --only ingest.feed
check "which is not skipped" test "$(grep -c SKIP "$SCRATCH/check.log")" = 0
while IFS='|' read -r only name change sentence; do
	sed -E "$change" "$SRC/examples/plugins/lines/lines.c" >"$SCRATCH/changed.c"
	cmp -s "$SCRATCH/changed.c" "$SRC/examples/plugins/lines/lines.c" && fail "$name" "the expression changes nothing: $change"
	rm -f "$SCRATCH/bad.so"
	compile "$SCRATCH/changed.c" "$SCRATCH/bad.so" -DORASI_TARGET_MINOR=1
	fails "$name" "$sentence" "$SCRATCH/bad.so" --only "$only" --seconds 10
done <<'TABLE'
ingest.feed|bytes that are looked at later|s/^\t\tmemcpy\(lines->window \+ lines->end, bytes.*/\t\t;/|fed one byte at a time: 0 rows, but
ingest.feed|a piece taken for the end|s/lines->at_end = \(flags & ORASI_FEED_LAST\) != 0;/lines->at_end = 1;/|'next' returned ORASI_END before ORASI_FEED_LAST
ingest.feed|an end that is not heard|s/lines->at_end = \(flags & ORASI_FEED_LAST\) != 0;/;/|with ORASI_FEED_LAST, and 'next' returned ORASI_AGAIN
ingest.feed|half a line taken for one|s/if \(newline .. lines->at_end\)/if (newline ? 1 : lines->at_end ? 1 : lines->fed)/|not the same as in one go|before ORASI_FEED_LAST|rows, but
ingest.feed|a table that is too short|s/\.struct_size = sizeof\(fed\)/.struct_size = 16/|its table 'orasi.ingest.feed/1' is too short
ingest.feed-resume|a place one byte too far|s/^\t\*ret_from = lines->place.offset;/\t*ret_from = lines->place.offset + !!lines->place.offset;/|from the mark behind row [0-9]+ on fed again|wants to be fed from byte
ingest.feed-flipped|a crash over a flipped bit|s/^\tif \(n && text\[n - 1\] == '.r'\)/\tif (n == 8 \&\& memcmp(text, "one line", 8))\n\t\tabort();\n&/|died of signal 6
TABLE

echo "# tasks and notifiers"
# example | test | name | sed expression | sentence | options
while IFS='|' read -r example only name change sentence options; do
	sed -E "$change" "$SRC/examples/plugins/$example/$example.c" >"$SCRATCH/changed.c"
	cmp -s "$SCRATCH/changed.c" "$SRC/examples/plugins/$example/$example.c" && fail "$name" "the expression changes nothing: $change"
	rm -f "$SCRATCH/bad.so"
	compile "$SCRATCH/changed.c" "$SCRATCH/bad.so"
	fails "$name" "$sentence" "$SCRATCH/bad.so" --only "$only" $options
done <<'TABLE'
primes|task.stop|a task that is deaf while it runs|s/if \(\*primes->job->cancel_flag\)/if (0)/; s/i \+= 2/i++/|it was cancelled while it ran, and went on for|--option up_to=10000000
primes|task.result|a result that is no object|s/"\{\\"primes\\":%lld\}"/"[%lld]"/|the result is no JSON object
primes|task.resume|any checkpoint will do|s/if \(run->checkpoint.len != sizeof\(state\)\)/if (0)/; s/if \(state.next < 2 .*/if (state.next < 2)\n\t\t\tabort();\n\t\tif (0)/|signal 6|--seed 3
primes|task.twice|a task that can run once|s/^static orasi_status run_task/static int ran;\n&/; s/^\torasi_status status = ORASI_OK;/&\n\n\tif (ran++)\n\t\treturn fail(err, ORASI_E_INVALID, "again");/|fails \(-1\) when the same task runs again
primes|task.cancel|a task that waits for the flag to go|s/^\tif \(run->checkpoint.len\) \{/\twhile (*primes->job->cancel_flag)\n\t\t;\n&/|does not come back from 'run'|--seconds 3
primes|stress.memory|memory that no allocator counts|s/^#include <stdlib.h>/&\n#include <sys\/mman.h>/; s/^\tprimes->host = host;/&\n\tmemset(mmap(NULL, 65536, PROT_READ + PROT_WRITE, MAP_PRIVATE + MAP_ANONYMOUS, -1, 0), 1, 65536);/|it has grown from [0-9]+ to|--level stress --option up_to=10
logbook|notifier.deliver|a status behind those of its events|s/each\[i\] = ORASI_OK;/each[i + 1] = ORASI_OK;/|wrote a status behind those of its events
TABLE

echo "# tests' plugins, and ours, with one line changed"
# file below the sources | test | name | sed expression | sentence | options
while IFS='|' read -r file only name change sentence options; do
	rm -rf "$SCRATCH/bad.so" "$SCRATCH/ours" && mkdir "$SCRATCH/ours" && cp "$SRC/$(dirname "$file")"/*.[ch] "$SCRATCH/ours/"
	sed -i -E "$change" "$SCRATCH/ours/$(basename "$file")"
	cmp -s "$SCRATCH/ours/$(basename "$file")" "$SRC/$file" && fail "$name" "the expression changes nothing: $change"
	case $file in
	tests/*) compile "$SCRATCH/ours/$(basename "$file")" "$SCRATCH/bad.so" ;;
	*) (cd "$SCRATCH/ours" && compile "$(basename "$file")" "$SCRATCH/bad.so" -I. -lcrypto $(ls *.c | grep -v "^$(basename "$file")$")) ;;
	esac
	fails "$name" "$sentence" "$SCRATCH/bad.so" --only "$only" $options
done <<'TABLE'
tests/plugins/transform-number.c|transform.save|a state that is saved and not taken|s/if \(bind->state.len == sizeof\(n->next\)\)/if (bind->state.len == 99)/|saved behind every batch and bound again
tests/plugins/transform-number.c|transform.state|a crash over a foreign state|s/if \(bind->state.len == sizeof\(n->next\)\)/if (bind->state.len > 40)\n\t\tabort();\n&/|died of signal 6 .* in 'bind'
plugins/ingest-json/encode.c|ingest.encode|a file that says it has more rows|s/ret_info->rows = e->rows;/ret_info->rows = e->rows + 1;/|finish says [0-9]+ rows
plugins/ingest-json/encode.c|ingest.encode|a word behind the info|s/ret_info->rows = e->rows;/&\n\t((char *)(ret_info + 1))[1] = 1;/|'finish' wrote behind the end of the info
plugins/notify-webhook/webhook.c|notifier.partial|no answer taken for a delivery|s/each\[i\] = post\(w, events\[i\], \&answered, \&why\);/each[i] = post(w, events[i], \&answered, \&why) > 0;/|its event is not to be delivered again|--option url=https://hooks.example.com/x
TABLE

echo "# whatever the suite tests, somebody fails"
same "no test of the suite lets every bad plugin pass" "" "$(comm -23 \
	<(grep -ohE '^	\{"[a-z]+\.[a-z-]+",( NULL)?' "$SRC"/core/author/*.c | grep -v NULL | cut -d'"' -f2 | sort -u) \
	<({ cat "$SCRATCH/caught"; echo "$ELSEWHERE"; } | tr ' ' '\n' | sort -u))"
done_testing
