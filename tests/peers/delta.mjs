// SPDX-License-Identifier: Apache-2.0
// Delta tables as independent engines see them. DuckDB has no delta extension offline, so its log is replayed here,
// with DuckDB reading the checkpoints; ClickHouse (chdb) has the delta kernel inside.
import { createRequire } from 'node:module';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const home = process.env.ORASI_PEERS ?? path.dirname(fileURLToPath(import.meta.url));
const require = createRequire(path.join(home, 'package.json'));
const quote = (s) => `'${s.replaceAll("'", "''")}'`;
const ident = (s) => `"${s.replaceAll('"', '""')}"`;
const tick = (s) => '`' + s.replaceAll('\\', '\\\\').replaceAll('`', '\\`') + '`';

export async function duckdbConnect() {
	const { DuckDBInstance } = require('@duckdb/node-api');
	const connection = await (await DuckDBInstance.create(':memory:')).connect();
	await connection.run("SET TimeZone='UTC'");
	return connection;
}

async function rowsOf(connection, sql) {
	const reader = await connection.runAndReadAll(`SELECT to_json(r)::VARCHAR FROM (${sql}) r`);
	return reader.getRows().map(([text]) => JSON.parse(text));
}

// The newest whole checkpoint: [version, files], or [-1, []].
function checkpoint(log) {
	const parts = {};
	for (const name of readdirSync(log).sort()) {
		const m = /^(\d{20})\.checkpoint\.(?:(\d{10})\.(\d{10})\.)?parquet$/.exec(name);
		if (m) (parts[`${m[1]}.${m[3] ?? 1}`] ??= []).push(path.join(log, name));
	}
	const whole = Object.keys(parts).filter((k) => parts[k].length === Number(k.split('.')[1])).sort();
	const best = whole.pop();
	return best ? [Number(best.split('.')[0]), parts[best]] : [-1, []];
}

// The state of a table: {version, schema, partitionColumns, files: Map(path → add)}.
export async function replay(connection, folder) {
	const log = path.join(folder, '_delta_log');
	const state = { version: -1, files: new Map() };
	const apply = ({ add, remove, metaData }) => {
		if (add?.path) state.files.set(decodeURIComponent(add.path), add);
		if (remove?.path) state.files.delete(decodeURIComponent(remove.path));
		if (metaData?.schemaString) {
			state.schema = JSON.parse(metaData.schemaString);
			state.partitionColumns = metaData.partitionColumns ?? [];
		}
	};
	const [version, files] = checkpoint(log);
	if (files.length) {
		const list = `read_parquet([${files.map(quote).join(',')}], union_by_name=true)`;
		(await rowsOf(connection, `SELECT {path: add.path, partitionValues: add.partitionValues} AS add,
			{schemaString: metaData.schemaString, partitionColumns: metaData.partitionColumns} AS metaData FROM ${list}`)).forEach(apply);
		state.version = version;
	}
	for (const name of readdirSync(log).filter((n) => /^\d{20}\.json$/.test(n)).sort()) {
		if (Number(name.slice(0, 20)) <= version) continue;
		for (const line of readFileSync(path.join(log, name), 'utf8').split('\n')) if (line.trim()) apply(JSON.parse(line));
		state.version = Number(name.slice(0, 20));
	}
	return state;
}

const duckdbTypes = { string: 'VARCHAR', long: 'BIGINT', integer: 'INTEGER', short: 'SMALLINT', byte: 'TINYINT',
	float: 'FLOAT', double: 'DOUBLE', boolean: 'BOOLEAN', binary: 'BLOB', date: 'DATE', timestamp: 'TIMESTAMPTZ' };

function duckdbType(type) {
	if (typeof type === 'string') return duckdbTypes[type] ?? type.toUpperCase();
	if (type.type === 'array') return `${duckdbType(type.elementType)}[]`;
	if (type.type === 'map') return `MAP(${duckdbType(type.keyType)}, ${duckdbType(type.valueType)})`;
	return `STRUCT(${type.fields.map((f) => `${ident(f.name)} ${duckdbType(f.type)}`).join(', ')})`;
}

