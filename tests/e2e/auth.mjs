// SPDX-License-Identifier: Apache-2.0
// What tokens may, asked of an agent that wants them: every route with every verb, and one tenant beside another.
//   node auth.mjs URL ORASI DATA        ORASI: the command line tool, DATA: the agent's data folder
// Prints TAP.
import { execFileSync } from "node:child_process";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

const [base, orasi, data] = process.argv.slice(2);
let tests = 0;
function ok(good, name, detail) {
	console.log(`${good ? "ok" : "not ok"} ${++tests} - ${name.replaceAll("#", "")}`);
	if (!good && detail !== undefined) console.log(`#   ${JSON.stringify(detail)}`);
}
const same = (name, wanted, got) => ok(JSON.stringify(wanted) === JSON.stringify(got), name, { wanted, got });

// ---- tokens and requests
const cli = (...words) => execFileSync(orasi, ["token", ...words, "--data", data, "--quiet"], { encoding: "utf8" }).trim();
async function ask(token, method, path, body, headers = {}) {
	const controller = new AbortController();
	const response = await fetch(base + path, {
		method,
		signal: controller.signal,
		headers: { ...(token && { authorization: `Bearer ${token}` }), ...(body && { "content-type": "application/json" }), ...headers },
		body: body && (typeof body === "string" ? body : JSON.stringify(body)),
	});
	const type = response.headers.get("content-type") ?? "";
	const answer = { status: response.status, challenge: response.headers.get("www-authenticate"), headers: response.headers };
	if (type.startsWith("text/event-stream")) controller.abort();
	else answer.text = await response.text();
	if (type.includes("json") && !type.includes("ndjson")) answer.json = JSON.parse(answer.text);
	return answer;
}
// The agent reads the file when the kernel tells it: until a token is known, or known no more.
async function until(token, status) {
	for (let i = 0; i < 6000; i++) {
		if ((await ask(token, "GET", "/v1/openapi.json")).status === status) return;
		await pause(10);
	}
	ok(false, `a change of the token file is noticed (${status})`);
}
async function token(name, ...options) {
	const made = cli("create", name, ...options);
	await until(made, 200);
	return made;
}
const problem = (answer) => answer.json?.type?.split(":").pop();

const admin = await token("root", "--verbs", "admin");

// ---- every route, every verb
// What a request to it needs: one verb; "any" token; "open": none. "whole": of all tenants.
const routes = `
POST /v1/tasks submit
POST /v1/tasks:batch submit
GET /v1/tasks read
GET /v1/tasks/{id} read
GET /v1/tasks/{id}/attempts read
GET /v1/tasks/{id}/result read
GET /v1/tasks/{id}/logs read
GET /v1/tasks/{id}/events read
DELETE /v1/tasks/{id} manage
POST /v1/tasks:cancel manage
POST /v1/tasks:redrive manage
POST /v1/tasks:delete manage
GET /v1/operations/{id} read
POST /v1/tasks/{id}:cancel manage
POST /v1/tasks/{id}:redrive manage
POST /v1/tasks/{id}:reschedule manage
POST /v1/tasks/{id}:promote manage
POST /v1/tasks/{id}:retry manage
GET /v1/events read
GET /v1/queues read whole
GET /v1/queues/{queue} read whole
GET /v1/queues/{queue}/stats read whole
PUT /v1/queues/{queue} admin
PATCH /v1/queues/{queue} admin
POST /v1/queues/{queue}:pause admin
POST /v1/queues/{queue}:resume admin
POST /v1/queues/{queue}:drain admin
POST /v1/queues/{queue}:purge manage
GET /v1/schedules read
GET /v1/schedules/{name} read
PUT /v1/schedules/{name} submit
DELETE /v1/schedules/{name} manage
POST /v1/schedules/{name}:pause manage
POST /v1/schedules/{name}:resume manage
GET /v1/batches read
POST /v1/batches submit
GET /v1/batches/{id} read
POST /v1/batches/{id}:seal submit
POST /v1/leases work
POST /v1/leases:heartbeat work
POST /v1/leases:settle work
GET /v1/workers read whole
POST /v1/uploads submit
POST /v1/query read
GET /v1/datasets read
GET /v1/datasets/{dataset} read
PUT /v1/datasets/{dataset} admin
DELETE /v1/datasets/{dataset} admin
GET /v1/datasets/{dataset}/schema read
GET /v1/datasets/{dataset}/files read
GET /v1/datasets/{dataset}/history read
GET /v1/datasets/{dataset}/indexes read
POST /v1/datasets/{dataset}/indexes admin
GET /v1/datasets/{dataset}/indexes/{index} read
DELETE /v1/datasets/{dataset}/indexes/{index} admin
POST /v1/datasets/{dataset}/indexes/{index}:build admin
POST /v1/datasets/{dataset}/indexes/{index}:verify admin
POST /v1/datasets/{dataset}/indexes/{index}:optimize admin
GET /v1/plugins read
GET /v1/plugins/{id} read
POST /v1/plugins:rescan admin
POST /v1/plugins/{id}:clear admin
POST /v1/plugins/{id}:pin admin
POST /v1/plugins/{id}:unpin admin
GET /v1/agent read whole
GET /v1/status read whole
POST /v1/store:check admin
POST /v1/store:backup admin
GET /v1/metrics read whole
GET /v1/openapi.json any
GET /metrics read whole
GET /health open
GET /health/live open
GET /health/ready open
GET /healthz open
GET /livez open
GET /readyz open
`.trim().split("\n").map((line) => line.split(" "));

