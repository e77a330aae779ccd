// SPDX-License-Identifier: Apache-2.0
// Avro files of independent writers, and what independent readers say of ours. Rows are lines of JSON; bytes are in
// base64, as our SQL gives them.
//   node avro.mjs write FOLDER SEED          avsc (JavaScript) and ClickHouse (C++) write NAME.avro, and NAME.json: the rows
//   node avro.mjs read FILE avsc|chdb        the rows of a file
//   node avro.mjs same ROWS ROWS             "same N", or the first row that differs; rows have an id
import { createRequire } from 'node:module';
import { createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';

const home = process.env.ORASI_PEERS ?? path.dirname(fileURLToPath(import.meta.url));
const require = createRequire(path.join(home, 'package.json'));

// ---- rows -----------------------------------------------------------------------------------------------------------

const plain = (v) => {
	if (v === null || v === undefined) return null;
	if (Buffer.isBuffer(v) || v instanceof Uint8Array) return Buffer.from(v).toString('base64');
	if (typeof v === 'bigint') return Number(v);
	if (Array.isArray(v)) return v.map(plain);
	if (typeof v === 'object') return Object.fromEntries(Object.keys(v).sort().map((k) => [k, plain(v[k])]));
	return v;
};
const lines = (rows) => rows.map((row) => JSON.stringify(plain(row)) + '\n').join('');

const rowsOf = (file) => readFileSync(file, 'utf8').trim().split('\n').filter(Boolean).map((line) => JSON.parse(line));

function same(one, other) {
	const [a, b] = [one, other].map((file) => rowsOf(file).sort((x, y) => x.id - y.id).map((row) => JSON.stringify(plain(row))));
	const at = a.findIndex((line, i) => line !== b[i]);

	if (a.length !== b.length) return `${a.length} rows, and ${b.length}`;
	return at < 0 ? `same ${a.length}` : `row ${at}:\n${a[at]}\n${b[at]}`;
}

// ---- avsc -----------------------------------------------------------------------------------------------------------

const schema = {
	type: 'record', name: 'org.acme.Row', fields: [
		{ name: 'id', type: 'long' },
		{ name: 'flag', type: 'boolean' },
		{ name: 'small', type: 'int' },
		{ name: 'single', type: 'float' },
		{ name: 'real', type: 'double' },
		{ name: 'word', type: 'string' },
		{ name: 'raw', type: 'bytes' },
		{ name: 'color', type: { type: 'enum', name: 'Color', symbols: ['RED', 'GREEN', 'BLUE'] } },
		{ name: 'key', type: { type: 'fixed', name: 'Key', size: 5 } },
		{ name: 'maybe', type: ['null', 'string'] },
		{ name: 'last', type: ['double', 'null'] },
		{ name: 'list', type: { type: 'array', items: 'long' } },
		{ name: 'holes', type: ['null', { type: 'array', items: ['null', 'string'] }] },
		{ name: 'inner', type: { type: 'record', name: 'Inner', fields: [{ name: 'a', type: 'int' }, { name: 'b', type: ['null', 'Color'] }] } },
		{ name: 'table', type: { type: 'map', values: 'long' } },
		{ name: 'either', type: ['int', 'string'] },
	],
};

function random(seed) {
	let state = BigInt(seed) | 1n;
	return (below) => {
		state = (state * 6364136223846793005n + 1442695040888963407n) & 0xFFFFFFFFFFFFFFFFn;
		return Number((state >> 33n) % BigInt(below));
	};
}

function makeRow(id, any) {
	const text = () => ['', 'a', 'wü', 'line\nbreak', '"quoted"', '€'.repeat(any(5)), 'x'.repeat(any(300))][any(7)];
	const whole = () => [0, 1, -1, any(1000000) - 500000, 2 ** 40 + any(1000), -(2 ** 45) - any(9)][any(6)];
	const color = () => ['RED', 'GREEN', 'BLUE'][any(3)];
	return {
		id,
		flag: any(2) === 1,
		small: [0, -1, 2147483647, -2147483648, any(100000)][any(5)],
		single: Math.fround(any(100000) / 7),
		real: (any(1000000) - 500000) / 13,
		word: text(),
		raw: Buffer.from(Array.from({ length: any(9) }, () => any(256))),
		color: color(),
		key: Buffer.from(Array.from({ length: 5 }, () => any(256))),
		maybe: any(3) ? text() : null,
		last: any(3) ? any(1000) / 8 : null,
		list: Array.from({ length: any(6) }, whole),
		holes: any(4) ? Array.from({ length: any(4) }, () => (any(2) ? text() : null)) : null,
		inner: { a: any(100), b: any(2) ? color() : null },
		table: Object.fromEntries(Array.from({ length: any(4) }, (_, i) => [`k${i}`, whole()])),
		either: any(2) ? any(1000) : text(),
	};
}

const member = (v) => (typeof v === 'number' ? { member0: v, member1: null } : { member0: null, member1: v }); // as the table has it

async function writeWithAvsc(folder, codec, rows) {
	const { streams, Type } = require('avsc');
	const file = path.join(folder, `avsc-${codec}`);
	const encoder = new streams.BlockEncoder(Type.forSchema(schema), { codec, blockSize: 2048 });

	for (const row of rows) encoder.write(row);
	encoder.end();
	await pipeline(encoder, createWriteStream(`${file}.avro`));
	writeFileSync(`${file}.json`, lines(rows.map((row) => ({ ...row, either: member(row.either) }))));
}

async function readWithAvsc(file) {
	const { createFileDecoder } = require('avsc');
	const rows = [];

	for await (const row of createFileDecoder(file)) rows.push(row);
	return rows;
}

// ---- ClickHouse -----------------------------------------------------------------------------------------------------

const chdb = (sql) => require('chdb').query(sql, 'JSONEachRow').trim().split('\n').filter(Boolean).map((line) => JSON.parse(line));

// What it writes of numbers, text, lists and nulls; the rows are what it says that it wrote.
function writeWithClickHouse(folder, codec) {
	const file = path.join(folder, `clickhouse-${codec}`);
	const rows = `SELECT number::Int64 AS id, (number * 7919 % 1000)::Int32 - 500 AS small, number / 8 AS real, toFloat32(number / 4) AS single,
		if(number % 3 = 0, NULL, concat('w\u00fc', toString(number))) AS maybe, toString(number) AS word,
		arrayMap(x -> x::Int64 * 3, range(number % 5)) AS list, (number % 2 = 0)::Bool AS flag FROM numbers(3000) ORDER BY id`;

	chdb(`INSERT INTO FUNCTION file('${file}.avro', 'Avro') ${rows} SETTINGS output_format_avro_codec = '${codec}',
		output_format_avro_string_column_pattern = '.*', engine_file_truncate_on_insert = 1`);
	writeFileSync(`${file}.json`, lines(chdb(`SELECT * FROM (${rows}) SETTINGS output_format_json_quote_64bit_integers = 0`)));
}

const readWithClickHouse = (file) => chdb(`SELECT * FROM file('${file}', 'Avro') SETTINGS output_format_json_quote_64bit_integers = 0`);

// ---- run ------------------------------------------------------------------------------------------------------------

const [verb, place, which] = process.argv.slice(2);

if (verb === 'write') {
	const any = random(which);
	const rows = Array.from({ length: 500 }, (_, id) => makeRow(id, any));

	for (const codec of ['null', 'deflate']) await writeWithAvsc(place, codec, rows);
	for (const codec of ['null', 'deflate', 'snappy', 'zstd']) writeWithClickHouse(place, codec);
} else if (verb === 'read') {
	process.stdout.write(lines(which === 'avsc' ? await readWithAvsc(place) : readWithClickHouse(place)));
} else if (verb === 'same') {
	console.log(same(place, which));
}
