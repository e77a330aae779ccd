#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Plugins that did not come with the agent are kept from each other, and from tasks without any: what one has left behind in a
# process meets nobody else there; a name or an id of ours makes none of them ours; none can put the blame for its death
# on another. Each attack is a deed of tests/plugins/hostile-files.c.
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/../author/lib.sh"
drops_plugins
variant() { # NAME FLAGS…: the plugin under another name
	local name=$1
	shift
	compile "$SRC/tests/plugins/hostile-files.c" "$SCRATCH/$name.so" -DRAIDER_ID="\"org.orasi.test.$name\"" -DRAIDER_NAME="\"$name\"" "$@"
	mv "$SCRATCH/$name.so" "$LOCAL/"
}
variant raider
variant other
is_there() { for _ in $PATIENCE; do [ "$(api GET "/v1/plugins/$1" | jq -r .name)" = "$1" ] && return; sleep 0.05; done; return 1; }
state() { api GET /v1/plugins | jq -r --arg b "$1" '[.items[] | select(.bundle == $b)][0].state'; }
task() { submit "$(jq -cn --arg p "$1" --arg do "${2:-behave}" --arg path "${3:-/}" \
	'{kind:"custom",plugin:$p,config:{do:$do,path:$path},max_attempts:1,timeout:"5m"}')"; }
pid_of() { finish "$1" >/dev/null; api GET "/v1/tasks/$1" | jq -r '.result.output.pid // .error.detail'; }
awk 'BEGIN { for (i = 0; i < 200000; i++) printf "{\"id\":%d,\"text\":\"row %d\"}\n", i, i }' >"$SCRATCH/rows.ndjson"
# whole NAME DATASET: an ingest of ours has all its rows, and its files are what they should be. What is left behind in its
# process may stop it in any place: that it ends then is its timeout's doing.
whole() {
	local state id
	state=$(ingest_file "$2" "$SCRATCH/rows.ndjson" 'sink:{target_file_bytes:65536},max_attempts:1,timeout:"5m"' | jq -r .state)
	same "$1" succeeded "$state"
	[ "$state" = succeeded ] || return
	same "  with all rows" 200000 "$(sql "SELECT count(*) AS n FROM $2" | jq -r .n)"
	id=$(submit "{\"kind\":\"maintain\",\"dataset\":\"$2\",\"op\":\"verify\"}")
	finish "$id" >/dev/null
	same "  and no file is damaged" 0 "$(api GET "/v1/tasks/$id" | jq '.result.problems | length')"
}

echo "# who is left behind in a process"
ORASI_WORKERS_TASKS=1 agent_start || exit 1
is_there raider && is_there other
first=$(pid_of "$(task raider lurk)")
same "a plugin that leaves something behind ends well" 1 "$(grep -c '^[0-9]*$' <<<"$first")"
whole "a task of ours after it is done in another process" after
same "so is one of another plugin" different "$([ "$(pid_of "$(task other)")" = "$first" ] && echo same || echo different)"
second=$(pid_of "$(task other)")
same "one of the same plugin finds the process as it was" "$second" "$(pid_of "$(task other)")"
agent_stop
ORASI_WORKERS_TASKS=2 agent_start || exit 1
is_there raider && is_there other
first=$(pid_of "$(task raider lurk)")
whole "with two workers a task of ours has one of its own" beside
same "and the plugin goes on in its own" "$first" "$(pid_of "$(task raider)")"

echo "# who takes a name of ours"
sed 's/\.name = "hostile-ingest"/.name = "parquet"/' "$SRC/tests/plugins/hostile-ingest.c" >"$SCRATCH/named.c"
compile "$SCRATCH/named.c" "$SCRATCH/named.so" && mv "$SCRATCH/named.so" "$LOCAL/"
for _ in $PATIENCE; do [ "$(state org.orasi.test.hostile-ingest)" = active ] && break; sleep 0.05; done
same "a plugin may have the short name of the one that datasets are made of" active "$(state org.orasi.test.hostile-ingest)"

whole "datasets are made of ours" named
OURS=org.orasi.ingest.json
variant raider2 -URAIDER_ID -DRAIDER_ID="\"$OURS\""
for _ in $PATIENCE; do grep -q "plugin.shadowed.*raider2.so" "$SCRATCH/agent.log" && break; sleep 0.05; done
check "one that has the id of ours is not used" grep -q "plugin.shadowed.*raider2.so.*came with the agent" "$SCRATCH/agent.log"
whole "which goes on" by_id
agent_stop
rm "$DATA/plugins/registry.json"
agent_start || exit 1
for _ in $PATIENCE; do grep -q "plugin.shadowed.*raider2.so" "$SCRATCH/agent.log" && break; sleep 0.05; done
is_there raider
check "nor when all are looked at anew, whoever is first" grep -q "plugin.shadowed.*raider2.so.*came with the agent" "$SCRATCH/agent.log"
whole "and ours goes on" anew

echo "# who puts the blame on others"
for _ in 1 2 3 4; do finish "$(task raider frame "$OURS")" >/dev/null; done
for _ in 1 2 3 4; do finish "$(task raider frame org.orasi.test.other)" >/dev/null; done
same "what a dying plugin says of ours is not believed" active "$(api GET /v1/plugins | jq -r '[.items[] | select(any(.plugins[]; .name == "json"))][0].state')"
same "nor of another" active "$(state org.orasi.test.other)"
for _ in 1 2 3; do finish "$(task raider frame org.orasi.test.raider)" >/dev/null; done
same "it is held to what it does itself" quarantined "$(state org.orasi.test.raider)"
agent_stop
done_testing
