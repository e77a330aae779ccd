#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Records of every unpleasant kind: what is no record goes to quarantine with reason and place, the rest is written,
# and the counts reconcile.
. "$(dirname "$0")/lib.sh"
command -v jq >/dev/null || skip_all "jq is not here"
IN=$SCRATCH/in
mkdir -p "$IN"
agent_start || exit 1
plugins_ready 2

JSON='format: {plugin: "json"}'
# The task of a file as "state rows_in rows rejected code@line code@line …".
outcome() {
	jq -r 'if .state == "succeeded" then ([.state, .result.rows_in, .result.rows, .result.rejected] +
		[.result.first_rejected[] | "\(.code)@\(.line)"] | join(" ")) else "\(.state) \(.error.detail // .)" end'
}
# record NAME WANTED [members] <BYTES: a new dataset from stdin; the quarantine has what was promised.
n=0
record() {
	n=$((n + 1))
	cat >"$IN/$n"
	local got
	got=$(ingest_file "d$n" "$IN/$n" "${3:-$JSON}" | outcome)
	same "$1" "$2" "$got"
	set -- $got
	[ "$1" = succeeded ] && [ "$4" != 0 ] || return
	same "  all of them are in quarantine, with place and text" "$4" \
		"$(sql "SELECT count(*) AS n FROM d${n}__rejects WHERE line > 0 AND byte_offset >= 0 AND message <> '' AND raw_length > 0" | jq .n)"
}
# refused NAME TEXT [members] <BYTES
refused() {
	n=$((n + 1))
	cat >"$IN/$n"
	local got
	got=$(ingest_file "d$n" "$IN/$n" "${3:-}" | outcome)
	case $got in
	*"$IN/$n"*"$2"*) pass "$1" ;;
	*) fail "$1" "wanted: … $IN/$n … $2 …" "got:    $got" ;;
	esac
}
nested() { perl -e 'print $ARGV[0] x $ARGV[2], "1", $ARGV[1] x $ARGV[2], "\n"' -- "$@"; }

record "an empty file holds no records" "succeeded 0 0 0" '' </dev/null
record "neither does one with blank lines, byte order mark included" "succeeded 0 0 0" 'labels: {}' < <(printf '\xEF\xBB\xBF\n \r\n\t\n')
record "a byte order mark is no part of the first record" "succeeded 2 2 0" < <(printf '\xEF\xBB\xBF{"a":1}\r\n{"a":2}')
same "  and not of its first key" '[1,2]' "$(sql 'SELECT a FROM d3 ORDER BY a' | jq -sc 'map(.a)')"
refused "UTF-16 is named, with the way out" "iconv" < <(printf '{"a":1}\n{"a":2}\n' | iconv -t UTF-16)
refused "also without a byte order mark" "iconv" < <(printf '{"a":1}\n{"a":2}\n' | iconv -t UTF-16LE)
refused "and by the plugin that was asked for" "iconv" "$JSON" < <(printf '{"a":1}\n{"a":2}\n' | iconv -t UTF-16)
record "NUL bytes spoil the records they are in" "succeeded 5 2 3 json.syntax@2 json.syntax@3 json.syntax@4" \
	< <(printf '{"a":1}\n\0\0\n{"a":2}\0\n{"a":"x\0y"}\n{"a":3}\n')
record "a NUL that is escaped is a character" "succeeded 1 1 0" < <(printf '{"a":"x\\u0000y"}\n')
record "bytes that are not UTF-8 spoil theirs" "succeeded 4 1 3 json.utf8@1 json.utf8@2 json.utf8@3" \
	< <(printf '{"a":"\xFF"}\n{"a":"\xED\xA0\x80"}\n{"a":"\xC0\xAF"}\n{"a":"ok"}\n')
record "a surrogate that stands alone is no character" \
	"succeeded 5 2 3 json.surrogate@1 json.surrogate@2 json.surrogate@4" < <(printf '%s\n' '{"a":"\ud800"}' \
	'{"a":"\udc00\ud800"}' '{"a":"\ud83d\ude00"}' '{"\ud800":1}' '{"a":"b"}')
same "  and a pair of them is one" '"😀"' "$(sql "SELECT a FROM d$n WHERE unicode(a) > 127" | jq -c .a)"
record "of two equal keys the last counts" "succeeded 2 2 0" < <(printf '{"a":1,"b":{"c":1,"c":2},"a":2}\n{"a":3}\n')
same "  in the record and inside of it" '[2,2]' \
	"$(sql "SELECT a, json_extract(b, '\$.c') AS c FROM d$n WHERE a = 2" | jq -c '[.a, .c]')"

