// SPDX-License-Identifier: Apache-2.0
// Nested Parquet read, against DuckDB with one thread, every value looked at: lists, structs, lists of structs in a
// struct that may be null, maps. DuckDB writes the file.
//
//   node bench/nested.mjs [rows [rounds]]        500000 rows
import {createRequire} from 'node:module';
import {spawnSync} from 'node:child_process';
import {join} from 'node:path';
import {atLeast, here, machine, median, program, run, scratch, spread} from './lib.mjs';

const rows = +(process.argv[2] ?? 500000), rounds = +(process.argv[3] ?? 5);
const require = createRequire(join(process.env.ORASI_BENCH_PEERS ?? here, 'package.json'));

const make = n => `SELECT i AS id, [x::VARCHAR || 'tag' FOR x IN range(i % 5)] AS tags, {'a': i, 'b': i / 3.0, 'c': 'text ' || (i % 1000)} AS s,
	CASE WHEN i % 7 = 0 THEN NULL ELSE {'deep': [{'k': j, 'v': 'v' || j} FOR j IN range(i % 4)]} END AS n,
	MAP([('k' || j) FOR j IN range(i % 3)], [j FOR j IN range(i % 3)]) AS m FROM range(${n}) t(i)`;
const texts = list => `sum(list_sum(list_transform(${list}, x -> strlen(x))))`;
const sums = ['sum(id)', texts('tags'), 'sum(s.a)', 'sum(s.b)', 'sum(strlen(s.c))', 'sum(list_sum(list_transform(n.deep, x -> x.k + strlen(x.v))))',
	texts('map_keys(m)'), 'sum(list_sum(map_values(m)))'].join(', ');

async function peer([file, job, n]) {
	const {DuckDBInstance} = require('@duckdb/node-api');
	const db = await (await DuckDBInstance.create(':memory:', {threads: '1'})).connect();
	const before = process.cpuUsage();
	await db.run(job === 'make' ? `COPY (${make(n)}) TO '${file}' (FORMAT parquet)` : `SELECT ${sums} FROM '${file}'`);
	const used = process.cpuUsage(before);
	console.log((used.user + used.system) / 1e6);
	process.exit(0);
}

async function main() {
	machine();
	const file = join(scratch(), 'nested.parquet'), us = [], them = [];
	const duckdb = async job => +(await run(process.execPath, [join(here, 'nested.mjs'), 'peer', file, job, String(rows)]));
	await duckdb('make');
	for (let i = 0; i < rounds; i++) {
		us.push(JSON.parse(spawnSync(program('bench/parquet_scan'), [file], {encoding: 'utf8'}).stdout).cpu);
		them.push(await duckdb('scan'));
	}
	const ratio = us.map((t, i) => them[i] / t);
	console.log(`scan of nested columns: orasi ${spread(us)} CPU s, DuckDB ${spread(them)} CPU s: ` +
		`${spread(ratio)} times as fast (at least 1.0: ${atLeast(median(ratio), 1)})`);
}

await (process.argv[2] === 'peer' ? peer(process.argv.slice(3)) : main());
