#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The life of a plugin while the agent runs: dropped in, replaced under load, removed, trusted or not, in quarantine and
# rolled back. Twenty times under load; with SOAK=1 (make soak) a thousand times.
. "$(dirname "$0")/../e2e/lib.sh"
command -v jq >/dev/null || skip_all "jq is not here"
CC=${CC:-gcc}
command -v ${CC%% *} >/dev/null || skip_all "no compiler is here"
ROUNDS=${ROUNDS:-$([ -n "${SOAK:-}" ] && echo 1000 || echo 20)}
LOCAL=$DATA/plugins/local
mkdir -p "$LOCAL"

# build VERSION: the counting plugin of that version, beside the folder.
build() {
	$CC -std=gnu17 -D_GNU_SOURCE -shared -fPIC -fvisibility=hidden -DCOUNT_VERSION="\"$1\"" -I"$SRC/sdk" -I"$SRC/tests" \
		-o "$SCRATCH/count-$1.so" "$SRC/tests/plugins/task-count.c" -lpthread
}
# drop FILE NAME: as a careful installer does it.
drop() { cp "$1" "$LOCAL/.$2.new" && mv "$LOCAL/.$2.new" "$LOCAL/$2"; }
version() { api GET /v1/plugins/count | jq -r .version; }
wait_version() {
	for _ in $PATIENCE; do [ "$(version)" = "$1" ] && return 0; sleep 0.05; done
	return 1
}
row() { api GET /v1/plugins | jq -c "[.items[] | select(.bundle == \"org.orasi.test.count\" and .state == \"$1\")][0]"; }
count() { submit "$(jq -cn --argjson c "${1:-{\}}" '{kind:"custom",plugin:"count",config:$c}')"; }
output() { api GET "/v1/tasks/$1" | jq -r ".result.output.$2"; }

build 1.0.0 && build 2.0.0 && build 3.0.0 || { echo "Bail out! the plugin does not compile"; exit 1; }
mkdir -p "$DATA/secrets/org.orasi.test.count" && printf 'open sesame' >"$DATA/secrets/org.orasi.test.count/word"
chmod 600 "$DATA/secrets/org.orasi.test.count/word"
ORASI_QUEUE_RETRY_INITIAL=10ms ORASI_QUEUE_RETRY_MAX=20ms agent_start || exit 1

# Dropped in.
began=$(date +%s%N)
drop "$SCRATCH/count-1.0.0.so" count.so
check "a file that is dropped in is usable without a restart" wait_version 1.0.0
echo "# after $((($(date +%s%N) - began) / 1000000)) ms"
id=$(count '{"to":2}')
same "its tasks run" succeeded "$(finish "$id")"
same "it gets the secret that was laid down for it" "open sesame" "$(output "$id" secret)"
chmod 644 "$DATA/secrets/org.orasi.test.count/word"
id=$(count '{"to":1}')
finish "$id" >/dev/null
same "not when others can read it" - "$(output "$id" secret)"
check "  which the log tells, with the way out" grep -q "plugin.secret.*chmod 600" "$SCRATCH/agent.log"
chmod 600 "$DATA/secrets/org.orasi.test.count/word"
check "which is in no log" sh -c "! grep -q sesame '$SCRATCH/agent.log'"

# Replaced while an attempt runs.
old=$(count '{"to":30,"nap":"100ms"}')
for _ in $PATIENCE; do [ "$(api GET "/v1/tasks/$old" | jq -r .state)" = running ] && break; sleep 0.02; done
drop "$SCRATCH/count-2.0.0.so" count.so
check "a file that is replaced is a new generation" wait_version 2.0.0
new=$(count '{"to":1}')
same "what begins now takes it" "succeeded 2.0.0" "$(finish "$new") $(output "$new" version)"
same "what ran ends on the old one" "succeeded 1.0.0" "$(finish "$old") $(output "$old" version)"
same "which is kept" previous "$(row previous | jq -r .state)"
same "and says why and since when" true \
	"$(row previous | jq '(.since | length > 0) and (.reason | test("newer")) and (.remedy | length > 0)')"

