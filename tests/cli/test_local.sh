#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# orasi --local DIR: commands without a daemon. Nothing of the private agent outlives its command, however that ends.
. "$(dirname "$0")/../e2e/lib.sh"
command -v jq >/dev/null || skip_all "jq is not here"
ORASI=$BUILD/orasi
DIR="$SCRATCH/a folder"
endless="WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) AS n FROM r"

local_orasi() { "$ORASI" --local "$DIR" "$@"; }
agents() { pgrep -f -- "orasi-agent --data $SCRATCH/" | grep -c .; }
# eventually NAME COMMAND…: it is true within 20 seconds.
eventually() {
	local name=$1
	shift
	for _ in $PATIENCE; do "$@" && { pass "$name"; return; }; sleep 0.05; done
	fail "$name" "command: $*"
}
is_gone() { [ "$(agents)" = 0 ]; }
nothing_left() {
	is_gone && [ ! -e "$DIR/local.sock" ] && [ ! -e "$DIR/agent.address" ]
}

same "a folder that is not there becomes a data folder" ok "$(local_orasi status --json | jq -r .health)"
check "nothing of the agent is left" nothing_left
same "files are ingested" "1,200 rows in = 1,200 written + 0 rejected" \
	"$(local_orasi ingest --format json "$SRC/examples/access.ndjson" --dataset access)"
same "the next command finds them" $'n\r\n1200\r' "$(local_orasi sql --format csv "SELECT count(*) AS n FROM access")"
check "nothing is left after work" nothing_left

# ---- somebody is there already -------------------------------------------------------------------------------
for i in 1 2 3; do local_orasi status --json --quiet >"$SCRATCH/$i.json" 2>"$SCRATCH/$i.err" & done
wait
same "commands on one folder take turns" "ok ok ok" "$(jq -r .health "$SCRATCH"/[123].json | xargs)"
DATA=$DIR agent_start || exit 1
said=$(local_orasi status --json 2>&1 >"$SCRATCH/status.json")
same "an agent that serves the folder is used, and named" \
	"orasi: an agent serves '$DIR' already, at $URL: using it" "$said"
same "it is that agent" "$URL" "$(cat "$DIR/agent.address")"
check "it goes on" kill -0 "$AGENT_PID"
agent_kill
same "an address that a killed agent left behind is not believed" ok "$(local_orasi status --json | jq -r .health)"
check "and it is gone afterwards" nothing_left

# ---- it does not start -----------------------------------------------------------------------------------------
said=$(ORASI_QUEUE_MAX_DEPTH=many local_orasi status 2>&1)
same "an agent that does not start: exit code" 1 $?
case $said in *"did not start"*"max_depth"*"local.log"*) pass "the reason is told, and where its log is" ;; *) fail "the reason is told, and where its log is" "$said" ;; esac
said=$("$ORASI" --local /proc/nothing status 2>&1)
same "a folder that cannot be: exit code" 1 $?
case $said in "orasi: --local /proc/nothing: "*) pass "the folder is named" ;; *) fail "the folder is named" "$said" ;; esac
deep=$SCRATCH/$(printf 'd%.0s' {1..60})/$(printf 'e%.0s' {1..60})
same "a path too long for a socket works" ok "$("$ORASI" --local "$deep" status --json | jq -r .health)"

# ---- interrupted -------------------------------------------------------------------------------------------------
is_running() { curl -s --unix-socket "$DIR/local.sock" "http://local/v1/tasks?state=running" | grep -q '"id"'; }
# interrupt SIGNAL COMMAND…: the command in the background, a signal when its agent is ready; its exit code. A job
# of a script ignores Ctrl-C unless it is asked not to.
interrupt() {
	local signal=$1 pid
	shift
	env --default-signal=INT "$ORASI" --local "$DIR" "$@" >"$SCRATCH/out" 2>"$SCRATCH/err" <"$SCRATCH/fifo" &
	pid=$!
	for _ in $PATIENCE; do grep -q agent.ready "$DIR/local.log" 2>/dev/null && [ -S "$DIR/local.sock" ] && break; sleep 0.05; done
	if [ "${WAIT_RUNNING:-}" ]; then
		for _ in $PATIENCE; do is_running && break; sleep 0.05; done
	fi
	kill "-$signal" "$pid"
	wait "$pid"
	echo $?
}
mkfifo "$SCRATCH/fifo"
exec 9<>"$SCRATCH/fifo"
rm -f "$DIR/local.log"
same "Ctrl-C ends a query" 130 "$(interrupt INT sql "$endless")"
check "and the agent with it" nothing_left
rm -f "$DIR/local.log"
same "Ctrl-C ends an upload" 130 "$(interrupt INT ingest - --dataset never)"
check "and the agent with it" nothing_left
rm -f "$DIR/local.log"
same "Ctrl-C cancels the task that is waited for" 130 \
	"$(WAIT_RUNNING=1 interrupt INT task submit --kind query --sql "$endless" --wait)"
same "it says so" "orasi: the task was cancelled" "$(cat "$SCRATCH/err")"
check "nothing is left" nothing_left
same "the task is not run again" cancelled "$(local_orasi task list --json --kind query | jq -r '.items[0].state')"
rm -f "$DIR/local.log"
same "kill -9 ends the command" 137 "$(interrupt KILL sql "$endless" 2>/dev/null)"
same "the next command need not wait for that" ok "$(local_orasi status --json --quiet | jq -r .health)"
eventually "and the kernel tells the agent" is_gone
same "the folder is fine after that" ok "$(local_orasi status --json | jq -r .health)"
done_testing
