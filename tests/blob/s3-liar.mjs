// SPDX-License-Identifier: Apache-2.0
// A proxy in front of an S3 store that says what is not true, of one kind at a time:
//   node s3-liar.mjs PORT FILE     prints its own port; FILE holds the name of a lie below, or nothing
import { createServer, request } from 'node:http';
import { readFileSync } from 'node:fs';

const [port, file] = [Number(process.argv[2]), process.argv[3]];
const isList = (req) => /list-type=2/.test(req.url);
const isData = (req) => /\.parquet/.test(req.url) && !isList(req);
const isLog = (req) => /_delta_log\/\d+\.json$/.test(req.url);

function pass(req, body, then) {
	const onward = request({ host: '127.0.0.1', port, method: req.method, path: req.url, headers: req.headers }, (answer) => {
		const chunks = [];
		answer.on('data', (chunk) => chunks.push(chunk));
		answer.on('end', () => then(answer, Buffer.concat(chunks)));
	});
	onward.end(body);
}
const answer = (res, status, headers, text, isHead) => {
	res.writeHead(status, isHead ? headers : { ...headers, 'content-length': text.length });
	res.end(isHead ? undefined : text);
};

// Of the answers that `of` says: another text, other headers.
const text = (of, change) => ({ of, change: (req, res, given, body) => answer(res, given.statusCode, given.headers, Buffer.from(change(body))) });
const length = (n) => ({
	of: (req) => req.method === 'HEAD' && isData(req),
	change: (req, res, given) => {
		const { 'content-length': _, ...headers } = given.headers;
		answer(res, 200, n === undefined ? headers : { ...headers, 'content-length': n }, '', true);
	},
});
const ranges = (req) => req.headers.range && isData(req);
const entries = (body, change) => {
	const all = body.toString().match(/<Contents>.*?<\/Contents>/gs) ?? [];
	return body.toString().replace(all.join(''), change(all).join(''));
};
const withoutEnd = (res, status) => {
	res.writeHead(status, {});
	const more = () => res.write(Buffer.alloc(1 << 20)) && !res.destroyed && setImmediate(more);
	res.on('drain', more);
	more();
};
const lies = {
	'fewer bytes than were asked for': text(ranges, (body) => body.subarray(0, body.length / 2)),
	'more bytes than were asked for': text(ranges, (body) => Buffer.concat([body, Buffer.alloc(1000)])),
	'no bytes': text(ranges, () => ''),
	'other bytes': text(ranges, (body) => body.map((c) => c ^ 0x55)),
	'bytes without end': { of: ranges, instead: (req, res) => withoutEnd(res, 206) },
	'all for a part': { of: ranges, change: (req, res, given, body) => answer(res, 200, { etag: given.headers.etag }, body) },
	'a file is smaller': length(5),
	'a file is larger': length(99999999),
	'a file has no size': length(),
	'a list without end': text(isList, (body) => body.toString().replace('<IsTruncated>false</IsTruncated>',
		'<IsTruncated>true</IsTruncated><NextContinuationToken>again</NextContinuationToken>')),
	'a list that is none': text(isList, () => '{"keys": []}'),
	'an empty answer to a list': text(isList, () => ''),
	'a list of everything twice': text(isList, (body) => entries(body, (all) => all.flatMap((e) => [e, e]))),
	'a list the wrong way round': text(isList, (body) => entries(body, (all) => all.reverse())),
	'a list that lacks an entry': text(isList, (body) => entries(body, (all) => all.filter((e) => !/0001\.json/.test(e)))),
	'another text for an entry': text((req) => isLog(req) && req.method === 'GET', () => '<html>hello</html>'),
	'it is somewhere else': { of: () => true, instead: (req, res) => answer(res, 307, { location: 'http://127.0.0.1:1/' }, '') },
	'an entry is there': { of: (req) => isLog(req) && req.method === 'PUT', instead: (req, res) => answer(res, 412, {}, '<Error><Code>PreconditionFailed</Code></Error>') },
};

const server = createServer((req, res) => {
	const chunks = [];
	req.on('data', (chunk) => chunks.push(chunk));
	req.on('end', () => {
		const lie = lies[readFileSync(file, 'utf8').trim()];
		const told = lie?.of(req);
		if (told && lie.instead) return lie.instead(req, res);
		pass(req, Buffer.concat(chunks), (given, body) => (told ? lie.change(req, res, given, body)
			: answer(res, given.statusCode, given.headers, body, req.method === 'HEAD')));
	});
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