# Removed.
id=$(count '{"to":60,"nap":"50ms"}')
for _ in $PATIENCE; do [ "$(api GET "/v1/tasks/$id" | jq -r .state)" = running ] && break; sleep 0.02; done
rm "$LOCAL/count.so"
for _ in $PATIENCE; do [ "$(version)" = null ] && break; sleep 0.05; done
same "a file that is removed takes its plugin along" null "$(version)"
check "new tasks for it are refused" grep -q "there is no task plugin" <<<"$(count)"
same "the one that ran ends in peace" succeeded "$(finish "$id")"
drop "$SCRATCH/count-2.0.0.so" count.so
wait_version 2.0.0
id=$(submit '{"kind":"custom","plugin":"count","config":{"to":1},"run_at":"2099-01-01T00:00:00Z"}')
rm "$LOCAL/count.so"
for _ in $PATIENCE; do [ "$(version)" = null ] && break; sleep 0.05; done
api POST "/v1/tasks/$id:promote" >/dev/null
for _ in $PATIENCE; do api GET "/v1/tasks/$id/attempts" | grep -q snoozed && break; sleep 0.1; done
check "one that waited goes on waiting, and tells for what" \
	grep -q "waits for its plugin: there is no task plugin 'org.orasi.test.count'" <<<"$(api GET "/v1/tasks/$id/attempts")"
drop "$SCRATCH/count-2.0.0.so" count.so
same "until the plugin is back" succeeded "$(finish "$id")"

# Pinned.
orasi() { "$BUILD/orasi" "$@"; }
check "a generation can be pinned" orasi plugin pin count
drop "$SCRATCH/count-3.0.0.so" count.so
for _ in $PATIENCE; do [ "$(row held | jq -r .version)" = 3.0.0 ] && break; sleep 0.05; done
same "a newer one waits, with the reason" "held 3.0.0 true" \
	"$(row held | jq -r '"\(.state) \(.version) \(.reason | test("pinned to version 2.0.0"))"')"
id=$(count '{"to":1}')
same "tasks take the pinned one" "succeeded 2.0.0" "$(finish "$id") $(output "$id" version)"
agent_kill
ORASI_QUEUE_RETRY_INITIAL=10ms ORASI_QUEUE_RETRY_MAX=20ms agent_start || exit 1
check "also in an agent that starts anew" wait_version 2.0.0
same "where it is said to be pinned" "true 2.0.0" "$(row active | jq -r '"\(.pinned) \(.version)"')"
for _ in $PATIENCE; do [ "$(row held | jq -r .version)" = 3.0.0 ] && break; sleep 0.05; done
check "another generation can be pinned instead" orasi plugin pin org.orasi.test.count 3.0.0
same "which is used at once" "3.0.0 2.0.0" "$(version) $(row previous | jq -r .version)"
check "what is not there cannot be" bash -c "! '$BUILD/orasi' plugin pin count 9.9.9 2>'$SCRATCH/refused'"
check "  and the answer says so" grep -q "no usable generation '9.9.9'" "$SCRATCH/refused"
orasi plugin pin count 2.0.0 >/dev/null
check "a pin can be taken away" orasi plugin unpin count
same "then the newest is used" "3.0.0" "$(version)"
drop "$SCRATCH/count-2.0.0.so" count.so
check "and replaced as ever" wait_version 2.0.0

# An index whose plugin is away waits for it too.
$CC -std=gnu17 -D_GNU_SOURCE -shared -fPIC -fvisibility=hidden -I"$SRC/sdk" -I"$SRC/tests" -o "$SCRATCH/hash.so" \
	"$SRC/examples/plugins/hash/hash.c" "$BUILD/sdk/liborasi-sdk.a" -lm 2>"$SCRATCH/cc.log" || sed 's/^/# /' "$SCRATCH/cc.log"