const document = (await ask(admin, "GET", "/v1/openapi.json")).json;
const described = Object.entries(document.paths).flatMap(([path, methods]) => Object.keys(methods).map((m) => `${m.toUpperCase()} ${path}`));
same("every route is in this test", described.toSorted(), routes.map(([method, path]) => `${method} ${path}`).toSorted());

// With names that are nobody's, so that what is allowed changes nothing.
const fill = (path) => path.replaceAll(/\{(\w+)\}/g, (_, name) => (name === "id" ? "t_0000000000zzz" : "nobody"));
const verbs = ["submit", "read", "manage", "work", "files", "admin"];
const tokens = Object.fromEntries(await Promise.all(verbs.map(async (verb) => [verb, await token(`only-${verb}`, "--verbs", verb)])));
const acme = await token("acme", "--verbs", "submit,read,manage,files", "--tenant", "acme", "--dataset", "acme_*");
for (const [method, path, need, whole] of routes) {
	const wrong = [], at = fill(path), body = method === "GET" || method === "DELETE" ? undefined : "{";
	const none = await ask(null, method, at, body);
	if ((none.status === 401) !== (need !== "open")) wrong.push(["no token", none.status]);
	if (need !== "open" && none.challenge !== 'Bearer realm="orasi"') wrong.push(["no token", none.challenge]);
	for (const verb of verbs) {
		const may = need === "open" || need === "any" || need === verb || verb === "admin";
		const answer = await ask(tokens[verb], method, at, body);
		if ((answer.status === 403) === may || answer.status === 401) wrong.push([verb, answer.status, answer.json]);
		if (!may && !answer.challenge.includes(`error="insufficient_scope"`)) wrong.push([verb, answer.challenge]);
		if (!may && !answer.challenge.includes(`scope="${need}"`)) wrong.push([verb, answer.challenge]);
	}
	const narrow = await ask(acme, method, at, body);
	if ((narrow.status === 403) !== (need === "admin" || need === "work" || whole === "whole")) wrong.push(["acme", narrow.status]);
	ok(!wrong.length, `${method} ${path} is for ${need}${whole ? " of all tenants" : ""} and nobody else`, wrong);
}

// ---- what is not a token
const bad = [
	["Bearer", 400, "invalid"],
	["Bearer x y", 400, "invalid"],
	["Basic dTpw", 401, "unauthenticated"],
	[`Bearer ${admin}x`, 401, "unauthenticated"],
	[`Bearer ${admin.slice(0, -1)}`, 401, "unauthenticated"],
	[`Bearer ora_${"0".repeat(10)}_${"0".repeat(52)}`, 401, "unauthenticated"],
];
for (const [authorization, status, type] of bad) {
	const answer = await ask(null, "GET", "/v1/tasks", undefined, { authorization });
	same(`'${authorization.slice(0, 16)}…' is ${status}`, [status, type], [answer.status, problem(answer)]);
}
const big = await ask(null, "POST", "/v1/tasks", JSON.stringify({ kind: "query", sql: "x".repeat(200000) }));
same("a large body without a token is refused", 401, big.status);

