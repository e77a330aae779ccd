// SPDX-License-Identifier: Apache-2.0
// The requests of contract.mjs: each operation of the API, in each way that it succeeds, and for what is not there.

const query = (sql) => ({ kind: "query", sql });

async function tasks(ask) {
	const one = await ask("createTasks", 201, { sent: query("SELECT 1 AS x") });
	const path = { id: one.json.id };
	const key = { "idempotency-key": "contract" };
	await ask("createTasks", 200, { sent: query("SELECT 2 AS x"), headers: { prefer: "wait=30" } });
	await ask("createTasks", 201, { sent: query("SELECT 3 AS x"), headers: key });
	await ask("createTasks", 201, { sent: query("SELECT 3 AS x"), headers: key });
	await ask("createTasks", 200, { sent: [query("SELECT 4 AS x"), query("SELECT 5 AS x")] });
	await ask("createTasks", 422, { sent: query(7) });
	await ask("createTasks", 400, { raw: "{", headers: { "content-type": "application/json" } });
	await ask("createTasks", 415, { raw: "<task/>", headers: { "content-type": "text/xml" } });
	const done = await ask("getTask", 200, { path, query: "?wait=30s" });
	await ask("getTask", 304, { path, headers: { "if-none-match": done.headers.get("etag") } });
	await ask("getTask", 404, { path: { id: "t_0000000zzzzzz" } });
	await ask("getTask", 400, { path, query: "?wait=soon" });
	await ask("getResult", 200, { path });
	await ask("listAttempts", 200, { path });
	await ask("listLogs", 200, { path });
	await ask("listLogs", 404, { path: { id: "t_0000000zzzzzz" } });
	const page = await ask("listTasks", 200, { query: "?limit=1&state=succeeded" });
	await ask("listTasks", 200, { query: `?limit=1&cursor=${page.json.next_cursor}` });
	await ask("listTasks", 400, { query: "?state=asleep" });
	const stream = await ask("streamTask", 200, { path });
	const last = /id: (\d+)/.exec(stream.text)[1];
	await ask("streamTask", 204, { path, headers: { "last-event-id": last } });
	const later = await ask("createTasks", 201, { sent: { ...query("SELECT 1"), run_at: "2099-01-01T00:00:00Z" } });
	await ask("getResult", 409, { path: { id: later.json.id } });
	await ask("cancelTask", 200, { path: { id: later.json.id } });
	await ask("cancelTask", 409, { path: { id: later.json.id } });
	await ask("retryTask", 200, { path: { id: later.json.id } });
	await ask("createTasks", 201, { sent: query("SELECT 7 AS x"), headers: { prefer: "return=minimal" } });
	await ask("createBatch", 200, { sent: [query("SELECT 8 AS x"), { kind: "nope" }] });
	await ask("createBatch", 200, { raw: JSON.stringify(query("SELECT 9 AS x")), headers: { "content-type": "application/x-ndjson" } });
	const moved = { id: (await ask("createTasks", 201, { sent: { ...query("SELECT 1"), run_at: "2099-01-01T00:00:00Z" } })).json.id };
	await ask("rescheduleTask", 200, { path: moved, sent: { run_at: "2098-01-01T00:00:00Z", priority: 3 } });
	await ask("promoteTask", 200, { path: moved });
	const bad = await ask("createTasks", 200, { sent: query("SELECT nope"), headers: { prefer: "wait=30" } });
	await ask("redriveTask", 200, { path: { id: bad.json.id } });
	await ask("redriveTask", 404, { path: { id: "t_0000000zzzzzz" } });
	const events = ask("streamEvents", 200, { enough: (text) => text.includes("event: state") });
	await ask("createTasks", 201, { sent: query("SELECT 6 AS x") });
	await events;
}

