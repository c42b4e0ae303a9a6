// Evaluates the lines it is given, each an expression, and prints what comes of them as JSON.
import { createInterface } from "node:readline";
import * as onhand from "../../web-static/onhand.js";

globalThis.onhand = onhand;
await import("./follower.js");

for await (const line of createInterface({ input: process.stdin })) {
  const outcome = await Promise.resolve().then(() => (0, eval)(JSON.parse(line)))
    .then((value) => ({ value: value ?? null }), (error) => ({ error: String(error) }));
  console.log(JSON.stringify(outcome));
}
process.exit();
