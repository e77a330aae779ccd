#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What somebody is told who does something wrong with a dataset: the thing, the place and the way out.
. "$(dirname "$0")/../e2e/lib.sh"
ORASI=$BUILD/orasi
mkdir -p "$SCRATCH/in"
agent_start || exit 1
# ---- attach, create ---------------------------------------------------------------------------------------------
for i in 1 2 3; do
	printf '{"id":%d,"tags":["a"],"in":{"x":1}}\n' $i >"$SCRATCH/in/$i.json"
	"$ORASI" --quiet ingest "$SCRATCH/in/$i.json" --dataset mine >/dev/null
done
cp -r "$DATA/datasets/mine" "$SCRATCH/table"
cd "$SCRATCH" || exit 1
orasi_says "a relative place is looked up where the command runs, and said" 0 "(table is $SCRATCH/table)" dataset attach theirs table
same "the table is that one" "3 $SCRATCH/table" "$(api GET /v1/datasets/theirs | jq -r '"\(.rows) \(.location)"')"
orasi_says "one that is not there is named" 1 "there is no folder 'nope' here" dataset attach other nope
orasi_says "a new table takes a relative place too" 0 "$SCRATCH/made" dataset create made --column id:long --location made
orasi_says "a type that nobody knows is told what there is" 1 "column 'id' has the type 'bigint', which is not known: there are string, long" \
	dataset create wrong --column id:bigint
orasi_says "and what was meant" 1 "did you mean 'long'?" dataset create wrong --column id:bigint

# ---- a damaged log ------------------------------------------------------------------------------------------------
log=$SCRATCH/table/_delta_log
printf '{"commitInfo":{}}\n{"add":{"path":}}\n' >"$log/00000000000000000001.json"
orasi_says "the history says which entry is damaged" 1 "version 1: log entry '_delta_log/00000000000000000001.json' is damaged: line 2 is no JSON" \
	dataset history theirs
orasi_says "and lists the others" 1 "WRITE" dataset history theirs
orasi_says "who reads hears of file, line and way out" 1 \
	"log entry '_delta_log/00000000000000000001.json' is damaged: line 2: " sql 'SELECT count(*) FROM theirs'
orasi_says "of one line only" 1 "; put the file back from a copy, or read the version before it: NAME@v0" sql 'SELECT count(*) FROM theirs'
orasi_says "which can be read" 0 1 sql 'SELECT count(*) FROM "theirs@v0"'
rm "$log/00000000000000000001.json"
orasi_says "a missing one is named" 1 "log entry '_delta_log/00000000000000000001.json' is missing" sql 'SELECT count(*) FROM theirs'
orasi_says "in the history too" 1 "version 1: log entry '_delta_log/00000000000000000001.json' is missing" dataset history theirs
orasi_says "a whole log has an end as it should" 0 WRITE dataset history mine

# ---- types that do not fit --------------------------------------------------------------------------------------------
orasi_says "a nested column has no form in CSV: which, what it is, and what to do" 1 \
	"the column 'tags' is a list, which CSV has no form for: write JSON or Parquet, or only plain columns" dataset export mine --out out.csv
printf '{"n":1}\n' >"$SCRATCH/in/n.json"
printf '{"n":18446744073709551615}\n' >"$SCRATCH/in/big.json"
"$ORASI" --quiet dataset create exact --column 'n:decimal(20,0)' >/dev/null
orasi_says "numbers beyond 64 bits fit a decimal" 0 "" ingest "$SCRATCH/in/big.json" --dataset exact
same "to the last digit" 18446744073709551615 "$("$ORASI" --quiet dataset export exact --out "$SCRATCH/exact.csv" >/dev/null; sed -n 2p "$SCRATCH/exact.csv" | tr -d '\r')"
agent_stop
done_testing
