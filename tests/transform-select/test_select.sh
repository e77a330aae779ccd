#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The transform select, from a file through an ingest into a dataset.
. "$(dirname "$0")/../e2e/lib.sh"
command -v jq >/dev/null || skip_all "jq is not here"
IN=$SCRATCH/in.ndjson
cat >"$IN" <<'ROWS'
{"id":1,"level":"error","ms":"12.5","at":"2026-01-31T10:00:00Z","ok":true,"deep":{"a":[1,2]},"n":1.0}
{"id":2,"level":"info","ms":"7","at":"2026-01-31T11:00:00Z","ok":false,"deep":{"a":[]},"n":2.5}
{"id":3,"level":"error","ms":"fast","at":"2026-02-01T00:00:00Z","ok":null,"deep":null,"n":3.0}
{"id":4,"level":null,"ms":null,"at":"2026-02-01T12:00:00Z","ok":true,"deep":{"a":[3]},"n":null}
{"id":5,"level":"it's","ms":" 3 ","at":"2026-02-02T00:00:00Z","ok":true,"deep":{"a":[4]},"n":300.0}
ROWS
agent_start || exit 1
plugins_ready 5
for _ in $PATIENCE; do [ "$(api GET /v1/plugins/select | jq -r .name)" = select ] && break; sleep 0.05; done

n=0
rows() { sql "$1" | jq -c '[.[]]' | xargs -d '\n'; }
wants() { # NAME CONFIG "rows rejected" [SQL ROWS]
	local got
	n=$((n + 1))
	ingest_file "d$n" "$IN" "transform: [{op: \"plugin\", name: \"select\", config: $2}]" >"$SCRATCH/task"
	got=$(jq -r 'if .state == "succeeded" then "\(.result.rows) \(.result.rejected)" else "\(.state) \(.error.detail // .detail // .)" end' "$SCRATCH/task")
	case $got in
	"$3" | failed*"$3"* | null*"$3"*) pass "$1" ;;
	*) fail "$1" "wanted: $3" "got:    $got" ;;
	esac
	[ $# -lt 4 ] || same "  $4" "$5" "$(rows "${4//DATA/d$n}")"
}
wants "columns are chosen and put in order" '{columns: ["ok", "id"]}' "5 0" "SELECT * FROM DATA ORDER BY id LIMIT 2" "[true,1] [false,2]"
wants "or dropped and renamed" '{drop: ["ms", "ok", "at", "n"], rename: ["level=severity"]}' "5 0" \
	"SELECT id, severity, deep FROM DATA WHERE id = 1" '[1,"error",{"a":[1,2]}]'
wants "rows are filtered by numbers" '{filter: ["id >= 2", "id < 4"], columns: ["id", "deep"]}' "2 0" "SELECT id, deep FROM DATA ORDER BY id" \
	'[2,{"a":[]}] [3,null]'
wants "by texts, null is not equal and not different" "{filter: [\"level != 'info'\"], columns: [\"id\"]}" "3 0" "SELECT id FROM DATA ORDER BY id" "[1] [3] [5]"
wants "a quote in a text is doubled" "{filter: [\"level = 'it''s'\"], columns: [\"id\"]}" "1 0" "SELECT id FROM DATA" "[5]"
wants "by booleans" '{filter: ["ok = true"], columns: ["id"]}' "3 0" "SELECT id FROM DATA ORDER BY id" "[1] [4] [5]"
wants "by null" '{filter: ["level is null"], columns: ["id"]}' "1 0" "SELECT id FROM DATA" "[4]"
wants "and by what is not" '{filter: ["n is not null", "n > 2.4"], columns: ["id"]}' "3 0" "SELECT id FROM DATA ORDER BY id" "[2] [3] [5]"
wants "by times" "{filter: [\"at >= '2026-02-01'\", \"at < '2026-02-02T00:00:00Z'\"], columns: [\"id\"]}" "2 0" "SELECT id FROM DATA ORDER BY id" "[3] [4]"
wants "nothing may be left" '{filter: ["id > 100"], columns: ["id"]}' "0 0"
wants "values are cast, and what cannot be goes to quarantine" '{cast: ["ms=float64"], columns: ["id", "ms"]}' "4 1" \
	"SELECT id, ms FROM DATA ORDER BY id" "[1,12.5] [2,7] [4,null] [5,3]"
same "  with column and value" '["select.cast","ms","fast"]' "$(sql "SELECT code, \"column\", CAST(raw AS TEXT) AS raw FROM d${n}__rejects" | jq -c '[.[]]')"
wants "or is null" '{cast: ["ms=float64"], on_misfit: "null", columns: ["id", "ms"]}' "5 0" "SELECT ms FROM DATA WHERE id = 3" "[null]"
wants "a cast loses nothing" '{cast: ["n=uint8", "id=text", "at=date", "ok=int8"], columns: ["id", "n", "at", "ok"]}' "3 2" \
	"SELECT id, n, at, ok FROM DATA ORDER BY id" '["1",1,"2026-01-31",1] ["3",3,"2026-02-01",null] ["4",null,"2026-02-01",1]'
wants "the filter sees values before they are cast" '{filter: ["id = 1"], cast: ["id=text"], columns: ["id"]}' "1 0" "SELECT id FROM DATA" '["1"]'
wants "a column that is not there is an error" '{columns: ["nobody"]}' "names the column 'nobody'"
wants "so is a filter on one" '{filter: ["nobody = 1"]}' "names the column 'nobody'"
wants "and one that compares with something else" "{filter: [\"id = 'x'\"]}" "cannot be compared"
wants "and one that is none" '{filter: ["id ~ 3"]}' "is none such as"
wants "and a cast that cannot be" '{cast: ["deep=int64"]}' "cannot be cast"
wants "and a type that is not known" '{cast: ["id=int7"]}' "'int7'"
wants "and two columns of one name" '{rename: ["id=level"]}' "two columns would be called"
wants "and no column at all" '{columns: ["id"], drop: ["id"]}' "no column is left"
unharmed "after all that"
agent_stop
done_testing
