#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What an author types without an agent: info, docs, run, record and replay; and what is refused.
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/lib.sh"
command -v jq >/dev/null || skip_all "jq is not here"
orasi() { "$BUILD/orasi" "$@"; }
json=$(find "$BUILD/plugins/ingest-json" -name ingest-json.so | head -1)
btree=$(find "$BUILD/plugins/index-btree" -name index-btree.so | head -1)
printf '{"a":1,"t":"2026-01-31T12:00:00.5Z"}\n{"a":2.5}\n{"a":\n{"a":3,"l":[1,null]}\n' >"$SCRATCH/in.ndjson"

same "info tells what is in a file" "org.orasi.ingest.json json ingest" \
	"$(orasi plugin info "$json" --json | jq -r '.plugins[0] | "\(.id) \(.name) \(.kind)"')"
check "and for people" grep -q "max_depth  *integer = 128" <(orasi plugin info "$json")
check "docs is a table of options" grep -qF '| `compression` | string | `"zstd"` |' \
	<(orasi plugin docs "$(find "$BUILD/plugins/ingest-parquet" -name ingest-parquet.so | head -1)")
same "run prints the rows" '{"a":1,"t":"2026-01-31T12:00:00.500000Z","l":null}
{"a":2.5,"t":null,"l":null}
{"a":3,"t":null,"l":[1,null]}' "$(orasi plugin run "$json" "$SCRATCH/in.ndjson" 2>/dev/null)"
check "and says what was rejected" grep -q '^3 rows, 1 rejected' \
	<(orasi plugin run "$json" "$SCRATCH/in.ndjson" 2>&1 >/dev/null)
same "it stops where it is told" 1 "$(orasi plugin run "$json" "$SCRATCH/in.ndjson" --limit 1 2>/dev/null | wc -l)"
(orasi plugin run "$json" "$SCRATCH/in.ndjson" --batch 1 --kill-after-batch 2 >"$SCRATCH/rows" 2>/dev/null) 2>/dev/null
same "it dies behind the batch it is told" "137 2" "$? $(wc -l <"$SCRATCH/rows")"
quietly() { "$@" >/dev/null 2>&1; }
check "a run is recorded" quietly orasi plugin run "$json" "$SCRATCH/in.ndjson" --batch 2 --read 3 --record "$SCRATCH/log"
check "and replayed" quietly orasi plugin run "$json" "$SCRATCH/in.ndjson" --replay "$SCRATCH/log"
sed 's/2.5/2.6/' "$SCRATCH/in.ndjson" >"$SCRATCH/other.ndjson"
check "a replay that differs says where" grep -q "^batch 0 is not what was recorded" \
	<(orasi plugin run "$json" "$SCRATCH/other.ndjson" --replay "$SCRATCH/log" 2>&1 >/dev/null)
same "the suite gives JSON" "0 true" \
	"$(orasi plugin check "$btree" --only scan --json | jq -r '"\(.failed) \([.tests[].outcome] | all(. == "pass"))"')"
same "a seed is printed" 1 "$(orasi plugin check "$btree" --only file | grep -c 'seed [0-9]')"

# Standard input: rows come while it does, for who can be fed; the end of a record or of the input is not waited for.
same "standard input is a file too" "3 rows, 1 rejected" \
	"$(orasi plugin run "$json" - <"$SCRATCH/in.ndjson" 2>&1 >/dev/null | grep -o '^3 rows, 1 rejected')"
csv=$(find "$BUILD/plugins/ingest-csv" -name ingest-csv.so | head -1)
parquet=$(find "$BUILD/plugins/ingest-parquet" -name ingest-parquet.so | head -1)
same "also of CSV" '{"a":1,"b":2}' "$(printf 'a,b\n1,2\n' | orasi plugin run "$csv" - 2>/dev/null)"
flat=$SRC/tests/fuzz/seeds/parquet/own_flat
same "  and for who cannot be fed" "$(orasi plugin run "$parquet" "$flat" 2>/dev/null | wc -l)" \
	"$(orasi plugin run "$parquet" - <"$flat" 2>/dev/null | wc -l)"
