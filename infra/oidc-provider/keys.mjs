// Signing keys, made fresh at each start.

import { generateKeyPairSync, randomUUID } from 'node:crypto';

const makers = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  PS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
};

/** Makes a private key for `alg` as a JSON Web Key. */
export function makeKey(alg, kid = randomUUID()) {
  const make = makers[alg];
  if (!make) throw new Error(`no key for \`${alg}\`; known: ${Object.keys(makers).join(', ')}`);
  return { ...make().privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig' };
}
