#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What tests that were killed have left goes with the next one, and nothing of one that runs.
. "$(dirname "$0")/../e2e/lib.sh"
for tool in flock pgrep; do command -v $tool >/dev/null || skip_all "$tool is not here"; done
T="$SCRATCH/tmp+(1" # any letter may be in the name of a folder
mkdir "$T"

echo "# programs of Check"
mkdir -p "$T/orasi-tests-killed/of/it" "$T/orasi-tests-living/of/it" "$T/orasi-others"
flock "$T/orasi-tests-living" sleep 1000 &
living=$!
trap 'pkill -P $living; kill $living; clean_up' EXIT
for _ in $PATIENCE; do flock -n "$T/orasi-tests-living" true || break; sleep 0.05; done
check "a program runs" env TMPDIR="$T" CK_RUN_SUITE=none CK_TAP_LOG_FILE_NAME="$SCRATCH/tap" "$BUILD/tests/base/test_base"
same "the folder of one that lives stays, and what is not ours; others go, its own too" "orasi-others orasi-tests-living" \
	"$(ls "$T" | xargs)"

echo "# scripts"
# owned NAME PID BEGAN [AMONG]: a folder with a data folder.
owned() { mkdir -p "$T/orasi-e2e-$1/data" && echo "$2 $3 ${4:-$among}" >"$T/orasi-e2e-$1/.owner"; }
owned mine $$ "$(life_of $$)"
owned gone 999999999 1
owned again $$ 1
owned elsewhere 999999999 1 pid:[1]
mkdir "$T/orasi-e2e-new"
DATA=$T/orasi-e2e-gone/data
agent_start || exit 1
same "a script runs" "1..0" "$(TMPDIR=$T bash -c '. "$0" && done_testing' "$SRC/tests/e2e/lib.sh")"
same "folders of those that live stay, and those of whom nobody can know" "elsewhere mine new" "$(ls "$T" | sed -n 's/orasi-e2e-//p' | xargs)"
for _ in $PATIENCE; do kill -0 "$AGENT_PID" 2>/dev/null || break; sleep 0.05; done
if kill -0 "$AGENT_PID" 2>/dev/null; then
	fail "an agent of one that is gone is ended"
else
	wait "$AGENT_PID" 2>/dev/null
	same "an agent of one that is gone is ended" 137 $?
	AGENT_PID=
fi
done_testing
