// SPDX-License-Identifier: Apache-2.0
// Reads a Delta table with an independent engine and prints the rows of a query as NDJSON.
//   node delta-read.mjs duckdb|chdb TABLE-FOLDER "SELECT … FROM t ORDER BY …"
// duckdb replays the JSON log by itself (offline it has no delta extension); chdb is ClickHouse with the
// delta kernel inside.
import { createRequire } from 'node:module';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const home = process.env.ORASI_PEERS ?? path.dirname(fileURLToPath(import.meta.url));
const require = createRequire(path.join(home, 'package.json'));
const [engine, folder, sql] = process.argv.slice(2);
const table = path.resolve(folder);

function activeFiles() {
	const live = new Set();
	for (const name of readdirSync(path.join(table, '_delta_log')).filter((n) => /^\d{20}\.json$/.test(n)).sort())
		for (const line of readFileSync(path.join(table, '_delta_log', name), 'utf8').split('\n')) {
			if (!line) continue;
			const { add, remove } = JSON.parse(line);
			if (add) live.add(decodeURIComponent(add.path));
			if (remove) live.delete(decodeURIComponent(remove.path));
		}
	return [...live].map((f) => path.join(table, f));
}

const plain = (key, value) => (typeof value === 'bigint' ? Number(value) : value);

async function duckdb() {
	const { DuckDBInstance } = require('@duckdb/node-api');
	const connection = await (await DuckDBInstance.create(':memory:')).connect();
	const files = activeFiles().map((f) => `'${f.replaceAll("'", "''")}'`).join(',');
	await connection.run(`CREATE VIEW t AS SELECT * FROM read_parquet([${files}], union_by_name=true)`);
	const reader = await connection.runAndReadAll(`SELECT to_json(r)::VARCHAR FROM (${sql}) r`);
	for (const [row] of reader.getRows()) console.log(row);
}

function chdb() {
	const { query } = require('chdb');
	process.chdir('/'); // it reads below its working folder only
	const text = sql.replace(/\bFROM t\b/, `FROM deltaLakeLocal('${table}')`);
	process.stdout.write(query(text, 'JSONEachRow').replace(/\n*$/, '\n'));
}

await (engine === 'chdb' ? chdb() : duckdb());
