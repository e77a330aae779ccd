# SPDX-License-Identifier: Apache-2.0
# Helpers for end-to-end tests: TAP, an agent on a scratch folder, the API by curl. Source it.
set -u
SRC=$(cd "${ORASI_SRCDIR:-$(dirname "$0")/../..}" && pwd) # a path with ".." is refused as a source
BUILD=${ORASI_BUILDDIR:-$SRC}
CORPUS=${ORASI_CORPUS:-$SRC/../shared/corpus}
# A test that is killed leaves its folder, and maybe an agent: the next test takes them away. A folder says whose it is: a
# process, when that was started, for numbers of processes come again, and among which processes it counts.
life_of() { sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }
among=$(readlink /proc/self/ns/pid)
# agents_in FOLDER: those whose data folder is in it, letter by letter
agents_in() {
	local pid words
	for pid in $(pgrep -u "$(id -u)" -f -- "orasi-agent --data "); do
		mapfile -d '' -t words <"/proc/$pid/cmdline"
		case ${words[0]-} in *orasi-agent) [[ ${words[1]-} = --data && ${words[2]-} = "$1"/* ]] && echo "$pid" ;; esac
	done
}
remove_those_of_the_dead() {
	local owner pid began whose dir
	for owner in {"${TMPDIR:-/tmp}",/dev/shm}/orasi-e2e-*/.owner; do
		[ -O "$owner" ] && read -r pid began whose <"$owner" || continue
		[ "$whose" = "$among" ] && [ "$(life_of "$pid")" != "$began" ] || continue
		dir=${owner%/.owner}
		for pid in $(agents_in "$dir"); do kill -9 "$pid"; done
		rm -rf "$dir"
	done
} 2>/dev/null
remove_those_of_the_dead
SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/orasi-e2e-XXXXXX")
echo "$$ $(life_of $$) $among" >"$SCRATCH/.owner"
DATA=$SCRATCH/data
AGENT_PID=
URL=
tests=0
# The turns of a loop that waits for what comes within a second or two: on a machine that is slow, and busy with other
# things, it may take many times as long. `for _ in $PATIENCE; do … && break; sleep 0.05; done`
PATIENCE=$(seq 2400)
# No file of a plugin is to be refused because the machine was busy while it was looked at.
export ORASI_WORKERS_SCAN_LIMIT=${ORASI_WORKERS_SCAN_LIMIT:-60s}

clean_up() {
	[ -n "$AGENT_PID" ] && kill -9 "$AGENT_PID" 2>/dev/null
	wait 2>/dev/null
	rm -rf "$SCRATCH"
}
trap clean_up EXIT

# pass NAME / fail NAME [detail…] / check NAME COMMAND… / same NAME WANTED GOT
pass() { tests=$((tests + 1)); echo "ok $tests - $1"; }
fail() {
	tests=$((tests + 1))
	echo "not ok $tests - $1"
	shift
	[ $# -gt 0 ] && printf '%s\n' "$@" | sed 's/^/#   /'
	return 0
}
check() { local name=$1; shift; if "$@"; then pass "$name"; else fail "$name" "command: $*"; fi; }
same() { if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "wanted: $2" "got:    $3"; fi; }
# orasi_says NAME CODE WORDS ARGUMENT…: orasi ends with the code, and the words are among what it prints.
orasi_says() {
	local name=$1 code=$2 words=$3 out got
	shift 3
	out=$("$BUILD/orasi" "$@" 2>&1 </dev/null)
	got=$?
	case $out in *"$words"*) ;; *) got="$got: $out" ;; esac
	same "$name" "$code" "$got"
}
skip_all() { echo "1..0 # SKIP $1"; exit 0; }
done_testing() { echo "1..$tests"; }

