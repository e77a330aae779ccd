#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An agent that is killed while it appends, rearranges, deletes and vacuums one dataset: what was accepted is done, every row
# is there once, and DuckDB and ClickHouse read the same.
#   KILL_ROUNDS  how often (default 6, in a soak 200); ORASI_SEED repeats a run
. "$(dirname "$0")/lib.sh"
ROUNDS=${KILL_ROUNDS:-$((${SOAK:-0} ? 200 : 6))}
SEED=${ORASI_SEED:-$RANDOM}
echo "# seed $SEED, $ROUNDS rounds"
RANDOM=$SEED
mkdir -p "$SCRATCH/in"
rows() { awk -v from="$1" -v n="$2" 'BEGIN { for (i = from; i < from + n; i++)
	printf "{\"id\":%d,\"kind\":\"k%d\",\"word\":\"w%d\"}\n", i, i % 2, (i * 7919) % 1000 }'; }
ingest() { submit "{\"kind\":\"ingest\",\"dataset\":\"d\",\"source\":{\"uris\":[\"$1\"]},\"sink\":{\"partition_by\":[\"kind\"]}}"; }
maintain() { submit "{\"kind\":\"maintain\",\"dataset\":\"d\",\"op\":\"$1\"${2:+,$2}}"; }
settled() { for task in "$@"; do finish "$task"; done | sort | uniq -c | xargs; }
# Rows of k1 go with each round, those of k0 stay.
WANTED=0
counted() { sql "SELECT count(*) AS n, count(DISTINCT id) AS d FROM d WHERE kind = 'k0'" | jq -c .; }

agent_start || exit 1
for i in 0 1 2; do
	rows $((i * 1000)) 1000 >"$SCRATCH/in/$i"
	finish "$(ingest "$SCRATCH/in/$i")" >/dev/null
	WANTED=$((WANTED + 500))
done
wrong=
for round in $(seq 3 $((ROUNDS + 2))); do
	rows $((round * 1000)) 1000 >"$SCRATCH/in/$round"
	tasks=("$(ingest "$SCRATCH/in/$round")" "$(maintain optimize '"sort_by":["word"]')" "$(maintain delete '"where":{"kind":"k1"}')"
		"$(maintain vacuum '"older_than_ms":0,"force":true')")
	WANTED=$((WANTED + 500))
	sleep "0.$(printf %03d $((RANDOM % 600)))"
	agent_kill
	agent_start || exit 1
	states=$(settled "${tasks[@]}")
	got=$(counted)
	[ "$states $got" = "4 succeeded {\"n\":$WANTED,\"d\":$WANTED}" ] || wrong="$wrong round $round: $states $got, $WANTED wanted;"
done
same "killed $ROUNDS times (seed $SEED), what was accepted was done, and every row is there once" "" "$wrong"
agree "it is read alike" d
finish "$(maintain delete '"where":{"kind":"k1"}')" >/dev/null
finish "$(maintain optimize)" >/dev/null
finish "$(maintain vacuum '"older_than_ms":0,"force":true')" >/dev/null
same "verify finds nothing" '[]' "$(ended "$(maintain verify)" | jq -c .result.problems)"
location=$(api GET /v1/datasets/d | jq -r .location)
same "files that nothing names are gone" "$(api GET /v1/datasets/d | jq .files)" "$(find "$location" -name '*.parquet' -not -path '*/_*' | wc -l)"
same "and nothing half-made is left" 0 "$(find "$location" "$DATA/staging" -name '.tmp*' -o -path '*/staging/t_*' | wc -l)"
agent_stop
done_testing
