// The intake endpoint as one writes it with fastify and Redis (`appendfsync always`).

import fastify from "fastify";
import Redis from "ioredis";
import { isSigned } from "./signed.mjs";

const redis = new Redis(Number(process.env.REDIS_PORT), "127.0.0.1", { enableAutoPipelining: true });
redis.defineCommand("enqueue", {
  numberOfKeys: 2,
  lua: `if redis.call("SET", KEYS[1], 1, "NX", "EX", 604800) then redis.call("RPUSH", KEYS[2], ARGV[1]) return 1 end return 0`,
});

const app = fastify();
app.addContentTypeParser("application/json", { parseAs: "string" }, (_, body, done) => done(null, body));
app.post("/hooks/:source", async (request, reply) => {
  if (!isSigned(request.headers, request.body)) return reply.code(401).send();
  JSON.parse(request.body);
  await redis.enqueue(`seen:${request.headers["webhook-id"]}`, "events", request.body);
  return reply.code(202).send();
});
await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
