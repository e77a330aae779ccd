// SPDX-License-Identifier: Apache-2.0
// What the benchmarks share: an agent of the build tree on a scratch folder, its HTTP API, the processor time
// and memory of its whole process tree, and medians.
//
// Numbers are processor seconds (user + system) of every process that took part, and ratios of pairs that ran
// one after the other: on a busy machine both slow down alike.
import {spawn} from 'node:child_process';
import {closeSync, existsSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync} from 'node:fs';
import {tmpdir, cpus} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import http from 'node:http';

export const here = dirname(fileURLToPath(import.meta.url));
export const build = process.env.ORASI_BUILD ?? join(here, '..', 'build', 'release');
const TICK = 100; // USER_HZ of Linux

export function scratch() {
	const dir = mkdtempSync(join(process.env.BENCH_DIR ?? '/var/tmp', 'orasi-bench-'));
	process.on('exit', () => rmSync(dir, {recursive: true, force: true}));
	return dir;
}

export function program(name) {
	const path = join(build, name);
	if (!existsSync(path)) throw new Error(`${path} is missing: run 'make bench'`);
	return path;
}

// ---- processes -------------------------------------------------------------------------------------------

function readOr(path, otherwise) {
	try {
		return readFileSync(path, 'utf8');
	} catch {
		return otherwise;
	}
}

function stat(pid) {
	const text = readOr(`/proc/${pid}/stat`, '');
	const f = text.slice(text.lastIndexOf(')') + 2).split(' ');
	return text && {ppid: +f[1], own: (+f[11] + +f[12]) / TICK, reaped: (+f[13] + +f[14]) / TICK};
}

export function tree(root) {
	const parents = new Map();
	for (const name of readdirSync('/proc')) {
		if (!/^\d+$/.test(name)) continue;
		const s = stat(name);
		if (s) parents.set(+name, s.ppid);
	}
	const found = [root];
	for (let i = 0; i < found.length; i++)
		for (const [pid, ppid] of parents) if (ppid === found[i]) found.push(pid);
	return found;
}

// Processor seconds of a process, all that descend from it, and all of those that it has reaped.
export function cpu(root) {
	return tree(root).reduce((sum, pid) => {
		const s = stat(pid);
		return s ? sum + s.own + s.reaped : sum;
	}, 0);
}

export function field(pid, file, name) {
	const m = readOr(`/proc/${pid}/${file}`, '').match(new RegExp(`^${name}:\\s+(\\d+)`, 'm'));
	return m ? +m[1] : 0;
}

export function switches(pid) {
	return readdirSync(`/proc/${pid}/task`).reduce(
		(sum, tid) => sum + field(`${pid}/task/${tid}`, 'status', 'voluntary_ctxt_switches'), 0);
}

export function command(pid) {
	return readOr(`/proc/${pid}/cmdline`, '').split('\0').filter(Boolean).map((s, i) => i ? s : s.split('/').pop()).join(' ');
}

// Runs a program to its end; resolves to its standard output.
export function run(path, args = [], options = {}) {
	return new Promise((resolve, reject) => {
		const child = spawn(path, args, {stdio: ['ignore', 'pipe', 'inherit'], ...options});
		let out = '';
		child.stdout?.on('data', d => out += d);
		child.on('error', reject);
		child.on('close', code => code ? reject(new Error(`${path} ended with ${code}`)) : resolve(out));
	});
}

// ---- the agent -------------------------------------------------------------------------------------------

