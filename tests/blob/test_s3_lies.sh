#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A store that says what is not true: each lie ends in the right rows or in one error that says what is wrong, and the agent
# goes on.
. "$(dirname "$0")/../peers/lib.sh"
. "$(dirname "$0")/s3-tests.sh"

run_background store node "$SRC/tests/blob/s3-store.mjs" || skip_all "the store does not start"
store=$PORT lie=$SCRATCH/lie
: >"$lie"
run_background liar node "$SRC/tests/blob/s3-liar.mjs" "$store" "$lie" || fail "the liar starts"
export AWS_ENDPOINT_URL_S3=http://127.0.0.1:$PORT
agent_start || exit 1
s3_call "$store" PUT /orasi-test >/dev/null
api PUT /v1/datasets/d '{"location":"s3://orasi-test/d"}' >/dev/null
for i in 0 1 2; do
	rows $((i * 100)) 100 >"$SCRATCH/rows"
	ingest d "$SCRATCH/rows"
done >/dev/null
RIGHT='{"n":300,"s":44850}'
asked() { sql 'SELECT count(*) AS n, sum(id) AS s FROM d' | jq -c 'if .detail then .detail else . end'; }
same "the truth" "$RIGHT" "$(asked)"

# told LIE WORDS: what a query says meanwhile, anew; afterwards the rows are right again.
told() {
	local said
	agent_stop
	agent_start || exit 1 # nothing is remembered
	echo "$1" >"$lie"
	said=$(asked)
	: >"$lie"
	case $said in
	*"$2"*) pass "$1: $(printf '%.120s' "$said")" ;;
	*) fail "$1" "wanted: $2" "got:    $said" ;;
	esac
	same "and then the truth again" "$RIGHT" "$(asked)"
}
told "fewer bytes than were asked for" "bytes were asked for"
told "more bytes than were asked for" "bytes were asked for"
told "no bytes" "bytes were asked for, 0 came"
told "other bytes" "does not end with PAR1"
told "bytes without end" "the answer is larger than"
told "all for a part" "does not read ranges"
told "a file is smaller" "5 bytes are too few"
told "a file is larger" "bytes were asked for"
told "a file has no size" "does not say how large"
told "a list without end" "the list does not go on"
told "a list that is none" "the answer to a list is none"
told "an empty answer to a list" "the answer to a list is none"
told "a list of everything twice" "$RIGHT"
told "a list the wrong way round" "$RIGHT"
told "a list that lacks an entry" "00000000000000000001.json' is missing"
told "another text for an entry" "is damaged: line 1"
told "it is somewhere else" "the bucket is elsewhere"

rows 300 100 >"$SCRATCH/rows"
echo "an entry is there" >"$lie"
task=$(submit "{\"kind\":\"ingest\",\"dataset\":\"d\",\"source\":{\"uris\":[\"$SCRATCH/rows\"]}}")
sleep 1
: >"$lie"
same "who is told that others were first tries again behind them" succeeded "$(finish "$task")"
same "and is there once" '{"n":400,"s":79800}' "$(asked)"
unharmed "at the end"
agent_stop
done_testing
