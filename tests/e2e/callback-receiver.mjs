// SPDX-License-Identifier: Apache-2.0
// callback-receiver.mjs LOG SECRET PORT: a receiver of callbacks that answers as the path says (/200, /410, /302, /503once;
// /slow never) and notes each as a line of JSON, with whether its signature is right: by node:crypto, and by the package
// standardwebhooks where $ORASI_PEERS has it. Prints its port; with port 0 that is one that the kernel gives to nobody by
// itself, so that it is free when the receiver comes back.
import { appendFileSync } from "node:fs";
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const [, , log, secret, port] = process.argv;
let Webhook;
try {
	({ Webhook } = await import(`${process.env.ORASI_PEERS}/node_modules/standardwebhooks/dist/index.js`));
} catch {
	Webhook = null;
}

function isSigned(headers, body) {
	const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
	const message = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
	const wanted = Buffer.from(createHmac("sha256", key).update(message).digest("base64"));
	return (headers["webhook-signature"] ?? "").split(" ").some((signature) => {
		const got = Buffer.from(signature.replace(/^v1,/, ""));
		return got.length === wanted.length && timingSafeEqual(got, wanted);
	});
}

function peerSays(headers, body) {
	if (!Webhook) return null;
	try {
		new Webhook(secret).verify(body, headers);
		return true;
	} catch {
		return false;
	}
}

const seen = {};
const server = createServer((request, response) => {
	const chunks = [];
	request.on("data", (chunk) => chunks.push(chunk));
	request.on("end", () => {
		const body = Buffer.concat(chunks).toString();
		const id = request.headers["webhook-id"];
		const line = { url: request.url, headers: request.headers, signed: isSigned(request.headers, body), peer: peerSays(request.headers, body) };
		appendFileSync(log, JSON.stringify({ ...line, event: body ? JSON.parse(body) : null }) + "\n");
		seen[id] = (seen[id] ?? 0) + 1;
		if (request.url === "/slow") return;
		let status = Number(request.url.slice(1, 4)) || 200;
		if (request.url.endsWith("once") && seen[id] > 1) status = 200;
		response.writeHead(status, status === 302 ? { location: "/200/followed" } : {});
		response.end();
	});
});
const listen = () => server.listen(Number(port) || 20000 + Math.floor(Math.random() * 12000), "127.0.0.1");
server.on("listening", () => console.log(server.address().port));
server.on("error", (error) => {
	if (error.code !== "EADDRINUSE") throw error;
	setTimeout(listen, 20);
});
listen();
