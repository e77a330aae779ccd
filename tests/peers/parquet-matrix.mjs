// SPDX-License-Identifier: Apache-2.0
// What others write, over the whole field: physical types × encodings × page versions × null density × nesting, the codecs
// taking turns. Random tables come from DuckDB; DuckDB, ClickHouse (its own encoder, and Arrow's C++ one that it has inside)
// and arrow-rs (parquet-wasm) write them, our decoder reads them.
//   node parquet-matrix.mjs duckdb|clickhouse|arrow SEED FOLDER TABLES_IO [ROWS]
// Rows of DuckDB and arrow-rs are held against the table that was written; ClickHouse has no null lists and structs, so
// its files are held against what DuckDB reads from them.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync, unlinkSync } from 'node:fs';
import { duckConnection, fromDuck, moduleOf, require, withoutNanos } from './parquet-peers.mjs';

const [writer, seedText, folder, tool, rowsText] = process.argv.slice(2);
const seed = Number(seedText);
const rows = Number(rowsText ?? 300);
const densities = [0, 15, 60, 100];

// ---- random tables: SQL for a value of the row `x`, the column `k` --------------------------------------------------------

const dice = (x, k) => `hash((${x}) * 1000003 + ${k} * 7919 + ${seed})`;
const signed = (x, k, bits) => `((${dice(x, k)} % ${2n ** BigInt(bits)})::HUGEINT - ${2n ** BigInt(bits - 1)})`;
const small = (x, k, n) => `(${dice(x, k)} % ${n})::BIGINT`;
const words = (x, k) => `CASE ${small(x, k, 9)} WHEN 0 THEN '' WHEN 1 THEN 'ä語😀' WHEN 2 THEN repeat('long ', 30) WHEN 3 THEN 'word'
	WHEN 4 THEN 'prefix/' || ${small(x, k + 1, 40)} ELSE ${dice(x, k)}::VARCHAR END`;
const double = (x, k) => `CASE ${small(x, k, 12)} WHEN 0 THEN 'nan'::DOUBLE WHEN 1 THEN '-inf'::DOUBLE WHEN 2 THEN 'inf'::DOUBLE WHEN 3 THEN -0.0::DOUBLE
	WHEN 4 THEN 5e-324 WHEN 5 THEN 1.7976931348623157e308 ELSE ${signed(x, k, 48)} / 1024.0 END`;

