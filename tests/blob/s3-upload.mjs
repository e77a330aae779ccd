// SPDX-License-Identifier: Apache-2.0
// Puts a local folder into the bucket orasi-test of a store on this machine:
//   node s3-upload.mjs PORT FOLDER PREFIX
import { createRequire } from 'node:module';
import { readdirSync, readFileSync, statSync } from 'node:fs';

const aws4 = createRequire(process.env.ORASI_PEERS + '/package.json')('aws4');
const [port, folder, prefix] = process.argv.slice(2);
const host = `127.0.0.1:${port}`;
const encode = (s) => encodeURIComponent(s).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
const walk = (dir) => readdirSync(dir).flatMap((name) => (statSync(`${dir}/${name}`).isDirectory() ? walk(`${dir}/${name}`) : [`${dir}/${name}`]));

for (const file of walk(folder)) {
	const path = `/orasi-test/${prefix}/${file.slice(folder.length + 1).split('/').map(encode).join('/')}`, body = readFileSync(file);
	const call = aws4.sign({ service: 's3', region: 'us-east-1', method: 'PUT', host, path, body }, { accessKeyId: 'AKIDTEST', secretAccessKey: 'sekrit' });
	const answer = await fetch(`http://${host}${path}`, { method: 'PUT', headers: call.headers, body });
	if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
}
