// SPDX-License-Identifier: Apache-2.0
// The ten best rows of a full-text query, against a LIKE scan of ours and of DuckDB, and against SQLite's FTS5 over
// the same texts.
//
//   node bench/search.mjs [rows [rounds]]
//
// Processor time of the whole agent for ours; of the statement alone for the peers.
import {join} from 'node:path';
import {Agent, cpu, here, logs, machine, median, program, run, scratch, spread} from './lib.mjs';

const rows = +(process.argv[2] ?? 700000), rounds = +(process.argv[3] ?? 5);
const dir = scratch();
const agent = await Agent.start(join(dir, 'agent'));
const file = await logs(dir, rows);
const queries = [
	{name: 'one common word', match: 'database', like: "message LIKE '%database%'"},
	{name: 'two words', match: 'payment search', like: "message LIKE '%payment%' AND message LIKE '%search%'"},
	{name: 'a phrase', match: '"connection pool exhausted"', like: "message LIKE '%connection pool exhausted%'"},
	{name: 'a rare number', match: '12345', like: "message LIKE '%12345%'"},
];

async function timed(f, n) {
	const before = cpu(agent.pid);
	for (let i = 0; i < n; i++) await f();
	return (cpu(agent.pid) - before) / n * 1e3;
}

machine();
await agent.task({kind: 'ingest', dataset: 'logs', source: {uris: [file]}});
const before = cpu(agent.pid);
const made = await agent.json('POST', '/v1/datasets/logs/indexes', {name: 'words', plugin: 'fulltext', columns: ['message']});
await agent.finish(made.task);
const build = cpu(agent.pid) - before;
const index = await agent.json('GET', '/v1/datasets/logs/indexes/words');
const fts = JSON.parse(await run('sh', ['-c',
	`exec "${program('bench/fts5_search')}" "${file}" "${dir}/fts5.db" ${rounds} ${queries.map(q => `'${q.match}'`).join(' ')}`]));
console.log(`${rows} texts; building: orasi ${build.toFixed(2)} CPU s, ${(index.bytes / 1e6).toFixed(1)} MB; ` +
	`FTS5 ${fts.build.toFixed(2)} CPU s, ${(fts.bytes / 1e6).toFixed(1)} MB with the texts; ` +
	`ratio ${(fts.build / build).toFixed(2)}\n`);

const location = (await agent.json('GET', '/v1/datasets/logs')).location;
const PER = 10;
for (const [i, q] of queries.entries()) {
	const ask = where => () => agent.rows(`SELECT timestamp, message FROM logs WHERE ${where} LIMIT 10`);
	const match = ask(`message MATCH '${q.match}' ORDER BY _score DESC`), scan = ask(`${q.like} ORDER BY length(message)`);
	const ours = [], like = [], duckdb = [];
	await match();
	for (let k = 0; k < rounds; k++) {
		ours.push(await timed(match, PER));
		like.push(await timed(scan, 1));
		duckdb.push(JSON.parse(await run(process.execPath, [join(here, 'duckdb.mjs'), 'sql',
			`SELECT timestamp, message FROM read_parquet('${location}/*.parquet') WHERE ${q.like} ORDER BY length(message) LIMIT 10`])).cpu * 1e3);
	}
	console.log(`${q.name}: ${q.match}\n  orasi ${spread(ours, 1)} ms CPU; LIKE ${spread(like, 1)}; DuckDB LIKE ${spread(duckdb, 1)}; ` +
		`FTS5 ${spread(fts.queries[i], 2)}\n  ratio to LIKE ${(median(like) / median(ours)).toFixed(1)}, ` +
		`to DuckDB ${(median(duckdb) / median(ours)).toFixed(1)}, to FTS5 ${(median(fts.queries[i]) / median(ours)).toFixed(2)}`);
}
await agent.stop();
