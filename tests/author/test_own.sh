#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every plugin of ours passes the conformance suite.
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/lib.sh"

own() { find "$BUILD/plugins/$1" -name "$1.so" | head -1; }
seeds=$SRC/tests/fuzz/seeds
# What is hard to cut: lines about as long as a record may be, long comments, fields over many lines, a quote that stays open.
{
	echo id,text,n
	for i in $(seq 40); do
		printf '%d,%*s,1\n' "$i" $((1000 + i)) x
		printf '# %*s\n%d,"%s",2\n' $((i * 60)) y "$i" "$(yes line | head -$((i * 9)))"
		printf '%d,"t ""%d""",2.5\n\n' "$i" "$i"
		[ $((i % 13)) = 5 ] && printf '%d,"unclosed,3\n' "$i"
	done
	printf 'last,,'
} >"$SCRATCH/odd.csv"
tail -c +3 "$seeds/avro/types" >"$SCRATCH/types.avro" # a seed's first two bytes are the fuzz target's
tail -c +3 "$seeds/avro/flaws" >"$SCRATCH/flaws.avro"
# plugin | options
while read -r plugin options; do
	[ -n "$(own "$plugin")" ] || continue
	passes "$plugin passes" "$(own "$plugin")" $options
done <<TABLE
ingest-json
ingest-json --sample $SRC/examples/access.ndjson --only ingest
ingest-json --sample $SRC/examples/orders.json --option records=/orders --only ingest
ingest-json --sample $SRC/examples/broken.ndjson --only ingest
ingest-json --sample $SRC/examples/access.ndjson --option sample_rows=7 --option max_record=1024 --only ingest.feed
ingest-json --sample $SRC/examples/orders.json --option mode=concatenated --option max_record=1024 --only ingest.feed
ingest-csv
ingest-csv --sample $SRC/examples/cities.csv --only ingest
ingest-csv --sample $SCRATCH/odd.csv --only ingest --option max_record=1024
ingest-csv --sample $SCRATCH/odd.csv --only ingest --option max_record=1024 --option comment=# --option sample_rows=1
ingest-csv --sample $SCRATCH/odd.csv --only ingest.feed --option skip=3 --option comment=# --option header=absent
ingest-parquet --sample $seeds/parquet/own_flat --sample $seeds/parquet/own_nested --sample $seeds/parquet/flat_zstd
ingest-avro --sample $SCRATCH/types.avro --sample $SCRATCH/flaws.avro
index-btree
index-fulltext
notify-webhook --option url=https://hooks.example.com/x
task-fetch --option url=https://api.example.com/x
task-fetch --option url=https://api.example.com/x --option dataset=d
transform-select
transform-select --option on_misfit=null
transform-select --level stress --only stress
ingest-csv --level stress --only stress.memory
TABLE
known="ingest-json ingest-csv ingest-parquet ingest-avro index-btree index-fulltext notify-webhook task-fetch transform-select"
for folder in "$SRC"/plugins/*/; do
	name=$(basename "$folder")
	case " $known " in *" $name "*) ;; *) passes "$name passes" "$(own "$name")" ;; esac
done
done_testing
