// SPDX-License-Identifier: Apache-2.0
// Graphile Worker with batched completions: adds N no-op jobs 1,000 at a time and runs until all are done. Prints
// {"wall", "cpu"}; cpu is this process, the server's is counted by who starts this.
//
//   graphile.mjs CONNECTION-STRING N
import {makeWorkerUtils, run, Logger} from 'graphile-worker';

const [connectionString, n] = [process.argv[2], +process.argv[3]];
const logger = new Logger(() => () => {});
const utils = await makeWorkerUtils({connectionString, logger});
await utils.migrate();
let left = n, finished;
const done = new Promise(resolve => finished = resolve);
const before = process.resourceUsage(), start = process.hrtime.bigint();
for (let i = 0; i < n; i += 1000)
	await utils.addJobs(Array.from({length: Math.min(1000, n - i)}, () => ({identifier: 'noop', payload: {pad: 'x'.repeat(240)}})));
const runner = await run({connectionString, logger, concurrency: 24, noHandleSignals: true,
	taskList: {noop: () => { if (!--left) finished(); }},
	preset: {worker: {localQueue: {size: 500}, completeJobBatchDelay: 0, failJobBatchDelay: 0}}});
await done;
await runner.stop();
const end = process.hrtime.bigint(), after = process.resourceUsage();
await utils.release();
console.log(JSON.stringify({wall: Number(end - start) / 1e9,
	cpu: (after.userCPUTime + after.systemCPUTime - before.userCPUTime - before.systemCPUTime) / 1e6}));
