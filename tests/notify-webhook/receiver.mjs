// SPDX-License-Identifier: Apache-2.0
// receiver.mjs LOG: a server that answers as the path says (/429, /302, …; /slow never, /large with 5 MiB) and notes each
// request as a line of JSON. Prints its port.
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";

const log = process.argv[2];
let seen = {};
const server = createServer((request, response) => {
	const chunks = [];
	request.on("data", (chunk) => chunks.push(chunk));
	request.on("end", () => {
		const body = Buffer.concat(chunks).toString();
		const id = request.headers["webhook-id"];
		appendFileSync(log, JSON.stringify({ method: request.method, url: request.url, headers: request.headers, body }) + "\n");
		seen[id] = (seen[id] ?? 0) + 1;
		if (request.url === "/slow") return;
		if (request.url === "/large") return response.end(Buffer.alloc(5 << 20, 65));
		let status = Number(request.url.slice(1, 4)) || 200;
		if (request.url.endsWith("once") && seen[id] > 1) status = 200;
		const headers = status === 302 ? { location: "/200" } : { "x-odd": "a:b" };
		response.writeHead(status, headers);
		response.end(`answer ${status}`);
	});
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
