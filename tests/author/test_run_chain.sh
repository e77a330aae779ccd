#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Transforms and indexes from the shell: what a format reads goes through them, and what comes of it is printed.
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/lib.sh"
own() { find "$BUILD/plugins/$1" -name "$1.so" | head -1; }
json=$(own ingest-json) csv=$(own ingest-csv) select=$(own transform-select) btree=$(own index-btree) words=$(own index-fulltext)
run() { "$BUILD/orasi" plugin run "$@" 2>"$SCRATCH/said"; }
quietly() { "$@" >/dev/null 2>&1; }
# refused NAME CODE WORDS ARGUMENT…
refused() {
	local name=$1 code=$2 words=$3 got
	shift 3
	run "$@" >"$SCRATCH/out"
	got=$?
	grep -qF -- "$words" "$SCRATCH/said" || got="$got: $(cat "$SCRATCH/said")"
	same "$name" "$code" "$got"
}
printf '{"n":1,"t":"first"}\n{"n":2,"t":"an error"}\n{"n":\n{"n":3}\n{"n":4,"t":"Error again","late":true}\n' >"$SCRATCH/in.ndjson"
printf 'n,t\n1,one\n2,two\n' >"$SCRATCH/in.csv"

echo "# transforms"
same "the format is found by content, the rows of the transform are printed" '{"n":2,"t":"an error","late":null}
{"n":3,"t":null,"late":null}
{"n":4,"t":"Error again","late":true}' "$(run "$select" "$SCRATCH/in.ndjson" --option 'filter=["n > 1"]')"
check "which format is said" grep -q '^read as: org.orasi.ingest.json' "$SCRATCH/said"
check "so is what was rejected" grep -q '^4 rows in, 3 rows out, 1 rejected by the format, 0 by the transform' "$SCRATCH/said"
same "columns that come late bind it again" '{"n":1}
{"n":2}
{"n":3}
{"n":4}' "$(run "$select" "$SCRATCH/in.ndjson" --option 'columns=["n"]' --format-option sample_rows=1 --batch 1)"
same "a format by its name" '{"n":2,"t":"two"}' "$(run "$select" "$SCRATCH/in.csv" --format csv --option 'filter=["n > 1"]')"
same "  by its file" '{"n":2,"t":"two"}' "$(run "$select" "$SCRATCH/in.csv" --format "$csv" --option 'filter=["n > 1"]')"
same "  from a folder" '{"n":2,"t":"two"}' \
	"$(run "$select" "$SCRATCH/in.csv" --plugins "/nowhere:$(dirname "$csv")" --option 'filter=["n > 1"]')"
same "  with its options" '{"column1":"n"}
{"column1":"1"}
{"column1":"2"}' "$(run "$select" "$SCRATCH/in.csv" --format csv --format-option header=absent --option 'drop=["column2"]')"
same "standard input" 2 "$(run "$select" - <"$SCRATCH/in.csv" | wc -l)"
same "  fed to a format that can be, while it comes" '{"n":1}' \
	"$( (printf '{"n":1}\n' && sleep 1) | run "$select" - --format json | head -1)"
same "it stops printing where it is told" 1 "$(run "$select" "$SCRATCH/in.csv" --limit 1 | wc -l)"
(run "$select" "$SCRATCH/in.csv" --batch 1 --kill-after-batch 1 >"$SCRATCH/rows") 2>/dev/null
same "it dies behind the batch it is told" "137 1" "$? $(wc -l <"$SCRATCH/rows")"
check "a run is recorded" quietly run "$select" "$SCRATCH/in.csv" --record "$SCRATCH/log"
check "  and replayed" quietly run "$select" "$SCRATCH/in.csv" --replay "$SCRATCH/log"
refused "a replay with other options differs, and says where" 1 "batch 0 is not what was recorded" \
	"$select" "$SCRATCH/in.csv" --option 'filter=["n > 1"]' --replay "$SCRATCH/log"
refused "a recording of another plugin is refused" 1 "is of plugin 'org.orasi.transform.select', not of 'org.orasi.ingest.csv'" \
	"$csv" "$SCRATCH/in.csv" --replay "$SCRATCH/log"
refused "a transform that does not take the columns says why" 1 "'bind' fails (-2)" \
	"$select" "$SCRATCH/in.csv" --option 'columns=["nope"]'
