// What both fastify peers share: the check of a Standard Webhooks signature.

import { createHmac, timingSafeEqual } from "node:crypto";

const secret = Buffer.from(process.env.SECRET, "base64");

export function isSigned(headers, body) {
  const timestamp = Number(headers["webhook-timestamp"]);
  if (!(Math.abs(Date.now() / 1000 - timestamp) <= 300)) return false;
  const hmac = createHmac("sha256", secret)
    .update(`${headers["webhook-id"]}.${timestamp}.`)
    .update(body)
    .digest("base64");
  const wanted = Buffer.from(`v1,${hmac}`);
  const given = Buffer.from(headers["webhook-signature"] ?? "");
  return wanted.length === given.length && timingSafeEqual(wanted, given);
}
