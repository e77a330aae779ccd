#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Parquet with independent readers and writers: random tables of every type, nesting and null density, written in all
# our ways, are read equal by DuckDB, ClickHouse and hyparquet; files of all types by DuckDB and ClickHouse are read
# equal by us. ORASI_SEED repeats a run.
. "$(dirname "$0")/../e2e/lib.sh"
PEERS=${ORASI_PEERS:-$SRC/tests/peers}
export ORASI_PEERS=$PEERS
for engine in chdb hyparquet hyparquet-compressors parquet-wasm @duckdb/node-api; do
	[ -d "$PEERS/node_modules/$engine" ] && command -v node >/dev/null || skip_all "$engine is not installed (tests/peers/install)"
done
tool=$BUILD/tests/ingest-parquet/tables_io
seed=${ORASI_SEED:-$(date +%s)}
compare() { node "$SRC/tests/peers/parquet-peers.mjs" "$@"; }
read_all() {
	for file in "$SCRATCH"/theirs/*.parquet; do
		"$tool" read "$file" >"${file%.parquet}.json" || return 1
	done
}

mkdir -p "$SCRATCH/ours" "$SCRATCH/theirs"
echo "# seed $seed"
check "we write random tables (seed $seed)" "$tool" write "$seed" "$SCRATCH/ours" 40
for engine in duckdb chdb hyparquet arrow; do
	check "$engine reads them equal (seed $seed)" compare ours "$SCRATCH/ours" "$engine"
done
check "DuckDB finds by conditions what our statistics are about (seed $seed)" compare where "$SCRATCH/ours"
check "DuckDB takes what our bloom filters say (seed $seed)" compare bloom "$SCRATCH/ours/6.parquet" "$SCRATCH/ours/6.json"

check "DuckDB and ClickHouse write files of all types" compare theirs "$SCRATCH/theirs"
check "we read them" read_all
check "DuckDB reads its files like us" compare ours "$SCRATCH/theirs" duckdb duckdb_
check "DuckDB reads its intervals like us" compare ours "$SCRATCH/theirs" duckdb interval_
for file in "$SCRATCH"/theirs/variant_*.parquet; do
	name=$(basename "$file" .parquet)
	check "DuckDB's variants ($name) are the JSON that it says" compare variant "$file" "${file%.parquet}.json"
done
check "DuckDB reads ClickHouse's files like us" compare ours "$SCRATCH/theirs" duckdb chdb_
check "ClickHouse reads its files like us" compare ours "$SCRATCH/theirs" chdb chdb_
# Of v2 files it gives other numbers each time for unsigned 32-bit integers in deltas.
check "ClickHouse reads DuckDB's v1 files like us" compare ours "$SCRATCH/theirs" chdb duckdb_v1_
check "hyparquet reads both like us" compare ours "$SCRATCH/theirs" hyparquet duckdb_
check "hyparquet reads ClickHouse's like us" compare ours "$SCRATCH/theirs" hyparquet chdb_

# The public suite, each file by the best reader of it. DuckDB knows no LZ4 of Hadoop and splits only floats. No reader
# tells two files as the format wants them: DuckDB lets a time of Spark overflow whose days have wrapped around
# (docs/decisions/0010), and a map without values is a set of keys, which DuckDB refuses and others give as a struct.
best_reader() {
	case $1 in
	*corrupt*) echo refused ;;
	hadoop_lz4* | byte_stream_split_extended*) echo hyparquet ;;
	int96_from_spark* | map_no_value*) echo none ;;
	*) echo duckdb ;;
	esac
}
if [ -d "$CORPUS/parquet/good" ]; then
	for file in "$CORPUS"/parquet/good/*.parquet "$CORPUS"/parquet/good/geospatial/*.parquet; do
		name=$(basename "$file" .parquet)
		folder=$SCRATCH/suite/$(best_reader "$name")
		mkdir -p "$folder"
		cp "$file" "$folder/$name.parquet"
		"$tool" read "$file" >"$folder/$name.json" 2>"$SCRATCH/why"
		code=$?
		case $folder in
		*/refused) same "$name is refused" 1 $code ;;
		*) same "$name is read" 0 $code ;;
		esac
	done
	for engine in duckdb hyparquet; do
		check "$engine reads its files of the suite like us" compare ours "$SCRATCH/suite/$engine" "$engine"
	done
	for file in "$CORPUS"/parquet/bad/*.parquet; do
		"$tool" read "$file" >/dev/null 2>"$SCRATCH/why"
		code=$?
		same "$(basename "$file") is refused: $(cut -d: -f2- "$SCRATCH/why")" 1 $code
	done
fi
done_testing
