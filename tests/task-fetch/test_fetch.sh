#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The task fetch: a document of a server goes into the result, or into a dataset by a task that begins with its success.
. "$(dirname "$0")/../e2e/lib.sh"
command -v jq >/dev/null && command -v node >/dev/null || skip_all "jq and node are needed"
cat >"$SCRATCH/server.mjs" <<'JS'
import { createServer } from "node:http";
let tries = 0;
const documents = {
	"/orders.ndjson": '{"id":1,"name":"one"}\n{"id":2,"name":"two"}\n',
	"/cities.csv": "city,people\nUlm,126949\nNome,3699\n",
	"/large": "x".repeat(300000),
};
const server = createServer((request, response) => {
	if (request.url === "/busy" && tries++ < 1) return response.writeHead(503).end();
	const body = documents[request.url] ?? (request.url === "/busy" ? "at last" : null);
	if (request.url === "/secret" && request.headers.authorization === "Bearer x") return response.end("open");
	if (body === null) return response.writeHead(404).end();
	response.setHeader("content-type", "text/plain");
	response.end(body);
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
JS
node "$SCRATCH/server.mjs" >"$SCRATCH/port" &
SERVER=$!
trap 'kill $SERVER 2>/dev/null; clean_up' EXIT
for _ in $PATIENCE; do [ -s "$SCRATCH/port" ] && break; sleep 0.05; done
PORT=$(cat "$SCRATCH/port")
echo "{\"rights\": [{\"bundle\": \"org.orasi.task.fetch\", \"hosts\": [\"127.0.0.1:$PORT\"]}]}" >"$SCRATCH/trust.json"
ORASI_PLUGINS_TRUST_FILE=$SCRATCH/trust.json ORASI_QUEUE_RETRY_INITIAL=10ms ORASI_QUEUE_RETRY_MAX=20ms agent_start || exit 1
for _ in $PATIENCE; do [ "$(api GET /v1/plugins/fetch | jq -r .name)" = fetch ] && break; sleep 0.05; done

# fetch PATH [options]: runs it and leaves the task's id in $id
fetch() {
	id=$(submit "$(jq -cn --arg u "http://127.0.0.1:$PORT$1" --argjson c "${2:-{\}}" '{kind: "custom", plugin: "fetch", config: ({url: $u} + $c)}')")
	state=$(finish "$id")
}
fetch /orders.ndjson
same "a document is in the result" 'succeeded 200 44 text/plain {"id":1,"name":"one"}' \
	"$state $(api GET "/v1/tasks/$id" | jq -r '.result.output | "\(.status) \(.bytes) \(.content_type) \(.body | split("\n")[0])"')"
fetch /orders.ndjson '{"dataset":"orders"}'
child=$(api GET "/v1/tasks?parent=$id" | jq -r '.items[0].id')
same "or in a dataset" "succeeded succeeded" "$state $(finish "$child")"
same "  row by row" '[1,"one"] [2,"two"]' "$(sql 'SELECT id, name FROM orders ORDER BY id' | jq -c '[.id, .name]' | xargs -d '\n')"
fetch /cities.csv '{"dataset":"cities","format":"csv"}'
finish "$(api GET "/v1/tasks?parent=$id" | jq -r '.items[0].id')" >/dev/null
same "of any format" 130648 "$(sql 'SELECT sum(people) AS n FROM cities' | jq .n)"
fetch /secret '{"headers":["Authorization: Bearer x"]}'
same "headers go along" "succeeded open" "$state $(api GET "/v1/tasks/$id" | jq -r .result.output.body)"
fetch /busy
same "a server that is busy is asked again" "succeeded 2" "$state $(api GET "/v1/tasks/$id" | jq -r .attempt)"
fetch /nothing
same "what is not there fails, with the reason" "failed 1" "$state $(api GET "/v1/tasks/$id" | grep -c 'answered 404')"
fetch /large '{"dataset":"x"}'
same "so does what is too large" "failed 1" "$state $(api GET "/v1/tasks/$id" | grep -c 'has 300000 bytes')"
fetch /orders.ndjson '{"dataset":"orders","format":"nobody"}'
same "an ingest that cannot be fails it" failed "$state"
same "  and nothing was put" null "$(api GET "/v1/tasks?parent=$id" | jq -r '.items[0].id')"
check "a task without a URL is refused at once" grep -q '"status":422.*url' <<<"$(api POST /v1/tasks '{"kind":"custom","plugin":"fetch","config":{}}')"
refused=$(api POST /v1/tasks '{"kind":"custom","plugin":"fetch","config":{"url":"ftp://127.0.0.1/orders"}}')
same "so is one of another scheme, with those that there are" "422 /config/url" "$(jq -r '"\(.status) \(.errors[0].pointer)"' <<<"$refused")"
check "  in its reason" grep -q 'http:// or https://' <<<"$refused"
unharmed "after all that"
same "none has begun before it was on disk, as it can be seen outside" 0 "$(metric orasi_queue_early_total)"
agent_stop
done_testing
