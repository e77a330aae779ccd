#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Indexes: made, used by queries, behind the data, damaged, optimised, dropped. Every answer equals that of a scan.
. "$(dirname "$0")/lib.sh"
command -v jq >/dev/null || skip_all "jq is not here"

LOG=$SRC/examples/access.ndjson
orasi() { "$BUILD/orasi" "$@"; }
explain() { sql "EXPLAIN QUERY PLAN SELECT * FROM access WHERE $1" | jq -r .detail; }
# With "+" before the column, SQLite uses no index (and no affinity).
equals_scan() {
	local column=$1 condition=$2
	same "$column $condition finds what a scan finds" \
		"$(sql "SELECT _file, _row FROM access WHERE +$column $condition ORDER BY 1, 2" | md5sum)" \
		"$(sql "SELECT _file, _row FROM access WHERE $column $condition ORDER BY 1, 2" | md5sum)"
}
all_equal_scans() {
	local column condition
	while IFS='|' read -r column condition; do
		equals_scan "$column" "$condition"
	done <<'TABLE'
status|= 404
status|IN (404, 500, 7)
status|IN (404, NULL, 'x')
status|> 300
status|BETWEEN 400 AND 499
status|IS NULL
path|= '/'
path|GLOB '/api*'
path|GLOB '*'
path|>= '/a' AND path < '/b'
path|IS NOT NULL AND status = 500
status|= 404 OR status = 500 OR path = '/'
duration_ms|= 12 OR duration_ms < 3
TABLE
}

agent_start || exit 1
orasi ingest "$LOG" --dataset access --quiet
check "an index is made on a number" orasi index create access by_status --column status --quiet
check "an index is made on a text" orasi index create access by_path --column path --quiet
check "an index is made on a double" orasi index create access by_duration --column duration_ms --quiet
check "the same index again is fine" orasi index create access by_path --column path --quiet
same "a comparison uses the index" "SCAN access VIRTUAL TABLE INDEX 0:index by_status (btree): status = ?" \
	"$(explain 'status = 404')"
same "a prefix uses the index" "SCAN access VIRTUAL TABLE INDEX 0:index by_path (btree): path >= ?, path < ?, path GLOB ?" \
	"$(explain "path GLOB '/api*'")"
same "a condition on another column does not" "SCAN access VIRTUAL TABLE INDEX 0:scan: method = ?" \
	"$(explain "method = 'GET'")"
all_equal_scans

echo "# data that the index does not have yet"
orasi index drop access by_duration --quiet
submit "{\"kind\":\"ingest\",\"dataset\":\"access\",\"indexes\":\"none\",\"source\":{\"uris\":[\"$LOG\"]}}" >"$SCRATCH/id"
same "more is ingested without indexes" succeeded "$(finish "$(cat "$SCRATCH/id")")"
same "the rows are there" 2400 "$(sql 'SELECT count(*) AS n FROM access' | jq .n)"
all_equal_scans
check "the index catches up" orasi index build access by_status --quiet
all_equal_scans
same "two segments now" 2 "$(orasi index show access by_status --json | jq .segments)"
check "they are merged" orasi index optimize access by_status --quiet
same "one segment now" 1 "$(orasi index show access by_status --json | jq .segments)"
same "nothing is wrong with it" '[0,0,2400]' \
	"$(orasi index verify access by_status --json | jq -c '.result | [(.problems | length), .missing_files, .rows]')"
all_equal_scans

echo "# an ingest brings the indexes along"
orasi ingest "$LOG" --dataset access --quiet
for _ in $PATIENCE; do
	[ "$(orasi index show access by_path --json | jq .rows)" = 3600 ] && break
	sleep 0.1
done
same "the index has grown by itself" 3600 "$(orasi index show access by_path --json | jq .rows)"

echo "# damage"
folder=$(orasi dataset show access --json | jq -r .location)
for run in $(find "${folder#file://}/_orasi/indexes/by_path" -name run); do
	printf 'XXXXXXXX' | dd of="$run" bs=1 seek=0 conv=notrunc status=none
done
all_equal_scans
same "verify names the damaged segments" true \
	"$(orasi index verify access by_path --json | jq '.result.problems | length > 0')"

echo "# full text"
check "a full-text index is made" orasi index create access words --plugin fulltext --column message --quiet
# query | what jq selects
while IFS='|' read -r query selection; do
	same "MATCH $query" "$(($(jq -s "[.[] | select(.message | ascii_downcase | $selection)] | length" "$LOG") * 3))" \
		"$(sql "SELECT count(*) AS n FROM access WHERE message MATCH '$query'" | jq .n)"
done <<'TABLE'
order|test("\\border\\b")
ORDER accepted|test("\\border\\b") and test("\\baccepted\\b")
"timed out"|test("\\btimed out\\b")
"out timed"|false
order OR cache|test("\\b(order|cache)\\b")
NOT order|test("\\border\\b") | not
acc*|test("\\bacc")
nothing|false
TABLE
same "the index is used" 1 "$(sql "EXPLAIN QUERY PLAN SELECT * FROM access WHERE message MATCH 'order'" | grep -c 'index words (fulltext)')"
same "the best rows come first" true \
	"$(orasi search access 'order' --limit 20 --json | jq -c '[.rows[][0]] | . == (sort | reverse)')"
submit '{"kind":"ingest","dataset":"access","indexes":"none","source":{"inline":"{\"message\":\"zebra crossing\"}"}}' >"$SCRATCH/id"
same "a row comes that no index has yet" succeeded "$(finish "$(cat "$SCRATCH/id")")"
same "it is found all the same" '"zebra crossing"' "$(sql "SELECT message FROM access WHERE message MATCH 'zebra'" | jq -c .message)"
same "and with a comparison" 1 "$(sql "SELECT count(*) AS n FROM access WHERE message MATCH 'zebra' OR status = 7" | jq .n)"

echo "# what is refused"
refusal() { "${@:3}" 2>&1 | grep -q "$2" && pass "$1" || fail "$1" "$("${@:3}" 2>&1)"; }
refusal "MATCH without an index says what to do" "orasi index create" orasi sql "SELECT 1 FROM access WHERE agent MATCH 'x'"
refusal "a wrong query is refused with the place" "character 10" orasi search access "order AND"
refusal "a column that is no text is named" "status" orasi index create access bad --column status --plugin fulltext
refusal "an unknown column is named" "nope" orasi index create access bad --column nope
refusal "an unknown plugin is named" "hash" orasi index create access bad --column path --plugin hash
refusal "an unknown dataset is named" "acess" orasi index create acess bad --column path
refusal "another index of that name is refused" "by_path" orasi index create access by_path --column method
refusal "an unknown index is named" "by_nothing" orasi index verify access by_nothing
check "an index is dropped" orasi index drop access by_path
same "its files are gone" "" "$(find "${folder#file://}/_orasi/indexes/by_path" -name run 2>/dev/null)"
equals_scan path "= '/'"
agent_stop
done_testing
