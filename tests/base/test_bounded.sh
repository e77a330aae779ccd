#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# No test hangs for ever: its time has an end, and what it has started ends with it.
. "$(dirname "$0")/../e2e/lib.sh"
BOUNDED=$SRC/tests/lib/bounded.sh
cat >"$SCRATCH/hangs" <<'END'
trap 'echo it cleans up' EXIT
sleep 100000 &
echo $! >"$1"
kill -0 $$
sleep 100000
END
is_gone() {
	for _ in $PATIENCE; do kill -0 "$1" 2>/dev/null || return 0; sleep 0.05; done
	return 1
}

same "a command ends as it would without" "3 hello" "$(out=$("$BOUNDED" 0 bash -c 'echo hello; exit 3'); echo "$? $out")"
got=$("$BOUNDED" 1 bash "$SCRATCH/hangs" "$SCRATCH/pid")
same "one that hangs is ended" 124 $?
check "  says so" grep -qF "# ended: it took longer than it may (1)" <<<"$got"
check "  cleans up" grep -q "it cleans up" <<<"$got"
check "  and leaves nothing that runs" is_gone "$(cat "$SCRATCH/pid")"

for signal in TERM INT HUP; do
	rm "$SCRATCH/pid"
	env --default-signal=INT "$BOUNDED" 0 bash "$SCRATCH/hangs" "$SCRATCH/pid" >"$SCRATCH/out" &
	whole=$!
	for _ in $PATIENCE; do [ -s "$SCRATCH/pid" ] && break; sleep 0.05; done
	kill -$signal $whole
	wait $whole
	same "told to stop by $signal it is stopped" 143 $?
	check "  cleans up" grep -q "it cleans up" "$SCRATCH/out"
	check "  and leaves nothing that runs" is_gone "$(cat "$SCRATCH/pid")"
done

# As the suite does it: a line of its own in what was counted.
cat >"$SCRATCH/one.sh" <<'END'
echo "ok 1 - before"
sleep 100000
END
"$SRC/build-aux/tap-driver.sh" --test-name one.sh --log-file "$SCRATCH/log" --trs-file "$SCRATCH/trs" --color-tests no \
	--enable-hard-errors yes --expect-failure no -- "$BOUNDED" 1 bash "$SCRATCH/one.sh" >"$SCRATCH/said"
check "a test that hangs is an error of the suite" grep -qx "ERROR: one.sh - exited with status 124" "$SCRATCH/said"
same "  and what it had told is counted" 1 "$(grep -c "^:test-result: PASS" "$SCRATCH/trs")"
done_testing
