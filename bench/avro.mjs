// SPDX-License-Identifier: Apache-2.0
// Avro object container files into Arrow batches, against Apache Avro's own library for C, which reads each record into
// its generic value. Both read the file that we wrote: 14 columns of log records, by codec; the library reads it from
// the page cache, which costs it some processor time, we from memory.
//
//   node bench/avro.mjs [rows [rounds]]        700000 rows
import {writeFileSync} from 'node:fs';
import {spawnSync} from 'node:child_process';
import {join} from 'node:path';
import {machine, median, program, scratch, spread} from './lib.mjs';

const rows = +(process.argv[2] ?? 700000), rounds = +(process.argv[3] ?? 5);
const call = (name, ...args) => {
	const done = spawnSync(program(name), args.map(String), {maxBuffer: 1 << 30});
	if (done.status) throw new Error(`${name}: ${done.stderr}`);
	return done.stdout;
};
// MB of the file per CPU second; who does not read all rows is not fast.
function speed(name, file) {
	const [, read, speed] = String(call(name, file, 1)).match(/^(\d+) rows.* ([\d.]+) GB\/s/);
	if (+read !== rows) throw new Error(`${name} has read ${read} rows of ${rows}`);
	return speed * 1000;
}

machine();
const dir = scratch(), orasi = (...args) => call('orasi', '--quiet', '--local', join(dir, 'data'), ...args);
writeFileSync(join(dir, 'log.ndjson'), call('bench/gen_logs', rows));
orasi('ingest', join(dir, 'log.ndjson'), '--dataset', 'log');
for (const codec of ['null', 'deflate', 'snappy']) {
	const file = join(dir, `${codec}.avro`), ours = [], theirs = [], ratios = [];
	orasi('dataset', 'export', 'log', '--out', file, '--option', `compression=${codec}`);
	for (let i = 0; i < rounds; i++) {
		ours.push(speed('bench/avro_decode', file));
		theirs.push(speed('bench/avro_peer', file));
		ratios.push(ours.at(-1) / theirs.at(-1));
	}
	console.log(`${codec.padEnd(8)} ${median(ours).toFixed(0)} MB of the file per CPU second, Avro's library ${median(theirs).toFixed(0)}: `
		+ `${median(ratios).toFixed(1)} times ${spread(ratios)}`);
}
