# SPDX-License-Identifier: Apache-2.0
# The tests of places on S3, for any store: s3_tests PORT runs them against it as it is, and through a proxy that spoils
# a fifth of all requests. Source it behind peers/lib.sh.

export AWS_ACCESS_KEY_ID=AKIDTEST AWS_SECRET_ACCESS_KEY=sekrit AWS_REGION=us-east-1
BACKGROUND=
stop_background() { [ -z "$BACKGROUND" ] || kill $BACKGROUND 2>/dev/null; clean_up; }
trap stop_background EXIT

# run_background NAME COMMAND…: starts it; its first line, a port, in $PORT; what else it says in $SCRATCH/NAME.
run_background() {
	local name=$1
	shift
	"$@" >"$SCRATCH/$name" 2>&1 &
	BACKGROUND="$BACKGROUND $!"
	for _ in $PATIENCE; do
		PORT=$(sed -n 1p "$SCRATCH/$name")
		[ -n "$PORT" ] && return 0
		sleep 0.05
	done
	return 1
}

# s3_call PORT METHOD PATH [BODY]: a signed request; prints the body of the answer, fails with its status.
s3_call() {
	node --input-type=module - "$@" <<'END'
import { createRequire } from 'node:module';
const aws4 = createRequire(process.env.ORASI_PEERS + '/package.json')('aws4');
const [port, method, path, body] = process.argv.slice(2);
const call = aws4.sign({ service: 's3', region: 'us-east-1', method, host: `127.0.0.1:${port}`, path, body },
	{ accessKeyId: 'AKIDTEST', secretAccessKey: 'sekrit' });
const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers: call.headers, body });
process.stdout.write(await answer.text());
process.exit(answer.ok ? 0 : 1);
END
}

# story NAME: what the room's own tests say.
story() {
	local log
	log=$(CK_TAP_LOG_FILE_NAME=- CK_VERBOSITY=silent "$BUILD/tests/blob/test_s3" 2>&1)
	if [ $? -eq 0 ]; then
		pass "$1 ($(printf '%s\n' "$log" | grep -c '^ok') cases)"
	else
		fail "$1" "$(printf '%s\n' "$log" | grep '^not ok')" "$(tail -5 "$SCRATCH/store" 2>/dev/null)"
	fi
}

rows() { awk -v from="$1" -v n="$2" 'BEGIN { for (i = from; i < from + n; i++)
	printf "{\"id\":%d,\"day\":\"d%d\",\"word\":\"w%d\"}\n", i, i % 2, (i * 7919) % 1000 }'; }
ingest() { finish "$(submit "{\"kind\":\"ingest\",\"dataset\":\"$1\",\"source\":{\"uris\":[\"$2\"]}}")"; }
maintain() { finish "$(submit "{\"kind\":\"maintain\",\"dataset\":\"$1\",\"op\":\"$2\"${3:+,$3}}")"; }

# dataset NAME PREFIX: a dataset on the store, through the agent: every command works on it.
dataset() {
	local name=$1
	DATA=$SCRATCH/data-$name
	agent_start || exit 1
	same "$2: a place on S3 becomes a dataset" "s3://orasi-test/$name" \
		"$(api PUT "/v1/datasets/$name" "{\"location\":\"s3://orasi-test/$name\"}" | jq -r .location)"
	for i in $(seq 0 11); do
		rows $((i * 100)) 100 >"$SCRATCH/rows-$i"
		ingest "$name" "$SCRATCH/rows-$i"
	done >"$SCRATCH/states"
	same "$2: 12 commits" "12 succeeded" "$(sort "$SCRATCH/states" | uniq -c | xargs)"
	same "$2: every row is there once" '{"n":1200,"d":1200}' \
		"$(sql "SELECT count(*) AS n, count(DISTINCT id) AS d FROM \"$name\"" | jq -c .)"
	api POST "/v1/datasets/$name/indexes" '{"name":"by_id","plugin":"btree","columns":["id"]}' >/dev/null
	finish "$(api POST "/v1/datasets/$name/indexes/by_id:build" | jq -r .id)" >/dev/null
	same "$2: an index on S3 answers" '{"id":777,"word":"w63"}' \
		"$(sql "SELECT id, word FROM \"$name\" WHERE id = 777" | jq -c .)"
	same "$2: files are packed" "succeeded 1" "$(maintain "$name" optimize) $(api GET "/v1/datasets/$name" | jq .files)"
	same "$2: what is not live goes" succeeded "$(maintain "$name" vacuum '"older_than_ms":0,"force":true')"
	same "$2: and every row is still there" '{"n":1200,"d":1200}' \
		"$(sql "SELECT count(*) AS n, count(DISTINCT id) AS d FROM \"$name\"" | jq -c .)"
	same "$2: verify finds nothing" "[]" "$(ended "$(submit "{\"kind\":\"maintain\",\"dataset\":\"$name\",\"op\":\"verify\"}")" | jq -c .result.problems)"
}