record "10,000 objects inside each other go to quarantine" "succeeded 3 2 1 json.depth@2" \
	< <(echo '{"a":1}'; nested '{"a":' '}' 10000; echo '{"a":2}')
record "so do 10,000 lists" "succeeded 2 1 1 json.depth@2" < <(echo '{"a":1}'; nested '[' ']' 10000)
record "and a million that are never closed" "succeeded 2 1 1 json.depth@2" < <(echo '{"a":1}'; nested '{"a":[' '' 1000000)
refused "a document that never ends fails with the place where it began" "value that starts at byte" "$JSON" \
	< <(nested '[{"a":' '' 100000)
record "a record that is no object is rejected" "succeeded 5 1 4 json.not-object@2 json.not-object@3 json.not-object@4 json.not-object@5" \
	< <(printf '%s\n' '{"a":1}' 1 '"text"' null true)
record "so is one that ends too early, and what follows is read" "succeeded 3 2 1 json.syntax@2" \
	< <(printf '%s\n' '{"a":1}' '{"a":' '{"a":3}')
record "a type that does not fit is rejected with the column" "succeeded 2 1 1 type.mismatch@2" \
	'format: {plugin: "json", options: {sample_rows: 1}}' < <(printf '%s\n' '{"a":1}' '{"a":[1]}')
record "more columns than allowed are rejected" "succeeded 2 1 1 json.columns@2" \
	< <(echo '{"a":1}'; perl -e 'print "{", join(",", map { "\"k$_\":1" } 1 .. 3000), "}\n"')
refused "so is prose" "plain text" < <(printf 'Once upon a time.\n')
refused "and what is packed by something else" "bzip2" < <(printf 'BZh91AY&SY12345678')
refused "records without members make no table" "no members at all" "$JSON" < <(printf '{}\n{}\n')
record "but they are rows of one that is there" "succeeded 2 2 0" < <(printf '{}\n{"a":1}\n')

for text in '{"a b":1,"a_b":2,"U":{"x":3,"X":4}}' '{"a_b":2,"U":{"X":4,"x":3},"a b":1}' '{"a_b":2}'; do
	echo "$text" >"$IN/keys"
	ingest_file keys "$IN/keys" "$JSON" >/dev/null
done
same "keys that cannot both be the name of a column keep the columns that they got" \
	'{"a_b":1,"a_b_2":2,"U":{"x":3,"X_2":4}} {"a_b":1,"a_b_2":2,"U":{"x":3,"X_2":4}} {"a_b":null,"a_b_2":2,"U":null}' \
	"$(sql 'SELECT * FROM keys ORDER BY a_b IS NULL' | paste -sd' ')"

case $(ingest_file "D$n" "$IN/$n") in
*"'D$n' differs from the dataset 'd$n' in case only"*) pass "a name that SQL would not tell from another's is refused" ;;
*) fail "a name that SQL would not tell from another's is refused" ;;
esac
case $(ingest_file sqlite_master "$IN/1") in
*"SQLite keeps for itself"*) pass "so is one that SQLite has" ;;
*) fail "so is one that SQLite has" ;;
esac

# A line of one GB, most of it a hole in the file.
printf '{"a":1}\n{"a":"' >"$IN/long"
truncate -s +1000000000 "$IN/long"
printf '"}\n{"a":2}\n' >>"$IN/long"
same "a line of one GB goes to quarantine, its neighbours do not" "succeeded 3 2 1 json.too-long@2" \
	"$(ingest_file long "$IN/long" "$JSON" | outcome)"
same "  with its length and its beginning" '[1000000008,65536]' \
	"$(sql 'SELECT raw_length AS n, length(raw) AS kept FROM long__rejects' | jq -c '[.n, .kept]')"
rm "$IN/long"
peak=$(for pid in "$AGENT_PID" $(pgrep -P "$AGENT_PID"); do awk '/^VmHWM/ {print $2}' "/proc/$pid/status"; done | sort -n | tail -1)
if grep -q sanitize "$BUILD/config.log" && [ "$peak" -gt 131072 ]; then
	pass "no process took more than 128 MiB # SKIP sanitizers take memory of their own"
else
	check "no process took more than 128 MiB (the largest: $peak KiB)" [ "$peak" -le 131072 ]
fi
unharmed "after all that"
agent_stop
done_testing
