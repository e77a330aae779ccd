// SPDX-License-Identifier: Apache-2.0
// Asks an agent for everything that its OpenAPI document describes, and holds every answer against the document:
// status, media type and, by a JSON Schema validator, the body; the bodies that are sent as well.
//   node contract.mjs PEERS URL        PEERS: the folder with node_modules
// Prints TAP. An operation that no step asks for, or that never succeeded in each way it promises, fails the test.
import { createRequire } from "node:module";

const [peers, base] = process.argv.slice(2);
const require = createRequire(`${peers}/x.js`);
const Ajv = require("ajv/dist/2020.js").default;
const formats = require("ajv-formats").default;

let tests = 0;
function ok(good, name, detail) {
	console.log(`${good ? "ok" : "not ok"} ${++tests} - ${name.replaceAll("#", "")}`);
	if (!good && detail) console.log(String(detail).split("\n").map((line) => `#   ${line}`).join("\n"));
}

const document = await (await fetch(`${base}/v1/openapi.json`)).json();
const ajv = new Ajv({ strict: false, allErrors: true });
formats(ajv);
for (const name of ["bytes", "duration", "timestamp"]) ajv.addFormat(name, true);
ajv.addSchema({ $id: "api", ...document });

const operations = new Map();
for (const [path, methods] of Object.entries(document.paths))
	for (const [method, operation] of Object.entries(methods))
		operations.set(operation.operationId, { path, method: method.toUpperCase(), ...operation, seen: new Set() });

// Resolves references inside the document: a schema is looked up by its pointer.
const pointer = (...parts) => `api#/${parts.map((p) => p.replaceAll("~", "~0").replaceAll("/", "~1")).map(encodeURIComponent).join("/")}`;
function problems(schemaAt, value) {
	const validate = ajv.compile({ $ref: schemaAt });
	return validate(value) ? null : ajv.errorsText(validate.errors, { separator: "\n" });
}

function responseAt(operation, status) {
	const at = operation.responses[status] ? String(status) : `${Math.floor(status / 100)}XX`;
	const response = operation.responses[at];
	if (!response) return {};
	return response.$ref ? { response: document.components.responses.Problem, at: ["components", "responses", "Problem"] }
		: { response, at: ["paths", operation.path, operation.method.toLowerCase(), "responses", at] };
}

// What is wrong with the answer, or null.
function judge(operation, status, type, text) {
	const { response, at } = responseAt(operation, status);
	if (!response) return `status ${status} is not documented`;
	if (!response.content) return text === "" ? null : `a body of ${text.length} bytes is not documented`;
	const media = response.content[type];
	if (!media) return `media type ${type} is not documented`;
	if (!type.includes("json") || type.includes("ndjson")) return null;
	return problems(pointer(...at, "content", type, "schema"), JSON.parse(text));
}

// Reads until the end, or until `enough` says so (event streams).
async function readBody(response, enough) {
	if (!enough) return response.text();
	let text = "";
	const decoder = new TextDecoder();
	for await (const piece of response.body) {
		text += decoder.decode(piece, { stream: true });
		if (enough(text)) break;
	}
	return text;
}

// One request of an operation. `sent`: body; returns the parsed answer.
export async function ask(id, wanted, { path = {}, query = "", headers = {}, sent, raw, enough } = {}) {
	const operation = operations.get(id);
	const name = `${id} ${wanted}`;
	if (!operation) return ok(false, `${name}: there is no such operation`);
	const target = operation.path.replace(/\{(\w+)\}/g, (_, key) => encodeURIComponent(path[key]));
	const body = raw ?? (sent === undefined ? undefined : JSON.stringify(sent));
	if (sent !== undefined) headers = { "content-type": "application/json", ...headers };
	const response = await fetch(base + target + query, { method: operation.method, headers, body });
	const text = await readBody(response, enough);
	const type = (response.headers.get("content-type") ?? "").split(";")[0];
	const wrong = response.status === wanted ? judge(operation, response.status, type, text)
		: `status ${response.status}: ${text.slice(0, 600)}`;
	ok(!wrong, `${name}: ${operation.method} ${target}${query}`, wrong);
	if (!wrong) operation.seen.add(String(wanted));
	if (!wrong && sent !== undefined && wanted < 300) {
		const bad = problems(pointer("paths", operation.path, operation.method.toLowerCase(), "requestBody", "content",
			"application/json", "schema"), sent);
		ok(!bad, `${name}: what was accepted is what the document allows`, bad);
	}
	return { status: response.status, headers: response.headers, text, json: type.includes("json") && !type.includes("nd") ? JSON.parse(text) : null };
}

export const base_url = base;
export const steps = (await import("./contract-steps.mjs")).default;
await steps(ask);

// A success that is documented has been seen; so has every operation.
for (const [id, operation] of operations) {
	const promised = Object.keys(operation.responses).filter((status) => /^[23]\d\d$/.test(status));
	const missing = promised.filter((status) => !operation.seen.has(status));
	ok(!missing.length, `${id} has been seen to do all it promises`, `never answered ${missing.join(", ")}`);
}
console.log(`1..${tests}`);