refused "it needs an input" 2 "a transform needs an input file" "$select"
refused "a format that is none is refused" 2 "is no format, it is of kind index" "$select" "$SCRATCH/in.csv" --format "$btree"
refused "one that is not there is named, with where it was looked for" 1 "--format xml: there is no such format in" \
	"$select" "$SCRATCH/in.csv" --format xml
refused "what no format knows is told" 1 "no format in /nowhere knows" "$select" "$SCRATCH/in.csv" --plugins /nowhere
hostile=$(find "$BUILD/tests/plugins" -name hostile-flow.so | head -1)
refused "one that does not keep its contract is told so" 1 "plugin 'org.orasi.test.hostile-flow': bind gave a schema that is no struct" \
	"$hostile" "$SCRATCH/in.csv" --option do=no_schema

echo "# indexes"
same "an index is built, and what was built is printed" '{"rows":4,"entries":4,"distinct":4}' \
	"$(run "$btree" "$SCRATCH/in.ndjson" --column n | sed 's/,"blobs.*/}/')"
same "it is asked" '{"row":1,"keys":{"n":2}}
{"row":2,"keys":{"n":3}}' "$(run "$btree" "$SCRATCH/in.ndjson" --column n --query 'n >= 2' --query 'n<4')"
check "hits are counted, beside the estimate" grep -q '^2 hits, [0-9]* estimated' "$SCRATCH/said"
same "one of several values" 2 "$(run "$btree" "$SCRATCH/in.ndjson" --column t --query "t IN first, 'an error',none" | wc -l)"
same "what is not there" '{"row":2,"keys":{"t":null}}' "$(run "$btree" "$SCRATCH/in.ndjson" --column t --query 't is null')"
same "words" '{"t":"an error"} {"t":"Error again"}' \
	"$(run "$words" "$SCRATCH/in.ndjson" --column t --query 't match error' | grep -o '{"t":[^}]*}' | sort -r | paste -sd' ')"
printf 'at,"a b"\n2026-01-31T12:00:00Z,1\n2026-02-01T00:00:00Z,2\n' >"$SCRATCH/times.csv"
same "times, from the day on" '{"row":1,"keys":{"at":"2026-02-01T00:00:00.000000Z"}}' \
	"$(run "$btree" "$SCRATCH/times.csv" --column at --query 'at >= 2026-02-01')"
same "a column whose name has spaces" 1 "$(run "$btree" "$SCRATCH/times.csv" --column 'a b' --query '"a b" = 2' | wc -l)"
same "as many hits as it is told" 1 "$(run "$btree" "$SCRATCH/in.ndjson" --column n --query 'n >= 2' --limit 1 | wc -l)"
check "a run is recorded" quietly run "$btree" "$SCRATCH/in.ndjson" --column n --query 'n = 2' --record "$SCRATCH/log"
check "  and replayed, the bytes of the segment too" quietly run "$btree" "$SCRATCH/in.ndjson" --column n --query 'n = 2' --replay "$SCRATCH/log"
refused "  another answer is told" 1 "is not what was recorded" "$btree" "$SCRATCH/in.ndjson" --column n --query 'n = 3' --replay "$SCRATCH/log"
refused "a key must be chosen" 2 "say which column is the key; there are n, t" "$btree" "$SCRATCH/in.csv"
refused "one that is not there" 1 "--column x: the input has no such column" "$btree" "$SCRATCH/in.csv" --column x
refused "a question on a column that is no key" 2 "'t' is no column of this index" "$btree" "$SCRATCH/in.csv" --column n --query 't = one'
refused "one that is no question" 2 "stands one of =, <, <=" "$btree" "$SCRATCH/in.csv" --column n --query 'n ~ 1'
refused "a value of another type" 2 "'one' is no value of this column" "$btree" "$SCRATCH/in.csv" --column n --query 'n = one'
refused "an operator that it does not answer" 2 "this index does not answer MATCH" "$btree" "$SCRATCH/in.csv" --column t --query 't match one'
: >"$SCRATCH/empty.ndjson"
refused "an input without rows" 1 "has no rows: there is nothing to index" "$btree" "$SCRATCH/empty.ndjson" --format json --column n
done_testing
