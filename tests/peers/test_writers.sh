#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A dataset with three writers: two agents of ours and ClickHouse, which has the delta kernel. What either appends, all
# readers see; and what they append at the same time is all there.
. "$(dirname "$0")/lib.sh"

mkdir -p "$SCRATCH/in"
ingest() { finish "$(submit "{\"kind\":\"ingest\",\"dataset\":\"shared\",\"source\":{\"uris\":[\"$1\"]}}")"; }
count() { node "$SRC/tests/peers/delta-read.mjs" "$1" "$location" "SELECT count(*) AS n, sum(id) AS s FROM t" | jq -c 'map_values(tonumber)'; }

# foreign FROM ROWS TIMES: rows with these ids from the other writer, in so many commits. It does not try again by
# itself when it loses a race.
foreign() {
	NODE_PATH=$ORASI_PEERS/node_modules node -e '
		const { query } = require("chdb");
		const [table, from, rows, times] = process.argv.slice(1);
		const insert = (i) => query(`INSERT INTO FUNCTION deltaLakeLocal(\x27${table}\x27)
			SELECT toNullable(toInt64(${from} + ${i} * ${rows} + number)) AS id, toNullable(\x27theirs\x27) AS word
			FROM numbers(${rows}) SETTINGS allow_experimental_delta_lake_writes=1`);
		process.chdir("/");
		for (let i = 0, lost = 0; i < times; )
			try {
				insert(i);
				i++;
			} catch (e) {
				if (!/conflict/.test(e) || ++lost > 200) throw e;
			}
	' "$location" "$@"
}

# A second agent, with a folder of its own. In a subshell with URL=$second everything asks that one.
start_second() {
	"$BUILD/orasi-agent" --data "$SCRATCH/second" --listen 127.0.0.1:0 2>>"$SCRATCH/second.log" &
	SECOND_PID=$!
	for _ in $PATIENCE; do
		second=$(cat "$SCRATCH/second/agent.address" 2>/dev/null) && [ -n "$second" ] && return 0
		sleep 0.05
	done
	return 1
}
SECOND_PID=
stop_all() { [ -n "$SECOND_PID" ] && kill -TERM $SECOND_PID 2>/dev/null; clean_up; }
trap stop_all EXIT

rows() { awk -v from="$1" 'BEGIN { for (i = 0; i < 100; i++) printf "{\"id\":%d,\"word\":\"ours\"}\n", from + i }'; }

agent_start || exit 1
rows 0 >"$SCRATCH/in/0.ndjson"
same "we make a dataset" succeeded "$(ingest "$SCRATCH/in/0.ndjson")"
location=$(api GET /v1/datasets/shared | jq -r .location)
check "the other writer appends" foreign 100 100 1
rows 200 >"$SCRATCH/in/1.ndjson"
same "we append on top" succeeded "$(ingest "$SCRATCH/in/1.ndjson")"
wanted='{"n":300,"s":44850}'
for engine in duckdb chdb; do
	same "$engine reads the rows of both" "$wanted" "$(count $engine)"
done
same "so do we" "$wanted" "$(sql 'SELECT count(*) AS n, sum(id) AS s FROM shared' | jq -c .)"

check "a second agent starts" start_second
same "and has the same table" 200 "$(URL=$second; api PUT /v1/datasets/shared "{\"location\":\"$location\"}" >/dev/null; curl -s -o /dev/null -w '%{http_code}' "$URL/v1/datasets/shared")"

foreign 1000 100 6 &
other=$!
(
	URL=$second
	for i in 20 21 22 23 24 25; do
		rows "${i}00" >"$SCRATCH/in/$i.ndjson"
		ingest "$SCRATCH/in/$i.ndjson"
	done
) >"$SCRATCH/states-second" &
beside=$!
for i in 3 4 5 6 7 8; do
	rows "${i}00" >"$SCRATCH/in/$i.ndjson"
	ingest "$SCRATCH/in/$i.ndjson" >>"$SCRATCH/states"
done
check "the other writer gets all of its commits in" wait $other
wait $beside
same "and so do we" "6 succeeded" "$(sort "$SCRATCH/states" | uniq -c | xargs)"
same "and our second agent" "6 succeeded" "$(sort "$SCRATCH/states-second" | uniq -c | xargs)"
wanted='{"n":2100,"d":2100}'
for engine in duckdb chdb; do
	same "nothing is lost or doubled, says $engine" "$wanted" "$(node "$SRC/tests/peers/delta-read.mjs" $engine "$location" \
		"SELECT count(*) AS n, count(DISTINCT id) AS d FROM t" | jq -c 'map_values(tonumber)')"
done
for url in "$URL" "$second"; do
	same "and each of our agents" "$wanted" "$(URL=$url; sql 'SELECT count(*) AS n, count(DISTINCT id) AS d FROM shared' | jq -c .)"
done
agent_stop
done_testing