if [ -e "$SCRATCH/hash.so" ]; then
	drop "$SCRATCH/hash.so" hash.so
	for _ in $PATIENCE; do [ "$(api GET /v1/plugins/hash | jq -r .name)" = hash ] && break; sleep 0.05; done
	echo '{"a":"x"}' >"$SCRATCH/row.ndjson"
	ingest_file indexed "$SCRATCH/row.ndjson" >/dev/null
	orasi index create indexed by_a --plugin hash --column a >/dev/null
	rm "$LOCAL/hash.so"
	for _ in $PATIENCE; do [ "$(api GET /v1/plugins/hash | jq -r .name)" = null ] && break; sleep 0.05; done
	id=$(api POST /v1/datasets/indexed/indexes/by_a:build | jq -r .id)
	for _ in $PATIENCE; do api GET "/v1/tasks/$id/attempts" | grep -q snoozed && break; sleep 0.1; done
	check "a task of an index waits for its plugin, and tells for what" \
		grep -q "waits for its plugin: there is no index plugin 'hash'" <<<"$(api GET "/v1/tasks/$id/attempts")"
	drop "$SCRATCH/hash.so" hash.so
	same "until it is back" succeeded "$(finish "$id")"
	rm "$LOCAL/hash.so"
else
	pass "an index that waits # SKIP its plugin cannot be built with sanitizers"
fi

# Quarantine and roll-back.
drop "$SCRATCH/count-3.0.0.so" count.so
wait_version 3.0.0
for _ in 1 2 3; do finish "$(submit '{"kind":"custom","plugin":"count","config":{"to":3,"die_at":1},"max_attempts":1}')" >/dev/null; done
same "three crashes quarantine the generation" quarantined "$(row quarantined | jq -r .state)"
same "and bring the one before back" 2.0.0 "$(version)"
id=$(count '{"to":1}')
same "with which tasks go on" "succeeded 2.0.0" "$(finish "$id") $(output "$id" version)"
check "the states are counted" grep -q 'orasi_plugin_files{state="quarantined"} 1' <<<"$(curl -s "$URL/metrics")"
check "and logged" grep -q "plugin.quarantined" "$SCRATCH/agent.log"

# Replaced again and again under load.
workers() { api GET /v1/status | jq '.workers | length'; }
fds() { ls "/proc/$AGENT_PID/fd" | wc -l; }
rss() { awk '/^VmRSS/ {print $2}' "/proc/$AGENT_PID/status"; }
finish "$(count '{"to":1}')" >/dev/null
fds_before=$(fds) rss_before=$(rss)
ids=()
for round in $(seq "$ROUNDS"); do
	# Content that was never there before: the version with a tail.
	{ cat "$SCRATCH/count-1.0.0.so"; echo "round $round"; } >"$SCRATCH/next.so"
	drop "$SCRATCH/next.so" count.so
	for _ in 1 2 3; do ids+=("$(count '{"to":3,"nap":"5ms"}')"); done
	sleep 0.$((RANDOM % 7))
	if [ $((round % 50)) = 0 ]; then for id in "${ids[@]}"; do finish "$id"; done >>"$SCRATCH/states"; ids=(); fi
done
for id in "${ids[@]}"; do finish "$id"; done >>"$SCRATCH/states"
same "replaced $ROUNDS times under load, no task failed" "$((ROUNDS * 3)) succeeded" \
	"$(sort "$SCRATCH/states" | uniq -c | sed 's/^ *//')"
for _ in $PATIENCE; do [ "$(api GET /v1/plugins | jq '[.items[] | select(.state == "settling" or .state == "scanning")] | length')" = 0 ] && break; sleep 0.1; done
for _ in $PATIENCE; do [ "$(workers)" -le 6 ] && [ "$(fds)" -le $((fds_before + 12)) ] && break; sleep 0.1; done # those of the last generations end
check "no worker is stuck" [ "$(workers)" -le 6 ]
check "no descriptor leaks ($fds_before before, $(fds) after)" [ "$(fds)" -le $((fds_before + 12)) ]
check "the agent does not grow ($rss_before KiB before, $(rss) KiB after)" [ "$(rss)" -le $((rss_before + 16384)) ]
same "no generation but the last two is kept" 2 "$(api GET /v1/plugins | jq '[.items[] | select(.bundle == "org.orasi.test.count" and .state != "quarantined")] | length')"
settled() { [ "$(jq length "$DATA/plugins/registry.json")" -le "$(api GET /v1/plugins | jq '.items | length + 1')" ]; }
for _ in $PATIENCE; do settled && break; sleep 0.1; done
check "nor is the description of others ($(jq length "$DATA/plugins/registry.json") are)" settled
agent_stop

