// SPDX-License-Identifier: Apache-2.0
// Holds what the agent says of a dataset against what DuckDB and ClickHouse read from its folder, row by row.
//   node compare.mjs AGENT-URL DATASET TABLE-FOLDER [ENGINE…|files]
// files: just which data files there are, for a table without them.
// Prints one line an engine, "duckdb: 25 rows" or what differs; fails when something does.
import path from 'node:path';
import { columnsFor, duckdbConnect, readWith, replay, texts } from './delta.mjs';

const [url, dataset, folder, ...engines] = process.argv.slice(2);
const table = path.resolve(folder);

async function ours(columns) {
	const body = JSON.stringify({ sql: `SELECT ${columns} FROM "${dataset}"`, format: 'ndjson' });
	const answer = await fetch(`${url}/v1/query`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
	const text = await answer.text();
	if (!answer.ok) throw new Error(text);
	return text.split('\n').filter(Boolean).map((line) => JSON.parse(line));
}

const connection = await duckdbConnect();
const state = await replay(connection, table);
if (engines[0] === 'files') {
	const answer = await (await fetch(`${url}/v1/datasets/${dataset}/files?limit=10000`)).json();
	const mine = answer.items.map((f) => f.path).sort();
	const theirs = [...state.files.keys()].sort();
	console.log(`${theirs.length} files${mine.join() === theirs.join() ? '' : `, ours are ${mine.length}`}`);
	process.exit(mine.join() === theirs.join() ? 0 : 1);
}
const rows = await ours(columnsFor('orasi', state.schema));
let failed = 0;

for (const engine of engines.length ? engines : ['duckdb', 'chdb']) {
	const mine = texts(rows, state.schema, engine === 'chdb');
	const theirs = texts(await readWith(engine, table, columnsFor(engine, state.schema), connection, state), state.schema,
		engine === 'chdb' ? 'raw' : false);
	const extra = mine.filter((row, i) => row !== theirs[i]).slice(0, 3);
	const same = mine.length === theirs.length && !extra.length;
	console.log(`${engine}: ${theirs.length} rows${same ? '' : `, ours are ${mine.length}`}`);
	if (same) continue;
	failed = 1;
	extra.forEach((row) => console.log(`  ours: ${row}`));
	theirs.filter((row, i) => row !== mine[i]).slice(0, 3).forEach((row) => console.log(`  ${engine}: ${row}`));
}
process.exit(failed);