// An SQL text that gives the rows of a table in DuckDB.
export async function duckdbTable(connection, folder, state) {
	const selects = [];
	for (const [file, add] of state.files) {
		const source = `read_parquet(${quote(path.join(folder, file))}, hive_partitioning=false)`;
		const have = new Set((await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${source}`)).getRows().map((r) => r[0]));
		const columns = state.schema.fields.map(({ name, type }) => {
			const value = add.partitionValues?.[name];
			let from = have.has(name) ? ident(name) : 'NULL';
			if (state.partitionColumns.includes(name)) from = value == null || value === '' ? 'NULL' : quote(value);
			return `${from}::${duckdbType(type)} AS ${ident(name)}`;
		});
		selects.push(`SELECT ${columns.join(', ')} FROM ${source}`);
	}
	if (!selects.length)
		return `SELECT ${state.schema.fields.map((f) => `NULL::${duckdbType(f.type)} AS ${ident(f.name)}`).join(', ')} WHERE false`;
	return selects.join(' UNION ALL ');
}

export function chdbQuery(sql, format = 'JSONEachRow') {
	const { query } = require('chdb');
	process.chdir('/'); // it reads below its working folder only
	return query(sql, format);
}

// ---- rows as comparable texts -------------------------------------------------------------------------------

const engines = {
	duckdb: { id: ident, text: (c) => `${c}::VARCHAR`, bool: (c) => `${c}::INTEGER::VARCHAR`, hex: (c) => `hex(${c})`,
		timestamp: (c) => `epoch_us(${c})::VARCHAR` },
	chdb: { id: tick, text: (c) => `toString(${c})`, bool: (c) => `toString(toUInt8(${c}))`, hex: (c) => `hex(${c})`,
		timestamp: (c) => `toString(toUnixTimestamp64Micro(${c}))` },
	orasi: { id: ident, text: (c) => `CAST(${c} AS TEXT)`, bool: (c) => `CAST(${c} AS TEXT)`, hex: (c) => `hex(${c})`,
		timestamp: (c) => c },
};

// The columns of a SELECT, so that every engine says a value in nearly the same way.
export function columnsFor(engine, schema) {
	const e = engines[engine];
	return schema.fields.map(({ name, type }, i) => {
		const c = e.id(name);
		let sql = c;
		if (type === 'boolean') sql = e.bool(c);
		else if (type === 'binary') sql = `CASE WHEN ${c} IS NOT NULL THEN ${e.hex(c)} END`;
		else if (type === 'timestamp') sql = e.timestamp(c);
		else if (['byte', 'short', 'integer', 'long', 'date'].includes(type)) sql = e.text(c);
		return `${sql} AS ${e.id(`c${i}_`)}`;
	}).join(', ');
}

const micros = (text) => {
	const [, sign, seconds, fraction] = /^()(.*?)(?:\.(\d+))?Z$/.exec(text);
	return String(BigInt(Date.parse(`${sign}${seconds}Z`)) * 1000n + BigInt((fraction ?? '0').padEnd(6, '0').slice(0, 6)));
};

// ClickHouse has no nullable lists, maps and tuples: `loose` takes null for the empty
// one; 'raw': these are its own values, with nested bytes as they are.
function empty(type, loose) {
	if (!loose || typeof type === 'string') return null;
	return type.type === 'struct' ? type.fields.map((f) => empty(f.type, loose)) : [];
}

function canonical(value, type, loose, nested) {
	if (value === null || value === undefined) return empty(type, loose);
	if (type?.type === 'struct') {
		if (typeof value === 'string') value = JSON.parse(value);
		return type.fields.map((f) => canonical(value[f.name], f.type, loose, true));
	}
	if (type?.type === 'array') return (typeof value === 'string' ? JSON.parse(value) : value).map((v) => canonical(v, type.elementType, loose, true));
	if (type?.type === 'map') {
		if (typeof value === 'string') value = JSON.parse(value);
		if (Array.isArray(value)) value = Object.fromEntries(value.map((e) => [e.key, e.value]));
		return Object.keys(value).sort().map((k) => [k, canonical(value[k], type.valueType, loose, true)]);
	}
	if (type === 'binary' && nested) return loose === 'raw' ? Buffer.from(value).toString('base64') : value;
	if (type === 'float') return Math.fround(Number(value));
	if (type === 'double' || type.startsWith('decimal')) return Number(value);
	if (type === 'timestamp' && /Z$/.test(value)) return micros(value);
	if (type === 'boolean') return ['1', 'true', true, 1].includes(value);
	return String(value);
}

// Rows of {c0_, c1_, …} as a sorted list of texts: tables are sets.
export const texts = (rows, schema, loose) =>
	rows.map((row) => JSON.stringify(schema.fields.map((f, i) => canonical(row[`c${i}_`], f.type, loose)))).sort();

export async function readWith(engine, folder, columns, connection, state) {
	if (engine === 'duckdb') return rowsOf(connection, `SELECT ${columns} FROM (${await duckdbTable(connection, folder, state)}) t`);
	const settings = 'SETTINGS output_format_json_quote_64bit_integers=0, output_format_json_quote_decimals=1';
	const text = chdbQuery(`SELECT ${columns} FROM deltaLakeLocal(${quote(folder)}) ${settings}`);
	return text.split('\n').filter(Boolean).map((line) => JSON.parse(line));
}

export const isTable = (folder) => existsSync(path.join(folder, '_delta_log'));