// The leaf columns of each physical type; `leaf` goes into nested columns too, `key` into maps.
const families = {
	boolean: { leaf: (x, k) => `${small(x, k, 2)} = 1`, flat: {}, encodings: ['PLAIN', 'RLE'] },
	int32: {
		leaf: (x, k) => `${signed(x, k, 32)}::INTEGER`,
		key: (x) => `(${x})::INTEGER`,
		flat: {
			i8: (x, k) => `${signed(x, k, 8)}::TINYINT`, i16: (x, k) => `${signed(x, k, 16)}::SMALLINT`, u8: (x, k) => `${small(x, k, 256)}::UTINYINT`,
			u16: (x, k) => `${small(x, k, 65536)}::USMALLINT`, u32: (x, k) => `${small(x, k, 4294967296)}::UINTEGER`,
			day: (x, k) => `DATE '1970-01-01' + (${small(x, k, 100000)} - 20000)::INTEGER`, d9: (x, k) => `(${signed(x, k, 29)} / 100)::DECIMAL(9, 2)`,
			few: (x, k) => `${small(x, k, 3)}::INTEGER`, up: (x) => `(${x} * 3)::INTEGER`,
		},
		encodings: ['dictionary', 'PLAIN', 'DELTA_BINARY_PACKED', 'BYTE_STREAM_SPLIT'],
	},
	int64: {
		leaf: (x, k) => `${signed(x, k, 64)}::BIGINT`,
		key: (x) => `(${x})::BIGINT`,
		flat: {
			u64: (x, k) => dice(x, k), time: (x, k) => `TIME '00:00:00' + to_microseconds(${small(x, k, 86400000000)})`,
			us: (x, k) => `make_timestamp(${small(x, k, 4000000000000000)} - 1000000000000000)`,
			ms: (x, k) => `make_timestamp(${small(x, k, 4000000000000)} * 1000)::TIMESTAMP_MS`,
			ns: (x, k) => `make_timestamp_ns(${small(x, k, 4000000000000000000)})`, utc: (x, k) => `make_timestamp(${small(x, k, 4000000000000000)})::TIMESTAMPTZ`,
			d18: (x, k) => `(${signed(x, k, 59)}::DECIMAL(38, 0) / 1000)::DECIMAL(18, 3)`, few: (x, k) => `${small(x, k, 5)}`, up: (x) => `(${x} * 1000000007)::BIGINT`,
		},
		encodings: ['dictionary', 'PLAIN', 'DELTA_BINARY_PACKED', 'BYTE_STREAM_SPLIT'],
	},
	float: {
		leaf: double,
		key: (x) => `(${x} / 2.0)::DOUBLE`,
		flat: { f: (x, k) => `(${signed(x, k, 20)} / 16.0)::FLOAT`, few: (x, k) => `(${small(x, k, 3)} / 3.0)::DOUBLE` },
		encodings: ['dictionary', 'PLAIN', 'BYTE_STREAM_SPLIT'],
	},
	bytes: {
		leaf: words,
		key: (x) => `'key ' || (${x})`,
		flat: {
			blob: (x, k) => `encode(${words(x, k)}) || '\\x00\\xFF'::BLOB`, kind: (x, k) => `('kind' || ${small(x, k, 3)})::ENUM ('kind0', 'kind1', 'kind2')`,
			sorted: (x) => `'user/' || lpad((${x})::VARCHAR, 12, '0')`,
		},
		encodings: ['dictionary', 'PLAIN', 'DELTA_LENGTH_BYTE_ARRAY', 'DELTA_BYTE_ARRAY'],
	},
	fixed: {
		leaf: (x, k) => `${signed(x, k, 63)}::DECIMAL(38, 4) * 1000003 * 1000003`,
		key: (x) => `(${x})::DECIMAL(30, 2)`,
		flat: { uuid: (x, k) => `md5(${dice(x, k)}::VARCHAR)::UUID`, few: (x, k) => `${small(x, k, 3)}::DECIMAL(20, 1)` },
		encodings: ['dictionary', 'PLAIN', 'DELTA_BYTE_ARRAY', 'BYTE_STREAM_SPLIT'],
	},
};

// Nested columns of a leaf; an item has a number of its own.
function nested({ leaf, key }, maybe) {
	const value = (x, k) => maybe(x, k, leaf(x, k));
	let level = 0;
	const list = (x, k, item) => {
		const at = `x${level++}`;
		return maybe(x, k + 1, `list_transform(range(${small(x, k, 4)}), lambda ${at}: ${item(`${x} * 5 + ${at}`, k + 2)})`);
	};
	const struct = (x, k, members) => maybe(x, k + 1, `{${members.map((m, i) => `'m${i}': ${m(x, k + 3 + 5 * i)}`).join(', ')}}`);
	const map = (x, k, item) => {
		const at = `x${level++}`;
		return maybe(x, k + 1, `map_from_entries(list_transform(range(${small(x, k, 4)}), lambda ${at}: {'k': ${key(`${at} + ${small(x, k + 2, 9)}`)}, 'v': ${item(`${x} * 5 + ${at}`, k + 3)}}))`);
	};
	const values = (x, k) => list(x, k, value);
	return {
		list: values,
		list_list: (x, k) => list(x, k, values),
		struct: (x, k) => struct(x, k, [value, leaf]),
		struct_struct: (x, k) => struct(x, k, [(y, j) => struct(y, j, [value, values]), value]),
		list_struct: (x, k) => list(x, k, (y, j) => struct(y, j, [value, values])),
		array: (x, k) => `array_value(${[1, 2, 3].map((i) => value(x, k + 10 * i)).join(', ')})`,
		...(key && {
			map: (x, k) => map(x, k, value), map_list: (x, k) => map(x, k, values),
			list_map: (x, k) => list(x, k, (y, j) => map(y, j, value)), struct_map: (x, k) => struct(x, k, [(y, j) => map(y, j, value), value]),
		}),
	};
}