export class Agent {
	static async start(dir, env = {}, wrap = [], plugins = 4) {
		const agent = new Agent();
		agent.dir = dir;
		agent.http = new http.Agent({keepAlive: true, maxSockets: 4});
		const command = [...wrap, program('orasi-agent'), '--data', dir, '--listen', '127.0.0.1:0'];
		const log = `${dir}.log`, fd = openSync(log, 'w'), address = join(dir, 'agent.address');
		rmSync(address, {force: true});
		agent.child = spawn(command[0], command.slice(1), {stdio: ['ignore', 'ignore', fd], env: {...process.env, ORASI_BUILD: undefined, ...env}});
		closeSync(fd);
		let running = true;
		agent.ended = new Promise(resolve => agent.child.on('close', code => { running = false; resolve(code); }));
		while (!(agent.port = +(readOr(address, '').match(/:(\d+)\s*$/)?.[1] ?? 0))) {
			if (!running) throw new Error(`the agent did not start:\n${readOr(log, '')}`);
			await sleep(10);
		}
		process.on('exit', () => agent.child.kill('SIGKILL'));
		agent.pid = wrap.length ? tree(agent.child.pid)[1] : agent.child.pid; /* behind strace and the like */
		while ((await agent.json('GET', '/v1/plugins')).items.filter(p => p.state === 'active').length < plugins) await sleep(50);
		return agent;
	}

	stop() {
		this.http.destroy();
		process.kill(this.pid, 'SIGTERM');
		return this.ended;
	}

	request(method, path, body, headers = {}) {
		return new Promise((resolve, reject) => {
			const data = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
			const req = http.request({host: '127.0.0.1', port: this.port, method, path, agent: this.http,
				headers: data === undefined ? headers : {'content-type': 'application/json',
					'content-length': Buffer.byteLength(data), ...headers}}, res => {
				const parts = [];
				res.on('data', d => parts.push(d));
				res.on('error', reject);
				res.on('end', () => {
					const text = Buffer.concat(parts).toString();
					if (res.statusCode >= 400) reject(new Error(`${method} ${path}: ${res.statusCode} ${text}`));
					else resolve(text);
				});
			});
			req.on('error', reject);
			req.end(data);
		});
	}

	async json(method, path, body) {
		const text = await this.request(method, path, body);
		return text ? JSON.parse(text) : null;
	}

	async finish(id) {
		for (;;) {
			const task = await this.json('GET', `/v1/tasks/${id}?wait=30s`);
			if (task.state === 'succeeded') return task;
			if (['failed', 'cancelled', 'expired'].includes(task.state))
				throw new Error(`task ${id} ${task.state}: ${JSON.stringify(task.error)}`);
		}
	}

	async task(spec) {
		return this.finish((await this.json('POST', '/v1/tasks', spec)).id);
	}

	async rows(sql) {
		const text = await this.request('POST', '/v1/query', {sql, format: 'ndjson'});
		return text.split('\n').filter(Boolean).map(line => JSON.parse(line));
	}

	workers() {
		return tree(this.pid).filter(pid => pid !== this.pid);
	}

	// The largest that any process of the tree has ever been, in MB.
	peak() {
		return Math.max(...tree(this.pid).map(pid => field(pid, 'status', 'VmHWM'))) / 1024;
	}
}

// ---- numbers ---------------------------------------------------------------------------------------------

export function median(values) {
	const v = [...values].sort((a, b) => a - b), n = v.length;
	return n % 2 ? v[(n - 1) / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

export const spread = (values, digits = 2) =>
	`${median(values).toFixed(digits)} [${Math.min(...values).toFixed(digits)} .. ${Math.max(...values).toFixed(digits)}]`;

export const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));

export function machine() {
	const c = cpus();
	console.log(`machine: ${c.length} x ${c[0].model.trim()}, Linux ${readOr('/proc/sys/kernel/osrelease', '?').trim()}, node ${process.version}`);
}

export async function logs(dir, rows) {
	const path = join(dir, `log-${rows}.ndjson`);
	if (!existsSync(path)) await run('sh', ['-c', `exec "${program('bench/gen_logs')}" ${rows} > "${path}"`]);
	return path;
}

export const within = (value, limit) => value <= limit ? 'holds' : 'MISSED';
export const atLeast = (value, limit) => value >= limit ? 'holds' : 'MISSED';
