#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Parquet of four other writers, over the whole field: types × encodings × page versions × null density × nesting, the
# codecs taking turns (parquet-matrix.mjs). A soak does it with larger tables and many seeds.
#   ORASI_SEED repeats a run; MATRIX_ROUNDS and MATRIX_ROWS
. "$(dirname "$0")/../e2e/lib.sh"
export ORASI_PEERS=${ORASI_PEERS:-$SRC/tests/peers}
why=$("$SRC/tests/peers/install" 2>&1) ||
	skip_all "the independent writers cannot be installed: $(printf '%s' "$why" | tail -1)"
seed=${ORASI_SEED:-$(date +%s)}
rounds=${MATRIX_ROUNDS:-$((${SOAK:-0} ? 20 : 1))}
rows=${MATRIX_ROWS:-$((${SOAK:-0} ? 3000 : 100))}

for round in $(seq 0 $((rounds - 1))); do
	for writer in duckdb clickhouse arrow; do
		check "what $writer writes is read as it was (seed $((seed + round)), $rows rows)" \
			node "$SRC/tests/peers/parquet-matrix.mjs" $writer $((seed + round)) "$SCRATCH" "$BUILD/tests/ingest-parquet/tables_io" "$rows"
	done
done
done_testing
