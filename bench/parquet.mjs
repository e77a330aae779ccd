// SPDX-License-Identifier: Apache-2.0
// Parquet read and written, against DuckDB with one thread: a table of 14 columns in memory → a file, a scan of all
// columns with every value looked at, and the sum of one column. Both read the file that we wrote.
//
//   node bench/parquet.mjs [rows [rounds]]        1400000 rows
import {createRequire} from 'node:module';
import {spawnSync} from 'node:child_process';
import {statSync} from 'node:fs';
import {join} from 'node:path';
import {atLeast, here, machine, median, program, run, scratch, spread} from './lib.mjs';

const rows = +(process.argv[2] ?? 1400000), rounds = +(process.argv[3] ?? 5);
const require = createRequire(join(process.env.ORASI_BENCH_PEERS ?? here, 'package.json'));

// ---- DuckDB, in a process of its own so that its threads end with it ------------------------------------------------

async function peer([file, ...jobs]) {
	const {DuckDBInstance} = require('@duckdb/node-api');
	const db = await (await DuckDBInstance.create(':memory:', {threads: '1'})).connect();
	const seconds = async sql => {
		const before = process.cpuUsage();
		await db.run(sql);
		const used = process.cpuUsage(before);
		return (used.user + used.system) / 1e6;
	};
	const number = c => `sum(${c})`, text = c => `sum(strlen(${c}))`;
	const all = ['sum(epoch_us("timestamp"))', ...['level', 'service', 'host', 'trace_id', 'span_id', 'method', 'path', 'message'].map(text),
		...['status', 'duration_ms', 'bytes', 'user_id'].map(number), 'sum(sampled::INT)'].join(', ');
	const result = {scan: await seconds(`SELECT ${all} FROM '${file}'`), sum: await seconds(`SELECT sum(bytes) FROM '${file}'`)};
	if (jobs.includes('write')) {
		await db.run(`CREATE TABLE t AS SELECT * FROM '${file}'`);
		for (const [name, codec] of [['zstd', 'zstd, COMPRESSION_LEVEL 1'], ['snappy', 'snappy']])
			result[name] = await seconds(`COPY t TO '${file}.${name}' (FORMAT parquet, COMPRESSION ${codec})`);
	}
	console.log(JSON.stringify(result));
	process.exit(0);
}

// ---- both --------------------------------------------------------------------------------------------------------------

function scan(...args) {
	return JSON.parse(spawnSync(program('bench/parquet_scan'), args, {encoding: 'utf8', maxBuffer: 1 << 20}).stdout);
}

async function encode(file, options) {
	const out = await run(program('bench/parquet_encode'), [String(rows), '1', options, file]);
	return +out.match(/encode ([\d.]+) CPU s/)[1];
}

async function main() {
	machine();
	const dir = scratch(), file = join(dir, 'rows.parquet'), snappy = join(dir, 'snappy.parquet');
	const us = {zstd: [], snappy: [], scan: [], sum: []}, them = {zstd: [], snappy: [], scan: [], sum: []};
	const threads = {wall: [], cpu: []};
	for (let i = 0; i < rounds; i++) {
		us.zstd.push(await encode(file, '{}'));
		us.snappy.push(await encode(snappy, '{"compression":"snappy"}'));
		const one = scan(file), two = scan('--threads', '2', file);
		us.scan.push(one.cpu);
		us.sum.push(scan(file, 'bytes').cpu);
		threads.wall.push(one.wall / two.wall);
		threads.cpu.push(two.cpu / one.cpu);
		const other = JSON.parse(await run(process.execPath, [join(here, 'parquet.mjs'), 'peer', file, 'write']));
		for (const what of Object.keys(them)) them[what].push(other[what]);
	}
	console.log(`${rows} rows of 14 columns, ${(statSync(file).size / 1e6).toFixed(1)} MB zstd, ${(statSync(snappy).size / 1e6).toFixed(1)} MB snappy; ` +
		`DuckDB ${(statSync(file + '.zstd').size / 1e6).toFixed(1)} and ${(statSync(file + '.snappy').size / 1e6).toFixed(1)} MB\n`);
	const asked = {zstd: ['memory → zstd 1', 1.5], snappy: ['memory → snappy', 1.5], scan: ['scan of 14 columns', 1], sum: ['sum of one column', 1]};
	for (const [what, [name, wanted]] of Object.entries(asked)) {
		const ratio = us[what].map((s, i) => them[what][i] / s);
		console.log(`${name.padEnd(20)} orasi ${spread(us[what])} CPU s, DuckDB ${spread(them[what])} CPU s: ` +
			`${spread(ratio)} times as fast (at least ${wanted.toFixed(1)}: ${atLeast(median(ratio), wanted)})`);
	}
	console.log(`the same scan on two threads: ${spread(threads.wall)} times as fast by the clock, for ${spread(threads.cpu)} times the CPU s`);
}

await (process.argv[2] === 'peer' ? peer(process.argv.slice(3)) : main());
