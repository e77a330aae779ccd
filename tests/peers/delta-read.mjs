// SPDX-License-Identifier: Apache-2.0
// Reads a Delta table with an independent engine and prints the rows of a query as NDJSON.
//   node delta-read.mjs duckdb|chdb TABLE-FOLDER "SELECT … FROM t ORDER BY …"
import path from 'node:path';
import { chdbQuery, duckdbConnect, duckdbTable, replay } from './delta.mjs';

const [engine, folder, sql] = process.argv.slice(2);
const table = path.resolve(folder);

if (engine === 'chdb') {
	const text = chdbQuery(sql.replace(/\bFROM t\b/, `FROM deltaLakeLocal('${table}')`));
	process.stdout.write(text.replace(/\n*$/, '\n'));
} else {
	const connection = await duckdbConnect();
	await connection.run(`CREATE VIEW t AS ${await duckdbTable(connection, table, await replay(connection, table))}`);
	const reader = await connection.runAndReadAll(`SELECT to_json(r)::VARCHAR FROM (${sql}) r`);
	for (const [row] of reader.getRows()) console.log(row);
}
