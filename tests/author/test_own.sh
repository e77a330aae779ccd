#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every plugin of ours passes the conformance suite.
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/lib.sh"

own() { find "$BUILD/plugins/$1" -name "$1.so" | head -1; }
seeds=$SRC/tests/fuzz/seeds
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
ingest-parquet --sample $seeds/parquet/own_flat --sample $seeds/parquet/own_nested --sample $seeds/parquet/flat_zstd
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
known="ingest-json ingest-csv ingest-parquet index-btree index-fulltext notify-webhook task-fetch transform-select"
for folder in "$SRC"/plugins/*/; do
	name=$(basename "$folder")
	case " $known " in *" $name "*) ;; *) passes "$name passes" "$(own "$name")" ;; esac
done
done_testing