# agent_start [options…]: starts on $DATA and waits until it is ready; sets URL. AS is a command before it, as setpriv.
agent_start() {
	: >"$SCRATCH/agent.log"
	rm -f "$DATA/agent.address"
	${AS:-} "$BUILD/orasi-agent" --data "$DATA" --listen 127.0.0.1:0 "$@" 2>>"$SCRATCH/agent.log" &
	AGENT_PID=$!
	for _ in $PATIENCE; do
		URL=$(cat "$DATA/agent.address" 2>/dev/null)
		if [ -n "$URL" ]; then
			export ORASI_SERVER=$URL
			return 0
		fi
		kill -0 "$AGENT_PID" 2>/dev/null || break
		sleep 0.05
	done
	echo "# the agent did not start:" && sed 's/^/#   /' "$SCRATCH/agent.log"
	return 1
}

agent_stop() {
	[ -n "$AGENT_PID" ] || return 0
	kill -TERM "$AGENT_PID" 2>/dev/null
	wait "$AGENT_PID" 2>/dev/null
	AGENT_PID=
}

agent_kill() {
	kill -9 "$AGENT_PID" 2>/dev/null
	wait "$AGENT_PID" 2>/dev/null
	AGENT_PID=
}

# api METHOD PATH [JSON]: prints the answer's body.
api() {
	curl -sS -m 120 -X "$1" "$URL$2" ${3:+-H 'content-type: application/json' --data-binary "$3"}
}

# submit JSON: prints the id of the new task, or the problem.
submit() { api POST /v1/tasks "$1" | jq -r '.id // .detail // .'; }

# finish ID: waits for the end of a task and prints its state.
finish() {
	local state
	for _ in $(seq 120); do
		state=$(api GET "/v1/tasks/$1?wait=10s" | jq -r .state)
		case $state in succeeded | failed | cancelled | expired) break ;; esac
	done
	echo "$state"
}

# ended ID: waits for the end of a task and prints the task.
ended() { finish "$1" >/dev/null; api GET "/v1/tasks/$1"; }

# sql TEXT: rows as NDJSON.
sql() { api POST /v1/query "$(jq -cn --arg sql "$1" '{sql: $sql, format: "ndjson"}')"; }

# ingest_file DATASET FILE [JSON members]: ingests, waits, and prints the task; or the problem, if it is refused.
ingest_file() {
	local answer id
	answer=$(api POST /v1/tasks "$(jq -cn --arg d "$1" --arg f "$2" "{kind: \"ingest\", dataset: \$d, source: {uris: [\$f]}} + {${3:-}}")")
	id=$(jq -r '.id // empty' <<<"$answer")
	[ -n "$id" ] || { echo "$answer"; return; }
	ended "$id"
}

# settle: waits until no task waits or runs any more; prints how many still do.
settle() {
	local open
	for _ in $PATIENCE; do
		open=$(for s in scheduled ready running; do api GET "/v1/tasks?state=$s&limit=1" | jq '.items | length'; done | awk '{n += $1} END {print n}')
		[ "$open" = 0 ] && break
		sleep 0.2
	done
	echo "$open"
}

metric() { api GET /metrics | awk -v name="$1" '$1 == name {print $2}'; }
plugins_ready() { # N: waits until so many plugins are active
	for _ in $PATIENCE; do
		[ "$(api GET /v1/plugins | jq '[.. | .state? | select(. == "active")] | length')" -ge "$1" ] && return
		sleep 0.1
	done
}

# unharmed NAME: the agent of the start still answers, and no worker has crashed.
unharmed() {
	same "$1: the agent is well, no worker has crashed" '"ok" 0' \
		"$(api GET /health | jq -c .status) $(metric orasi_worker_crashes_total)"
	kill -0 "$AGENT_PID" || fail "$1: the agent is the same process as before"
}

# hostile_start: an agent whose plugin is tests/plugins/hostile-task.c, and which hardly waits between attempts.
hostile_start() {
	mkdir -p "$DATA/plugins/local"
	cp "$BUILD/tests/plugins/.libs/hostile-task.so" "$DATA/plugins/local/"
	ORASI_QUEUE_RETRY_INITIAL=1ms ORASI_QUEUE_RETRY_MAX=1ms ORASI_WORKERS_CANCEL_GRACE=300ms agent_start || exit 1
	hostile_active
}
hostile_active() {
	for _ in $PATIENCE; do
		[ "$(api GET /v1/plugins/org.orasi.test.hostile | jq -r .name)" = hostile ] && break
		sleep 0.05
	done
}
