// The intake endpoint as one writes it with fastify and Node's own SQLite: verify, dedupe, store durably.

import { DatabaseSync } from "node:sqlite";
import fastify from "fastify";
import { isSigned } from "./signed.mjs";

const database = new DatabaseSync(process.env.DATABASE);
database.exec("PRAGMA journal_mode = WAL");
database.exec("PRAGMA synchronous = FULL");
database.exec("CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, body TEXT NOT NULL)");
const insert = database.prepare("INSERT OR IGNORE INTO events VALUES (?, ?)");

const app = fastify();
app.addContentTypeParser("application/json", { parseAs: "string" }, (_, body, done) => done(null, body));
app.post("/hooks/:source", (request, reply) => {
  if (!isSigned(request.headers, request.body)) return reply.code(401).send();
  JSON.parse(request.body);
  insert.run(request.headers["webhook-id"], request.body);
  return reply.code(202).send();
});
await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
