// SPDX-License-Identifier: Apache-2.0
// A queue with a long backlog.
//
//   node bench/backlog.mjs [pending [rounds]]
//
//   (8) durable submits, 1,000 a request on 4 connections, with so many tasks pending, against the empty queue: tasks a
//       second and processor time a task; memory (VmRSS) a pending task, its 256 bytes of payload on disk.
//   (7) the agent is killed with SIGKILL and started again: until it answers a submit.
//   (9) ten tasks of tenant B beside the backlog of tenant A, which is being worked off: the longest wait of the ten,
//       against the same ten alone.
import {copyFileSync, mkdirSync} from 'node:fs';
import {join} from 'node:path';
import {Agent, atLeast, build, cpu, field, machine, median, program, run, scratch, sleep, spread, within} from './lib.mjs';

const pending = +(process.argv[2] ?? 1000000), rounds = +(process.argv[3] ?? 5);
const STEP = 20000; // of a round
if (pending < STEP * (rounds + 2)) throw new Error(`${rounds} rounds take ${STEP * (rounds + 2)} pending tasks or more`);
const dir = scratch();
const data = join(dir, 'agent'), plugins = join(data, 'plugins/local');
mkdirSync(plugins, {recursive: true});
copyFileSync(join(build, 'bench/.libs/noop.so'), join(plugins, 'noop.so'));
const env = {ORASI_QUEUE_MAX_DEPTH: '100000000'};
let agent = await Agent.start(data, env, [], 5);

async function put(count, body) {
	const before = cpu(agent.pid);
	const result = JSON.parse(await run(program('bench/load'), ['orasi', `127.0.0.1:${agent.port}`, '4', '3600', '--batch', '1000',
		'--count', String(Math.ceil(count / 1000)), ...(body ? ['--body', JSON.stringify(body)] : [])]));
	if (result.errors) throw new Error(`${result.errors} errors`);
	return {rate: result.rate, cpu: (cpu(agent.pid) - before) / result.tasks * 1e6};
}

const rss = () => field(agent.pid, 'status', 'VmRSS') * 1024;

machine();
const empty = [], full = [];
await put(STEP);
for (let i = 0; i < rounds; i++) empty.push(await put(STEP));
const before = rss();
const filled = await put(pending - STEP * (rounds + 1));
const each = (rss() - before) / (pending - STEP * (rounds + 1));
for (let i = 0; i < rounds; i++) full.push(await put(STEP));
const line = (name, runs) => console.log(`  ${name.padEnd(20)} ${spread(runs.map(r => r.rate), 0)} tasks/s, ${spread(runs.map(r => r.cpu), 1)} CPU us a task`);
console.log(`\n(8) durable submits, 1,000 a request`);
line('empty', empty);
line(`${pending} pending`, full);
const kept = median(empty.map(r => r.cpu)) / median(full.map(r => r.cpu)) * 100;
console.log(`  of the empty queue's speed: ${kept.toFixed(0)} % by processor time (at least 90: ${atLeast(kept, 90)}), ` +
	`${(median(full.map(r => r.rate)) / median(empty.map(r => r.rate)) * 100).toFixed(0)} % by the clock`);
console.log(`  memory: ${each.toFixed(0)} bytes a pending task (at most 100: ${within(each, 100)})`);

const back = [];
for (let i = 0; i < rounds; i++) {
	agent.child.kill('SIGKILL');
	await agent.ended;
	const killed = process.hrtime.bigint();
	agent = await Agent.start(data, env, [], 0);
	await agent.json('POST', '/v1/tasks', {kind: 'query', sql: 'SELECT 1', run_at: '2099-01-01T00:00:00Z'});
	back.push(Number(process.hrtime.bigint() - killed) / 1e9);
}
console.log(`\n(7) killed with ${pending} pending → answers a submit: ${spread(back)} s (at most 1: ${within(median(back), 1)})`);

async function ten() {
	const body = Array.from({length: 10}, () => JSON.stringify({kind: 'custom', plugin: 'noop', tenant: 'B', fairness_key: 'B'})).join('\n');
	const submitted = Date.now();
	const answer = JSON.parse(await agent.request('POST', '/v1/tasks', body, {'content-type': 'application/x-ndjson'}));
	const waits = [];
	for (const {id} of answer.tasks) waits.push((await agent.finish(id)).result.output.at / 1e6 - submitted);
	return Math.max(...waits);
}

await agent.stop(); // in order: after a kill it would check its pages now
agent = await Agent.start(data, env, [], 5);
await sleep(2000);
await ten();
const solo = [], beside = [];
for (let i = 0; i < rounds; i++) solo.push(await ten());
const backlog = Math.min(pending, 100000);
await put(backlog, {kind: 'custom', plugin: 'noop', tenant: 'A', fairness_key: 'A'});
for (let i = 0; i < rounds; i++) beside.push(await ten());
console.log(`\n(9) the longest wait of ten tasks of B: alone ${spread(solo, 1)} ms, beside ${backlog} of A ${spread(beside, 1)} ms: ` +
	`${(median(beside) / median(solo)).toFixed(2)} times (at most 2: ${within(median(beside) / median(solo), 2)})`);
agent.child.kill('SIGKILL');
