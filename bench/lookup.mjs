// SPDX-License-Identifier: Apache-2.0
// A point lookup through the B-tree, against the scan that it replaces and against DuckDB on the same files.
//
//   node bench/lookup.mjs [rows [rounds]]
//
// Two datasets of the same records, one with an index on trace_id. Each round asks both for the same random id;
// processor time is that of the whole agent, wall time what the client waits. Ids are random, so that no minimum and
// maximum of a row group helps the scan.
import {join} from 'node:path';
import {Agent, atLeast, cpu, here, logs, machine, median, run, scratch, spread} from './lib.mjs';

const rows = +(process.argv[2] ?? 1400000), rounds = +(process.argv[3] ?? 7);
const dir = scratch();
const agent = await Agent.start(join(dir, 'agent'));
const file = await logs(dir, rows);

async function timed(f, n = 1) {
	const before = cpu(agent.pid), start = process.hrtime.bigint();
	for (let i = 0; i < n; i++) await f(i);
	return {wall: Number(process.hrtime.bigint() - start) / 1e9 / n, cpu: (cpu(agent.pid) - before) / n};
}

machine();
for (const dataset of ['plain', 'indexed'])
	await agent.task({kind: 'ingest', dataset, source: {uris: [file]}});
const built = await timed(async () => {
	const made = await agent.json('POST', '/v1/datasets/indexed/indexes',
		{name: 'by_trace', plugin: 'btree', columns: ['trace_id']});
	await agent.finish(made.task);
});
console.log(`${rows} rows; the index was built in ${built.cpu.toFixed(2)} CPU s`);

const sample = await agent.rows(`SELECT trace_id AS id FROM plain LIMIT ${rounds * 40}`);
const ids = sample.map(r => r.id).sort();
const question = (dataset, id) => `SELECT timestamp, service, message FROM ${dataset} WHERE trace_id = '${id}'`;
const ask = async (dataset, id) => {
	const found = await agent.rows(question(dataset, id));
	if (found.length !== 1) throw new Error(`${found.length} rows for ${id}`);
};
console.log((await agent.rows(`EXPLAIN QUERY PLAN ${question('indexed', ids[0])}`)).map(r => '  ' + r.detail).join('\n'));
await ask('plain', ids[0]);
await ask('indexed', ids[0]);

const scan = [], index = [], peer = [];
const PER = 30; /* lookups are too short for the clock of the kernel: many of them a round */
for (let i = 0; i < rounds; i++) {
	scan.push(await timed(() => ask('plain', ids[i])));
	index.push(await timed(k => ask('indexed', ids[rounds + i * PER + k]), PER));
}
const files = (await agent.json('GET', '/v1/datasets/plain/files')).items ?? [];
const location = (await agent.json('GET', '/v1/datasets/plain')).location;
for (let i = 0; i < rounds; i++)
	peer.push(JSON.parse(await run(process.execPath, [join(here, 'duckdb.mjs'), 'sql',
		question(`read_parquet('${location}/*.parquet')`, ids[i])])));
await agent.stop();

const ms = (runs, key) => spread(runs.map(r => r[key] * 1e3), 1);
console.log(`scan      ${ms(scan, 'cpu')} ms CPU, ${ms(scan, 'wall')} ms wall  (${files.length} file(s))`);
console.log(`B-tree    ${ms(index, 'cpu')} ms CPU, ${ms(index, 'wall')} ms wall`);
console.log(`DuckDB    ${ms(peer, 'cpu')} ms CPU, ${ms(peer, 'wall')} ms wall, a scan of the same files, one thread`);
for (const key of ['cpu', 'wall']) {
	const ratio = scan.map((s, i) => s[key] / index[i][key]);
	console.log(`the index is ${spread(ratio, 1)} times as fast in ${key} (at least 10: ${atLeast(median(ratio), 10)}), ` +
		`${(median(peer.map(r => r[key])) / median(index.map(r => r[key]))).toFixed(1)} times DuckDB`);
}
