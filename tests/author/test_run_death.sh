#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What dies when it is run from the shell: the signal, the plugin, its function and the batch are told; and a debugger
# gets the same command.
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/lib.sh"
hostile() { find "$BUILD/tests/plugins" -name "hostile-$1.so" | head -1; }
json=$(find "$BUILD/plugins/ingest-json" -name ingest-json.so | head -1)
printf '{"a":1}\n{"a":2}\n{"a":3}\n' >"$SCRATCH/in.ndjson"

# dies NAME CODE SENTENCE FILE [options…]
dies() {
	local name=$1 code=$2 sentence=$3 got
	shift 3
	"$BUILD/orasi" plugin run "$@" >/dev/null 2>"$SCRATCH/said"
	got=$?
	grep -qE -- "$sentence" "$SCRATCH/said" || got="$got: $(tail -3 "$SCRATCH/said")"
	same "$name" "$code" "$got"
}
if ! grep -q __asan_ "$BUILD/sdk/liborasi-sdk.a"; then # which has a report of its own for these
	dies "a crash in open" 139 "died of signal 11 \(.*\) in plugin 'org.orasi.test.hostile-ingest', function 'open', batch 1" \
		"$(hostile ingest)" "$SCRATCH/in.ndjson" --option do=crash_open
	dies "a crash in next" 139 "function 'next', batch 1; --gdb runs the same in a debugger" \
		"$(hostile ingest)" "$SCRATCH/in.ndjson" --option do=crash_next
	dies "a crash in a transform, not in the format that feeds it" 139 \
		"died of signal 11 .* in plugin 'org.orasi.test.hostile-flow', function 'process', batch 1" \
		"$(hostile flow)" "$SCRATCH/in.ndjson" --option do=crash_process
	dies "one that has closed everything before" 139 "died of signal 11 .* in plugin 'org.orasi.test.hostile', function 'run'" \
		"$(hostile task)" --option do=close_crash
	dies "a crash behind the last batch" 139 "function 'flush', batch 4" \
		"$(hostile flow)" "$SCRATCH/in.ndjson" --option do=crash_flush --batch 1
fi
dies "what is no contract is no crash" 1 "'open' returned ORASI_OK without a schema" \
	"$(hostile ingest)" "$SCRATCH/in.ndjson" --option do=no_schema

# A debugger of ours stands in the way of the real one: its command line is the program's, without --gdb.
mkdir "$SCRATCH/bin"
printf '#!/bin/sh\nprintf "%%s\\n" "$@"\n' >"$SCRATCH/bin/gdb"
chmod +x "$SCRATCH/bin/gdb"
same "--gdb starts the debugger on the same command" "-q
--args
$BUILD/orasi-plugin
run-here
$json
$SCRATCH/in.ndjson
--limit
1" "$(PATH=$SCRATCH/bin:$PATH "$BUILD/orasi" plugin run "$json" --gdb "$SCRATCH/in.ndjson" --limit 1)"
rm "$SCRATCH/bin/gdb"
same "without a debugger it says what to install" "1 orasi plugin: cannot start gdb (No such file or directory): apt-get install gdb" \
	"$(PATH=$SCRATCH/bin "$BUILD/orasi-plugin" run "$json" "$SCRATCH/in.ndjson" --gdb 2>&1 | sed 's/^/1 /')"
if gdb --batch -q -ex run --args /bin/true 2>&1 | grep -q 'exited normally'; then
	real=$(command -v gdb)
	printf '#!/bin/sh\nexec %s --batch -ex run -ex bt "$@"\n' "$real" >"$SCRATCH/bin/gdb"
	chmod +x "$SCRATCH/bin/gdb"
	debugged() { PATH=$SCRATCH/bin:$PATH "$BUILD/orasi" plugin run "$@" --gdb >"$SCRATCH/said" 2>&1; }
	debugged "$json" "$SCRATCH/in.ndjson"
	check "in a real one it runs to its end" grep -q 'exited normally' "$SCRATCH/said"
	same "and its rows come out" 3 "$(grep -c '^{"a":[123]}' "$SCRATCH/said")"
	debugged "$(hostile flow)" "$SCRATCH/in.ndjson" --option do=crash_process
	check "a crash is stopped at" grep -q 'SIGSEGV' "$SCRATCH/said"
	check "in the function that crashed" grep -q 'process (self=' "$SCRATCH/said"
else
	pass "in a real one it runs to its end # SKIP gdb is not here, or may not trace"
fi
done_testing
