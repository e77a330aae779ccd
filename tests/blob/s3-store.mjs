// SPDX-License-Identifier: Apache-2.0
// A small S3 store in memory for machines without a real one: it checks every signature (with npm's aws4), honours
// If-None-Match, lists, reads ranges and takes uploads in parts; and it plays the metadata of an instance.
//   node s3-store.mjs [STALL]     prints its port; keys AKIDTEST and sekrit; any bucket exists. While there is a file STALL, with "N REGEX"
//                                 in it, requests whose "METHOD /path?query" fits get no answer and do nothing, but for the first N
import { createRequire } from 'node:module';
import { createServer } from 'node:http';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';

const aws4 = createRequire(process.env.ORASI_PEERS + '/package.json')('aws4');
const keys = { accessKeyId: 'AKIDTEST', secretAccessKey: 'sekrit' };
const stall = process.argv[2];
let passing = '', passed = 0;
const objects = new Map(); // "bucket/key" → {body, modified}
const uploads = new Map();
let lastUpload = 0;
let lastToken = 0;

const escape = (s) => s.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
const etag = (body) => `"${createHash('md5').update(body).digest('hex')}"`;

function refuse(res, status, code, message = code) {
	res.writeHead(status, { 'content-type': 'application/xml' });
	res.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`);
}

function isSigned(req, body) {
	const given = req.headers.authorization ?? '';
	const signed = /SignedHeaders=([^,]+)/.exec(given)?.[1].split(';') ?? [];
	if (!['host', 'x-amz-content-sha256', 'x-amz-date'].every((h) => signed.includes(h))) return 'AccessDenied';
	if (req.headers['x-amz-content-sha256'] !== createHash('sha256').update(body).digest('hex')) return 'XAmzContentSHA256Mismatch';
	const token = req.headers['x-amz-security-token'];
	if (token && (!signed.includes('x-amz-security-token') || token !== `session-${lastToken}`)) return 'InvalidToken';
	const headers = Object.fromEntries(signed.map((h) => [h, req.headers[h]]));
	const again = { service: 's3', region: 'us-east-1', method: req.method, path: req.url, headers, extraHeadersToInclude: { range: true } };
	aws4.sign(again, keys);
	return again.headers.Authorization === given ? null : 'SignatureDoesNotMatch';
}

function isStalled(request) {
	const text = stall && existsSync(stall) ? readFileSync(stall, 'utf8').trim() : '';
	const [, n, pattern] = /^(\d+) (.*)$/.exec(text) ?? [];
	passed = text === passing ? passed : 0;
	passing = text;
	return pattern !== undefined && new RegExp(pattern).test(request) && passed++ >= Number(n);
}

function list(res, bucket, query) {
	const prefix = query.get('prefix') ?? '', delimiter = query.get('delimiter');
	const after = query.get('continuation-token') ?? query.get('start-after') ?? '';
	const size = 100; // small pages, so that they are turned
	const entries = [], folders = new Set();
	let truncated = false, last = '';
	for (const full of [...objects.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))) {
		if (!full.startsWith(`${bucket}/`)) continue;
		const key = full.slice(bucket.length + 1);
		if (!key.startsWith(prefix)) continue;
		const cut = delimiter ? key.indexOf(delimiter, prefix.length) : -1;
		const shown = cut >= 0 ? key.slice(0, cut + 1) : key;
		if (Buffer.compare(Buffer.from(shown), Buffer.from(after)) <= 0 || folders.has(shown)) continue;
		if (entries.length === size) {
			truncated = true;
			break;
		}
		if (cut >= 0) folders.add(shown);
		entries.push(cut >= 0 ? `<CommonPrefixes><Prefix>${escape(shown)}</Prefix></CommonPrefixes>`
			: `<Contents><Key>${escape(key)}</Key><Size>${objects.get(full).body.length}</Size></Contents>`);
		last = shown;
	}
	res.writeHead(200, { 'content-type': 'application/xml' });
	res.end(`<?xml version="1.0"?><ListBucketResult><IsTruncated>${truncated}</IsTruncated>${
		truncated ? `<NextContinuationToken>${escape(last)}</NextContinuationToken>` : ''}${entries.join('')}</ListBucketResult>`);
}

function read(req, res, name) {
	const object = objects.get(name);
	if (!object) return req.method === 'HEAD' ? res.writeHead(404).end() : refuse(res, 404, 'NoSuchKey');
	const range = /^bytes=(\d+)-(\d+)$/.exec(req.headers.range ?? '');
	const headers = { etag: etag(object.body), 'last-modified': object.modified };
	if (!range) {
		res.writeHead(200, { ...headers, 'content-length': object.body.length });
		return res.end(req.method === 'HEAD' ? undefined : object.body);
	}
	const part = object.body.subarray(Number(range[1]), Number(range[2]) + 1);
	res.writeHead(206, { ...headers, 'content-length': part.length });
	res.end(part);
}

function write(req, res, name, body, query) {
	const upload = query.get('uploadId');
	if (upload) {
		const parts = uploads.get(upload);
		if (!parts) return refuse(res, 404, 'NoSuchUpload');
		parts[Number(query.get('partNumber'))] = body;
		return res.writeHead(200, { etag: etag(body) }).end();
	}
	if (req.headers['if-none-match'] === '*' && objects.has(name)) return refuse(res, 412, 'PreconditionFailed');
	objects.set(name, { body, modified: new Date().toUTCString() });
	res.writeHead(200, { etag: etag(body) }).end();
}

function listUploads(res, bucket, query) {
	const found = [...uploads].filter(([, parts]) => parts.name.startsWith(`${bucket}/${query.get('prefix') ?? ''}`));
	res.writeHead(200, { 'content-type': 'application/xml' });
	res.end(`<?xml version="1.0"?><ListMultipartUploadsResult><IsTruncated>false</IsTruncated>${found.map(([id, parts]) =>
		`<Upload><Key>${escape(parts.name.slice(bucket.length + 1))}</Key><UploadId>${id}</UploadId><Initiated>${parts.begun}</Initiated></Upload>`).join('')}</ListMultipartUploadsResult>`);
}

function post(req, res, name, query) {
	if (query.has('uploads')) {
		const id = `u${++lastUpload}`;
		uploads.set(id, Object.assign([], { name, begun: new Date().toISOString() }));
		return res.end(`<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
	}
	const parts = uploads.get(query.get('uploadId'));
	if (!parts) return refuse(res, 404, 'NoSuchUpload');
	if (req.headers['if-none-match'] === '*' && objects.has(name)) return refuse(res, 412, 'PreconditionFailed');
	objects.set(name, { body: Buffer.concat(parts.filter(Boolean)), modified: new Date().toUTCString() });
	uploads.delete(query.get('uploadId'));
	res.end('<CompleteMultipartUploadResult></CompleteMultipartUploadResult>');
}

