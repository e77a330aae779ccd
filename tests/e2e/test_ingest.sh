#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Files in, open datasets out: the real agent and its workers over HTTP, and independent readers on the result.
. "$(dirname "$0")/lib.sh"
command -v jq >/dev/null || skip_all "jq is not here"

EXAMPLES=$SRC/examples
mkdir -p "$SCRATCH/in"

# ingest DATASET FILE [JSON members…]: waits, prints the task.
ingest() {
	api POST /v1/tasks "{\"kind\":\"ingest\",\"dataset\":\"$1\",\"source\":{\"uris\":[\"$2\"]}${3:+,$3}}" >"$SCRATCH/answer"
	local id
	id=$(jq -r '.id // empty' "$SCRATCH/answer")
	[ -n "$id" ] || { cat "$SCRATCH/answer"; return; }
	finish "$id" >/dev/null
	api GET "/v1/tasks/$id"
}
counts() { jq -c '.result | [.rows_in, .rows, .rejected]'; }

agent_start || exit 1
for _ in $PATIENCE; do
	[ "$(api GET /v1/plugins | jq '[.. | .state? | select(. == "active")] | length')" -ge 2 ] && break
	sleep 0.1
done

same "an access log becomes rows" "[1200,1200,0]" "$(ingest access "$EXAMPLES/access.ndjson" | counts)"
head -300 "$EXAMPLES/access.ndjson" | gzip >"$SCRATCH/in/a.ndjson.gz"
same "a gzip file is unpacked on the way" "[300,300,0]" "$(ingest access "$SCRATCH/in/a.ndjson.gz" | counts)"
same "bad records go to quarantine and the counts reconcile" "[5,2,3]" \
	"$(ingest access "$EXAMPLES/broken.ndjson" | counts)"
same "a nested document becomes nested columns" "[60,60,0]" \
	"$(ingest orders "$EXAMPLES/orders.json" '"format":{"plugin":"json","options":{"records":"/orders"}}' | counts)"
same "the catalog knows how many rows there are" 1502 "$(api GET /v1/datasets/access | jq .rows)"
same "the history has one entry per commit" 3 "$(api GET /v1/datasets/access/history | jq '.items | length')"

awk 'BEGIN { srand(7); for (i = 0; i < 60000; i++)
	printf "{\"id\":%d,\"level\":\"%s\",\"trace\":\"%08x%08x\",\"message\":\"request for /api/v1/orders/%d took %.3f s\"}\n",
	i, (i % 7 ? "INFO" : "ERROR"), rand() * 4294967295, rand() * 4294967295, rand() * 100000, rand() }' >"$SCRATCH/in/sizes.ndjson"
same "files are made of about the size that is wanted" "[60000,60000,0] 0" \
	"$(ingest sizes "$SCRATCH/in/sizes.ndjson" '"sink":{"target_file_bytes":"256KiB","bloom_columns":["trace"],"profile":"compact","compression":"auto"}' | counts) $(
		api GET '/v1/datasets/sizes/files?limit=100' | jq '[.items[].size] | sort | .[1:] | map(select(. < 196608 or . > 327680)) | length')"
same "and there are several" true "$(api GET /v1/datasets/sizes | jq '.files >= 4')"
same "a column for a filter that is not there is said so" true "$(ingest sizes "$SCRATCH/in/sizes.ndjson" \
	'"sink":{"bloom_columns":["nowhere"]},"max_attempts":1' | jq '.error.detail | contains("nowhere")')"

# ---- partitions: a file of each is as large as wanted -------------------------------------------------------------
awk 'BEGIN { srand(11); for (i = 0; i < 60000; i++)
	printf "{\"id\":%d,\"part\":\"%s\",\"many\":%d,\"trace\":\"%08x%08x\"}\n", i, (i % 10 < 7 ? "a" : i % 10), rand() * 500,
	rand() * 4294967295, rand() * 4294967295 }' >"$SCRATCH/in/parts.ndjson"
# sizes DATASET: the sizes of files by partition, the smallest of each left out.
sizes() { api GET "/v1/datasets/$1/files?limit=1000" | jq -c '[.items | group_by(.partition)[] | [.[].size] | sort | .[1:]] | flatten'; }
same "a partition's files are as large as wanted, however small the others are" "[60000,60000,0] true" \
	"$(ingest split "$SCRATCH/in/parts.ndjson" '"sink":{"target_file_bytes":"64KiB","partition_by":["part"]}' | counts) $(
		sizes split | jq 'length >= 8 and all(. > 49152 and . < 81920)')"
same "what is replaced too" "[60000,60000,0] true" \
	"$(ingest split "$SCRATCH/in/parts.ndjson" '"sink":{"target_file_bytes":"64KiB","mode":"overwrite"}' | counts) $(
		sizes split | jq 'length >= 8 and all(. > 49152 and . < 81920)')"
same "of many partitions, come what order they may, each has one file" "[60000,60000,0] 500" \
	"$(ingest spread "$SCRATCH/in/parts.ndjson" '"sink":{"partition_by":["many"]}' | counts) $(api GET /v1/datasets/spread | jq .files)"
same "and every row is where it belongs" '{"n":60000,"d":60000,"m":500}' \
	"$(api POST /v1/query '{"sql":"SELECT count(*) AS n, count(DISTINCT id) AS d, count(DISTINCT many) AS m FROM spread","format":"ndjson"}' | jq -c .)"