// ---- one tenant beside another
const globex = await token("globex", "--verbs", "submit,read,manage", "--tenant", "globex", "--dataset", "globex_*");
await ask(admin, "PATCH", "/v1/queues/jobs", { remote: true });
await ask(admin, "PATCH", "/v1/queues/other", { remote: true });
const task = (more = {}) => ({ kind: "remote", queue: "jobs", payload: 1, ...more });
const theirs = await ask(globex, "POST", "/v1/tasks", task({ labels: { a: "b" } }));
same("a token for one tenant submits for it without naming it", [201, "globex"], [theirs.status, theirs.json.tenant]);
const mine = await ask(acme, "POST", "/v1/tasks", task());
const id = theirs.json.id;
const foreign = await ask(acme, "POST", "/v1/tasks", task({ tenant: "globex" }));
same("but for no other", [403, "permission", "/tenant"], [foreign.status, problem(foreign), foreign.json.errors[0].pointer]);
const noQueue = await ask(await token("jobs", "--verbs", "submit,read", "--queue", "jobs"), "POST", "/v1/tasks", task({ queue: "other" }));
same("nor into a queue that is not its", [403, "/queue"], [noQueue.status, noQueue.json.errors[0].pointer]);
const mixed = await ask(acme, "POST", "/v1/tasks:batch", [task(), task({ tenant: "globex" }), task()]);
same("in a batch, item by item", [201, 403, 201], mixed.json.map((item) => item.status));
const all = await ask(acme, "POST", "/v1/tasks", [task(), task({ tenant: "globex" })]);
same("of many at once, all or none", [403, "/1/tenant"], [all.status, all.json.errors[0].pointer]);

const unknown = (await ask(acme, "GET", "/v1/tasks/t_000000000zzzz")).json;
for (const [method, path, body] of [
	["GET", ""], ["GET", "?wait=1s"], ["GET", "/attempts"], ["GET", "/result"], ["GET", "/logs"], ["GET", "/events"],
	["DELETE", ""], ["POST", ":cancel"], ["POST", ":redrive"], ["POST", ":reschedule", { priority: 1 }], ["POST", ":promote"], ["POST", ":retry"],
]) {
	const answer = await ask(acme, method, `/v1/tasks/${id}${path}`, body);
	same(`${method} …${path} of a task of another tenant is that of none`, [404, unknown.detail.replace("t_000000000zzzz", id), unknown.type],
		[answer.status, answer.json?.detail, answer.json?.type]);
}
same("the task is as it was", "ready", (await ask(globex, "GET", `/v1/tasks/${id}`)).json.state);
const listed = async (who, query = "") => (await ask(who, "GET", `/v1/tasks?limit=100${query}`)).json.items;
same("a list has what is its only", ["acme"], [...new Set((await listed(acme)).map((t) => t.tenant))]);
same("also when it asks for others", [], await listed(acme, "&tenant=globex"));
same("by label, state and queue too", [], await listed(acme, "&label.a=b&state=ready&queue=jobs"));
ok((await listed(admin)).some((t) => t.id === id), "who may see all sees all");
const glob = await token("glob", "--verbs", "read", "--tenant", "glob*");
same("a pattern is for all that it matches", ["globex"], [...new Set((await listed(glob)).map((t) => t.tenant))]);
const dry = await ask(acme, "POST", "/v1/tasks:cancel", { all: true, dry_run: true });
same("a verb on all is one on all of its own", (await listed(acme)).length, dry.json.matched);
const bulk = await ask(acme, "POST", "/v1/tasks:cancel", { tenant: "globex" });
for (let i = 0; i < 6000 && (await ask(acme, "GET", bulk.headers.get("location"))).json.state === "running"; i++) await pause(20);
same("a verb on another tenant's tasks finds none", 0, (await ask(acme, "GET", bulk.headers.get("location"))).json.matched);
same("an operation is not for others", 404, (await ask(globex, "GET", bulk.headers.get("location"))).status);
const purge = await ask(globex, "POST", "/v1/queues/jobs:purge");
for (let i = 0; i < 6000 && (await ask(globex, "GET", purge.headers.get("location"))).json.state === "running"; i++) await pause(20);
same("a purge takes what is its own only", ["cancelled", "ready"],
	[(await ask(admin, "GET", `/v1/tasks/${id}`)).json.state, (await ask(admin, "GET", `/v1/tasks/${mine.json.id}`)).json.state]);

