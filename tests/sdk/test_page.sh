#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The commands of docs/PLUGINS.md, as they stand there, one after the other, on an installed tree.
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/install.sh"

check "the tree installs" install_tree || exit 1
mkdir "$SCRATCH/work"
{
	echo "set -eum; trap 'kill -KILL \$(jobs -p) 2>/dev/null || true' EXIT"
	awk '/^```sh/ {on = 1; next} /^```/ {on = 0} on {print}' "$SRC/docs/PLUGINS.md"
} >"$SCRATCH/page.sh"
(cd "$SCRATCH/work" && timeout 1200 bash -x "$SCRATCH/page.sh" >"$SCRATCH/out" 2>"$SCRATCH/err")
code=$?
if [ $code = 0 ]; then
	pass "every command of the page works"
else
	fail "every command of the page works" "exit code $code" "$(tail -15 "$SCRATCH/err")" "$(tail -5 "$SCRATCH/work/agent.log")"
fi

said() { check "$1" grep -qF -- "$2" "$SCRATCH/out"; }
said "the page sees the plugin" com.example.lines
said "the first ingest keeps what it cannot use" "5 rows in = 4 written + 1 rejected"
said "the rejected line is told with its place" "utf8"
said "a wrong option is refused" "refused, as it should be"
same "the new generation reads too" 8 "$(grep -A3 '^ *lines *$' "$SCRATCH/out" | tr -dc '0-9\n' | grep . | head -1)"
said "the suite was run" "ingest.kill: killed with SIGKILL behind every batch"
said "the hash index answers" "index by_text (hash)"
done_testing
