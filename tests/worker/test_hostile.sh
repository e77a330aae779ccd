#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Plugins that crash, loop, leak, lie and shout: an attempt fails, the answer names plugin and function, and nobody
# else notices. Each deed is a function of tests/plugins/hostile-task.c or hostile-ingest.c.
. "$(dirname "$0")/../e2e/lib.sh"
command -v jq >/dev/null || skip_all "jq is not here"
# In a build with a sanitizer what it finds in a plugin ends a worker as the plugin's own crash would.
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1

PLUGINS=$BUILD/tests/plugins/.libs
LOCAL=$DATA/plugins/local

clear_plugin() { api POST "/v1/plugins/$1:clear" >/dev/null; }
ready() {
	for _ in $PATIENCE; do
		[ "$(api GET "/v1/plugins/$1" | jq -r .id)" = "$1" ] && return 0
		sleep 0.05
	done
	return 1
}
custom() { submit "$(jq -cn --arg do "$1" --argjson amount "${2:-0}" \
	'{kind:"custom",plugin:"hostile",config:{do:$do,amount:$amount},max_attempts:1,timeout:"5m"}')"; }
# fails DEED WORDS [AMOUNT]: the task fails and its error has the words.
fails() {
	local id state
	id=$(custom "$1" "${3:-0}")
	state=$(finish "$id")
	got=$(api GET "/v1/tasks/$id" | jq -r '.error.detail // .error // "-"' | tr '\n' ' ')
	if [ "$state" = failed ] && grep -qE "$2" <<<"$got"; then
		pass "$1 fails its attempt: ${got:0:110}"
	else
		fail "$1 fails its attempt" "state: $state" "wanted: $2" "got: $got" "$(tail -5 "$SCRATCH/agent.log")"
	fi
	clear_plugin org.orasi.test.hostile
}
lives() { same "$1 leaves the next task alone" succeeded "$(finish "$(custom behave)")"; }
ingest_fails() {
	local id state
	id=$(submit "$(jq -cn --arg do "$1" '{kind:"ingest",dataset:"lies",source:{inline:"x"},max_attempts:1,timeout:"5m",
		format:{plugin:"hostile-ingest",options:{do:$do}}}')")
	state=$(finish "$id")
	got=$(api GET "/v1/tasks/$id" | jq -r '.error.detail // .error // "-"' | tr '\n' ' ')
	if [ "$state" = failed ] && grep -qE "$2" <<<"$got"; then
		pass "a decoder's $1 fails its attempt: ${got:0:110}"
	else
		fail "a decoder's $1 fails its attempt" "state: $state" "wanted: $2" "got: $got" "$(tail -5 "$SCRATCH/agent.log")"
	fi
	clear_plugin org.orasi.test.hostile-ingest
}

mkdir -p "$LOCAL"
cp "$PLUGINS/hostile-task.so" "$PLUGINS/hostile-ingest.so" "$LOCAL/"
AWS_SECRET_ACCESS_KEY=hostile-secret ORASI_WORKERS_CANCEL_GRACE=300ms ORASI_WORKERS_MEMORY=256MiB agent_start || exit 1
check "the hostile plugins are accepted: one cannot see it from outside" ready org.orasi.test.hostile
check "the hostile decoder too" ready org.orasi.test.hostile-ingest
FIRST_PID=$AGENT_PID

blame="plugin 'org.orasi.test.hostile', function 'run'"
fails segfault "signal 11 .*$blame"
id=$(custom segfault)
finish "$id" >/dev/null
same "the attempt has the signal and the worker's memory" "11 null true" \
	"$(api GET "/v1/tasks/$id/attempts" | jq -r '.items[0] | "\(.exit_signal) \(.exit_code) \(.max_rss_kib == null or .max_rss_kib > 0)"')"
clear_plugin org.orasi.test.hostile
id=$(custom behave)
finish "$id" >/dev/null
same "one that ends well has none, and what it took" "null null true true" "$(api GET "/v1/tasks/$id/attempts" |
	jq -r '.items[0] | "\(.exit_signal) \(.exit_code) \(.max_rss_kib > 1000) \(.cpu_ms >= 0)"')"
fails overflow "signal 11 .*$blame"
fails abort "signal 6 .*$blame"
fails last_words "signal 6 .*$blame, call [0-9]+; it printed last: first words \| assertion 'x' failed"
fails exit "ended with code 0 .*$blame"
fails _exit "ended with code 0 .*$blame"
fails double_free "signal (6|11) .*org.orasi.test.hostile"
lives "dying"