const refuse = async (name, spec, pointer) => {
	const answer = await ask(acme, "POST", "/v1/tasks", spec);
	same(name, [422, pointer], [answer.status, answer.json.errors?.[0].pointer]);
	return answer.json.errors?.[0].detail;
};
const other = await refuse("nobody depends on a task of another tenant", task({ depends_on: [id] }), "/depends_on/0");
same("  with the words for one that is not there", other, await refuse("  as on none", task({ depends_on: ["t_000000000zzzz"] }), "/depends_on/0"));
const batch = (await ask(globex, "POST", "/v1/batches", { name: "b" })).json;
same("a batch is its tenant's", "globex", batch.tenant);
const strange = await refuse("nobody joins a batch of another tenant", task({ batch: batch.id }), "/batch");
same("  with the words for one that is not there", strange, await refuse("  as none", task({ batch: "b_000000000zzzz" }), "/batch"));
same("nor sees it", 404, (await ask(acme, "GET", `/v1/batches/${batch.id}`)).status);
same("nor seals it", 404, (await ask(acme, "POST", `/v1/batches/${batch.id}:seal`)).status);
same("nor finds it listed", [], (await ask(acme, "GET", "/v1/batches")).json.items);
same("nor makes one for it", 403, (await ask(acme, "POST", "/v1/batches", { tenant: "globex" })).status);
same("a follower is a task as any", 403, (await ask(acme, "POST", "/v1/batches", { on_complete: task({ tenant: "globex" }) })).status);

const key = { "idempotency-key": "k1" };
const first = await ask(globex, "POST", "/v1/tasks", task({ payload: 7 }), key);
const second = await ask(acme, "POST", "/v1/tasks", task({ payload: 8 }), key);
const list = { "idempotency-key": "list" };
const many1 = await ask(globex, "POST", "/v1/tasks:batch", [task({ payload: 1 }), task({ payload: 2 })], list);
const many2 = await ask(acme, "POST", "/v1/tasks:batch", [task({ payload: 1 }), task({ payload: 2 })], list);
ok(many1.json.every((item) => item.status === 201) && many2.json.every((item) => item.status === 201) &&
	!many1.json.some((item) => many2.json.some((mine) => mine.id === item.id)), "so is that of a list", [many1.json, many2.json]);
const strangers = { "idempotency-key": "strangers" }, two = [task({ tenant: "globex" }), task()];
const many3 = await ask(globex, "POST", "/v1/tasks:batch", two, strangers), many4 = await ask(acme, "POST", "/v1/tasks:batch", two, strangers);
same("whatever its first task says", [[201, 201], [403, 201], 0],
	[many3.json.map((item) => item.status), many4.json.map?.((item) => item.status), many3.json.filter((item) => item.id === many4.json[1]?.id).length]);
same("an idempotency key is its tenant's", [201, 201, false], [first.status, second.status, first.json.id === second.json.id]);
const u1 = await ask(globex, "POST", "/v1/tasks", task({ unique_key: "u" })), u2 = await ask(acme, "POST", "/v1/tasks", task({ unique_key: "u" }));
same("so is a unique key", [201, 201], [u1.status, u2.status]);
const blind = await token("blind", "--verbs", "submit", "--tenant", "acme", "--queue", "other");
const seen = await ask(blind, "POST", "/v1/tasks", task({ queue: "other", unique_key: "u" }));
same("who may not read is told the id alone of what is there", [200, { id: u2.json.id }], [seen.status, seen.json]);
same("and replaces nothing in a queue that is not its", 403,
	(await ask(blind, "POST", "/v1/tasks", task({ queue: "other", unique_key: "u", on_conflict: "replace" }))).status);

const cron = { cron: "0 0 1 1 *", task: task() };
same("a schedule is of its task's tenant", 201, (await ask(globex, "PUT", "/v1/schedules/yearly", cron)).status);
same("others do not see it", [404, []], [(await ask(acme, "GET", "/v1/schedules/yearly")).status, (await ask(acme, "GET", "/v1/schedules")).json.items]);
same("nor pause it", 404, (await ask(acme, "POST", "/v1/schedules/yearly:pause")).status);
same("nor end it", 404, (await ask(acme, "DELETE", "/v1/schedules/yearly")).status);
same("nor take its name", 409, (await ask(acme, "PUT", "/v1/schedules/yearly", cron)).status);
same("nor make one for another", 403, (await ask(acme, "PUT", "/v1/schedules/mine", { cron: cron.cron, task: task({ tenant: "globex" }) })).status);
same("its own tenant sees it", ["yearly"], (await ask(globex, "GET", "/v1/schedules")).json.items.map((s) => s.name));

