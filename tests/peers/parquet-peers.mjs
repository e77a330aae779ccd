// SPDX-License-Identifier: Apache-2.0
// Holds our Parquet files against independent readers, and what independent writers made against our decoder.
//   node parquet-peers.mjs ours FOLDER duckdb|chdb|hyparquet|arrow [PREFIX]  compares each N.parquet with its N.json
//   node parquet-peers.mjs theirs FOLDER                         lets DuckDB and ClickHouse write files into it
//   node parquet-peers.mjs same FILE ROWS.json duckdb|chdb|hyparquet|arrow
//   node parquet-peers.mjs where FOLDER                          asks DuckDB for values by conditions, which it holds against our statistics
//   node parquet-peers.mjs variant FILE ROWS.json                DuckDB's variants, as the JSON that it and we make of them
//   node parquet-peers.mjs bloom FILE ROWS.json                  asks DuckDB what our bloom filters of column c0 exclude
// N.json is what tests/ingest-parquet/tables_io prints: a line with the type, then one for each row. Everything is
// compared in that form: numbers as text, floats as the bits of a double, bytes in hex, structs as arrays.
import { createRequire } from 'node:module';
import { readFileSync, readdirSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const home = process.env.ORASI_PEERS ?? path.dirname(fileURLToPath(import.meta.url));
export const require = createRequire(path.join(home, 'package.json'));
export const moduleOf = (name, file) => import(pathToFileURL(path.join(home, 'node_modules', name, file)));

const floatBits = (v) => {
	if (Number.isNaN(v)) return 'nan';
	const view = new DataView(new ArrayBuffer(8));
	view.setFloat64(0, v);
	return view.getBigUint64(0).toString(16).padStart(16, '0');
};
const hex = (bytes) => Buffer.from(bytes).toString('hex');
const perSecond = { ms: 1000n, us: 1000000n, ns: 1000000000n };
const inUnit = (v, have, want) => String((BigInt(v) * perSecond[want]) / perSecond[have]);

function readRows(file) {
	const [type, ...rows] = readFileSync(file, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
	return { type, rows };
}

// ---- DuckDB: values of its API, by our type -------------------------------------------------------------------------

const duration = ({ months, days, micros }) => `P${months}M${days}DT${micros / 1000000n}.${String((micros / 1000n) % 1000n).padStart(3, '0')}S`;

const duck = {
	bool: (v) => v,
	int: String,
	uint: String,
	float: floatBits,
	decimal: (v) => String(v.value ?? v),
	text: (v) => hex(Buffer.from(v.months === undefined ? String(v) : duration(v))),
	bytes: (v) => (v.hugeint === undefined ? hex(v.bytes ?? Buffer.from(v)) : String(v).replaceAll('-', '')), // a UUID without its type
	date: (v) => String(v.days),
	time: (v, t) => (v.nanos !== undefined ? inUnit(v.nanos, 'ns', t.unit) : inUnit(v.micros, 'us', t.unit)),
	timestamp: (v, t) => {
		if (v.nanos !== undefined) return inUnit(v.nanos, 'ns', t.unit);
		if (v.millis !== undefined) return inUnit(v.millis, 'ms', t.unit);
		return inUnit(v.micros, 'us', t.unit);
	},
	list: (v, t) => v.items.map((i) => fromDuck(i, t.children[0])),
	struct: (v, t) => t.children.map((c) => fromDuck(v.entries[c.name], c)),
	map: (v, t) => v.entries.map((e) => [fromDuck(e.key, t.children[0].children[0]), fromDuck(e.value, t.children[0].children[1])]),
};
export const fromDuck = (v, t) => (v === null || v === undefined ? null : duck[t.kind](v, t));

// It has no nanoseconds with a time zone, and cuts them towards 1970: such times are compared to the microsecond.
export function withoutNanos(v, t) {
	if (v === null || v === undefined) return null;
	if (t.kind === 'timestamp' && t.unit === 'ns') return String(BigInt(v) - (BigInt(v) % 1000n));
	if (t.kind === 'list') return v.map((i) => withoutNanos(i, t.children[0]));
	if (t.kind === 'map') return v.map((e) => e.map((x, i) => withoutNanos(x, t.children[0].children[i])));
	if (t.kind === 'struct') return v.map((x, i) => withoutNanos(x, t.children[i]));
	return v;
}

export async function duckConnection() {
	const { DuckDBInstance } = require('@duckdb/node-api');
	return (await DuckDBInstance.create(':memory:')).connect();
}

async function duckRows(file, type) {
	const connection = await duckConnection();
	const reader = await connection.runAndReadAll(`SELECT * FROM read_parquet('${file}')`);
	return reader.getRows().map((row) => type.children.map((c, i) => fromDuck(row[i], c)));
}

// ---- ClickHouse: an expression for each type; it has no null lists, maps and structs --------------------------------

let variables = 0;
const clickhouse = {
	bool: (e) => `toBool(${e})`,
	int: (e) => `toString(${e})`,
	uint: (e) => `toString(${e})`,
	float: (e) => `if(isNaN(${e}), 'nan', lower(hex(reinterpretAsUInt64(toFloat64(${e})))))`,
	decimal: (e, t) => `toString(${e})`,
	text: (e) => `lower(hex(toString(${e})))`,
	bytes: (e) => `lower(hex(${e}))`,
	date: (e) => `toString(toInt32(toDate32(${e})))`,
	time: (e) => `toString(${e})`,
	timestamp: (e, t) => `toString(toUnixTimestamp64${{ ms: 'Milli', us: 'Micro', ns: 'Nano' }[t.unit]}(toDateTime64(${e}, ${{ ms: 3, us: 6, ns: 9 }[t.unit]})))`,
	list: (e, t) => {
		const x = `x${variables++}`;
		return `arrayMap(${x} -> ${toClickhouse(x, t.children[0])}, ${e})`;
	},
	struct: (e, t) => `tuple(${t.children.map((c, i) => toClickhouse(`tupleElement(${e}, ${i + 1})`, c)).join(', ')})`,
	map: (e, t) => {
		const [k, v] = t.children[0].children;
		const x = `x${variables++}`;
		const y = `x${variables++}`;
		return `arrayMap((${x}, ${y}) -> tuple(${toClickhouse(x, k)}, ${toClickhouse(y, v)}), mapKeys(${e}), mapValues(${e}))`;
	},
};
const toClickhouse = (e, t) => clickhouse[t.kind](e, t);

// "1.50" of a decimal with scale 2 or 3 is the number without its point.
const unscaled = (text, scale) => {
	const [whole, part = ''] = text.split('.');
	return String(BigInt(whole + part.padEnd(scale, '0')) || 0n);
};
function fixClickhouse(v, t) {
	if (v === null) return null;
	if (t.kind === 'decimal') return unscaled(v, t.scale);
	if (t.kind === 'float') return v === 'nan' ? v : v.padStart(16, '0');
	if (t.kind === 'time') {
		const [h, m, s] = v.replace('1970-01-01 ', '').split(':');
		if (s === undefined) return v;
		return unscaled(String(BigInt(h) * 3600n + BigInt(m) * 60n + BigInt(s.split('.')[0])) + '.' + (s.split('.')[1] ?? ''), { ms: 3, us: 6, ns: 9 }[t.unit]);
	}
	if (t.kind === 'list') return v.map((i) => fixClickhouse(i, t.children[0]));
	if (t.kind === 'struct') return t.children.map((c, i) => fixClickhouse(v[i], c));
	if (t.kind === 'map') return v.map(([k, x]) => [fixClickhouse(k, t.children[0].children[0]), fixClickhouse(x, t.children[0].children[1])]);
	return v;
}
// What is left of ours when nulls of nested columns are not told apart from empty ones.
function withoutNestedNulls(v, t) {
	if (t.kind === 'list') return (v ?? []).map((i) => withoutNestedNulls(i, t.children[0]));
	if (t.kind === 'map') return (v ?? []).map(([k, x]) => [k, withoutNestedNulls(x, t.children[0].children[1])]);
	if (t.kind === 'struct') return t.children.map((c, i) => withoutNestedNulls(v ? v[i] : null, c));
	return v;
}

function chdbRows(file, type) {
	const { query } = require('chdb');
	process.chdir('/'); // it reads below its working folder only
	const columns = type.children.map((c) => toClickhouse(`\`${c.name}\``, c)).join(', ');
	const text = query(`SELECT ${columns} FROM file('${file}', Parquet) SETTINGS schema_inference_make_columns_nullable='auto',
		input_format_parquet_allow_missing_columns=0, input_format_parquet_preserve_order=1, output_format_json_named_tuples_as_objects=0, max_block_size=100000, max_threads=1`, 'JSONCompactEachRow');
	return text.trimEnd().split('\n').filter(Boolean).map((line) => JSON.parse(line).map((v, i) => fixClickhouse(v, type.children[i])));
}

// ---- hyparquet: plain JavaScript values, times and decimals as their integers ----------------------------------------

const hy = {
	...duck,
	int: String,
	decimal: String,
	text: (v) => hex(typeof v === 'string' ? Buffer.from(v) : v),
	bytes: (v) => hex(typeof v === 'string' ? Buffer.from(v, 'latin1') : v),
	date: String,
	time: String,
	timestamp: (v, t) => String(v),
	list: (v, t) => v.map((i) => fromHy(i, t.children[0])),
	struct: (v, t) => t.children.map((c) => fromHy(v[c.name], c)),
	map: (v, t) => {
		const [k, x] = t.children[0].children;
		return (Array.isArray(v) ? v.map((e) => [e.key, e.value]) : Object.entries(v)).map(([key, value]) => [
			fromHy(k.kind === 'int' ? key : key, k), fromHy(value, x)]);
	},
};
const fromHy = (v, t) => (v === null || v === undefined ? null : hy[t.kind](v, t));

// Decimals of more than 53 bits come as rounded numbers, so they are compared as such.
function roughDecimals(v, t) {
	if (v === null || v === undefined) return null;
	if (t.kind === 'decimal') return Number(v) === 0 ? '0' : (Number(v) / 10 ** (t.hy ? 0 : t.scale)).toPrecision(12);
	if (t.kind === 'list') return v.map((i) => roughDecimals(i, t.children[0]));
	if (t.kind === 'map') return v.map(([k, x]) => [roughDecimals(k, t.children[0].children[0]), roughDecimals(x, t.children[0].children[1])]);
	if (t.kind === 'struct') return t.children.map((c, i) => roughDecimals(v[i], c));
	return v;
}

async function hyRows(file, type) {
	const { parquetReadObjects } = await moduleOf('hyparquet', 'src/index.js');
	const { compressors } = await moduleOf('hyparquet-compressors', 'src/index.js');
	const data = readFileSync(file);
	const whole = (v) => BigInt(v);
	const parsers = {
		timestampFromMilliseconds: whole, timestampFromMicroseconds: whole, timestampFromNanoseconds: whole,
		dateFromDays: (v) => v, stringFromBytes: (bytes) => bytes && Buffer.from(bytes),
	};
	const rows = await parquetReadObjects({ file: data.buffer.slice(data.byteOffset, data.byteOffset + data.length), compressors, parsers, utf8: false });
	return rows.map((row) => type.children.map((c) => fromHy(row[c.name], c)));
}

// ---- arrow-rs: what it reads it writes again, for DuckDB ---------------------------------------------------------------

async function arrowRows(file, type) {
	const { default: wasm } = await moduleOf('parquet-wasm', 'node/parquet_wasm.js');
	const again = `${file}.again`;
	writeFileSync(again, wasm.writeParquet(wasm.readParquet(readFileSync(file))));
	const rows = await duckRows(again, type);
	unlinkSync(again);
	return rows;
}

// ---- comparing -------------------------------------------------------------------------------------------------------

const markHy = (t) => ({ ...t, hy: true, children: t.children.map(markHy) });

async function compare(engine, file, { type, rows }) {
	let want = rows;
	let got;
	if (engine === 'duckdb' || engine === 'arrow') {
		got = (await (engine === 'arrow' ? arrowRows : duckRows)(file, type)).map((row) => withoutNanos(row, type));
		want = rows.map((row) => withoutNanos(row, type));
	} else if (engine === 'chdb') {
		got = chdbRows(file, type);
		want = rows.map((row) => withoutNestedNulls(row, type));
		got = got.map((row) => withoutNestedNulls(row, type));
	} else {
		got = (await hyRows(file, type)).map((row) => roughDecimals(row, markHy(type)));
		want = rows.map((row) => roughDecimals(row, type));
	}
	if (got.length !== want.length) throw new Error(`${got.length} rows instead of ${want.length}`);
	for (let i = 0; i < want.length; i++)
		for (let c = 0; c < type.children.length; c++)
			if (JSON.stringify(got[i][c]) !== JSON.stringify(want[i][c]))
				throw new Error(`row ${i}, column ${JSON.stringify(type.children[c])}: ` +
					`${JSON.stringify(got[i][c])} instead of ${JSON.stringify(want[i][c])}`);
	return want.length;
}

async function ours(folder, engine, prefix = '') {
	const names = readdirSync(folder).filter((n) => n.startsWith(prefix) && n.endsWith('.parquet')).sort((a, b) => parseInt(a) - parseInt(b));
	let failed = 0;
	for (const name of names) {
		const file = path.resolve(folder, name);
		const wanted = readRows(file.replace(/parquet$/, 'json'));
		try {
			console.log(`# ${engine} reads ${name}: ${await compare(engine, file, wanted)} rows`);
		} catch (e) {
			console.log(`# ${engine} reads ${name} otherwise: ${e.message}`);
			failed++;
		}
	}
	process.exitCode = failed || !names.length ? 1 : 0;
}

// ---- files of theirs -------------------------------------------------------------------------------------------------

// Every type, with nulls, extremes and nesting, in the ways that the engine can write.
const duckTable = `SELECT i % 3 = 0 AS b, (i % 256 - 128)::TINYINT AS i8, (i * 131 % 65536 - 32768)::SMALLINT AS i16, (i * 7919 - 1000000)::INTEGER AS i32,
	(i * 123456789012 - 5)::BIGINT AS i64, (i % 256)::UTINYINT AS u8, (i * 17 % 65536)::USMALLINT AS u16, (i * 4000003 % 4294967296)::UINTEGER AS u32,
	(18446744073709551615::HUGEINT - i)::UBIGINT AS u64, (i / 3.0)::FLOAT AS f, CASE WHEN i % 50 = 1 THEN 'nan'::DOUBLE WHEN i % 50 = 2 THEN '-inf'::DOUBLE ELSE i / 7.0 END AS d,
	(i % 600 * 1.5)::DECIMAL(4, 1) AS d4, (i * 1.25 - 900)::DECIMAL(9, 2) AS d9, (i * 12345.678)::DECIMAL(18, 3) AS d18, (i::HUGEINT * 98765432109876543210)::DECIMAL(38, 4) AS d38,
	CASE WHEN i % 5 <> 0 THEN repeat('ä語😀'[1 + i % 3], (i % 9)::INT) END AS t, CASE WHEN i % 4 <> 0 THEN encode('x' || i) END AS z,
	uuid() AS u, DATE '1970-01-01' + (i * 28 - 20000)::INT AS day, TIME '00:00:00' + INTERVAL (i * 61) SECOND AS tm,
	make_timestamp(i * 1234567890123) AS ts, make_timestamp(i * 1234567890123)::TIMESTAMP_MS AS tsm, make_timestamp_ns(i * 123456789012345) AS tsn,
	make_timestamp(i * 1234567890123)::TIMESTAMPTZ AS tz,
	CASE WHEN i % 7 <> 0 THEN [i, NULL, i + 1] END AS l, [[i], [], NULL, [i, i]] AS ll, {'x': i, 'y': CASE WHEN i % 3 = 0 THEN 'y' || i END} AS s,
	CASE WHEN i % 2 = 0 THEN [{'p': [i, NULL], 'q': {'r': i::VARCHAR}}] END AS deep, MAP {'k' || i: i, 'same': NULL} AS m, MAP {i: [i, i + 1]} AS ml,
	('word' || (i % 3))::ENUM ('word0', 'word1', 'word2') AS e, '{"a":' || i || '}' AS j, NULL::INTEGER AS only_nulls FROM range(5000) r(i)`;
const duckWays = {
	v1_snappy: 'COMPRESSION snappy', v1_gzip: 'COMPRESSION gzip', v1_brotli: 'COMPRESSION brotli', v1_uncompressed: 'COMPRESSION uncompressed, ROW_GROUP_SIZE 2048',
	v2_zstd: 'COMPRESSION zstd, PARQUET_VERSION v2', v2_lz4_raw: 'COMPRESSION lz4_raw, PARQUET_VERSION v2',
};
// Values of all kinds: as binaries, with the kind that is most frequent in a column of its own, objects in columns as the
// engine chooses and as it is told, with members that are now and then of another kind or missing. (It writes none in lists.)
const duckVariantObject = `{'a': CASE WHEN i % 10 = 3 THEN 'no number'::VARIANT ELSE i::VARIANT END, 'b': 's' || i, 'o': {'x': i / 2.0, 'y': CASE WHEN i % 4 = 0 THEN NULL ELSE i END},
	'l': [i, i + 1], 'more': {'z': i % 3}, 'd': DATE '2024-01-01' + (i % 1000)::INT}::VARIANT`;
const duckVariants = {
	kinds: [`SELECT CASE i % 16 WHEN 0 THEN (i::BIGINT * 1234567)::VARIANT WHEN 1 THEN ('text ü "' || i)::VARIANT WHEN 2 THEN (i * 1.25)::DECIMAL(9, 2)::VARIANT
		WHEN 3 THEN ${duckVariantObject} WHEN 4 THEN (DATE '2024-01-01' + i::INT)::VARIANT WHEN 5 THEN (i / 7.0)::DOUBLE::VARIANT WHEN 6 THEN (i % 32 = 6)::VARIANT
		WHEN 7 THEN [i, i + 1]::VARIANT WHEN 8 THEN (i % 128)::TINYINT::VARIANT WHEN 9 THEN i::SMALLINT::VARIANT WHEN 10 THEN (i / 4)::FLOAT::VARIANT
		WHEN 11 THEN (i::HUGEINT * 98765432109876543210)::DECIMAL(38, 4)::VARIANT WHEN 12 THEN uuid()::VARIANT WHEN 13 THEN repeat('long ', 50)::VARIANT
		WHEN 14 THEN [[i], [], NULL]::VARIANT END AS v FROM range(2000) r(i)`, ''],
	objects: [`SELECT ${duckVariantObject} AS v FROM range(5000) r(i)`, ''],
	told: [`SELECT ${duckVariantObject} AS v FROM range(1000) r(i)`, `, SHREDDING {'v': 'STRUCT(a BIGINT, b VARCHAR, o STRUCT(x DOUBLE), l BIGINT[])'}`],
	large: [`SELECT ${duckVariantObject} AS v FROM range(70000) r(i)`, ', ROW_GROUP_SIZE 40960'],
};
const clickTable = `SELECT number % 3 = 0 AS b, toInt8(number % 256 - 128) AS i8, toInt16(number * 131) AS i16, toInt32(number * 7919 - 1000000) AS i32,
	toInt64(number) * 123456789012 AS i64, toUInt8(number) AS u8, toUInt16(number * 17) AS u16, toUInt32(number * 4000003) AS u32, toUInt64(0) - number - 1 AS u64,
	toFloat32(number / 3) AS f, if(number % 50 = 1, nan, number / 7) AS d, toDecimal32(number * 1.25, 2) AS d9, toDecimal64(number * 12.345, 3) AS d18,
	toDecimal128(number, 4) * 1234567 AS d38, if(number % 5 = 0, NULL, repeat('ä語', number % 9)) AS t, toFixedString(leftPad(toString(number), 6, '0'), 6) AS w,
	toDate32('1950-01-01') + toInt32(number * 17 % 90000) AS day, toDateTime64(number * 12345.678, 3, 'UTC') AS tsm, toDateTime64(number * 12345.678, 6, 'UTC') AS ts,
	toDateTime64(number * 12345.678, 9, 'UTC') AS tsn, range(number % 5) AS l, arrayMap(x -> range(x), range(number % 4)) AS ll,
	tuple(number, toString(number))::Tuple(x UInt64, y String) AS s, map('k' || toString(number), number, 'same', 1) AS m, toLowCardinality(toString(number % 7)) AS lc
	FROM numbers(5000)`;
const clickWays = {
	zstd: "output_format_parquet_compression_method='zstd'", snappy: "output_format_parquet_compression_method='snappy', output_format_parquet_data_page_size=2000",
	gzip: "output_format_parquet_compression_method='gzip'", lz4: "output_format_parquet_compression_method='lz4'", brotli: "output_format_parquet_compression_method='brotli'",
	none: "output_format_parquet_compression_method='none', output_format_parquet_row_group_size=1000",
	own: "output_format_parquet_compression_method='zstd', output_format_parquet_use_custom_encoder=0",
};

async function theirs(folder) {
	const connection = await duckConnection();
	await connection.run('SET TimeZone = \'UTC\'');
	await connection.run(`CREATE TABLE t AS ${duckTable}`);
	for (const [name, way] of Object.entries(duckWays)) await connection.run(`COPY t TO '${folder}/duckdb_${name}.parquet' (FORMAT parquet, ${way})`);
	// No other reader knows intervals.
	await connection.run(`COPY (SELECT INTERVAL (i % 100) MONTH + INTERVAL (i) DAY + INTERVAL (i * 7) MILLISECOND AS iv FROM range(3000) r(i))
		TO '${folder}/interval_duckdb.parquet' (FORMAT parquet)`);
	for (const [name, [select, way]] of Object.entries(duckVariants))
		await connection.run(`COPY (${select}) TO '${folder}/variant_${name}.parquet' (FORMAT parquet${way})`);
	const { query } = require('chdb');
	process.chdir('/');
	for (const [name, way] of Object.entries(clickWays))
		query(`INSERT INTO FUNCTION file('${folder}/chdb_${name}.parquet', Parquet) ${clickTable} SETTINGS engine_file_truncate_on_insert=1, ${way}`);
}

// Row groups whose statistics say that a value is not there are not read: wrong ones would lose rows. The same values are
// counted by their text, which no statistics tell of.
async function where(folder) {
	const connection = await duckConnection();
	const rowsOf = async (sql) => (await connection.runAndReadAll(sql)).getRows();
	const quoted = (text) => `'${text.replaceAll("'", "''")}'`;
	let asked = 0;
	for (const name of readdirSync(folder).filter((n) => n.endsWith('.parquet'))) {
		const file = quoted(path.resolve(folder, name));
		for (const [column, type] of await rowsOf(`DESCRIBE SELECT * FROM ${file}`)) {
			if (/[\[(]/.test(type.replace(/^DECIMAL\(.*\)$/, '')) || type === 'BOOLEAN') continue;
			// The three smallest, the three largest, and three others.
			const values = (await Promise.all(['min(x)', 'max(x) DESC', 'hash(v)'].map((order) => rowsOf(`SELECT v, count(*) FROM
				(SELECT "${column}"::VARCHAR AS v, "${column}" AS x FROM ${file}) WHERE v IS NOT NULL GROUP BY v ORDER BY ${order}, v LIMIT 3`)))).flat();
			for (const [text, n] of values) {
				if (/^-?(nan|inf|0\.0$)/.test(text)) continue;
				const [[found]] = await rowsOf(`SELECT count(*) FROM ${file} WHERE "${column}" = ${quoted(text)}::${type}`);
				if (found !== n) throw new Error(`${name}, ${column} ${type}: ${n} times ${text}, found ${found}`);
				asked++;
			}
		}
	}
	if (asked < 100) throw new Error(`only ${asked} values were asked for`);
	console.log(`# DuckDB finds ${asked} values by conditions`);
}

// Numbers are compared as numbers, members of objects whatever their order.
const plain = (v) => (Array.isArray(v) ? v.map(plain) : v && typeof v === 'object'
	? Object.fromEntries(Object.keys(v).sort().map((k) => [k, plain(v[k])])) : v);
const fromHex = (v) => (v === null ? null : JSON.parse(Buffer.from(v, 'hex').toString()));

async function variant(file, { type, rows }) {
	const connection = await duckConnection();
	const columns = type.children.map((c) => `"${c.name}"::JSON::VARCHAR`).join(', ');
	const theirs = (await connection.runAndReadAll(`SELECT ${columns} FROM '${file}'`)).getRows();
	if (theirs.length !== rows.length) throw new Error(`${rows.length} rows instead of ${theirs.length}`);
	rows.forEach((row, i) => type.children.forEach((c, k) => {
		const [ours, wanted] = [fromHex(row[k]), JSON.parse(theirs[i][k] ?? 'null')].map((v) => JSON.stringify(plain(v)));
		if (ours !== wanted) throw new Error(`row ${i}, column ${c.name}: ${ours} instead of ${wanted}`);
	}));
	console.log(`# ${rows.length} rows of ${path.basename(file)} are what DuckDB reads`);
}

// A value that is there must never be excluded, one that is not there nearly always.
async function bloom(file, { rows }) {
	const connection = await duckConnection();
	const excluded = async (value) => {
		const reader = await connection.runAndReadAll(`SELECT bool_and(bloom_filter_excludes) FROM parquet_bloom_probe('${file}', 'c0', ${value})`);
		return reader.getRows()[0][0] === true;
	};
	const present = new Set(rows.map((row) => row[0]).filter((v) => v !== null));
	let right = 0;
	for (const value of [...present].slice(0, 40)) if (await excluded(value)) throw new Error(`${value} is excluded although it is there`);
	for (let i = 0; i < 40; i++) {
		const value = String(12345678901n + BigInt(i) * 1000003n);
		if (!present.has(value)) right += await excluded(value);
	}
	if (right < 30) throw new Error(`only ${right} of 40 values that are not there are excluded`);
	console.log(`# DuckDB excludes ${right} of 40 values that are not there, and none that is`);
}

async function main(command, ...args) {
	if (command === 'ours') return ours(...args);
	if (command === 'where') return where(path.resolve(args[0]));
	if (command === 'variant') return variant(path.resolve(args[0]), readRows(args[1]));
	if (command === 'bloom') return bloom(path.resolve(args[0]), readRows(args[1]));
	if (command === 'theirs') return theirs(path.resolve(args[0]));
	const rows = await compare(args[2], path.resolve(args[0]), readRows(args[1]));
	console.log(`# ${args[2]} has the same ${rows} rows of ${path.basename(args[0])}`);
}
if (process.argv[1] === fileURLToPath(import.meta.url)) await main(...process.argv.slice(2));
