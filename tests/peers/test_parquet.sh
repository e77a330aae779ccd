#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Parquet with independent readers and writers: random tables of every type, nesting and null density, written in all
# our ways, are read equal by DuckDB, ClickHouse and hyparquet; files of all types by DuckDB and ClickHouse are read
# equal by us. ORASI_SEED repeats a run.
. "$(dirname "$0")/../e2e/lib.sh"
PEERS=${ORASI_PEERS:-$SRC/tests/peers}
export ORASI_PEERS=$PEERS
for engine in chdb hyparquet hyparquet-compressors @duckdb/node-api; do
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
check "we write random tables (seed $seed)" "$tool" write "$seed" "$SCRATCH/ours" 14
for engine in duckdb chdb hyparquet; do
	check "$engine reads them equal (seed $seed)" compare ours "$SCRATCH/ours" "$engine"
done

check "DuckDB and ClickHouse write files of all types" compare theirs "$SCRATCH/theirs"
check "we read them" read_all
check "DuckDB reads its files like us" compare ours "$SCRATCH/theirs" duckdb duckdb_
check "DuckDB reads its intervals like us" compare ours "$SCRATCH/theirs" duckdb interval_
check "DuckDB reads ClickHouse's files like us" compare ours "$SCRATCH/theirs" duckdb chdb_
check "ClickHouse reads its files like us" compare ours "$SCRATCH/theirs" chdb chdb_
# Of v2 files it gives other numbers each time for unsigned 32-bit integers in deltas.
check "ClickHouse reads DuckDB's v1 files like us" compare ours "$SCRATCH/theirs" chdb duckdb_v1_
check "hyparquet reads both like us" compare ours "$SCRATCH/theirs" hyparquet duckdb_
check "hyparquet reads ClickHouse's like us" compare ours "$SCRATCH/theirs" hyparquet chdb_
done_testing
