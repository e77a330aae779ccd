// SPDX-License-Identifier: Apache-2.0
// The queue against its peers: durable submits one by one and in batches. Every answer comes after an fsync.
//
//   node bench/queue.mjs [rounds [seconds]]
//
// Single: 64 connections in a closed loop, 256 bytes of payload. Ours: POST /v1/tasks, answered with the id
// (Prefer: return=minimal) as the others are, and beside it with the whole task; beanstalkd -b -f0: put; PostgreSQL,
// synchronous_commit = on: a prepared INSERT of one row into a table with nothing but its primary key.
// Batch: 1,000 tasks a request, 4 connections; PostgreSQL: one INSERT of 1,000 rows.
// The floor: a server without parser, check, JSON and database, which syncs the bodies to a log and gives one fixed answer.
// The driver is one thread of C for all of them (bench/load.c). Processor time is that of the server's processes;
// fsyncs a task are counted in a run of their own under strace, which slows everybody. On a machine with other work the
// ratio of the rates favours who has more processes, as each gets its share: there the one by processor time counts.
import {chmodSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {Agent, atLeast, cpu, machine, median, program, run, scratch, spread} from './lib.mjs';
import {Beanstalkd, PostgreSQL, freePort, launch, reachable, syncs} from './peers.mjs';

const rounds = +(process.argv[2] ?? 5), seconds = +(process.argv[3] ?? 3);
const dir = scratch();

// What the kernel alone takes for the same, see bench/submit_floor.c.
class Floor {
	name = 'the floor';
	target = 'orasi';
	async start(wrap) {
		const port = await freePort();
		Object.assign(this, await launch([program('bench/submit_floor'), String(port), join(dir, 'floor.log')], wrap));
		this.address = `127.0.0.1:${port}`;
		await reachable(port);
	}
	async stop() {
		process.kill(this.pid, 'SIGTERM');
		await this.ended;
	}
}

class Orasi {
	name = 'orasi';
	target = 'orasi';
	async start(wrap) {
		const env = {ORASI_QUEUE_MAX_DEPTH: '100000000', ORASI_HTTP_ACCESS_LOG: 'false'}; // none of the others writes one
		this.agent = await Agent.start(join(dir, 'agent'), env, wrap);
		this.pid = this.agent.pid;
		this.address = `127.0.0.1:${this.agent.port}`;
	}
	stop() { return this.agent.stop(); }
}

const servers = [new Orasi(), new Beanstalkd(dir), new PostgreSQL(dir), new Floor()];

async function load(server, connections, options) {
	const before = cpu(server.pid);
	const result = JSON.parse(await run(program('bench/load'),
		[server.target, server.address, String(connections), String(seconds), ...options]));
	if (result.errors) throw new Error(`${server.name}: ${result.errors} errors`);
	result.cpu = (cpu(server.pid) - before) / result.tasks * 1e6;
	return result;
}

async function compare(title, connections, options, who) {
	const results = new Map(who.map(server => [server, []]));
	for (let i = 0; i < rounds; i++)
		for (const server of who) results.get(server).push(await load(server, connections, options));
	console.log(`\n${title}`);
	for (const [server, runs] of results)
		console.log(`  ${server.name.padEnd(12)} ${spread(runs.map(r => r.rate), 0)} tasks/s, ` +
			`${spread(runs.map(r => r.cpu), 1)} CPU us a task, p50 ${median(runs.map(r => r.p50)).toFixed(2)} ms, ` +
			`p99 ${median(runs.map(r => r.p99)).toFixed(2)} ms`);
	return peer => ({rate: median(results.get(servers[0]).map((r, i) => r.rate / results.get(peer)[i].rate)),
		cpu: median(results.get(servers[0]).map((r, i) => results.get(peer)[i].cpu / r.cpu))});
}

machine();
for (const server of servers) await server.start();
const [orasi, beanstalkd, postgresql, floor] = servers;

const single = await compare('(1) one task a request, 64 connections, answered with its id', 64,
	['--prefer', 'return=minimal'], servers);
const ratio = (peer, r, wanted) => `${r.rate.toFixed(2)} x ${peer.name} (at least ${wanted}: ${atLeast(r.rate, wanted)}; ` +
	`by processor time ${r.cpu.toFixed(2)})`;
console.log(`  ratio: ${ratio(beanstalkd, single(beanstalkd), 8)}, ${ratio(postgresql, single(postgresql), 4)}; ` +
	`${single(floor).rate.toFixed(2)} x the floor`);
await compare('    the same, answered with the whole task', 64, [], [orasi]);
const batch = await compare('(2) 1,000 tasks a request, 4 connections', 4, ['--batch', '1000'], [orasi, postgresql]);
console.log(`  ratio: ${ratio(postgresql, batch(postgresql), 2)}`);
for (const server of servers) await server.stop();

console.log('\nfsyncs a task, 64 connections, under strace');
for (const server of servers) {
	const log = join(dir, `${server.name}.strace`);
	writeFileSync(log, '');
	chmodSync(log, 0o666); /* PostgreSQL, and strace with it, is another user than root */
	await server.start(['strace', '-f', '--seccomp-bpf', '-qq', '-c', '-e', 'trace=fsync,fdatasync,sync_file_range,msync,sync,syncfs', '-o', log]);
	const result = await load(server, 64, []);
	await server.stop();
	console.log(`  ${server.name.padEnd(12)} ${(syncs(readFileSync(log, 'utf8')) / result.tasks).toFixed(3)}`);
}