# every_verb NAME PREFIX STORE: what is left of the verbs, on the dataset that `dataset` has made; STORE is asked directly.
every_verb() {
	local name=$1 store=$3 other=$1-other task
	export_to() { ended "$(submit "{\"kind\":\"export\",\"dataset\":\"$1\",\"to\":\"$2\"${3:+,$3}}")" | jq -r '"\(.state) \(.result.rows)"'; }
	same "$2: its history is read" "OPTIMIZE 13" "$(api GET "/v1/datasets/$name/history" | jq -r '"\(.items[0].operation) \(.items | length)"')"
	same "$2: and its past, as far as files are kept" '{"n":1200}' "$(sql "SELECT count(*) AS n FROM \"$name@v12\"" | jq -c .)"
	same "$2: it is attached under another name" 200 "$(api PUT "/v1/datasets/$other" "{\"location\":\"s3://orasi-test/$name\"}" >/dev/null; curl -s -o /dev/null -w '%{http_code}' "$URL/v1/datasets/$other")"
	same "$2: with the same rows" '{"n":1200}' "$(sql "SELECT count(*) AS n FROM \"$other\"" | jq -c .)"
	same "$2: it is exported to disk" "succeeded 1200 1200" "$(export_to "$name" "$SCRATCH/$name.json") $(wc -l <"$SCRATCH/$name.json")"
	same "$2: and to the store" "succeeded 1200 1200" "$(export_to "$name" "s3://orasi-test/out-$name/all.json") $(s3_call "$store" GET "/orasi-test/out-$name/all.json" | wc -l)"
	s3_call "$store" PUT "/orasi-test/out-$name/mine.json" mine
	same "$2: where what is in the way stays" "failed null mine" "$(export_to "$name" "s3://orasi-test/out-$name/mine.json" '"max_attempts":1') $(s3_call "$store" GET "/orasi-test/out-$name/mine.json")"
	same "$2: or is replaced" "succeeded 1200" "$(export_to "$name" "s3://orasi-test/out-$name/mine.json" '"overwrite":true')"
	same "$2: as a folder, which has its mark" "succeeded 1200 0" "$(export_to "$name" "s3://orasi-test/out-$name/f/" '"format":{"plugin":"parquet"}') $(s3_call "$store" GET "/orasi-test/out-$name/f/" >/dev/null; echo $?)"
	same "$2: which no other export enters" "failed null" "$(export_to "$name" "s3://orasi-test/out-$name/f/" '"format":{"plugin":"parquet"},"max_attempts":1')"
	same "$2: a partitioned table is made" '["day"]' "$("$BUILD/orasi" --quiet dataset create "$name-parts" --column id:long --column day:string \
		--column word:string --partition-by day --location "s3://orasi-test/$name-parts" >/dev/null; api GET "/v1/datasets/$name-parts" | jq -c .partition_columns)"
	same "$2: and filled" "succeeded 2" "$(ingest "$name-parts" "$SCRATCH/rows-0") $(api GET "/v1/datasets/$name-parts" | jq .files)"
	same "$2: and a partition deleted" 'succeeded {"n":50}' "$(maintain "$name-parts" delete '"where":{"day":"d1"}') $(sql "SELECT count(*) AS n FROM \"$name-parts\"" | jq -c .)"
	# What processes that died have left: half of a segment, and an upload that was never ended.
	s3_call "$store" PUT "/orasi-test/$name/_orasi/indexes/by_id/seg-half/keys" x
	s3_call "$store" POST "/orasi-test/$name/part-dead.parquet?uploads=" >/dev/null
	sleep 1.1 # times of objects have no parts of seconds
	same "$2: what was left half-made is swept" "succeeded 0 0" "$(maintain "$name" sweep '"older_than_ms":0') $(s3_call "$store" GET "/orasi-test/$name/_orasi/indexes/by_id/seg-half/keys" 2>/dev/null | grep -c '^x$') $(s3_call "$store" GET "/orasi-test?prefix=$name/&uploads=" | grep -c '<UploadId>.*part-dead\|part-dead.*<UploadId>')"
	same "$2: and the index still answers" '{"id":777,"word":"w63"}' "$(sql "SELECT id, word FROM \"$name\" WHERE id = 777" | jq -c .)"
}

s3_tests() {
	local store=$1 seed=${SEED:-$RANDOM} theirs
	s3_call "$store" PUT /orasi-test || fail "the bucket is made"
	export AWS_ENDPOINT_URL_S3=http://127.0.0.1:$store TEST_S3_LOCATION=s3://orasi-test/tests
	story "objects, lists, races, parts, keys"
	dataset plain "as it is"
	every_verb plain "as it is" "$store"
	theirs=$(node --input-type=module -e 'import { chdbQuery } from "'"$SRC"'/tests/peers/delta.mjs";
		console.log(chdbQuery("SELECT count() AS n, uniqExact(id) AS d FROM deltaLake(\u0027http://127.0.0.1:'"$store"'/orasi-test/plain/\u0027, \u0027AKIDTEST\u0027, \u0027sekrit\u0027)"));' 2>&1)
	if [ -n "${FOREIGN_READER:-}" ]; then
		same "ClickHouse reads the same from the store" '{"n":1200,"d":1200}' "$(printf '%s' "$theirs" | jq -c 'map_values(tonumber)')"
	fi
	same "dropping takes every object" 204 "$(curl -s -o /dev/null -w '%{http_code}' -X DELETE "$URL/v1/datasets/plain")"
	agent_stop

	run_background proxy node "$SRC/tests/blob/s3-proxy.mjs" "$store" 0.2 "$seed" || fail "the proxy starts"
	export AWS_ENDPOINT_URL_S3=http://127.0.0.1:$PORT TEST_S3_FAULTS=1
	story "the same with every fifth request spoiled (seed $seed)"
	dataset faults "spoiled (seed $seed)"
	every_verb faults "spoiled (seed $seed)" "$store"
	agent_stop
	check "each way to spoil was tried" test "$(sed -n '2,$s/ [A-Z]* .*//p' "$SCRATCH/proxy" | sort -u | wc -l)" -ge 6
	unset TEST_S3_FAULTS
}
