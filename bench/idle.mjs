// SPDX-License-Identifier: Apache-2.0
// What an idle agent costs: memory, processor time, wake-ups, system calls.
//
//   node bench/idle.mjs [seconds]
//
// Memory of the agent is its resident set (VmRSS). Workers map libraries that the agent has resident already, so what
// they add to the machine is the PSS of the whole tree (pages that n processes map count 1/n in each) minus what the
// agent would have alone, its VmRSS. Wake-ups are voluntary context switches of all threads.
import {spawnSync} from 'node:child_process';
import {join} from 'node:path';
import {Agent, command, cpu, field, machine, scratch, sleep, switches, tree, within} from './lib.mjs';

const seconds = +(process.argv[2] ?? 15);
const dir = scratch();
const pss = pids => pids.reduce((sum, pid) => sum + field(pid, 'smaps_rollup', 'Pss'), 0) / 1024;
const private_ = pids => pids.reduce((sum, pid) => sum + field(pid, 'smaps_rollup', 'Private_Clean') +
	field(pid, 'smaps_rollup', 'Private_Dirty'), 0) / 1024;

machine();
const agent = await Agent.start(join(dir, 'agent'));
await agent.task({kind: 'ingest', dataset: 'd', source: {inline: '{"a":1,"b":"x"}\n'}});
await agent.rows('SELECT * FROM d');
await sleep(3000);
const workers = agent.workers();
for (const pid of tree(agent.pid))
	console.log(`${command(pid).slice(0, 60).padEnd(62)} VmRSS ${(field(pid, 'status', 'VmRSS') / 1024).toFixed(1)} MB, ` +
		`PSS ${pss([pid]).toFixed(1)}, private ${private_([pid]).toFixed(1)}`);
const rss = field(agent.pid, 'status', 'VmRSS') / 1024;
console.log(`agent: ${rss.toFixed(1)} MB resident (at most 10: ${within(rss, 10)})`);
const more = pss(tree(agent.pid)) - rss;
console.log(`${workers.length} warm workers: ${more.toFixed(1)} MB more (at most 4: ${within(more, 4)}); ` +
	`${pss(workers).toFixed(1)} MB by PSS, ${private_(workers).toFixed(1)} MB private`);

const pids = tree(agent.pid), before = cpu(agent.pid), woken = pids.map(switches);
await sleep(seconds * 1000);
const used = cpu(agent.pid) - before, wakes = pids.map((pid, i) => switches(pid) - woken[i]);
console.log(`idle for ${seconds} s: ${used.toFixed(2)} CPU s (0: ${within(used, 0)}); wake-ups a second: ` +
	wakes.map(n => (n / seconds).toFixed(2)).join(', ') + ` (at most 1 in all: ${within(wakes.reduce((a, b) => a + b) / seconds, 1)})`);

const trace = spawnSync('timeout', ['-s', 'INT', String(seconds), 'strace', '-f', '-c', ...pids.flatMap(pid => ['-p', String(pid)])],
	{encoding: 'utf8'});
const calls = (trace.stderr ?? '').split('\n').filter(line => /^\s*[\d.]+\s/.test(line) && !line.includes('total'))
	.map(line => line.trim().split(/\s+/)).map(f => `${f.at(-1)} ${f[3]}`);
console.log(trace.error || /ermission|attach/.test(trace.stderr) && !calls.length ? 'strace is not here: system calls were not counted' :
	`system calls in ${seconds} s: ${calls.join(', ') || 'none'}; syncs: ${calls.filter(c => /sync/.test(c)).join(', ') || 'none'}`);
await agent.stop();
