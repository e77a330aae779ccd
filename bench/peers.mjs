// SPDX-License-Identifier: Apache-2.0
// Servers that our queue is measured against, each on a scratch folder and on loopback.
import {spawn, spawnSync} from 'node:child_process';
import {chownSync, existsSync, mkdirSync, readFileSync, readdirSync} from 'node:fs';
import {createServer, connect} from 'node:net';
import {join} from 'node:path';
import {sleep, tree} from './lib.mjs';

export function freePort() {
	return new Promise(resolve => {
		const server = createServer().listen(0, '127.0.0.1', () => {
			const {port} = server.address();
			server.close(() => resolve(port));
		});
	});
}

export async function reachable(port) {
	for (let i = 0; i < 200; i++) {
		const ok = await new Promise(resolve => {
			const socket = connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true); });
			socket.on('error', () => resolve(false));
		});
		if (ok) return;
		await sleep(50);
	}
	throw new Error(`nothing listens on port ${port}`);
}

// A program, behind others such as strace; `pid` is its own.
export async function launch(command, wrap = [], options = {}) {
	const all = [...wrap, ...command];
	const child = spawn(all[0], all.slice(1), {stdio: 'ignore', ...options});
	const ended = new Promise(resolve => child.on('close', resolve));
	process.on('exit', () => child.kill('SIGKILL'));
	let pid = child.pid;
	for (let i = 0; wrap.length && i < 100; i++) {
		await sleep(20);
		const found = tree(child.pid)[1];
		if (found) {
			pid = found;
			break;
		}
	}
	return {child, pid, ended};
}

// The calls that strace -c counted.
export const syncs = text => text.split('\n').filter(line => /sync/.test(line))
	.reduce((sum, line) => sum + +line.trim().split(/\s+/)[3], 0);

export class Beanstalkd {
	name = 'beanstalkd';
	target = 'beanstalkd';
	constructor(dir, sync = 0) {
		this.dir = join(dir, 'beanstalkd');
		this.sync = sync;
		mkdirSync(this.dir, {recursive: true});
	}
	async start(wrap) {
		const port = await freePort();
		Object.assign(this, await launch(['beanstalkd', '-l', '127.0.0.1', '-p', String(port), '-b', this.dir, `-f${this.sync}`], wrap));
		await reachable(port);
		this.address = `127.0.0.1:${port}`;
	}
	async stop() {
		process.kill(this.pid, 'SIGTERM');
		await this.ended;
	}
}

export class PostgreSQL {
	name = 'PostgreSQL';
	target = 'postgresql';
	constructor(dir) {
		const root = '/usr/lib/postgresql';
		this.bin = join(root, readdirSync(root).sort((a, b) => b - a)[0], 'bin');
		this.dir = join(dir, 'postgresql');
		// It refuses to run as root.
		this.as = process.getuid() ? {} : {uid: +spawnSync('id', ['-u', 'postgres']).stdout, gid: +spawnSync('id', ['-g', 'postgres']).stdout};
		spawnSync('chmod', ['755', dir]);
	}
	exec(program, args) {
		const r = spawnSync(join(this.bin, program), args, {...this.as, encoding: 'utf8', cwd: '/'});
		if (r.status) throw new Error(`${program}: ${r.stderr}`);
		return r.stdout;
	}
	async start(wrap) {
		const port = await freePort();
		const fresh = !existsSync(this.dir);
		if (fresh) {
			mkdirSync(this.dir);
			if (this.as.uid) chownSync(this.dir, this.as.uid, this.as.gid);
			this.exec('initdb', ['-D', this.dir, '-A', 'trust', '-U', 'bench', '-E', 'UTF8', '--no-locale']);
		}
		Object.assign(this, await launch([join(this.bin, 'postgres'), '-D', this.dir, '-p', String(port), '-c', 'listen_addresses=127.0.0.1',
			'-c', 'unix_socket_directories=', '-c', 'max_connections=200', '-c', 'shared_buffers=256MB', '-c', 'max_wal_size=4GB'],
			wrap, {...this.as, cwd: '/'}));
		await reachable(port);
		this.port = port;
		this.address = `host=127.0.0.1 port=${port} user=bench dbname=postgres`;
		for (let i = 0; i < 100; i++) {
			const r = spawnSync(join(this.bin, 'pg_isready'), ['-h', '127.0.0.1', '-p', String(port)]);
			if (!r.status) break;
			await sleep(50);
		}
		if (fresh) this.sql(`CREATE TABLE task (id bigserial PRIMARY KEY, queue text NOT NULL DEFAULT 'default', state int NOT NULL DEFAULT 0,
			created timestamptz NOT NULL DEFAULT now(), body text NOT NULL)`);
	}
	sql(text) {
		const r = spawnSync('psql', [this.address, '-qtAc', text], {encoding: 'utf8'});
		if (r.status) throw new Error(r.stderr);
		return r.stdout.trim();
	}
	async stop() {
		const pid = +readFileSync(join(this.dir, 'postmaster.pid'), 'utf8').split('\n')[0];
		process.kill(pid, 'SIGINT');
		await this.ended;
	}
}