async function queues(ask) {
	const path = { queue: "far" };
	await ask("getQueue", 404, { path });
	await ask("putQueue", 201, { path, sent: { remote: true, max_depth: 100 } });
	await ask("putQueue", 200, { path, sent: { remote: true } });
	const patched = await ask("patchQueue", 200, { path, sent: { weight: 2 } });
	await ask("patchQueue", 412, { path, sent: { weight: 3 }, headers: { "if-match": '"0"' } });
	await ask("patchQueue", 422, { path, sent: { weight: 0 } });
	await ask("getQueue", 200, { path });
	await ask("getQueue", 304, { path, headers: { "if-none-match": patched.headers.get("etag") } });
	await ask("listQueues", 200, { query: "?limit=1" });
	await ask("getQueueStats", 200, { path });
	await ask("getQueueStats", 404, { path: { queue: "none" } });
	for (const verb of ["pauseQueue", "drainQueue", "resumeQueue"]) await ask(verb, 200, { path });

	const wanted = { queues: ["far"], worker: "contract", max: 2, lease: "20s" };
	await ask("lease", 204, { sent: wanted });
	await ask("createTasks", 201, { sent: { kind: "remote", queue: "far", type: "t", payload: [1] } });
	const leases = (await ask("lease", 200, { sent: wanted })).json.leases;
	const mine = { task: leases[0].task.id, lease_id: leases[0].lease_id };
	await ask("heartbeat", 200, { sent: { leases: [{ ...mine, progress: { done: 1, total: 2 }, checkpoint: { at: 1 } }] } });
	await ask("settle", 200, { sent: { leases: [{ ...mine, outcome: "complete", result: { ok: true } }, { ...mine, outcome: "fail" }] } });
	await ask("settle", 422, { sent: { leases: [{ ...mine, outcome: "win" }] } });
	await ask("lease", 409, { sent: { ...wanted, queues: ["default"] } });

	const batch = (await ask("openBatch", 201, { sent: { name: "b", on_complete: query("SELECT 1") } })).json.id;
	await ask("createTasks", 200, { sent: { ...query("SELECT 1"), batch }, headers: { prefer: "wait=30" } });
	await ask("sealBatch", 200, { path: { id: batch } });
	await ask("getBatch", 200, { path: { id: batch } });
	await ask("getBatch", 404, { path: { id: "b_0000000zzzzzz" } });
	await ask("listBatches", 200, { query: "?limit=1" });
	await ask("listWorkers", 200);

	const later = { ...query("SELECT 1"), run_at: "2099-01-01T00:00:00Z", queue: "bulk" };
	for (let i = 0; i < 5; i++) await ask("createTasks", 201, { sent: later });
	const filter = { queue: "bulk" };
	await ask("cancelTasks", 200, { sent: { ...filter, dry_run: true } });
	await ask("cancelTasks", 400, { sent: {} });
	await ask("cancelTasks", 422, { sent: { nope: 1 } });
	await ask("cancelTasks", 422, { sent: { state: "asleep" } });
	for (const verb of ["cancelTasks", "redriveTasks", "cancelTasks", "deleteTasks"]) {
		await ask(verb, 200, { sent: { ...filter, dry_run: true } });
		const operation = (await ask(verb, 202, { sent: filter })).json;
		let now = operation;
		while (now.state === "running") now = (await ask("getOperation", 200, { path: { id: operation.id } })).json;
	}
	await ask("getOperation", 404, { path: { id: "o_0000000000001" } });
	const gone = (await ask("createTasks", 200, { sent: query("SELECT 1"), headers: { prefer: "wait=30" } })).json;
	await ask("deleteTask", 204, { path: { id: gone.id } });
	await ask("deleteTask", 410, { path: { id: gone.id } });
	await ask("purgeQueue", 202, { path });

	const name = { name: "nightly" };
	const schedule = { cron: "0 3 * * *", zone: "Europe/Paris", catchup: "1h", expires_after: "2h", task: query("SELECT 1") };
	await ask("putSchedule", 201, { path: name, sent: schedule });
	await ask("putSchedule", 200, { path: name, sent: { ...schedule, overlap: "queue" } });
	await ask("putSchedule", 422, { path: name, sent: { ...schedule, cron: "0 25 * * *" } });
	await ask("putSchedule", 422, { path: name, sent: { ...schedule, zone: "Mars/Olympus" } });
	await ask("putSchedule", 422, { path: name, sent: { ...schedule, task: { kind: "nope" } } });
	await ask("pauseSchedule", 200, { path: name });
	await ask("resumeSchedule", 200, { path: name });
	await ask("getSchedule", 200, { path: name });
	await ask("getSchedule", 404, { path: { name: "nope" } });
	await ask("listSchedules", 200);
	await ask("deleteSchedule", 204, { path: name });
	await ask("deleteSchedule", 404, { path: name });
}

