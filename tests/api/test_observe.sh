#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What an operator sees of a real agent: one structured line per event, which carries task and trace through the
# processes; metrics that Prometheus' own linter accepts, from every room.
. "$(dirname "$0")/../e2e/lib.sh"
command -v jq >/dev/null || skip_all "jq is not here"
trace=4bf92f3577b34da6a3ce929d0e0e4736
query='{"kind":"query","sql":"SELECT 1 AS x"}'

# traced JSON: submits with a trace, waits for the end, prints the id.
traced() {
	curl -sS -m 60 "$URL/v1/tasks" -H "traceparent: 00-$trace-00f067aa0ba902b7-01" -H 'prefer: wait=30' --json "$1" | jq -r .id
}
lines() { jq -c "select($1)" "$SCRATCH/agent.log"; }

# ---- logs as JSON -------------------------------------------------------------------------------------------------
export ORASI_LOG_FORMAT=json ORASI_LOG_LEVEL=debug
agent_start || exit 1
id=$(traced '{"kind":"ingest","dataset":"x","source":{"inline":"{\"a\":1}\n{\"a\":\n"},"format":{"plugin":"auto"}}')
bad=$(traced '{"kind":"query","sql":"SELECT nope \u001b[31m"}')
curl -sS "$URL/v1/nope%0Aforged%1b%5b31m" >/dev/null
agent_stop
same "every line is a JSON object with time, level, program and event" true \
	"$(jq -s 'all(.time and .level and .program and (.event | test("^[a-z_.]+$")))' "$SCRATCH/agent.log")"
same "a task's states are one line each" "ready running succeeded" \
	"$(lines ".event == \"task.state\" and .task == \"$id\"" | jq -r .state | xargs)"
check "each carries the trace of the request that put it" \
	[ "$(lines ".task == \"$id\" and (.trace | contains(\"$trace\"))" | wc -l)" = "$(lines ".task == \"$id\"" | wc -l)" ]
check "also what the worker and the plugin say" [ -n "$(lines ".event == \"worker.log\" and .task == \"$id\" and (.trace | contains(\"$trace\"))")" ]
check "and the request itself" [ -n "$(lines ".event == \"http.request\" and (.trace | contains(\"$trace\")) and .status == 200")" ]
check "a failure says why" [ -n "$(lines ".task == \"$bad\" and .state == \"failed\" and (.error | length > 0)")" ]
check "nothing that is sent forges a line" [ -z "$(grep -a '^forged' "$SCRATCH/agent.log")" ]

# ---- logs as text -------------------------------------------------------------------------------------------------
export ORASI_LOG_FORMAT=text ORASI_LOG_LEVEL=info
agent_start || exit 1
id=$(traced "$query")
traced '{"kind":"query","sql":"SELECT nope \u001b[31m"}' >/dev/null
curl -sS "$URL/v1/nope%0Aforged%1b%5b31m" >/dev/null
check "a text line has time, level, program, event and pairs" \
	grep -q "^20[0-9TZ:.-]* info  orasi-agent task.state task=$id kind=query state=succeeded.* trace=00-$trace" "$SCRATCH/agent.log"
check "every line has that form" [ -z "$(grep -avE '^20[0-9TZ:.-]+ (debug|info |warn |error) orasi-agent [a-z_.]+( [a-z_]+=("([^"\\]|\\.)*"|[^ "]*))*$' "$SCRATCH/agent.log")" ]
check "no control character reaches a terminal" [ -z "$(tr -d '\n' <"$SCRATCH/agent.log" | grep -aP '[\x00-\x1f\x7f]')" ]

# ---- metrics --------------------------------------------------------------------------------------------------------
curl -sS "$URL/metrics" >"$SCRATCH/metrics"
if command -v promtool >/dev/null; then
	said=$(promtool check metrics <"$SCRATCH/metrics" 2>&1)
	same "Prometheus' linter accepts the metrics" "0 " "$? $said"
else
	pass "Prometheus' linter accepts the metrics # SKIP promtool is not here (Debian package prometheus)"
fi
# OpenMetrics has a parser of its own, which wants times; and then a Prometheus scrapes the agent as it would anywhere.
openmetrics='Accept: application/openmetrics-text; version=1.0.0'
if command -v prometheus >/dev/null; then
	curl -sS -H "$openmetrics" "$URL/metrics" | sed '/^#/!s/$/ 1700000000/' >"$SCRATCH/openmetrics"
	check "Prometheus' parser of OpenMetrics reads them" \
		promtool tsdb create-blocks-from openmetrics "$SCRATCH/openmetrics" "$SCRATCH/blocks"
	cat >"$SCRATCH/prometheus.yml" <<-END
		scrape_configs:
		  - job_name: orasi
		    scrape_interval: 1s
		    static_configs: [{targets: ["${URL#http://}"]}]
	END
	for _ in 1 2 3 4 5; do # it ends at once when somebody has the port
		port=$((20000 + RANDOM % 12000))
		prometheus --config.file "$SCRATCH/prometheus.yml" --storage.tsdb.path "$SCRATCH/tsdb" --log.level error \
			--web.listen-address "127.0.0.1:$port" >"$SCRATCH/prometheus.log" 2>&1 &
		prometheus=$!
		for _ in $PATIENCE; do
			got=$(curl -sS "http://127.0.0.1:$port/api/v1/query?query=orasi_store_commits_total" 2>/dev/null)
			[[ $got == *orasi_store_commits_total* ]] && break 2
			kill -0 "$prometheus" 2>/dev/null || break
			sleep 0.1
		done
	done
	same "a Prometheus scrapes them" "orasi_store_commits_total up" "$(jq -r '.data.result[0].metric.__name__' <<<"$got") $(
		curl -sS "http://127.0.0.1:$port/api/v1/targets" | jq -r '.data.activeTargets[0] | .lastError + .health')"
	kill "$prometheus"
	wait "$prometheus" 2>/dev/null
else
	pass "Prometheus' parser of OpenMetrics reads them # SKIP prometheus is not here"
fi
for room in http queue store worker plugin; do
	check "the room $room counts" grep -q "^orasi_${room}s\?_" "$SCRATCH/metrics"
done
check "the process counts" grep -q "^process_cpu_seconds_total " "$SCRATCH/metrics"
same "the JSON has the same names" "$(sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' "$SCRATCH/metrics" | sort)" \
	"$(api GET /v1/metrics | jq -r '.metrics[].name' | sort -u)"
same "each one is in docs/METRICS.md" "" "$(sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' "$SCRATCH/metrics" | while read -r name; do
	grep -qF "\`$name\`" "$SRC/docs/METRICS.md" || echo "$name"
done)"
same "and what is there is one" "" "$(grep -o '`orasi_[a-z_]*`' "$SRC/docs/METRICS.md" | tr -d '\`' | while read -r name; do
	grep -q "^# TYPE $name " "$SCRATCH/metrics" || echo "$name"
done)"
if command -v promtool >/dev/null; then
	sed -n '/^groups:/,/^```/p' "$SRC/docs/METRICS.md" | sed '$d' >"$SCRATCH/alerts.yml"
	check "Prometheus accepts the alerts of that page" promtool check rules "$SCRATCH/alerts.yml"
	same "  which are about metrics that there are" "" "$(grep -o 'orasi_[a-z_]*' "$SCRATCH/alerts.yml" | sed 's/_bucket$//' | sort -u | while read -r name; do
		grep -q "^# TYPE $name " "$SCRATCH/metrics" || echo "$name"
	done)"
else
	pass "Prometheus accepts the alerts of that page # SKIP promtool is not here"
fi
agent_stop
done_testing
