// SPDX-License-Identifier: Apache-2.0
// What independent readers find in the footers of the data files of a Delta table:
//   node delta-files.mjs sorted TABLE-FOLDER COLUMN…     hyparquet: every row group says that it is sorted by these columns, ascending and
//                                                        nulls first, and by no others; DuckDB: the rows are
//   node delta-files.mjs bloom TABLE-FOLDER COLUMN…      DuckDB: these columns have a bloom filter in every row group and no other has; a
//                                                        value that is there is never excluded, one that is not nearly always
// Prints how many files there are; fails when something is not so.
import { createRequire } from 'node:module';
import { openSync, readSync, fstatSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { duckdbConnect, replay } from './delta.mjs';

const [command, folder, ...columns] = process.argv.slice(2);
const home = process.env.ORASI_PEERS ?? import.meta.dirname;
const { parquetMetadataAsync } = await import(pathToFileURL(path.join(home, 'node_modules', 'hyparquet', 'src', 'index.js')));
const connection = await duckdbConnect();
const quote = (s) => `'${s.replaceAll("'", "''")}'`;
const ident = (s) => `"${s.replaceAll('"', '""')}"`;
const rowsOf = async (sql) => (await connection.runAndReadAll(sql)).getRows();

function wrong(file, what) {
	console.log(`${path.basename(file)}: ${what}`);
	process.exitCode = 1;
}

async function footer(file) {
	const fd = openSync(file), byteLength = fstatSync(fd).size;
	const slice = (from, to = byteLength) => {
		const bytes = Buffer.alloc(to - from);
		readSync(fd, bytes, 0, bytes.length, from);
		return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
	};
	return parquetMetadataAsync({ byteLength, slice });
}

async function sorted(file) {
	const { row_groups: groups } = await footer(file);
	for (const group of groups) {
		const said = (group.sorting_columns ?? []).map(({ column_idx, descending, nulls_first }) =>
			`${group.columns[column_idx].meta_data.path_in_schema.join('.')} ${descending ? 'descending' : 'ascending'} nulls ${nulls_first ? 'first' : 'last'}`);
		const wanted = columns.map((c) => `${c} ascending nulls first`);
		if (said.join() !== wanted.join()) wrong(file, `sorted by ${said.join() || 'nothing'} instead of ${wanted.join()}`);
	}
	if (!columns.length) return;
	const order = columns.map((c) => `${ident(c)} ASC NULLS FIRST`).join(', ');
	const [[rows, right]] = await rowsOf(`SELECT count(*), count(*) FILTER (WHERE nth = place) FROM
		(SELECT file_row_number AS nth, row_number() OVER (ORDER BY ${order}, file_row_number) - 1 AS place
			FROM read_parquet(${quote(file)}, file_row_number = true))`);
	if (rows !== right) wrong(file, `${rows - right} of ${rows} rows are out of order`);
}

async function probe(file, column) {
	const excluded = async (value) => (await rowsOf(`SELECT bool_and(bloom_filter_excludes)
		FROM parquet_bloom_probe(${quote(file)}, ${quote(column)}, ${value})`))[0][0] === true;
	const literal = (v) => (typeof v === 'string' ? quote(v) : String(v));
	const there = (await rowsOf(`SELECT DISTINCT ${ident(column)} AS v FROM ${quote(file)} WHERE v IS NOT NULL ORDER BY hash(v) LIMIT 40`)).map(([v]) => v);
	let right = 0;
	for (const value of there) if (await excluded(literal(value))) wrong(file, `${column} = ${value} is excluded although it is there`);
	for (let i = 0; i < 40; i++) right += await excluded(typeof there[0] === 'string' ? quote(`no such value ${i}`) : `${-1000003 * (i + 1)}`);
	if (!there.length || right < 36) wrong(file, `${right} of 40 values of ${column} that are not there are excluded`);
}

async function bloom(file) {
	const chunks = await rowsOf(`SELECT path_in_schema, bloom_filter_offset IS NOT NULL AND bloom_filter_length > 0 FROM parquet_metadata(${quote(file)})`);
	for (const [parts, has] of chunks) {
		const column = parts.replaceAll(', ', '.');
		if (has !== columns.includes(column)) wrong(file, `${column} has ${has ? 'a' : 'no'} bloom filter`);
	}
	for (const column of columns.filter((c) => !c.includes('.'))) await probe(file, column); // it probes no others
}

const state = await replay(connection, path.resolve(folder));
const check = { sorted, bloom }[command];
for (const file of state.files.keys()) await check(path.join(path.resolve(folder), file));
if (!state.files.size) wrong(folder, 'no files');
console.log(`${state.files.size} files`);