# Trust.
TRUST=$SCRATCH/trust.json
rm -rf "$LOCAL" && mkdir -p "$LOCAL" && cp "$SCRATCH/count-1.0.0.so" "$LOCAL/count.so"
judge() {
	for _ in $PATIENCE; do
		line=$(api GET /v1/plugins | jq -c '[.items[] | select(.path | endswith("/count.so"))][0]')
		case $(jq -r .state <<<"$line") in settling | scanning | null) sleep 0.05 ;; *) break ;; esac
	done
	state=$(jq -r .state <<<"$line")
}
rescan() { api POST /v1/plugins:rescan >/dev/null; }
start() { ORASI_PLUGINS_TRUST_FILE=$TRUST ORASI_PLUGINS_TRUST=$1 ORASI_PLUGINS_PATH=$LOCAL agent_start; }
start warn || exit 1
judge
same "untrusted, with warnings: it is active" active "$state"
check "and says what is wrong" grep -q "neither listed nor signed" <<<"$line"
agent_stop
start enforce || exit 1
judge
same "untrusted, enforced: it is refused" refused "$state"
check "with the way out" grep -q "sha256 .* is neither listed nor signed: 'orasi plugin trust .* or put its signature beside it" <<<"$line"
echo '{"sha256":[{"sha256":"'"$(sha256sum "$LOCAL/count.so" | cut -d' ' -f1)"'","bundle":"org.orasi.test.*"}]}' >"$TRUST"
rescan
judge
same "its hash is listed: it is active" active "$state"
echo '{"revoked":{"sha256":["'"$(sha256sum "$LOCAL/count.so" | cut -d' ' -f1)"'"]}}' >"$TRUST"
rescan
for _ in $PATIENCE; do judge; [ "$state" = refused ] && break; sleep 0.1; done
judge
same "its hash is revoked: it is refused" refused "$state"
check "and says so" grep -q "is revoked by the trust file" <<<"$line"

if openssl genpkey -algorithm ed25519 -out "$SCRATCH/key.pem" 2>/dev/null; then
	public=$(openssl pkey -in "$SCRATCH/key.pem" -pubout -outform DER | tail -c 32 | base64 -w0)
	sign() {
		openssl pkeyutl -sign -inkey "$SCRATCH/key.pem" -rawin -in "$LOCAL/count.so" -out "$SCRATCH/sig.bin"
		echo '{"key":"acme-1","signature":"'"$(base64 -w0 "$SCRATCH/sig.bin")"'"}' >"$LOCAL/count.so.sig"
	}
	again() { rescan; sleep 0.1; }
	echo '{"keys":[{"id":"acme-1","ed25519":"'"$public"'"}]}' >"$TRUST"
	sign && again
	judge
same "signed by a listed key: it is active" active "$state"
	drop "$SCRATCH/count-2.0.0.so" count.so
	for _ in $PATIENCE; do grep -q "is wrong" <<<"$(api GET /v1/plugins)" && break; sleep 0.1; done
	check "other bytes under the same signature are refused" grep -q "signature by the key 'acme-1' is wrong" <<<"$(api GET /v1/plugins)"
	sign && again
	check "signed anew they are active" wait_version 2.0.0
	echo '{"keys":[{"id":"acme-1","ed25519":"'"$public"'"}],"revoked":{"keys":["acme-1"]}}' >"$TRUST"
	drop "$SCRATCH/count-3.0.0.so" count.so && sign
	for _ in $PATIENCE; do grep -q "which is revoked" <<<"$(api GET /v1/plugins)" && break; sleep 0.1; done
	check "a revoked key signs nothing any more" grep -q "key 'acme-1', which is revoked" <<<"$(api GET /v1/plugins)"
fi
chmod o+w "$LOCAL"
rescan
for _ in $PATIENCE; do grep -q "can be written by others" <<<"$(api GET /v1/plugins)" && break; sleep 0.1; done
check "a folder that others can write is trusted with nothing" grep -q "can be written by others: chmod go-w" <<<"$(api GET /v1/plugins)"
agent_stop
done_testing
