// SPDX-License-Identifier: Apache-2.0
// Holds the statistics in the log of a Delta table against what DuckDB finds in its files:
//   node delta-stats.mjs TABLE-FOLDER
// numRecords and nullCount are exact; every plain column, inside of structs too, has bounds unless it has none to have; they
// are bounds, and tight: strings of 16 to 32 characters, times to the millisecond, everything else as it is.
import path from 'node:path';
import { duckdbConnect, replay } from './delta.mjs';

const table = path.resolve(process.argv[2]);
const connection = await duckdbConnect();
const ident = (s) => `"${s.replaceAll('"', '""')}"`;
const rowOf = async (sql) => (await connection.runAndReadAll(sql)).getRows()[0];
const at = (object, names) => names.reduce((o, name) => o?.[name], object);

// The plain columns: [names from the top, type].
function leaves(schema, above = []) {
	return schema.fields.flatMap(({ name, type }) => (type.type === 'struct' ? leaves(type, [...above, name])
		: typeof type === 'string' ? [[[...above, name], type]] : []));
}

function fail(file, names, what) {
	console.log(`${file}, ${names.join('.')}: ${what}`);
	process.exitCode = 1;
}

const chars = (s) => [...s];
const points = (s) => Buffer.from(s, 'utf8');
// What a bound must be, of the smallest and largest value as DuckDB says them.
const rules = {
	string: (min, max, least, most) => points(min).compare(points(least)) <= 0 && points(max).compare(points(most)) >= 0
		&& least.startsWith(min) && chars(min).length <= 32 && chars(min).length >= Math.min(chars(least).length, 16) && chars(max).length <= 33,
	timestamp: (min, max, least, most) => BigInt(Date.parse(min)) === BigInt(least) / 1000n
		&& BigInt(Date.parse(max)) * 1000n >= BigInt(most) && BigInt(Date.parse(max)) * 1000n < BigInt(most) + 1000n,
	date: (min, max, least, most) => min === least && max === most,
	float: (min, max, least, most) => Math.fround(min) === Number(least) && Math.fround(max) === Number(most),
	other: (min, max, least, most) => Number(min) === Number(least) && Number(max) === Number(most),
};

async function checkLeaf(file, source, stats, names, type) {
	const column = names.map(ident).join('.');
	const value = type === 'timestamp' ? `epoch_us(${column})` : column;
	const [nulls, least, most, spoiled] = await rowOf(`SELECT count(*) - count(${column}), min(${value})::VARCHAR, max(${value})::VARCHAR,
		${['float', 'double'].includes(type) ? `count(*) FILTER (WHERE isnan(${column}) OR isinf(${column}))` : '0'} FROM ${source}`);
	if (at(stats.nullCount, names) !== Number(nulls)) fail(file, names, `nullCount ${at(stats.nullCount, names)}, there are ${nulls}`);
	const [min, max] = [at(stats.minValues, names), at(stats.maxValues, names)];
	if (type === 'binary' || type === 'boolean' || least === null || Number(spoiled)) {
		if (min !== undefined || max !== undefined) fail(file, names, `bounds ${min} and ${max} that should not be there`);
		return 0;
	}
	if (min === undefined || max === undefined) return fail(file, names, 'no bounds') ?? 0;
	if (!(rules[type] ?? rules.other)(min, max, least, most)) fail(file, names, `bounds ${min} and ${max} of ${least} and ${most}`);
	return 1;
}

const state = await replay(connection, table);
let checked = 0, files = 0;
for (const [file, add] of state.files) {
	const source = `read_parquet('${path.join(table, file).replaceAll("'", "''")}', hive_partitioning=false)`;
	const stats = JSON.parse(add.stats);
	const [rows] = await rowOf(`SELECT count(*) FROM ${source}`);
	const have = new Set((await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${source}`)).getRows().map((r) => r[0]));
	if (stats.numRecords !== Number(rows)) fail(file, ['numRecords'], `${stats.numRecords} of ${rows}`);
	for (const [names, type] of leaves(state.schema))
		if (have.has(names[0])) checked += await checkLeaf(file, source, stats, names, type);
	files++;
}
console.log(`${files} files, ${checked} bounds`);
if (!checked) process.exitCode = 1;