// ---- kinds, files and datasets
const kinds = [
	["files need the verb files", globex, { kind: "ingest", dataset: "globex_a", source: { uris: ["/etc/hostname"] } }, "/source/uris"],
	["the agent's own folder needs admin", acme, { kind: "ingest", dataset: "acme_a", source: { uris: [`${data}/tokens.json`] } }, "/source/uris/0"],
	["however it is written", acme, { kind: "ingest", dataset: "acme_a", source: { uris: [`/${data}//store.db`] } }, "/source/uris/0"],
	["a dataset of others is not its", acme, { kind: "ingest", dataset: "globex_a", source: { inline: "{}" } }, "/dataset"],
	["export needs files", globex, { kind: "export", dataset: "globex_a", to: "/tmp/x/" }, "/to"],
	["maintenance needs admin", acme, { kind: "maintain", dataset: "acme_a", op: "vacuum" }, "/kind"],
	["SQL as a task needs all datasets", acme, { kind: "query", sql: "SELECT 1" }, "/kind"],
];
for (const [name, who, spec, pointer] of kinds) {
	const answer = await ask(who, "POST", "/v1/tasks", spec);
	same(name, [403, pointer], [answer.status, answer.json.errors?.[0].pointer]);
}
for (const [who, dataset] of [[acme, "acme_web"], [globex, "globex_web"]]) {
	const made = await ask(who, "POST", "/v1/tasks", { kind: "ingest", dataset, source: { inline: `{"a":1}\n{"a":` } }, { prefer: "wait=60" });
	same(`${dataset} is ingested`, "succeeded", made.json.state);
}
same("an index is made", 201, (await ask(admin, "POST", "/v1/datasets/acme_web/indexes", { name: "by_a", plugin: "btree", columns: ["a"] })).status);
const grown = await ask(acme, "POST", "/v1/tasks", { kind: "ingest", dataset: "acme_web", source: { inline: '{"a":1}' } }, { prefer: "wait=60" });
same("what a task brings about is its tenant's", [["index", "acme"]], (await listed(acme, `&parent=${grown.json.id}`)).map((t) => [t.kind, t.tenant]));
const rows = (who, sql) => ask(who, "POST", "/v1/query", { sql, format: "ndjson" });
await rows(admin, "SELECT a FROM globex_web");
same("SQL reads its own datasets", '{"a":1}\n{"a":1}\n', (await rows(acme, "SELECT a FROM acme_web")).text);
same("and their rejects", 200, (await rows(acme, "SELECT count(*) FROM acme_web__rejects")).status);
const hidden = await rows(acme, "SELECT a FROM globex_web"), absent = await rows(acme, "SELECT a FROM absent_web");
same("those of others are not there", [absent.status, absent.json.detail.replace("absent", "globex")], [hidden.status, hidden.json.detail]);
same("not by another way of writing either", absent.status, (await rows(acme, 'SELECT a FROM main."GLOBEX_WEB"')).status);
same("the schema of SQL names its own only", false, (await rows(acme, "SELECT name FROM sqlite_schema")).text.includes("globex"));
same("datasets are listed that are its", ["acme_web", "acme_web__rejects"], (await ask(acme, "GET", "/v1/datasets")).json.items.map((d) => d.name));
same("a dataset of others is not there", 404, (await ask(acme, "GET", "/v1/datasets/globex_web")).status);
same("its own is", 200, (await ask(acme, "GET", "/v1/datasets/acme_web/history")).status);

// ---- workers elsewhere
const worker = await token("worker", "--verbs", "work", "--queue", "jobs");
same("a worker leases from its queues", 200, (await ask(worker, "POST", "/v1/leases", { queues: ["jobs"], worker: "w" })).status);
same("and from no other", 403, (await ask(worker, "POST", "/v1/leases", { queues: ["jobs", "other"], worker: "w" })).status);
await ask(admin, "POST", "/v1/tasks", task({ queue: "other" }));
const lease = (await ask(admin, "POST", "/v1/leases", { queues: ["other"], worker: "w" })).json.leases[0];
for (const [verb, item] of [["heartbeat", {}], ["settle", { outcome: "complete" }]]) {
	const answer = await ask(worker, "POST", `/v1/leases:${verb}`, { leases: [{ task: lease.task.id, lease_id: lease.lease_id, ...item }] });
	same(`a ${verb} for a lease of another queue is stale`, [409, "stale-lease"], [answer.json.items[0].status, answer.json.items[0].problem.type.split(":").pop()]);
}
same("the lease still holds", 200, (await ask(admin, "POST", "/v1/leases:settle", { leases: [{ task: lease.task.id, lease_id: lease.lease_id, outcome: "complete" }] })).json.items[0].status);