async function data(ask) {
	const lines = '{"a":1,"b":"one"}\n{"a":2,"b":"two"}\n';
	const upload = await ask("createUpload", 201, { raw: lines, headers: { "content-type": "application/octet-stream" } });
	const ingest = { kind: "ingest", dataset: "d", source: { upload: upload.json.id }, format: { plugin: "json" } };
	await ask("createTasks", 200, { sent: ingest, headers: { prefer: "wait=30" } });
	await ask("createTasks", 200, {
		sent: { kind: "ingest", dataset: "d", source: { inline: lines }, labels: { team: "web" }, priority: "high", max_attempts: 2 },
		headers: { prefer: "wait=30" },
	});
	const all = { sql: "SELECT * FROM d" };
	await ask("query", 200, { sent: { ...all, format: "ndjson" } });
	await ask("query", 200, { sent: { ...all, format: "json" } });
	await ask("query", 200, { sent: { ...all, format: "csv" } });
	await ask("query", 400, { sent: { sql: "SELECT nope" } });
}

async function datasets(ask) {
	const path = { dataset: "d" }, other = { dataset: "empty" };
	await ask("createDataset", 201, { path: other, sent: {} });
	await ask("createDataset", 200, { path: other, sent: {} });
	await ask("createDataset", 422, { path: other, sent: { nope: 1 } });
	await ask("listDatasets", 200);
	await ask("getDataset", 200, { path });
	await ask("getDataset", 404, { path: { dataset: "nope" } });
	await ask("getSchema", 200, { path });
	await ask("listFiles", 200, { path, query: "?limit=10" });
	await ask("listFiles", 400, { path, query: "?limit=0" });
	await ask("listDatasets", 200, { query: "?limit=1" });
	await ask("listCommits", 200, { path, query: "?limit=1" });
	await ask("listCommits", 400, { path, query: "?cursor=nope" });
	await ask("dropDataset", 204, { path: other, query: "?keep_data=true" });
	await ask("dropDataset", 404, { path: other });
}

async function indexes(ask) {
	const path = { dataset: "d", index: "by_a" };
	const wanted = { name: "by_a", plugin: "btree", columns: ["a"], options: {}, build: true };
	const made = await ask("createIndex", 201, { path, sent: wanted });
	await ask("getTask", 200, { path: { id: made.json.task }, query: "?wait=30s" });
	await ask("createIndex", 200, { path, sent: wanted });
	await ask("createIndex", 422, { path, sent: { ...wanted, columns: "a" } });
	await ask("listIndexes", 200, { path });
	await ask("getIndex", 200, { path });
	await ask("getIndex", 404, { path: { dataset: "d", index: "nope" } });
	for (const operation of ["buildIndex", "verifyIndex", "optimizeIndex"]) {
		const task = await ask(operation, 202, { path });
		await ask("getTask", 200, { path: { id: task.json.id }, query: "?wait=30s" });
	}
	await ask("dropIndex", 204, { path });
	await ask("dropIndex", 404, { path });
}

async function agent(ask) {
	await ask("listPlugins", 200);
	await ask("getPlugin", 200, { path: { id: "json" } });
	await ask("getPlugin", 200, { path: { id: "btree" } });
	await ask("getPlugin", 404, { path: { id: "nope" } });
	await ask("clearPlugin", 204, { path: { id: "org.orasi.index.btree" } }); // a damaged copy of it was refused
	await ask("clearPlugin", 404, { path: { id: "nope" } });
	await ask("pinPlugin", 204, { path: { id: "json" } });
	await ask("pinPlugin", 404, { path: { id: "json" }, query: "?generation=9.9.9" });
	await ask("unpinPlugin", 204, { path: { id: "json" } });
	await ask("unpinPlugin", 404, { path: { id: "json" } });
	await ask("checkStore", 200);
	await ask("backupStore", 201);
	await ask("rescanPlugins", 202); // refused ones too
	for (const operation of ["getAgent", "getStatus", "getMetrics", "scrape", "getHealth", "getLive", "getReady", "getHealthz", "getLivez", "getReadyz"])
		await ask(operation, 200);
	const document = await ask("getOpenapi", 200);
	await ask("getOpenapi", 304, { headers: { "if-none-match": document.headers.get("etag") } });
	await ask("getStatus", 400, { query: "?nope=1" });
}

export default async function steps(ask) {
	for (const story of [tasks, queues, data, datasets, indexes, agent]) await story(ask);
}