id=$(submit '{"kind":"custom","plugin":"hostile","config":{"do":"loop"},"max_attempts":1,"timeout":"2s"}')
same "an endless loop ends with its timeout" failed "$(finish "$id")"
check "and the answer names plugin and function" grep -q "longer than its timeout .*$blame" \
	<<<"$(api GET "/v1/tasks/$id" | jq -r '.error.detail // .error')"
id=$(submit '{"kind":"custom","plugin":"hostile","config":{"do":"loop_masked"},"max_attempts":1,"timeout":"2s"}')
same "one with all signals masked too" failed "$(finish "$id")"
id=$(custom loop_masked)
for _ in $PATIENCE; do [ "$(api GET "/v1/tasks/$id" | jq -r .state)" = running ] && break; sleep 0.02; done
api POST "/v1/tasks/$id:cancel" >/dev/null
same "it can be cancelled" cancelled "$(finish "$id")"
id=$(custom wait)
for _ in $PATIENCE; do [ "$(api GET "/v1/tasks/$id" | jq -r .state)" = running ] && break; sleep 0.02; done
api POST "/v1/tasks/$id:cancel" >/dev/null
same "and one that looks at the flag ends by itself" cancelled "$(finish "$id")"
clear_plugin org.orasi.test.hostile

fails memory_bomb "no more memory.*hostile.*'run'|signal (6|9|11).*hostile|more than .* of workers.memory.*hostile"
fails shared_bomb "more than the 256 MiB of workers.memory.*$blame"
lives "a memory bomb"
fails fork_bomb "no children.*hostile.*'run'"
fails fd_bomb "descriptors are used up.*hostile.*'run'"
lives "a descriptor bomb"
same "descriptors that are left open, above those of the worker's own, are left with the attempt" succeeded \
	"$(finish "$(custom fd_leak 1000)")"
for _ in $(seq 25); do finish "$(custom fd_leak 1000)"; done | sort | uniq -c | grep -q "25 succeeded" &&
	pass "so often that one worker would have none" || fail "so often that one worker would have none" "$(tail -5 "$SCRATCH/agent.log")"
for _ in $(seq 12); do finish "$(custom leak 20000000)"; done | sort | uniq -c | grep -q "12 succeeded" &&
	pass "twelve leaks of 20 MB fit a worker of 256 MiB, since it is replaced in time" ||
	fail "twelve leaks of 20 MB fit a worker of 256 MiB, since it is replaced in time" "$(tail -5 "$SCRATCH/agent.log")"

fails write_fds "broke the protocol.*hostile|hostile.*broke the protocol"
same "what the agent reads cannot be made shorter" succeeded "$(finish "$(custom shrink_fds)")"
lives "shortened descriptors"
fails garbage "broke the protocol.*hostile|hostile.*broke the protocol"
lives "garbage in the control socket"
id=$(custom forged_result)
finish "$id" >/dev/null
same "a forged answer forges nothing but its own task's" succeeded "$(finish "$(custom behave)")"
fails forged_null "no JSON object"
lives "an answer that is none"
fails close_fds "hostile"
fails close_loop "closed its socket to the agent and was killed, in $blame"
fails close_crash "(signal 11 .*|closed its socket to the agent and was killed,) in $blame"
for deed in close_loop close_crash close_loop; do finish "$(custom $deed)" >/dev/null; done
same "who closes the socket is counted as who crashes" quarantined \
	"$(api GET /v1/plugins | jq -r '[.items[] | select(.path | endswith("/hostile-task.so"))][0].state')"
clear_plugin org.orasi.test.hostile
fails shut_down "hostile"
lives "a closed socket"
id=$(custom log_flood 100000)
same "100,000 lines of log harm nobody" succeeded "$(finish "$id")"
check "and the task's log tells how many are not in it" grep -q 'lines were dropped.*dropped=[0-9]' <<<"$(api GET "/v1/tasks/$id/logs")"
same "100,000 lines of print harm nobody" succeeded "$(finish "$(custom print 100000)")"
same "100,000 words of progress harm nobody" succeeded "$(finish "$(custom progress_flood 100000)")"
check "and the agent's log has kept its size" [ "$(grep -c "nobody asked for\|same again" "$SCRATCH/agent.log")" -lt 3000 ]
fails scribble_page "the worker was killed by signal 11"

fails fail_without_words "gave no reason|hostile.*'run'"
fails strange_status "misbehaves.*'run' returned 77"
fails huge_result "at most 1 MiB"
fails full_result "larger than the 1 MiB that is kept"
id=$(custom deep_result)
same "a result of 64 levels is kept" "succeeded 64" \
	"$(finish "$id") $(api GET "/v1/tasks/$id/result" | grep -o '\[\[*' | awk 'length > n { n = length } END { print n }')"
