// SPDX-License-Identifier: Apache-2.0
// A proxy in front of an S3 store that spoils some of what passes, as networks and stores do:
//   node s3-proxy.mjs PORT RATE SEED     prints its own port and, for every spoiled request, how
// lost: the store never hears of it; unheard: the store does it and nobody is told; cut: half of the answer; 500, 503;
// 409: another conditional write is said to be under way. No more than four in a row of one request: with six tries each
// gets through in the end, whatever the seed.
import { createServer, request } from 'node:http';

const [port, rate, seed] = process.argv.slice(2).map(Number);
let state = (seed % 2147483646) + 1;
const random = () => (state = (state * 48271) % 2147483647) / 2147483647;

function pass(req, res, body, then) {
	const onward = request({ host: '127.0.0.1', port, method: req.method, path: req.url, headers: req.headers }, (answer) => {
		const chunks = [];
		answer.on('data', (chunk) => chunks.push(chunk));
		answer.on('end', () => then(answer, Buffer.concat(chunks)));
	});
	onward.on('error', () => res.destroy());
	onward.end(body);
}

const tell = (res) => (answer, text) => {
	res.writeHead(answer.statusCode, answer.rawHeaders);
	res.end(text);
};
const error = (status, code) => (req, res) => {
	res.writeHead(status);
	res.end(req.method === 'HEAD' ? undefined : `<Error><Code>${code}</Code></Error>`);
};
const faults = {
	lost: (req, res) => res.destroy(),
	unheard: (req, res, body) => pass(req, res, body, () => res.destroy()),
	cut: (req, res, body) => pass(req, res, body, (answer, text) => {
		res.writeHead(answer.statusCode, answer.rawHeaders);
		res.write(text.subarray(0, text.length / 2));
		res.socket.end();
		res.destroy();
	}),
	500: error(500, 'InternalError'),
	503: error(503, 'SlowDown'),
	'500 though done': (req, res, body) => pass(req, res, body, () => error(500, 'InternalError')(req, res)),
	409: (req, res, body) => (req.headers['if-none-match'] ? error(409, 'ConditionalRequestConflict')(req, res)
		: pass(req, res, body, tell(res))),
};
const names = Object.keys(faults);
const IN_A_ROW = 4;
const spoiled = new Map();

function isSpared(req) {
	const key = `${req.method} ${req.url}`, n = spoiled.get(key) ?? 0;
	const spare = n >= IN_A_ROW || random() >= rate;
	spoiled.set(key, spare ? 0 : n + 1);
	return spare;
}

const server = createServer((req, res) => {
	const chunks = [];
	req.on('data', (chunk) => chunks.push(chunk));
	req.on('end', () => {
		const body = Buffer.concat(chunks);
		if (isSpared(req)) return pass(req, res, body, tell(res));
		const name = names[Math.floor(random() * names.length)];
		console.log(`${name} ${req.method} ${req.url}`);
		faults[name](req, res, body);
	});
});
server.keepAliveTimeout = 60000;
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
