#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The agent as a program: its configuration, its folder, its end.
. "$(dirname "$0")/../e2e/lib.sh"

# said CODE TEXT ARGUMENTS…: what a run that ends by itself says.
said() {
	local code=$1 text=$2 got status
	shift 2
	got=$("$BUILD/orasi-agent" "$@" 2>&1)
	status=$?
	[ "$status" = "$code" ] && grep -qF -- "$text" <<<"$got" && return
	echo "# exit code $status: $got"
	return 1
}

echo "# configuration"
check "the printed configuration is a configuration" said 0 "shutdown_grace:" --print-config
"$BUILD/orasi-agent" --print-config >"$SCRATCH/printed.yaml"
check "  as the check says" said 0 "" --config "$SCRATCH/printed.yaml" --check-config
printf 'http:\n  lisen: 127.0.0.1:1\n' >"$SCRATCH/key.yaml"
check "an unknown key is refused with its line" said 2 "key.yaml:2: unknown key 'lisen'" --config "$SCRATCH/key.yaml" --check-config
printf 'http:\n  listen: 127.0.0.1:99999\n' >"$SCRATCH/value.yaml"
check "so is a bad value" said 2 "value.yaml:2: 'listen: 127.0.0.1:99999' is not host:port" --config "$SCRATCH/value.yaml" --check-config
check "a key can be overridden by a variable" env ORASI_HTTP_LISTEN=127.0.0.1:7777 bash -c \
	'"$0" --print-config | grep -qF "listen: \"127.0.0.1:7777\""' "$BUILD/orasi-agent"
export ORASI_HTTP_LISTEN=nowhere
check "  which is checked too" said 2 "ORASI_HTTP_LISTEN: 'listen: nowhere' is not host:port" --check-config
unset ORASI_HTTP_LISTEN
export ORASI_HTTP_LISEN=1
check "and must be one that there is" said 2 "variable ORASI_HTTP_LISEN is not known" --check-config
unset ORASI_HTTP_LISEN

echo "# its descriptors"
# with_files SOFT:HARD COMMAND…: with that limit of open files
with_files() { local limit=$1; shift; (ulimit -Sn "${limit%:*}"; ulimit -Hn "${limit#*:}"; "$@"); }
check "too few descriptors are named, with what raises them" with_files 40:40 said 1 "the agent needs 128: raise the limit" --data "$DATA"
AS="prlimit --nofile=200:600" agent_start || exit 1
same "a soft limit is raised to the hard one" 600 "$(metric process_max_fds)"
check "  and what is still too few is taken off the connections" grep -q "agent.descriptors open_files=600 max_connections=344" "$SCRATCH/agent.log"
sql 'SELECT 1 AS one' >/dev/null # a worker is there
same "  workers, and what plugins start there, keep the one that there was" 200 \
	"$(for pid in $(pgrep -P "$AGENT_PID"); do awk '/^Max open files/ {print $4}' "/proc/$pid/limits"; done | sort -u)"
agent_stop

export ORASI_HTTP_MAX_CONNECTIONS=2 ORASI_HTTP_HEADER_TIMEOUT=1h
AS="prlimit --nofile=200:200" agent_start || exit 1
unset ORASI_HTTP_MAX_CONNECTIONS ORASI_HTTP_HEADER_TIMEOUT
same "connections that there is room for stay as few as they were set" "" "$(grep "agent.descriptors" "$SCRATCH/agent.log")"
for fd in 5 6; do eval "exec $fd<>/dev/tcp/127.0.0.1/${URL##*:}"; done
got=$(curl -sS -m 600 "$URL/health" 2>&1)
check "  and one more is refused: ${got:0:100}" grep -q "2 connections" <<<"$got"
exec 5<&- 6<&-
agent_stop

echo "# its folder and its end"
export ORASI_HTTP_LOCAL_SOCKET=$SCRATCH/its.sock
agent_start || exit 1
unset ORASI_HTTP_LOCAL_SOCKET
sql 'SELECT 1 AS one' >/dev/null # a worker is there
workers=$(pgrep -P "$AGENT_PID" | tr '\n' ' ')
check "two agents do not share a folder" said 1 "in use by process $AGENT_PID" --data "$DATA" --listen 127.0.0.1:0
check "two agents do not share an address" said 1 "${URL#http://}" --data "$SCRATCH/other" --listen "${URL#http://}"
check "  nor a Unix socket, though each has a folder of its own" said 1 "another process listens there" --data "$SCRATCH/third" --listen "unix:$SCRATCH/its.sock"
agent_kill
alive=$workers
for _ in $PATIENCE; do
	alive=$(for pid in $workers; do kill -0 "$pid" 2>/dev/null && echo "$pid"; done)
	[ -z "$alive" ] && break
	sleep 0.05
done
same "workers ($workers) die with an agent that is killed" "" "$alive"

echo "# what it has told"
agent_start || exit 1
api PATCH /v1/queues/far '{"remote":true}' >/dev/null
lost=
for round in $(seq 12); do
	submit '{"kind":"remote","queue":"far","payload":1}' >/dev/null
	lease=$(api POST /v1/leases '{"queues":["far"],"worker":"w","lease":"60s"}' | jq -c '.leases[0] | {task: .task.id, lease_id, outcome: "complete"}')
	agent_kill # at once: nothing is left to its last moment
	agent_start || exit 1
	answer=$(api POST /v1/leases:settle "{\"leases\":[$lease]}" | jq -c '.items[0].status')
	[ "$answer" = 200 ] || lost="$lost $round:$answer"
done
same "a lease that was told outlives an agent that is killed at once" "" "$lost"
kill -TERM "$AGENT_PID"
wait "$AGENT_PID"
same "an agent that is told to stop ends with 0" 0 $?
AGENT_PID=
done_testing