fails null_result "'run'"
fails no_json "hostile.*'run'.*not JSON"
fails other_schema "hostile.*result_schema.*'/done'"
fails endless_message "hostile.*'run'"
fails huge_checkpoint "64 KiB.*hostile"
lives "a liar"

# The walls: seccomp, and Landlock where the kernel has it.
for deed in kill_agent kill_thread own_signal slow_agent pin_agent make_socket send_datagram run_program raise_limit file_of_memory \
	memory_of_all open_to_all give_away mark_file freeze_file lease_file watch_files make_device; do
	fails $deed "walled: Operation not permitted.*hostile"
done
fails read_environ "walled: it is not there.*hostile"
if grep -q "worker.sandbox.*Landlock" "$SCRATCH/agent.log"; then
	pass "this kernel has no Landlock, and the agent says so"
else
	for deed in open_outside write_outside write_plugins make_link; do fails $deed "walled: Permission denied.*hostile"; done
fi

blame="plugin 'org.orasi.test.hostile-ingest', function"
for f in create open next; do ingest_fails "crash_$f" "signal 11 .*$blame '$f'"; done
ingest_fails crash_destroy "signal 11 .*$blame 'destroy'"
ingest_fails no_schema "hostile-ingest.*'open'"
ingest_fails endless_schema "hostile-ingest.*'open'"
ingest_fails bad_format "hostile-ingest|format"
ingest_fails schema_for_ever "hostile-ingest.*(SCHEMA|'next')"
ingest_fails fail_without_words "hostile-ingest.*no reason"
ingest_fails no_batch "hostile-ingest.*not valid"
ingest_fails negative_rows "hostile-ingest.*not valid"
ingest_fails offset "hostile-ingest"
ingest_fails no_buffers "hostile-ingest"
ingest_fails few_children "hostile-ingest.*not valid"
ingest_fails wild_children "hostile-ingest"
ingest_fails children_differ "hostile-ingest"
ingest_fails text "hostile-ingest"
ingest_fails long_rows "hostile-ingest"
ingest_fails wild_buffer "hostile-ingest"
ingest_fails use_after_release "hostile-ingest"
ingest_fails release_now "hostile-ingest"
ingest_fails huge_state "hostile-ingest"
id=$(submit '{"kind":"ingest","dataset":"kept","source":{"inline":"x"},"format":{"plugin":"hostile-ingest","options":{"do":"never_release"}}}')
same "a decoder that never releases leaks, and the worker is replaced in time" succeeded "$(finish "$id")"
same "its rows are there" 200 "$(sql 'SELECT count(*) AS n FROM kept' | jq -r .n)"

id=$(submit '{"kind":"ingest","dataset":"fine","source":{"uris":["'"$SRC"'/examples/access.ndjson"]}}')
same "ordinary tasks finish among all this" succeeded "$(finish "$id")"
same "it is still the agent that was started" "$FIRST_PID" "$(api GET /v1/agent | jq -r .pid)"
check "which lives" kill -0 "$FIRST_PID"

# Three crashes in ten minutes: quarantined, with reason and remedy, until somebody clears it.
for _ in 1 2 3; do finish "$(custom segfault)" >/dev/null 2>&1; done
row=$(api GET /v1/plugins | jq -c '.items[] | select(.bundle == "org.orasi.test.hostile")')
same "three crashes quarantine a plugin" quarantined "$(jq -r .state <<<"$row")"
check "its row tells why and what to do" grep -q "crashed 3 times.*'run'.*orasi plugin clear" <<<"$row"
check "a new task is told so" grep -q "quarantined" <<<"$(custom behave)"
state() { api GET /v1/plugins | jq -r '.items[] | select(.bundle == "org.orasi.test.hostile") | .state'; }
check "'orasi plugin clear' forgives it" "$BUILD/orasi" plugin clear org.orasi.test.hostile
same "then it is active" active "$(state)"
id=$(custom behave)
same "usable, at once" succeeded "$(finish "$id")"
lives "a cleared quarantine"
same "to clear what is not there is refused, by name" "1 1" \
	"$(said=$("$BUILD/orasi" plugin clear org.orasi.test.nobody 2>&1); echo "$? $(grep -c "org.orasi.test.nobody" <<<"$said")")"
agent_stop
left() { grep -lzs "^$DATA$" /proc/[0-9]*/cmdline | wc -l; }
for _ in $PATIENCE; do [ "$(left)" = 0 ] && break; sleep 0.05; done
same "nothing of all this is left running" 0 "$(left)"
done_testing
