// SPDX-License-Identifier: Apache-2.0
// What the platform of plugins costs.
//
//   node bench/plugins.mjs [rounds [tasks]]
//
//   (1) a task of a no-op plugin from submit to result, in processor time of all processes, beyond what the queue takes
//       for the same tasks when a client takes them out and settles them (the bodies alike, 100 at a time).
//   (2) submit → the plugin is called, on a warm worker, one task at a time: the answer's fsync is in it.
//   (3) a new file in the folder → its plugin is usable, beyond the 500 ms for which it must be still.
import {appendFileSync, copyFileSync, mkdirSync, readdirSync, renameSync} from 'node:fs';
import {join} from 'node:path';
import {Agent, build, cpu, machine, median, scratch, sleep, spread, within} from './lib.mjs';

const rounds = +(process.argv[2] ?? 5), tasks = +(process.argv[3] ?? 2000);
const SETTLE_MS = 500;
const dir = scratch(), local = join(dir, 'agent/plugins/local');
mkdirSync(local, {recursive: true});
copyFileSync(join(build, 'bench/.libs/noop.so'), join(local, 'noop.so'));
// The agent's own in the same folder: those that lie in another one and came first would hide what is dropped here.
const own = readdirSync(join(build, 'plugins')).filter(n => n.includes('-')).map(name => (
	{file: join(build, 'plugins', name, '.libs', `${name}.so`), bundle: `org.orasi.${name.replace('-', '.')}`}));
for (const {file, bundle} of own) copyFileSync(file, join(local, `${bundle}.so`));
const agent = await Agent.start(join(dir, 'agent'), {ORASI_QUEUE_MAX_DEPTH: '100000000', ORASI_PLUGINS_PATH: local}, [], own.length + 1);
const pad = 'x'.repeat(240);
const body = (n, spec) => Array.from({length: n}, () => JSON.stringify(spec)).join('\n');
const submit = (n, spec) => agent.request('POST', '/v1/tasks', body(n, spec), {'content-type': 'application/x-ndjson'});

async function finished() {
	const text = await agent.request('GET', '/metrics');
	return text.split('\n').filter(l => l.startsWith('orasi_queue_finished_total{state="succeeded"}')).reduce((sum, l) => sum + +l.split(' ').pop(), 0);
}

async function life() {
	const target = await finished() + tasks, before = cpu(agent.pid);
	for (let i = 0; i < tasks; i += 100) await submit(100, {kind: 'custom', plugin: 'noop', config: {pad}});
	while (await finished() < target) await sleep(20);
	return (cpu(agent.pid) - before) / tasks * 1e6;
}

async function queue() {
	const before = cpu(agent.pid);
	for (let i = 0; i < tasks; i += 100) await submit(100, {kind: 'remote', queue: 'pull', payload: {pad}});
	for (let done = 0; done < tasks;) {
		const {leases} = await agent.json('POST', '/v1/leases', {queues: ['pull'], worker: 'w', max: 100, wait: '5s', lease: '60s'});
		await agent.json('POST', '/v1/leases:settle', {leases: leases.map(l => ({task: l.task.id ?? l.task, lease_id: l.lease_id, outcome: 'complete', result: {at: 1}}))});
		done += leases.length;
	}
	return (cpu(agent.pid) - before) / tasks * 1e6;
}

async function dispatch() {
	const waits = [];
	for (let i = 0; i < 200; i++) {
		const start = (performance.timeOrigin + performance.now()) * 1e6;
		const task = JSON.parse(await agent.request('POST', '/v1/tasks', {kind: 'custom', plugin: 'noop', config: {pad}}, {prefer: 'wait=30'}));
		waits.push(Math.max(0, (task.result.output.at - start) / 1e6));
	}
	return median(waits);
}

async function appear(file, bundle) {
	const active = async () => (await agent.json('GET', '/v1/plugins')).items.find(p => p.bundle === bundle && p.state === 'active')?.sha256;
	const before = await active(), hidden = join(local, `.${bundle}.new`);
	copyFileSync(file, hidden);
	appendFileSync(hidden, Buffer.from(`round ${Math.random()}`)); // another hash, the same plugin
	const start = Date.now();
	renameSync(hidden, join(local, `${bundle}.so`));
	while (await active() === before) await sleep(2);
	return Date.now() - start - SETTLE_MS;
}

machine();
await agent.task({kind: 'custom', plugin: 'noop', config: {}});
await agent.request('PATCH', '/v1/queues/pull', {remote: true});
const all = {life: [], queue: [], dispatch: []};
for (let i = 0; i < rounds; i++) {
	all.queue.push(await queue());
	all.life.push(await life());
	all.dispatch.push(await dispatch());
}
const beyond = all.life.map((v, i) => v - all.queue[i]);
console.log(`(1) a no-op task: ${spread(all.life, 0)} us of CPU, taken out and settled by a client ${spread(all.queue, 0)}: ` +
	`${spread(beyond, 0)} beyond the queue's own (at most 250: ${within(median(beyond), 250)})`);
console.log(`(2) submit → the plugin is called: p50 ${spread(all.dispatch)} ms (below 1: ${within(median(all.dispatch), 1)})`);
const scans = [];
for (const {file, bundle} of own)
	for (let i = 0; i < 3; i++) scans.push(await appear(file, bundle));
console.log(`(3) a file becomes usable ${spread(scans, 0)} ms after it has settled (at most 50: ${within(median(scans), 50)})`);
await agent.stop();
