// Proof Key for Code Exchange (RFC 7636), and the random texts that tie an answer to its question.

/** What one sign-in must remember until the issuer sends the reader back. */
export interface Proof {
  verifier: string;
  state: string;
  nonce: string;
}

/** Makes fresh random texts of 256 bits each. */
export function makeProof(): Proof {
  return { verifier: randomText(), state: randomText(), nonce: randomText() };
}

/** Returns the challenge `S256` of a verifier. */
export async function challengeOf(verifier: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
  return base64url(new Uint8Array(digest));
}

function randomText(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

/** Writes bytes in base64 for addresses, without padding (RFC 4648, section 5). */
export function base64url(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}

/** Reads the claims of a JWT, unproved; `undefined` when it is none. */
export function claimsOf(token: string): Record<string, unknown> | undefined {
  try {
    const part = (token.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/');
    const bytes = Uint8Array.from(atob(part), (it) => it.charCodeAt(0));
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof claims === 'object' && claims !== null ? (claims as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
