#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SQL over datasets: formats, types, predicates against what jq says, and what is refused.
. "$(dirname "$0")/lib.sh"
command -v jq >/dev/null || skip_all "jq is not here"

LOG=$SRC/examples/access.ndjson
ingest() { finish "$(submit "{\"kind\":\"ingest\",\"dataset\":\"$1\",\"source\":{\"uris\":[\"$2\"]}${3:+,$3}}")"; }
agent_start || exit 1
same "the log is ingested" succeeded "$(ingest access "$LOG" '"sink":{"target_file_bytes":8192}')"
same "the orders are ingested" succeeded \
	"$(ingest orders "$SRC/examples/orders.json" '"format":{"plugin":"json","options":{"records":"/orders"}}')"

count() { sql "SELECT count(*) AS n FROM access WHERE $1" | jq -r .n; }
# SQL condition | what jq selects
while IFS='|' read -r condition selection; do
	same "WHERE $condition" "$(jq -s "[.[] | select($selection)] | length" "$LOG")" "$(count "$condition")"
done <<'TABLE'
status = 404|.status == 404
status <> 200|.status != 200
status > 300 AND status <= 404|.status > 300 and .status <= 404
status = '404'|.status == 404
status = 404.5|false
duration_ms < 10|.duration_ms < 10
duration_ms >= 100 AND duration_ms < 200|.duration_ms >= 100 and .duration_ms < 200
bytes > 59000.5|.bytes > 59000.5
method = 'POST'|.method == "POST"
method < 'H'|.method < "H"
path LIKE '/api%'|.path | startswith("/api")
status IN (404, 500)|.status == 404 or .status == 500
status IS NULL|false
status IS NOT NULL|true
time >= '2026-03-01T06'|.time >= "2026-03-01T06"
time < '2026-03-01T06:10:37'|.time < "2026-03-01T06:10:37"
time = '2026-03-01T00:00:37.000000Z'|.time == "2026-03-01T00:00:37Z"
time > '2026-03-01' AND time < '2026-03-02'|true
TABLE

same "NDJSON keeps types" '{"id":1000,"paid":true,"city":"Oslo","coupon":"SPRING"}' \
	"$(sql "SELECT id, paid, json_extract(customer,'\$.address.city') AS city, coupon FROM orders WHERE id = 1000")"
same "nested columns are JSON" '"Oslo"' "$(sql 'SELECT customer FROM orders WHERE id = 1000' | jq -c .customer.address.city)"
same "CSV has a header and quotes what must be" $'id,name\r\n1,"a ""b"", c"\r' \
	"$(api POST /v1/query "$(jq -cn --arg s "SELECT 1 AS id, 'a \"b\", c' AS name" '{sql: $s, format: "csv"}')")"
same "a page says what it cut" '[2,true]' \
	"$(api POST /v1/query '{"sql":"SELECT id FROM orders","format":"json","limit":2}' | jq -c '[(.rows | length), .truncated]')"
same "two datasets are joined" 1 \
	"$(sql 'SELECT count(*) AS n FROM orders o JOIN orders p ON p.id = o.id + 1 WHERE o.id = 1000' | jq .n)"

refused() { api POST /v1/query "$(jq -cn --arg s "$2" '{sql: $s}')" | jq -r .detail | grep -q "$3" && pass "$1" || fail "$1"; }
refused "an unknown dataset is named, with those there are" "SELECT * FROM acess" "there is no dataset 'acess'; there are: access"
refused "an unknown column is named" "SELECT nope FROM access" "no such column: nope"
refused "writing is refused" "DELETE FROM access" "only statements that read\|may not be modified"
refused "attaching is refused" "ATTACH '/etc/passwd' AS x" "only statements that read"
refused "a second statement is refused" "SELECT 1; SELECT 2" "only one statement"
refused "an empty statement is refused" " " "empty\|shorter\|missing"
refused "loading code is refused" "SELECT load_extension('x')" "only statements that read\|not authorized"
same "a dataset of that name may be asked for in any case" 1200 "$(sql 'SELECT count(*) AS n FROM ACCESS' | jq .n)"
agent_stop
done_testing