function metadata(req, res, path) {
	const role = '/latest/meta-data/iam/security-credentials/';
	// A container's, which asks for a word of its own, and whose keys are good with a token only and soon too old.
	if (path === '/latest/container') {
		if (req.headers.authorization !== 'word') return res.writeHead(401).end();
		return res.end(JSON.stringify({ AccessKeyId: keys.accessKeyId, SecretAccessKey: keys.secretAccessKey, Token: `session-${++lastToken}`,
			Expiration: new Date(Date.now() + 60000).toISOString() }));
	}
	if (path === '/latest/api/token' && req.method === 'PUT') return res.end('token');
	if (req.headers['x-aws-ec2-metadata-token'] !== 'token') return res.writeHead(401).end();
	if (path === role) return res.end('the-role\n');
	res.end(JSON.stringify({ AccessKeyId: keys.accessKeyId, SecretAccessKey: keys.secretAccessKey,
		Expiration: new Date(Date.now() + 3600000).toISOString() }));
}

const server = createServer((req, res) => {
	const chunks = [];
	req.on('data', (chunk) => chunks.push(chunk));
	req.on('end', () => {
		if (isStalled(`${req.method} ${req.url}`)) return undefined;
		const body = Buffer.concat(chunks);
		const [path, text] = req.url.split('?');
		const query = new URLSearchParams((text ?? '').replaceAll('+', '%2B'));
		const name = decodeURIComponent(path).slice(1), slash = name.indexOf('/');
		if (path.startsWith('/latest/')) return metadata(req, res, path);
		const bad = isSigned(req, body);
		if (bad) return refuse(res, bad === 'XAmzContentSHA256Mismatch' ? 400 : 403, bad);
		if (req.method === 'GET' && query.has('uploads')) return listUploads(res, name.replace(/\/$/, ''), query);
		if (req.method === 'GET' && (slash < 0 || slash === name.length - 1)) return list(res, name.replace(/\/$/, ''), query);
		if (req.method === 'GET' || req.method === 'HEAD') return read(req, res, name);
		if (req.method === 'PUT') return write(req, res, name, body, query);
		if (req.method === 'POST') return post(req, res, name, query);
		if (query.has('uploadId')) uploads.delete(query.get('uploadId'));
		else objects.delete(name);
		res.writeHead(204).end();
	});
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
