// Fails when the JavaScript of `dist/` weighs more than its budget after gzip.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const MAX_JS_BYTES = 60_000;
const dist = new URL('../dist/', import.meta.url).pathname;

let total = 0;
for (const name of readdirSync(dist, { recursive: true }).map(String).sort()) {
  if (!name.endsWith('.js')) continue;
  const size = gzipSync(readFileSync(join(dist, name)), { level: 9 }).length;
  total += size;
  console.log(`${String(size).padStart(8)}  ${name}`);
}
console.log(`${String(total).padStart(8)}  all JavaScript after gzip, in bytes; ${MAX_JS_BYTES} are allowed`);
process.exitCode = total > 0 && total <= MAX_JS_BYTES ? 0 : 1;