async function makeTable(connection, name, density) {
	const family = families[name];
	const maybe = (x, k, e) => `CASE WHEN ${dice(x, k + 500)} % 100 < ${density} THEN NULL ELSE ${e} END`;
	const columns = [['leaf', (x, k) => maybe(x, k, family.leaf(x, k))], ['full', family.leaf],
		...Object.entries(family.flat).map(([n, f]) => [n, (x, k) => maybe(x, k, f(x, k))]), ...Object.entries(nested(family, maybe))];
	await connection.run(`CREATE OR REPLACE TABLE t AS SELECT ${columns.map(([n, f], i) => `${f('i', 1000 * i)} AS ${n}`).join(', ')} FROM range(${rows}) r(i)`);
	await connection.run('ALTER TABLE t ALTER COLUMN "full" SET NOT NULL');
	return (await connection.runAndReadAll('SELECT * FROM t')).getRows();
}

// ---- comparing -------------------------------------------------------------------------------------------------------------

let files = 0;
let values = 0;
const wrong = [];

function compare(file, what, theirs) {
	files++;
	try {
		const [type, ...ours] = execFileSync(tool, ['read', file], { maxBuffer: 1 << 30, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
			.trimEnd().split('\n').map((line) => JSON.parse(line));
		if (ours.length !== theirs.length) throw new Error(`${ours.length} rows instead of ${theirs.length}`);
		type.children.forEach((c, i) => theirs.forEach((row, at) => {
			const [have, want] = [ours[at][i], fromDuck(row[i], c)].map((v) => JSON.stringify(withoutNanos(v, c)));
			if (have !== want) throw new Error(`row ${at}, column ${c.name} (${c.kind}): ${have} instead of ${want}`);
		}));
		values += theirs.length * type.children.length;
		unlinkSync(file);
	} catch (e) {
		wrong.push(`${what}: ${(e.stderr ?? '').trim() || e.message}`);
	}
}

// ---- the writers -----------------------------------------------------------------------------------------------------------

let turn = seed;
const next = (list) => list[turn++ % list.length];

async function byDuckdb(connection, name, density, table) {
	for (const version of ['v1', 'v2'])
		for (const size of [1, 400]) { // of dictionaries: none, or what fits
			const codec = next(['uncompressed', 'snappy', 'gzip', 'zstd', 'brotli', 'lz4_raw']);
			const file = `${folder}/${name}_${density}_${version}_${size}.parquet`;
			await connection.run(`COPY t TO '${file}' (FORMAT parquet, COMPRESSION ${codec}, PARQUET_VERSION ${version}, DICTIONARY_SIZE_LIMIT ${size}, ROW_GROUP_SIZE 2048)`);
			compare(file, `${name}, ${density} % nulls, ${version}, ${codec}, dictionary ${size}`, table);
		}
}

async function byClickhouse(connection, name, density) {
	const { query } = require('chdb');
	process.chdir('/'); // it reads below its working folder only
	const source = `${folder}/source.parquet`;
	// It calls all bytes text, which DuckDB refuses of bytes that are none.
	await connection.run(`COPY (SELECT COLUMNS(lambda c: c <> 'blob') FROM t) TO '${source}' (FORMAT parquet)`);
	for (const own of [1, 0])
		for (const version of own ? ['2.latest'] : ['1.0', '2.6', '2.latest']) {
			const codec = next(['zstd', 'snappy', 'gzip', 'lz4', 'brotli', 'none']);
			const file = `${folder}/${name}_${density}_${own}_${version}.parquet`;
			query(`INSERT INTO FUNCTION file('${file}', Parquet) SELECT * FROM file('${source}', Parquet) SETTINGS engine_file_truncate_on_insert=1,
				output_format_parquet_use_custom_encoder=${own}, output_format_parquet_version='${version}', output_format_parquet_compression_method='${codec}',
				output_format_parquet_row_group_size=${next([100, 1000000])}, output_format_parquet_data_page_size=${next([300, 1048576])}, input_format_parquet_preserve_order=1, max_threads=1`);
			const theirs = (await connection.runAndReadAll(`SELECT * FROM read_parquet('${file}')`)).getRows();
			compare(file, `${name}, ${density} % nulls, ${own ? 'own encoder' : `Arrow's, ${version}`}, ${codec}`, theirs);
		}
}

async function byArrow(connection, name, density, table, { default: wasm }) {
	const source = `${folder}/source.parquet`;
	await connection.run(`COPY t TO '${source}' (FORMAT parquet)`);
	const bytes = readFileSync(source);
	for (const encoding of families[name].encodings)
		for (const version of ['V1', 'V2']) {
			const codec = next(['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'BROTLI', 'LZ4', 'ZSTD', 'LZ4_RAW']);
			const dictionary = encoding === 'dictionary';
			let how = new wasm.WriterPropertiesBuilder().setWriterVersion(wasm.WriterVersion[version]).setCompression(wasm.Compression[codec])
				.setDictionaryEnabled(dictionary).setDataPageSizeLimit(next([200, 2000, 1 << 20])).setWriteBatchSize(next([7, 64])).setMaxRowGroupSize(next([97, 100000]));
			// Of a dictionary that grows too large the rest is written otherwise.
			if (dictionary) how = how.setDictionaryPageSizeLimit(next([60, 1 << 20]));
			else how = how.setEncoding(wasm.Encoding[encoding]);
			const file = `${folder}/${name}_${density}_${encoding}_${version}.parquet`;
			writeFileSync(file, wasm.writeParquet(wasm.readParquet(bytes), how.build()));
			compare(file, `${name}, ${density} % nulls, ${encoding}, pages ${version}, ${codec}`, table);
		}
}

// More pages in a chunk than an i16 counts.
async function manyPages(connection, { default: wasm }) {
	const source = `${folder}/source.parquet`;
	await connection.run(`CREATE OR REPLACE TABLE t AS SELECT CASE WHEN i % 3 > 0 THEN i END AS a, [i, NULL] AS l FROM range(40000) r(i)`);
	await connection.run(`COPY t TO '${source}' (FORMAT parquet)`);
	const table = (await connection.runAndReadAll('SELECT * FROM t')).getRows();
	for (const version of ['V1', 'V2']) {
		const how = new wasm.WriterPropertiesBuilder().setWriterVersion(wasm.WriterVersion[version]).setDictionaryEnabled(false)
			.setDataPageSizeLimit(1).setWriteBatchSize(1).build();
		const file = `${folder}/pages_${version}.parquet`;
		writeFileSync(file, wasm.writeParquet(wasm.readParquet(readFileSync(source)), how));
		compare(file, `40,000 pages, ${version}`, table);
	}
}

// ---- all of it -------------------------------------------------------------------------------------------------------------

const writers = { duckdb: byDuckdb, clickhouse: byClickhouse, arrow: byArrow };
const connection = await duckConnection();
await connection.run("SET TimeZone = 'UTC'; SET threads = 1");
const wasm = writer === 'arrow' ? await moduleOf('parquet-wasm', 'node/parquet_wasm.js') : null;
for (const name of Object.keys(families))
	for (const density of densities) await writers[writer](connection, name, density, await makeTable(connection, name, density), wasm);
if (wasm) await manyPages(connection, wasm);
for (const line of wrong.slice(0, 20)) console.log(`# ${line}`);
console.log(`# ${values} values in ${files} files of ${writer}, ${wrong.length} files are read otherwise`);
process.exitCode = wrong.length || !values ? 1 : 0;
