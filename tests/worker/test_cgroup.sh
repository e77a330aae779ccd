#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Workers in leaves of a cgroup, where there is one: a part of the tree that this test makes for itself. Without, the agent
# says so and works as ever.
. "$(dirname "$0")/../e2e/lib.sh"
command -v jq >/dev/null || skip_all "jq is not here"

tree=$(awk '$4 == "/" && / - cgroup2 / {print $5; exit}' /proc/self/mountinfo)
mine=$tree/orasi-test-$$
LOCAL=$DATA/plugins/local
mkdir -p "$LOCAL"
cp "$BUILD"/tests/plugins/.libs/{hostile-task,task-count}.so "$LOCAL/"
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1
ready() { for _ in $PATIENCE; do [ "$(api GET "/v1/plugins/hostile" | jq -r .name)" = hostile ] && return 0; sleep 0.05; done; return 1; }
custom() { submit "$(jq -cn --arg do "$1" '{kind:"custom",plugin:"hostile",config:{do:$do},max_attempts:1,timeout:"5m"}')"; }
said() { grep -o 'worker.cgroup.*' "$SCRATCH/agent.log" | head -1; }

ORASI_WORKERS_CGROUP=off agent_start || exit 1
same "switched off, nothing is said of it" "" "$(said)"
agent_stop
ORASI_WORKERS_CGROUP=/nowhere agent_start || exit 1
check "a folder that is none is said" grep -q "/nowhere.*No such file.*workers are held by resource limits" <<<"$(said)"
ready
same "and does no harm" succeeded "$(finish "$(custom behave)")"
agent_stop
ORASI_WORKERS_CGROUP=$SCRATCH agent_start || exit 1
check "neither does a folder that is no cgroup" grep -q "it is no cgroup of version 2" <<<"$(said)"
agent_stop
agent_start || exit 1
check "an agent that was given none says what holds its workers" grep -q "folder.*workers are held by resource limits\|limits" <<<"$(said)"
agent_stop

if [ -z "$tree" ] || ! mkdir "$mine" 2>/dev/null; then
	pass "leaves # SKIP no cgroup of version 2 can be made here"
	done_testing
	exit 0
fi
end() {
	[ -n "$AGENT_PID" ] && kill -9 "$AGENT_PID" 2>/dev/null
	echo 1 >"$mine/cgroup.kill" 2>/dev/null
	for _ in $(seq 50); do
		find "$mine" -depth -type d -exec rmdir {} \; 2>/dev/null
		[ -d "$mine" ] || break
		sleep 0.1
	done
	clean_up
}
trap end EXIT
memory=$(grep -cw memory "$tree/cgroup.controllers")

ORASI_WORKERS_MEMORY=256MiB ORASI_WORKERS_CGROUP=$mine agent_start || exit 1
ready
same "a folder that is a cgroup is used" 1 "$(grep -c "worker.cgroup.*folder.*orasi-test" "$SCRATCH/agent.log")"
leaf_of() { sed -n 's/^0:://p' "/proc/$1/cgroup"; }
workers() { api GET /v1/status | jq -r '.workers[].pid'; }
pids=$(workers) # at one moment: others come and go
leaves=$(for pid in $pids; do leaf_of "$pid"; done)
same "each worker has a leaf of its own" "$(wc -w <<<"$pids")" "$(sort -u <<<"$leaves" | grep -c "orasi-test-$$/orasi-worker-[0-9]*$")"
id=$(custom behave)
same "tasks run there" succeeded "$(finish "$id")"
id=$(submit '{"kind":"custom","plugin":"hostile","config":{"do":"loop"},"max_attempts":1,"timeout":"2s"}')
finish "$id" >/dev/null
check "the time of one that was killed is known" \
	[ "$(api GET "/v1/tasks/$id/attempts" | jq ".items[0].cpu_ms > 0")" = true ]
finish "$(custom segfault)" >/dev/null
for _ in $PATIENCE; do
	finish "$(custom behave)" >/dev/null
	[ "$(find "$mine" -mindepth 1 -type d | wc -l)" -le "$(($(workers | wc -l) + 1))" ] && break
	sleep 0.1
done
check "leaves of workers that died go" [ "$(find "$mine" -mindepth 1 -type d | wc -l)" -le "$(($(workers | wc -l) + 1))" ]
if [ "$memory" = 1 ] && grep -qw memory "$mine/cgroup.subtree_control"; then
	leaf=$(find "$mine" -mindepth 1 -type d | head -1)
	same "the limit of memory is a quarter above workers.memory" $((320 << 20)) "$(cat "$leaf/memory.max")"
	id=$(custom shared_bomb)
	finish "$id" >/dev/null
	check "one that takes more is ended, and blamed" grep -q "workers.memory.*org.orasi.test.hostile" <<<"$(api GET "/v1/tasks/$id")"
else
	pass "limits of memory # SKIP the memory controller is not in this tree"
fi
agent_stop
for _ in $(seq 50); do [ -z "$(find "$mine" -mindepth 1 -type d)" ] && break; sleep 0.1; done
check "an agent that ends leaves at most empty leaves behind" [ "$(cat "$mine"/*/cgroup.procs 2>/dev/null | wc -l)" = 0 ]

# Alone in a cgroup of its own, as systemd starts a service.
printf '#!/bin/sh\necho $$ >"%s/cgroup.procs"\nexec "$@"\n' "$mine/service" >"$SCRATCH/into.sh"
chmod +x "$SCRATCH/into.sh"
mkdir -p "$mine/service"
AS=$SCRATCH/into.sh agent_start || exit 1
check "an agent that is alone in its cgroup uses it" grep -q "folder.*orasi-test-$$/service" <<<"$(said)"
check "and sits in a leaf itself" grep -q "orasi-test-$$/service/orasi-agent$" "/proc/$AGENT_PID/cgroup"
ready
same "its workers run beside it" succeeded "$(finish "$(custom behave)")"
pids=$(workers)
same "in leaves" "$(wc -w <<<"$pids")" "$(for pid in $pids; do leaf_of "$pid"; done | grep -c "service/orasi-worker-[0-9]*$")"
agent_stop
done_testing
