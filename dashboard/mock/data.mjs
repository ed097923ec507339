// Makes the mock's records: the same ones at every start, in the shapes of the analytics API.
import { createHash } from 'node:crypto';

const SURNAMES = ['Alvarez', 'Brandt', 'Chen', 'Dubois', 'Eriksen', 'Farouk', 'Grant', 'Haddad', 'Ivanov', 'Jensen', 'Kovacs', 'Lindgren', 'Moreau', 'Nakamura', 'Okafor', 'Petrov', 'Quinn', 'Rossi', 'Santos', 'Tanaka', 'Ueda', 'Varga', 'Weiss', 'Xu', 'Young', 'Zimmer'];
const GIVEN = ['Amara', 'Ben', 'Clara', 'Dmitri', 'Elena', 'Felix', 'Grace', 'Hugo', 'Ines', 'Jonas', 'Keiko', 'Liam', 'Mara', 'Noor', 'Oscar', 'Priya'];
const COURTS = ['Superior Court of King County', 'Circuit Court of Cook County', 'U.S. District Court, S.D.N.Y.', 'Family Court of Kings County', 'District Court of Travis County', 'Probate Court of Suffolk County'];
const AREAS = ['Family Law', 'Contract', 'Employment', 'Real Estate', 'Personal Injury', 'Immigration', 'Estate Planning', 'Criminal Defense', 'Other'];
export const STATUSES = ['New', 'Intake', 'Active', 'Discovery', 'Mediation', 'Trial', 'On Hold', 'Settled', 'Closed'];
const WEIGHTS = [6, 7, 22, 14, 8, 5, 4, 12, 22];
const PRIORITIES = ['High', 'Medium', 'Medium', 'Low'];
export const SYSTEM = { connection: 'main-org', object: 'Case' };

/** Returns a source of numbers in 0..1 that is the same for the same seed. */
export function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export const sha256 = (text) => createHash('sha256').update(text).digest('hex');

export function uuid(text) {
  const hex = sha256(text);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

const DAY_MS = 86_400_000;
export const instant = (ms) => new Date(ms).toISOString();

/** Makes `n` cases that were opened over the last two years, seen from `now`. */
export function makeCases(n, now) {
  const random = randomFrom(7);
  const pick = (list) => list[Math.floor(random() * list.length)];
  return Array.from({ length: n }, (_, at) => {
    const openedMs = now - Math.floor(random() * 480 * DAY_MS) - 3_600_000;
    const status = weighted(random());
    const isClosed = status === 'Settled' || status === 'Closed';
    const closedMs = openedMs + Math.floor(random() * (now - openedMs));
    const plaintiff = pick(SURNAMES);
    const firm = `${plaintiff} & ${pick(SURNAMES)} ${pick(['LLP', 'Holdings', 'Group', 'Partners'])}`;
    const year = new Date(openedMs).getUTCFullYear();
    return {
      id: uuid(`case ${at}`),
      case_number: String(1_000 + at).padStart(8, '0'),
      docket_number: at % 41 === 0 ? null : `${year}-${pick(['CV', 'FA', 'CR', 'PR'])}-${String(10_000 + at).slice(1)}`,
      title: at % 97 === 0 ? null : `${plaintiff} v. ${pick(SURNAMES)}`,
      court: at % 23 === 0 ? null : pick(COURTS),
      status,
      priority: pick(PRIORITIES),
      practice_area: pick(AREAS),
      is_closed: isClosed,
      account_id: uuid(`account ${firm}`),
      account_name: at % 31 === 0 ? null : firm,
      contact_id: uuid(`contact ${at}`),
      contact_name: `${pick(GIVEN)} ${plaintiff}`,
      opened_at: instant(openedMs),
      closed_at: isClosed ? instant(closedMs) : null,
      updated_at: instant(now - Math.floor(random() ** 2 * 20 * DAY_MS) - 600_000),
    };
  });
}

function weighted(share) {
  let left = share * WEIGHTS.reduce((sum, it) => sum + it, 0);
  for (const [at, weight] of WEIGHTS.entries()) {
    left -= weight;
    if (left < 0) return STATUSES[at];
  }
  return STATUSES[0];
}

export function summaryOf(it) {
  const { account_id: _account, contact_id: _contact, ...summary } = it;
  return summary;
}

/** Adds what only the page of one case shows. */
export function detailOf(it) {
  const at = Number(it.case_number) - 1_000;
  const opened = Date.parse(it.opened_at);
  const timeline = [
    { event_type: 'status_change', title: `Status is now ${it.status}`, description: null, importance: 3, after: 30 },
    { event_type: 'placement_denial', title: 'Placement denied by the county', description: 'The request for kinship placement was denied; the reasons are to follow in writing within ten days.', importance: 5, after: 18 },
    { event_type: 'hearing', title: `Hearing at ${it.court ?? 'the court'}`, description: 'Continued to next month at the request of opposing counsel.', importance: 4, after: 12 },
    { event_type: 'filing', title: 'Motion to compel filed', description: null, importance: 3, after: 6 },
    { event_type: 'intake_call', title: 'Intake call with the client', description: null, importance: 1, after: 0 },
  ].slice(at % 3).map(({ after, ...event }, n) => ({ id: uuid(`event ${at} ${n}`), occurred_at: instant(opened + after * 3_600_000), ...event }));
  const documents = ['Complaint.pdf', 'Medical records, redacted.pdf', 'Photograph of the scene.jpg'].slice(0, at % 4).map((name, n) => ({
    id: uuid(`document ${at} ${n}`), exhibit_label: n === 2 ? null : `A-${n + 1}`, name,
    media_type: name.endsWith('pdf') ? 'application/pdf' : 'image/jpeg', size_bytes: 48_213 * (n + 1) ** 3,
    sha256: n === 2 ? null : sha256(`document ${at} ${n}`), created_at: instant(opened + n * DAY_MS),
  }));
  const communications = [
    { medium: 'email', sender: it.contact_name, recipient: 'clerk@firm.example', subject: 'Signed engagement letter', content: 'Please find the signed letter attached.\n\nKind regards' },
    { medium: 'phone', sender: 'Anna Keller', recipient: it.contact_name, subject: 'Call about the hearing date', content: null },
  ].slice(0, at % 3).map((letter, n) => ({ id: uuid(`letter ${at} ${n}`), occurred_at: instant(opened + (n + 2) * DAY_MS), ...letter }));
  return {
    ...it,
    description: 'The client seeks relief after a breach of the agreement of last spring.\nOpposing counsel has asked for mediation.',
    origin: ['Phone', 'Web', 'Email'][at % 3],
    reason: at % 2 === 0 ? 'New matter' : null,
    is_deleted: false,
    source: { ...SYSTEM, record_id: recordId(at), version: it.updated_at },
    timeline, documents, communications,
  };
}

export const recordId = (at) => `500Ws${String(at).padStart(10, '0')}AAA`;