// ---- events
async function stream(who, path, wanted) {
	const controller = new AbortController();
	const response = await fetch(base + path, { headers: { authorization: `Bearer ${who}` }, signal: controller.signal });
	const seen = [], reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
	const done = (async () => {
		let text = "";
		for (;;) {
			const { value, done } = await reader.read().catch(() => ({ done: true }));
			if (done) return "ended";
			text += value;
			for (const match of text.matchAll(/^data: (\{.*\})$/gm)) seen.push(JSON.parse(match[1]));
			text = text.slice(text.lastIndexOf("\n\n") + 2);
			if (wanted && seen.some(wanted)) return "seen";
		}
	})();
	return { seen, done, close: () => controller.abort() };
}
let marker;
const events = await stream(acme, "/v1/events", (t) => t.id === marker);
await ask(globex, "POST", "/v1/tasks", task());
marker = (await ask(acme, "POST", "/v1/tasks", task({ run_at: "2030-01-01T00:00:00Z" }))).json.id;
await ask(acme, "POST", `/v1/tasks/${marker}:cancel`);
await events.done;
same("a stream of all has events of its own only", ["acme"], [...new Set(events.seen.map((t) => t.tenant))]);
events.close();
const replayed = await fetch(`${base}/v1/events`, { headers: { authorization: `Bearer ${acme}`, "last-event-id": "1" } });
const reader = replayed.body.getReader();
let text = "";
while (!text.includes(marker)) text += new TextDecoder().decode((await reader.read()).value);
same("so has what was missed", false, text.includes('"tenant":"globex"'));
await reader.cancel();

// ---- revoked, changed, expired
const brief = await token("brief", "--verbs", "read,submit,work");
const waiting = (await ask(brief, "POST", "/v1/tasks", task({ run_at: "2030-01-01T00:00:00Z" }))).json.id;
const poll = ask(brief, "GET", `/v1/tasks/${waiting}?wait=60s`);
const wish = ask(brief, "POST", "/v1/leases", { queues: ["other"], worker: "w", wait: "60s" });
const live = await stream(brief, `/v1/tasks/${waiting}/events`), fire = await stream(brief, "/v1/events");
await pause(100);
cli("revoke", "brief");
const [polled, wished] = await Promise.all([poll, wish]);
same("a long poll ends when its token is revoked", [401, "unauthenticated"], [polled.status, problem(polled)]);
same("so does a wait for a lease", 401, wished.status);
same("so do streams", ["ended", "ended"], await Promise.all([live.done, fire.done]));
same("and it is good for nothing more", 401, (await ask(brief, "GET", "/v1/tasks")).status);
const soon = cli("create", "soon", "--verbs", "read", "--expires", "2s");
let late;
for (let i = 0; i < 6000 && !late?.json.detail?.includes("expired"); i++) {
	await pause(10);
	late = await ask(soon, "GET", "/v1/tasks");
}
ok(late.status === 401 && late.json.detail.includes("expired"), "a token that has expired is told so", late.json);
const kept = readFileSync(`${data}/tokens.json`);
writeFileSync(`${data}/tokens.json`, "{\"tokens\": [");
for (let i = 0; i < 6000 && !(await ask(admin, "GET", "/health")).text.includes("degraded"); i++) await pause(20);
same("a file that is broken changes nothing, and health tells", [200, true],
	[(await ask(admin, "GET", "/v1/tasks")).status, (await ask(admin, "GET", "/health")).text.includes("token file")]);
writeFileSync(`${data}/tokens.json`, kept);
for (let i = 0; i < 6000 && (await ask(admin, "GET", "/health")).text.includes("degraded"); i++) await pause(20);
same("mended, it is read again", "ok", (await ask(admin, "GET", "/health")).json.status);
const counted = (await ask(admin, "GET", "/metrics")).text;
ok(/orasi_auth_refused_total\{reason="scope"\} [1-9]/.test(counted) && /orasi_auth_refused_total\{reason="missing"\} [1-9]/.test(counted),
	"refusals are counted by reason");
appendFileSync(`${data}/../secrets-used`, [admin, acme, globex, brief, ...Object.values(tokens)].map((t) => t.slice(15)).join("\n") + "\n");
console.log(`1..${tests}`);
