#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A worker that cannot be started, for the program is away for a moment: who waits for it is tried again, also when other
# workers of its role live that are of no use to it.
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/../author/lib.sh"
drops_plugins
compile "$SRC/tests/plugins/hostile-files.c" "$LOCAL/plain.so"
compile "$SRC/tests/plugins/hostile-files.c" "$LOCAL/needy.so" -DRAIDER_ID='"org.orasi.test.needy"' -DRAIDER_NAME='"needy"' \
	-DRAIDER_FLAGS=ORASI_FLAG_NEEDS_FS
echo '{"rights":[{"bundle":"org.orasi.test.needy","rights":["fs"]}]}' >"$SCRATCH/trust.json"
PROGRAM=$SCRATCH/worker
ln -s "$BUILD/orasi-worker" "$PROGRAM"
export ORASI_PLUGINS_TRUST_FILE=$SCRATCH/trust.json
is_there() { for _ in $PATIENCE; do [ "$(api GET "/v1/plugins/$1" | jq -r .name)" = "$1" ] && return; sleep 0.05; done; return 1; }
task() { submit "{\"kind\":\"custom\",\"plugin\":\"$1\",\"max_attempts\":1}"; }
refused() { grep -c "worker.start.*$PROGRAM" "$SCRATCH/agent.log"; }
until_refused() { for _ in $PATIENCE; do [ "$(refused)" -gt "$1" ] && return; sleep 0.05; done; return 1; }

ORASI_WORKERS_PROGRAM=$PROGRAM agent_start || exit 1
is_there needy && is_there raider
same "a worker without rights lives, and is used" "succeeded" "$(finish "$(task raider)")"
rm "$PROGRAM"
before=$(refused)
id=$(task needy)
check "one with the rights that a task needs cannot be started: the log names the program" until_refused "$before"
check "the task waits" grep -qE "ready|running" <<<"$(api GET "/v1/tasks/$id" | jq -r .state)"
ln -s "$BUILD/orasi-worker" "$PROGRAM"
same "with the program there again it is tried again, and done" succeeded "$(finish "$id")"
agent_stop
done_testing
