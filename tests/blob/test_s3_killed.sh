#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Exports to S3 whose worker or agent is killed on the way: what they have put is taken away when the task gives up, and is
# made whole when it does not.
. "$(dirname "$0")/../peers/lib.sh"
. "$(dirname "$0")/s3-tests.sh"

STALL=$SCRATCH/stall
run_background store node "$SRC/tests/blob/s3-store.mjs" "$STALL" || skip_all "the store does not start"
STORE=$PORT
export AWS_ENDPOINT_URL_S3=http://127.0.0.1:$STORE
keys() { s3_call "$STORE" GET "/orasi-test?list-type=2&prefix=$1" | grep -o '<Key>[^<]*</Key>' | sed 's/<[^>]*>//g'; }
uploads() { s3_call "$STORE" GET "/orasi-test?prefix=$1&uploads=" | grep -c '<UploadId>'; }
placer() { pgrep -P "$AGENT_PID" -f -- '--role place' | head -1; }
# until WANTED COMMAND…: for ten seconds at most; prints what it said last.
until_says() {
	local wanted=$1 said
	shift
	for _ in $PATIENCE; do
		said=$("$@")
		[ "$said" = "$wanted" ] && break
		sleep 0.1
	done
	printf '%s' "$said"
}
how_many() { keys "$1" | wc -l | xargs; }
# export_on TO [MEMBERS]: begins an export in small files; prints the task.
export_on() { submit "{\"kind\":\"export\",\"dataset\":\"$1\",\"to\":\"s3://orasi-test/$2\",\"format\":{\"plugin\":\"json\"},\"target_file_bytes\":\"64KiB\",\"max_attempts\":1${3:+,$3}}"; }

mkdir -p "$SCRATCH/in"
rows 0 20000 >"$SCRATCH/in/a"
awk 'BEGIN { s = "x"; while (length(s) < 1000000) s = s s; for (i = 0; i < 72; i++) printf "{\"id\":%d,\"text\":\"%s\"}\n", i, substr(s, 1, 1000000) }' >"$SCRATCH/in/b"
agent_start || exit 1
ingest many "$SCRATCH/in/a" >/dev/null
ingest large "$SCRATCH/in/b" >/dev/null

# ---- a task that gives up ---------------------------------------------------------------------------------------------
echo '3 PUT /orasi-test/out/f/' >"$STALL"
task=$(export_on many out/f/)
same "an export is held up in the middle of a folder" 3 "$(until_says 3 how_many out/f/)"
kill -9 "$(placer)"
same "its worker dies, and the task gives up" failed "$(finish "$task")"
same "then what it had put is taken away" 0 "$(until_says 0 how_many out/f/)"
no_files() { find "$DATA/staging" "$DATA/placing" -mindepth 1 -name "$task*" | wc -l | xargs; }
same "and nothing is kept for it" 0 "$(until_says 0 no_files)"
rm "$STALL"
same "the same place is free again" "succeeded 0" "$(finish "$(export_on many out/f/)") $(s3_call "$STORE" GET /orasi-test/out/f/ >/dev/null; echo $?)"

# ---- an upload in parts ------------------------------------------------------------------------------------------------
echo '2 PUT .*partNumber=' >"$STALL"
task=$(submit '{"kind":"export","dataset":"large","to":"s3://orasi-test/out/large.json","max_attempts":1}')
same "an export is held up in the middle of an upload in parts" 1 "$(until_says 1 uploads out/large.json)"
s3_call "$STORE" POST "/orasi-test/out/large.json.other?uploads=" >/dev/null
for _ in $PATIENCE; do [ -n "$(placer)" ] && break; sleep 0.1; done
kill -9 "$(placer)"
same "its worker dies, and the task gives up" failed "$(finish "$task")"
same "then the upload is given up, and no other" 1 "$(until_says 1 uploads out/large.json)"
same "nothing is to be seen" 0 "$(how_many out/large.json)"
rm "$STALL"

# ---- the agent is killed ----------------------------------------------------------------------------------------------------
echo '0 PUT /orasi-test/out/g/$' >"$STALL"
task=$(export_on many out/g/)
files=$(how_many out/f/)
same "an export is held up just before the mark of its folder" "$((files - 1))" "$(until_says "$((files - 1))" how_many out/g/)"
agent_kill
rm "$STALL"
agent_start || exit 1
same "the agent dies; started again it makes the folder whole" "succeeded $files 0" \
	"$(finish "$task") $(how_many out/g/) $(s3_call "$STORE" GET /orasi-test/out/g/ >/dev/null; echo $?)"

echo '2 (PUT /orasi-test/out/h/|DELETE )' >"$STALL"
task=$(export_on many out/h/)
same "another is held up" 2 "$(until_says 2 how_many out/h/)"
kill -9 "$(placer)"
same "its worker dies, the task gives up, and nothing can be taken away" "failed 2" "$(finish "$task") $(how_many out/h/)"
agent_kill
rm "$STALL"
agent_start || exit 1
same "the agent dies too; started again it takes away what is left" 0 "$(until_says 0 how_many out/h/)"
same "and forgets it" 0 "$(until_says 0 no_files)"
agent_stop
done_testing