# ---- what is at rest is open -----------------------------------------------------------------------------
peer() { node "$SRC/tests/peers/delta-read.mjs" "$@" 2>/dev/null; }
location=$(api GET /v1/datasets/access | jq -r .location)
sums="SELECT count(*) AS n, sum(status) AS s, round(sum(duration_ms), 3) AS d FROM t"
if peer duckdb "$location" "SELECT 1 AS x FROM t LIMIT 1" >/dev/null; then
	wanted=$(cat "$EXAMPLES/access.ndjson" <(head -300 "$EXAMPLES/access.ndjson") <(sed -n '1p;5p' "$EXAMPLES/broken.ndjson") |
		jq -s -c '{n: length, s: (map(.status) | add), d: (map(.duration_ms) | add * 1000 | round / 1000)}')
	for engine in duckdb chdb; do
		same "$engine reads the same rows" "$wanted" "$(peer $engine "$location" "$sums" | jq -c '{n: .n, s: .s, d: .d} | map_values(tonumber)')"
	done
	for engine in duckdb chdb; do
		same "$engine reads the nested column" '"Oslo"' \
			"$(peer $engine "${location%access}orders" "SELECT customer FROM t WHERE id = 1000" | jq -c .customer.address.city)"
		same "$engine reads the quarantine" "2 3 4" \
			"$(peer $engine "${location}__rejects" "SELECT line FROM t ORDER BY line" | jq -r '.line | tonumber' | xargs)"
	done
else
	pass "independent readers agree # SKIP they are not installed (tests/peers/install)"
fi

# ---- two at once make a dataset, of different types ----------------------------------------------------------
awk 'BEGIN { for (i = 0; i < 400000; i++) printf "{\"id\":%d,\"v\":%d,\"text\":\"a record that is long enough to take its time\"}\n", i, i }' >"$SCRATCH/in/slow.ndjson"
printf '{"id":1,"v":"one"}\n{"id":2,"v":"two"}\n' >"$SCRATCH/in/fast.ndjson"
slow=$(submit "{\"kind\":\"ingest\",\"dataset\":\"race\",\"source\":{\"uris\":[\"$SCRATCH/in/slow.ndjson\"]}}")
for _ in $PATIENCE; do [ "$(api GET "/v1/tasks/$slow" | jq -r .state)" = running ] && break; sleep 0.02; done
fast=$(submit "{\"kind\":\"ingest\",\"dataset\":\"race\",\"source\":{\"uris\":[\"$SCRATCH/in/fast.ndjson\"]},\"priority\":0}")
same "of two that make a dataset at once both succeed" "succeeded succeeded" "$(finish "$fast") $(finish "$slow")"
same "whoever is first says the types, and what does not fit is rejected: nothing is lost" "400002 true" \
	"$(($(api GET /v1/datasets/race | jq .rows) + $(api GET /v1/datasets/race__rejects | jq .rows))) $(api GET "/v1/tasks/$slow" | jq -c '.result | .rows_in == 400000 and .rows_in == .rows + .rejected')"
echo "# the attempts of the slow one: $(api GET "/v1/tasks/$slow/attempts" | jq -c '[.items[].outcome]')"

# ---- wrong input -------------------------------------------------------------------------------------------
problem() { jq -r '.error.detail? // .detail // .' | head -c 300; }
names() { if printf '%s' "$2" | grep -q "$3"; then pass "$1"; else fail "$1" "wanted: $3" "got: $2"; fi; }
names "a missing file is named" "$(ingest x /does/not/exist | problem)" "cannot open '/does/not/exist': No such file"
names "a folder instead of a file is named" "$(ingest x "$SCRATCH/in" | problem)" "is a folder"
gzip -c "$EXAMPLES/access.ndjson" | head -c 9000 >"$SCRATCH/in/cut.ndjson.gz"
names "a cut gzip file is named with the place" "$(ingest x "$SCRATCH/in/cut.ndjson.gz" '"max_attempts":1' | problem)" "cut"
head -c 100000 /dev/zero >"$SCRATCH/in/zeros"
names "a file of no known format is refused with the remedy" "$(ingest x "$SCRATCH/in/zeros" | problem)" "format.plugin"
printf 'PAR1garbagePAR1' >"$SCRATCH/in/bad.parquet"
names "a broken Parquet file is refused" "$(ingest x "$SCRATCH/in/bad.parquet" | problem)" "plugin 'parquet'"
names "a type conflict with the dataset is rejected record by record" \
	"$(echo '{"status":"teapot"}' >"$SCRATCH/in/t.ndjson"; ingest access "$SCRATCH/in/t.ndjson" | counts)" "\[1,0,1\]"
names "a task that is wrong is refused with pointers" "$(api POST /v1/tasks '{"kind":"ingest","dataset":"x","source":{},"prio":1}')" '"/prio"'
same "nothing of all that has hurt the dataset" 1502 "$(api GET /v1/datasets/access | jq .rows)"

# ---- a task is cancelled, an agent is restarted --------------------------------------------------------------
agent_stop
agent_start || exit 1
same "after a restart everything is known again" 1502 "$(api GET /v1/datasets/access | jq .rows)"
key='"idempotency_key":"once"'
first=$(ingest access "$EXAMPLES/access.ndjson" "$key" | jq -r .id)
same "the same idempotency key gives the first task again" "$first" "$(ingest access "$EXAMPLES/access.ndjson" "$key" | jq -r .id)"
same "and the rows are there once" 2702 "$(api GET /v1/datasets/access | jq .rows)"
check "metrics are served" sh -c "curl -s $URL/metrics | grep -q '^orasi_parts_committed_total'"
same "the agent is healthy" '"ok"' "$(api GET /health | jq -c .status)"
agent_stop
done_testing