mkfifo "$SCRATCH/pipe" "$SCRATCH/rows-pipe"
orasi plugin run "$json" - --option mode=ndjson --option sample_rows=1 <"$SCRATCH/pipe" >"$SCRATCH/rows-pipe" 2>/dev/null &
exec 8>"$SCRATCH/pipe" 9<"$SCRATCH/rows-pipe"
printf '{"a":1}\n{"a":' >&8
read -r -t 60 row <&9
same "a row comes out while the input is open" '{"a":1}' "$row"
printf '2}\n' >&8
read -r -t 60 row <&9
same "and the next when its record is whole" '{"a":2}' "$row"
exec 8>&-
wait $!
same "it ends with its input" 0 $?
exec 9<&-
# refused NAME CODE WORDS ARGUMENT…
refused() {
	local name=$1 code=$2 words=$3 said got
	shift 3
	said=$(orasi plugin "$@" 2>&1 >/dev/null)
	got=$?
	case $said in *"$words"*) ;; *) got="$got: $said" ;; esac
	same "$name" "$code" "$got"
}
refused "a pipe is not recorded" 2 "need a file" run "$json" - --record "$SCRATCH/log"
refused "a file that is not there is named" 1 "nope.so" run /nope.so "$SCRATCH/in.ndjson"
refused "so is an input" 1 "nope.ndjson" run "$json" /nope.ndjson
refused "a file that is no plugin says why" 1 "it is no ELF file" run "$SCRATCH/in.ndjson" "$SCRATCH/in.ndjson"
refused "an option that the schema does not know is refused" 1 "'max_dept' is not known" \
	run "$json" "$SCRATCH/in.ndjson" --option max_dept=1
# fails_alone NAME SENTENCE ARGUMENT…: exit code 1, and that is all it says.
fails_alone() {
	local name=$1 words=$2 said
	shift 2
	said=$(orasi plugin run "$@" 2>&1)
	same "$name" "1 orasi plugin: $words" "$? $said"
}
pointer="the option 'records' must start with '/'"
select=$(find "$BUILD/plugins/transform-select" -name transform-select.so | head -1)
fails_alone "a create that fails says so, and nothing of rows" "'create' fails (-2): $pointer" \
	"$json" "$SCRATCH/in.ndjson" --option records=x
fails_alone "  nor when it would be fed" "plugin 'org.orasi.ingest.json': create fails: $pointer" "$json" - --option records=x
fails_alone "  nor when it is the format of a transform" "'create' fails (-2): $pointer" \
	"$select" "$SCRATCH/in.ndjson" --format "$json" --format-option records=x
fails_alone "  or of an index" "'create' fails (-2): $pointer" \
	"$btree" "$SCRATCH/in.ndjson" --format "$json" --format-option records=x --column a
refused "a batch of nothing is refused" 2 "--batch 0: give a number from 1 to 4294967295" run "$json" "$SCRATCH/in.ndjson" --batch 0
refused "so is a kill behind nothing" 2 "--kill-after-batch 0: give a number from 1" run "$json" "$SCRATCH/in.ndjson" --kill-after-batch 0
refused "and one that never comes is told" 1 "--kill-after-batch 9: it was not killed, the input has 2 batches" \
	run "$json" "$SCRATCH/in.ndjson" --batch 2 --kill-after-batch 9
refused "options of other kinds are refused" 2 "--query is for indexes; 'org.orasi.ingest.json' is of kind ingest" \
	run "$json" "$SCRATCH/in.ndjson" --query "a = 1"
refused "an unknown option is refused" 2 "unknown option --limits" run "$json" x --limits 1
refused "an unknown test is refused" 2 "no test is called" check "$json" --only nothing
refused "a level is one of three" 2 "--level is basic, full or stress" check "$json" --level most
refused "a word too few gives the usage" 2 "usage: orasi plugin check FILE" check
check "a verb has help" grep -q -- "--key K --key-id ID" <(orasi plugin sign --help)

# What is wrong with the command is said once, not by every test; and how much was not looked at is said at the end.
said=$(orasi plugin check "$json" --sample "$SCRATCH/nope")
same "a sample that is not there ends the suite" 1 "$(grep -c "^not ok" <<<"$said")"
check "  by its name" grep -q "the sample: cannot open '$SCRATCH/nope'" <<<"$said"
same "so does an option that the schema does not know" 1 "$(orasi plugin check "$json" --option max_dept=1 | grep -c "^not ok")"
check "tests that lack something are counted, with what to give" grep -q '^# [0-9]* skipped: .*--sample FILE' \
	<(orasi plugin check "$(find "$BUILD/plugins" -name ingest-parquet.so | head -1)")

