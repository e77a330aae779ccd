// SPDX-License-Identifier: Apache-2.0
// The whole life of a task of a no-op plugin: accepted, claimed, run in a worker, its result stored; every step durable.
//
//   node bench/life.mjs [rounds [tasks]]
//
//   (3) throughput: tasks are submitted 1,000 a request and run at once, until the last has ended. Graphile Worker does
//       the same with addJobs and batched completions (processor time: node and PostgreSQL); beanstalkd -b -f0 puts,
//       reserves and deletes on 64 connections.
//   (4) submit → start in the worker, open loop at 1,000 a second, from when the submit was due.
//   (5) submit → result in one HTTP call (Prefer: wait), one at a time.
//   (6) kill -9 of the worker in the middle of a task → the task runs again, with a backoff of at most 1 ms.
import {mkdirSync, copyFileSync} from 'node:fs';
import {join} from 'node:path';
import {Agent, atLeast, build, command, cpu, here, machine, median, program, run, scratch, sleep, spread, within} from './lib.mjs';
import {Beanstalkd, PostgreSQL} from './peers.mjs';

const rounds = +(process.argv[2] ?? 5), tasks = +(process.argv[3] ?? 20000);
const dir = scratch();
const plugins = join(dir, 'agent/plugins/local');
mkdirSync(plugins, {recursive: true});
copyFileSync(join(build, 'bench/.libs/noop.so'), join(plugins, 'noop.so'));
const env = {ORASI_QUEUE_MAX_DEPTH: '100000000',
	ORASI_QUEUE_RETRY_INITIAL: '1ms', // no backoff to speak of
	ORASI_LOG_LEVEL: 'warn'}; // none of the others writes a line a task
const agent = await Agent.start(join(dir, 'agent'), env, [], 5);
const noop = (config = {}) => ({kind: 'custom', plugin: 'noop', config});
const seconds = start => Number(process.hrtime.bigint() - start) / 1e9;
const pad = 'x'.repeat(240);

async function metric(name) {
	const text = await agent.request('GET', '/metrics');
	return text.split('\n').filter(l => l.startsWith(name)).reduce((sum, l) => sum + +l.split(' ').pop(), 0);
}

// A task is in its queue until its end is durable.
async function depth() {
	return Object.values((await agent.json('GET', '/v1/queues/default')).tasks).reduce((sum, n) => sum + n, 0);
}

async function ours() {
	const succeeded = 'orasi_queue_finished_total{state="succeeded"}', target = await metric(succeeded) + tasks;
	const before = cpu(agent.pid), start = process.hrtime.bigint();
	const body = Array.from({length: 1000}, () => JSON.stringify(noop({pad}))).join('\n');
	for (let i = 0; i < tasks; i += 1000)
		await agent.request('POST', '/v1/tasks', body, {'content-type': 'application/x-ndjson'});
	while (await depth()) await sleep(10);
	const result = {rate: tasks / seconds(start), cpu: (cpu(agent.pid) - before) / tasks * 1e6};
	if (await metric(succeeded) !== target) throw new Error('not all tasks have succeeded');
	return result;
}

// What the one before has left to be written is not for the next to wait for.
async function quiet() {
	await run('sync');
	await sleep(1000);
}

async function graphile(server) {
	const before = cpu(server.pid);
	const result = JSON.parse(await run(process.execPath, [join(here, 'graphile.mjs'),
		`postgres://bench@127.0.0.1:${server.port}/postgres`, String(tasks)]));
	return {rate: tasks / result.wall, cpu: (result.cpu + cpu(server.pid) - before) / tasks * 1e6};
}

async function cycle(server) {
	const before = cpu(server.pid);
	const result = JSON.parse(await run(program('bench/load'), ['beanstalkd', server.address, '64', '3', '--cycle']));
	return {rate: result.rate, cpu: (cpu(server.pid) - before) / result.tasks * 1e6};
}

machine();
await agent.task(noop());
const beanstalkd = new Beanstalkd(dir), postgresql = new PostgreSQL(dir);
await beanstalkd.start();
await postgresql.start();
const all = [['orasi', ours], ['Graphile', () => graphile(postgresql)], ['beanstalkd', () => cycle(beanstalkd)]];
const results = all.map(() => []);
for (let i = 0; i < rounds; i++)
	for (const [k, [, f]] of all.entries()) {
		await quiet();
		results[k].push(await f());
	}
await beanstalkd.stop();
await postgresql.stop();
console.log('\n(3) whole life of a no-op task with its result');
for (const [k, [name]] of all.entries())
	console.log(`  ${name.padEnd(12)} ${spread(results[k].map(r => r.rate), 0)} tasks/s, ${spread(results[k].map(r => r.cpu), 0)} CPU us a task`);
const ratio = k => median(results[0].map((r, i) => r.rate / results[k][i].rate));
console.log(`  ratio: ${ratio(1).toFixed(2)} x Graphile Worker (at least 2.5: ${atLeast(ratio(1), 2.5)}), ` +
	`${ratio(2).toFixed(1)} x beanstalkd (at least 15: ${atLeast(ratio(2), 15)})`);

await quiet();
const start = JSON.parse(await run(program('bench/load'), ['orasi', `127.0.0.1:${agent.port}`, '64', '5', '--rate', '1000',
	'--prefer', 'wait=30', '--body', JSON.stringify({kind: 'custom', plugin: 'noop', config: {pad}}), '--started']));
console.log(`\n(4) submit → start at 1,000 a second: p50 ${start.start_p50.toFixed(2)} ms (at most 0.6: ${within(start.start_p50, 0.6)}), ` +
	`p99 ${start.start_p99.toFixed(2)} ms (at most 2: ${within(start.start_p99, 2)})`);

const one = [];
for (let i = 0; i < rounds; i++)
	one.push(JSON.parse(await run(program('bench/load'), ['orasi', `127.0.0.1:${agent.port}`, '1', '2', '--prefer', 'wait=30',
		'--body', JSON.stringify({kind: 'custom', plugin: 'noop', config: {pad}})])));
console.log(`(5) submit → result in one call: p50 ${spread(one.map(r => r.p50))} ms (at most 1: ${within(median(one.map(r => r.p50)), 1)}), ` +
	`p99 ${median(one.map(r => r.p99)).toFixed(2)} ms`);

// A task that is seen while it runs, so that its worker can be met. A busy machine may look too late: then another one.
async function running() {
	for (let i = 0; i < 20; i++) {
		const {id} = await agent.json('POST', '/v1/tasks', noop({ms: 200}));
		for (;;) {
			const {state} = await agent.json('GET', `/v1/tasks/${id}`);
			if (state === 'running') return id;
			if (state !== 'ready' && state !== 'scheduled') break;
		}
	}
	throw new Error('20 tasks of 200 ms each ended before they were seen to run');
}

const again = [];
for (let i = 0; i < rounds; i++) {
	const id = await running();
	await sleep(50);
	const killed = Date.now();
	for (const pid of agent.workers())
		if (command(pid).includes('--role task')) process.kill(pid, 'SIGKILL');
	const task = await agent.finish(id);
	if (task.result.output.attempt < 2) throw new Error(`the worker of ${id} was not met`);
	again.push(task.result.output.at / 1e6 - killed);
}
console.log(`(6) kill -9 of the worker → the task runs again after ${spread(again, 1)} ms (at most 50: ${within(median(again), 50)})`);
await agent.stop();
