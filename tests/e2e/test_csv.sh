#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# CSV from file to SQL: found by content, typed, bad records in quarantine with their place, compressed, in ranges, into a
# dataset that has columns already; and the awkward files of the corpus give the rows that it says.
. "$(dirname "$0")/lib.sh"
command -v jq >/dev/null || skip_all "jq is not here"
IN=$SCRATCH/in
mkdir -p "$IN"
agent_start || exit 1
plugins_ready 3
outcome() {
	jq -r 'if .state == "succeeded" then ([.state, .result.rows_in, .result.rows, .result.rejected] +
		[.result.first_rejected[] | "\(.code)@\(.line)"] | join(" ")) else "\(.state) \(.error.detail // .)" end'
}

cat >"$IN/orders.csv" <<CSV
id,customer,amount,at,note
1,Ann,12.50,2026-01-31T10:00:00Z,"first, of many"
2,Bob,7,2026-01-31T11:30:00Z,"two
lines"
3,Cid,x,2026-01-31T12:00:00Z,
4,Dee
5,"Eve ""E."" Fox",0.25,2026-02-01,
CSV
same "bad records are rejected" \
	"succeeded 5 3 2 type.mismatch@5 csv.missing@6" \
	"$(ingest_file orders "$IN/orders.csv" 'format: {plugin: "csv", options: {sample_rows: 2}}' | outcome)"
same "values have types, quotes are gone" '[1,12.5,"first, of many"] [2,7,"two\nlines"] [5,0.25,null]' \
	"$(sql 'SELECT id, amount, note FROM orders ORDER BY id' | jq -c '[.id, .amount, .note]' | xargs -d '\n')"
same "times are times" '1' "$(sql "SELECT count(*) AS n FROM orders WHERE at >= '2026-02-01'" | jq .n)"
same "the quarantine has place and text" \
	'["type.mismatch","amount",118,"3,Cid,x,2026-01-31T12:00:00Z,"]' \
	"$(sql "SELECT code, \"column\", byte_offset, CAST(raw AS TEXT) AS raw FROM orders__rejects WHERE code LIKE 'type%'" |
		jq -c '[.code, .column, .byte_offset, .raw]')"

printf 'customer;id;amount\nGil;6;1,5\n' | gzip >"$IN/more.csv.gz"
same "a compressed file in another dialect goes into the columns that are there" "succeeded 1 1 0" \
	"$(ingest_file orders "$IN/more.csv.gz" 'format: {plugin: "csv", options: {decimal: ","}}' | outcome)"
same "by their names" '["Gil",1.5,null]' "$(sql 'SELECT customer, amount, at FROM orders WHERE id = 6' | jq -c '[.customer, .amount, .at]')"
printf 'id\tcustomer\tcity\n7\tHal\tUlm\n' >"$IN/wide.tsv"
same "a file is found by what is in it, and a column that is new is added" "succeeded 1 1 0" "$(ingest_file orders "$IN/wide.tsv" | outcome)"
same "  and null in the rows before" '["Hal","Ulm"] ["Gil",null]' \
	"$(sql 'SELECT customer, city FROM orders WHERE id > 5 ORDER BY id DESC' | jq -c '[.customer, .city]' | xargs -d '\n')"
check "an option that is not there is refused" grep -q '/format/options' <<<"$(ingest_file x "$IN/wide.tsv" 'format: {plugin: "csv", options: {delimitr: ";"}}')"

ORASI=$BUILD/orasi
"$ORASI" dataset export orders --out "$IN/out.csv" >"$SCRATCH/export.log" 2>&1
same "a dataset goes out as CSV" 'id,customer,amount,at,note,city' "$(head -1 "$IN/out.csv" | tr -d '\r')"
check "  with quotes where they must be" grep -q '^5,"Eve ""E."" Fox",0.25,2026-02-01T00:00:00Z,,' "$IN/out.csv"
same "  and comes back the same" "succeeded 5 5 0" "$(ingest_file back "$IN/out.csv" | outcome)"
same "  row by row" "0" "$(sql 'SELECT count(*) AS n FROM (SELECT * FROM orders EXCEPT SELECT * FROM back)' | jq .n)"

{
	echo 'n,text'
	for i in $(seq 5000); do printf '%d,"%0*d\n%d"\n' "$i" $((i % 50 + 1)) "$i" "$i"; done
} >"$IN/big.csv"
size=$(stat -c %s "$IN/big.csv")
tasks=
begin=0
for end in 1 $((size / 3)) $((size / 3 * 2 + 1)) $((size + 10)); do
	tasks+="${tasks:+,}{\"kind\":\"ingest\",\"dataset\":\"big\",\"source\":{\"uris\":[\"$IN/big.csv\"],\"range\":{\"begin\":$begin,\"end\":$end}}}"
	begin=$end
done
for id in $(api POST /v1/tasks "[$tasks]" | jq -r '.tasks[].id'); do finish "$id"; done | sort | uniq -c | xargs >"$SCRATCH/states"
same "ranges that are cut inside of quotes succeed" "4 succeeded" "$(cat "$SCRATCH/states")"
same "  and each record is there once" "5000 5000 12502500" \
	"$(sql 'SELECT count(*) AS n, count(DISTINCT n) AS d, sum(n) AS s FROM big' | jq -r '"\(.n) \(.d) \(.s)"')"

if [ -d "$CORPUS/csv" ]; then
	for file in "$CORPUS"/csv/*.csv; do
		name=$(basename "$file" .csv)
		[ $name = location_coordinates ] && continue # its truth is that of another file
		# The truth has texts for all values and "" where nothing stands; a checkout may have changed line ends.
		ingest_file "c_$name" "$(realpath "$file")" 'format: {plugin: "csv", options: {infer_types: false, header: "present"}}' >/dev/null
		same "corpus: $name" "$(jq -cS '.[] | map_values(gsub("\r\n"; "\n"))' "$CORPUS/csv/$name.json")" \
			"$(sql "SELECT * FROM c_$name" | jq -cS 'map_values(. // "" | gsub("\r\n"; "\n"))')"
	done
else
	pass "the corpus # SKIP it is not at $CORPUS"
fi
unharmed "after all that"
agent_stop
done_testing