# What is packed is unpacked as the agent does it: fed to who can be fed, read by who cannot.
gzip -c "$SCRATCH/in.ndjson" >"$SCRATCH/in.gz"
printf 'a,b\n1,2\n' | gzip >"$SCRATCH/csv.gz"
same "a packed file" "3 rows, 1 rejected" \
	"$(orasi plugin run "$json" "$SCRATCH/in.gz" 2>&1 >/dev/null | grep -o '^3 rows, 1 rejected')"
same "  on standard input too" 3 "$(orasi plugin run "$json" - <"$SCRATCH/in.gz" 2>/dev/null | wc -l)"
same "  of CSV" '{"a":1,"b":2}' "$(orasi plugin run "$csv" "$SCRATCH/csv.gz" 2>/dev/null)"
gzip -c "$flat" >"$SCRATCH/flat.gz"
same "  and for who cannot be fed" "$(orasi plugin run "$parquet" "$flat" 2>/dev/null | wc -l)" \
	"$(orasi plugin run "$parquet" "$SCRATCH/flat.gz" 2>/dev/null | wc -l)"
check "  it is recorded and replayed as any other" quietly orasi plugin run "$json" "$SCRATCH/in.gz" --record "$SCRATCH/log"
check "    against what is not packed" quietly orasi plugin run "$json" "$SCRATCH/in.ndjson" --replay "$SCRATCH/log"
head -c -9 "$SCRATCH/in.gz" >"$SCRATCH/cut.gz"
refused "one that is cut says where" 1 "the gzip stream is cut: it ends in the middle at byte $(stat -c %s "$SCRATCH/cut.gz")" \
	run "$csv" "$SCRATCH/cut.gz"
refused "  also while it is fed" 1 "the gzip stream is cut" run "$json" "$SCRATCH/cut.gz"
(cat "$SCRATCH/csv.gz" && echo more) >"$SCRATCH/more.gz"
refused "and one with something behind it" 1 "the gzip stream is followed by other bytes at byte" run "$csv" "$SCRATCH/more.gz"

# Tasks and notifiers run once; what they remember is in memory, or in a file.
keep=$(find "$BUILD/tests/plugins" -name task-keep.so | head -1)
print=$(find "$BUILD/tests/plugins" -name notifier-print.so | head -1)
run() { orasi plugin run "$@" 2>"$SCRATCH/said"; }
same "a task runs, and its result is printed" '{"n":3,"keys":""}' "$(run "$keep" --option add=3)"
same "what it wants to remember is said" "remembers 'n'" "$(cat "$SCRATCH/said")"
same "  and gone without a file to keep it in" '{"n":1,"keys":""}' "$(run "$keep")"
same "with one the first begins with nothing" '{"n":1,"keys":""}' "$(run "$keep" --state "$SCRATCH/state")"
same "  and the next goes on" '{"n":2,"keys":""}' "$(run "$keep" --state "$SCRATCH/state")"
run "$keep" --state "$SCRATCH/state" --option fail=true >/dev/null
same "one that fails says why, and changes nothing" "orasi plugin: 'run' fails (-1): failed behind its put 2" \
	"$(cat "$SCRATCH/said") $(run "$keep" --state "$SCRATCH/state" --option add=0 | jq .n)"
same "too much to remember is refused" "orasi plugin: 'run' fails (-8): the state of a plugin has at most 64 KiB, keys included" \
	"$(run "$keep" --option big=65537; cat "$SCRATCH/said")"
refused "a state that is none is refused" 1 "state '$SCRATCH/in.ndjson'" run "$keep" --state "$SCRATCH/in.ndjson"
printf '{"id":"a","type":"now"}\n{"id":"c","type":"never"}\n' >"$SCRATCH/events"
same "a notifier tells of every event" '{"id":"a","status":0}
{"id":"c","status":-1}' "$(run "$print" "$SCRATCH/events" | grep status)"
refused "what it would be recorded for is not there" 2 "--record is for formats, transforms and indexes; 'org.orasi.test." \
	run "$keep" --record "$SCRATCH/log"
refused "an input that nobody reads is refused" 2 "a task reads no input" run "$keep" "$SCRATCH/events"
refused "it needs events" 2 "needs a file of events" run "$print"
refused "and a format an input" 2 "a format needs an input file" run "$json"
done_testing
