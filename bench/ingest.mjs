// SPDX-License-Identifier: Apache-2.0
// NDJSON into a committed zstd dataset, against DuckDB's NDJSON into one Parquet file (which is neither synced nor
// committed to a table, and has its types given, where ours are inferred).
//
//   node bench/ingest.mjs [rows [rounds]]        1400000 rows are 523 MB
//
// Ours: processor seconds of the agent and all its workers from the submit to the end of the task, on a new agent
// each round. DuckDB's: of the COPY alone, one thread. Also the peak memory at two sizes of the file.
import {rmSync, statSync} from 'node:fs';
import {join} from 'node:path';
import {Agent, atLeast, cpu, here, logs, machine, median, run, scratch, spread, within} from './lib.mjs';

const rows = +(process.argv[2] ?? 1400000), rounds = +(process.argv[3] ?? 5);
const dir = scratch();

async function ours(file, threads = 1) {
	const data = join(dir, 'agent');
	const agent = await Agent.start(data);
	const before = cpu(agent.pid), start = process.hrtime.bigint();
	const task = await agent.task({kind: 'ingest', dataset: 'logs', source: {uris: [file]}, threads});
	const wall = Number(process.hrtime.bigint() - start) / 1e9;
	const result = {cpu: cpu(agent.pid) - before, wall, peak: agent.peak(), rows: task.result.rows,
		bytes: (await agent.json('GET', '/v1/datasets/logs')).bytes};
	await agent.stop();
	rmSync(data, {recursive: true});
	if (result.rows !== +file.match(/(\d+)\.ndjson$/)[1]) throw new Error(`${result.rows} rows arrived`);
	return result;
}

async function duckdb(file, threads, options) {
	const out = join(dir, 'duckdb.parquet');
	const result = JSON.parse(await run(process.execPath,
		[join(here, 'duckdb.mjs'), 'ingest', file, out, String(threads), options ?? '']));
	result.bytes = statSync(out).size;
	rmSync(out);
	return result;
}

machine();
const file = await logs(dir, rows), mb = statSync(file).size / 1e6;
const small = await logs(dir, Math.floor(rows / 4));
console.log(`${rows} rows, ${mb.toFixed(1)} MB of NDJSON, ${rounds} rounds, one after the other\n`);

const peers = [['DuckDB, zstd as it comes', ''], ['DuckDB, zstd level 1', 'COMPRESSION_LEVEL 1']];
const us = [], them = peers.map(() => []);
for (let i = 0; i < rounds; i++) {
	us.push(await ours(file));
	for (const [k, [, options]] of peers.entries()) them[k].push(await duckdb(file, 1, options));
}
const line = (name, runs) => console.log(`${name.padEnd(26)} ${spread(runs.map(r => r.cpu))} CPU s, ` +
	`${(mb / median(runs.map(r => r.cpu))).toFixed(0)} MB per CPU s, ${(runs[0].bytes / 1e6).toFixed(1)} MB of Parquet`);
line('orasi, zstd level 1', us);
for (const [k, [name]] of peers.entries()) line(name, them[k]);
for (const [k, [name]] of peers.entries()) {
	const ratio = us.map((r, i) => them[k][i].cpu / r.cpu);
	console.log(`ratio to ${name}: ${spread(ratio)} times as fast` + (k ? '' : ` (at least 1.0: ${atLeast(median(ratio), 1)})`));
}

const peak = {large: Math.max(...us.map(r => r.peak)), small: (await ours(small)).peak};
console.log(`peak memory of the largest process: ${peak.large.toFixed(1)} MB with ${mb.toFixed(0)} MB, ` +
	`${peak.small.toFixed(1)} MB with ${(statSync(small).size / 1e6).toFixed(0)} MB (at most 128: ${within(peak.large, 128)}); ` +
	`DuckDB ${median(them[0].map(r => r.rss)).toFixed(0)} MB, node included`);
