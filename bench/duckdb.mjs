// SPDX-License-Identifier: Apache-2.0
// One job of DuckDB in a process of its own: prints {"cpu","wall","rss","rows"} of the job alone, its start and
// its library's loading not counted.
//
//   duckdb.mjs ingest FILE.ndjson OUT.parquet [threads [options of COPY]]
//   duckdb.mjs sql STATEMENT [threads]
import {DuckDBInstance} from '@duckdb/node-api';

const columns = `{timestamp:'TIMESTAMP',level:'VARCHAR',service:'VARCHAR',host:'VARCHAR',trace_id:'VARCHAR',
	span_id:'VARCHAR',method:'VARCHAR',path:'VARCHAR',status:'BIGINT',duration_ms:'DOUBLE',bytes:'BIGINT',
	user_id:'BIGINT',sampled:'BOOLEAN',message:'VARCHAR'}`;
const [what, ...args] = process.argv.slice(2);
const statement = what === 'sql' ? args[0] :
	`COPY (SELECT * FROM read_json('${args[0]}', format='newline_delimited', columns=${columns}))
	 TO '${args[1]}' (FORMAT parquet, COMPRESSION zstd${args[3] ? ', ' + args[3] : ''})`;
const threads = (what === 'sql' ? args[1] : args[2]) ?? 1;

const instance = await DuckDBInstance.create(':memory:', {threads: String(threads)});
const connection = await instance.connect();
const before = process.resourceUsage(), start = process.hrtime.bigint();
const rows = (await connection.runAndReadAll(statement)).getRowsJson();
const after = process.resourceUsage(), end = process.hrtime.bigint();
console.log(JSON.stringify({
	cpu: (after.userCPUTime + after.systemCPUTime - before.userCPUTime - before.systemCPUTime) / 1e6,
	wall: Number(end - start) / 1e9,
	rss: after.maxRSS / 1024,
	rows: rows.length,
}));
