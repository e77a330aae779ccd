#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Requests with all kinds of names and parameters are signed as npm's aws4 signs them.
. "$(dirname "$0")/../peers/lib.sh"

seed=${SEED:-$RANDOM}
result=$(node --input-type=module - "$BUILD/tests/blob/sign_tool" "$seed" <<'END' 2>&1
import { createRequire } from 'node:module';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
const aws4 = createRequire(process.env.ORASI_PEERS + '/package.json')('aws4');
const [tool, seed] = process.argv.slice(2);
let state = Number(seed) + 1;
const random = (n) => (state = (state * 48271) % 2147483647) % n;
const chars = [...'abcXYZ019-._~ !"#$%&\'()*+,/:;<=>?@[]^`{|}äß€😀'];
const word = (n) => Array.from({ length: 1 + random(n) }, () => chars[random(chars.length)]).join('');
const rfc = (s) => encodeURIComponent(s).replace(/[!'()*]/g, (c) => '%' + c.charCodeAt(0).toString(16).toUpperCase());
const cases = Array.from({ length: 500 }, () => {
	const segments = Array.from({ length: 1 + random(3) }, () => word(8).replaceAll('/', '') || 'x').filter((s) => s !== '.' && s !== '..');
	const query = [...new Map(Array.from({ length: random(4) }, () => [word(5), random(4) ? word(6) : '']))];
	const headers = [['host', 'h.example:9000'], ['x-amz-date', '20260101T000000Z'], ['x-amz-meta-a', `a${random(9)}  b `]];
	if (random(2)) headers.push(['if-none-match', '*']);
	const body = word(9);
	const hash = createHash('sha256').update(body).digest('hex');
	headers.push(['x-amz-content-sha256', hash]);
	return { method: ['GET', 'PUT', 'DELETE'][random(3)], path: '/' + (segments.join('/') || 'x'), query, headers, hash, time: '20260101T000000Z' };
});
const ours = spawnSync(tool, { input: cases.map((c) => JSON.stringify(c)).join('\n') + '\n', encoding: 'utf8' }).stdout.trim().split('\n');
let bad = 0;
cases.forEach((c, i) => {
	const path = '/' + c.path.slice(1).split('/').map(rfc).join('/');
	const query = c.query.map(([k, v]) => `${rfc(k)}=${rfc(v)}`).join('&');
	const request = { service: 's3', region: 'us-east-1', method: c.method, path: path + (query ? '?' + query : ''), headers: Object.fromEntries(c.headers) };
	aws4.sign(request, { accessKeyId: 'AKIDTEST', secretAccessKey: 'sekrit' });
	const wanted = request.headers.Authorization, got = ours[i].slice(ours[i].indexOf(' ') + 1);
	if (wanted !== got && bad++ < 3) console.log(JSON.stringify(c) + '\n' + wanted + '\n' + ours[i]);
});
console.log(bad ? `${bad} differ` : '500 alike');
END
)
same "500 random requests (seed $seed)" "500 alike" "$result"
done_testing
