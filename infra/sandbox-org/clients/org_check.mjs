// Drives what jsforce reaches of a sandbox org beyond rows: `node org_check.mjs http://127.0.0.1:8899` (Node 22).
// SOAP merges and undeletes, tooling, a deployed package, composites; and its own retries while faults are played.
import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import jsforce from "jsforce";

const [url] = process.argv.slice(2);
const version = "66.0";
const org = new jsforce.Connection({ loginUrl: url, version, callOptions: { client: "org-check" } });
await org.login("admin@sandbox.example", "sandbox-password");

const [winner, loser, other] = (
  await org.sobject("Account").create(["One", "Two", "Three"].map((Name) => ({ Name: `Merge ${Name}` })))
).map(({ id }) => id);
const contact = (await org.sobject("Contact").create({ LastName: "Moved", AccountId: loser })).id;
const merged = await org.soap.merge({
  masterRecord: { type: "Account", Id: winner, Site: "Reno" },
  recordToMergeIds: [loser, other],
});
assert.equal(merged.success, true);
assert.deepEqual(merged.mergedRecordIds, [loser, other]);
assert.deepEqual(merged.updatedRelatedIds, [contact]);
assert.equal((await org.sobject("Contact").retrieve(contact)).AccountId, winner);
assert.equal((await org.sobject("Account").retrieve(winner)).Site, "Reno");
const again = await org.soap.merge({ masterRecord: { type: "Account", Id: winner }, recordToMergeIds: [loser] });
assert.equal(again.errors[0].statusCode, "ENTITY_IS_DELETED");

const steps = [];
for (const call of ["delete", "undelete", "delete", "emptyRecycleBin", "undelete"]) {
  const [{ success }] = await org.soap[call]([contact]);
  steps.push(success);
}
assert.deepEqual(steps, [true, true, true, true, false]);
const [made] = await org.soap.create([{ type: "Contact", LastName: "Soap", Email: null }]);
const [saved] = await org.soap.update([{ type: "Contact", Id: made.id, FirstName: "Ann" }]);
assert.ok(made.success && saved.success);
await org.soap.delete([made.id]);
const { timestamp } = await org.soap.getServerTimestamp();
assert.ok(Math.abs(Date.parse(timestamp) - Date.now()) < 60_000);
assert.equal((await org.soap.getUserInfo()).userName, "admin@sandbox.example");
await assert.rejects(org.soap.convertLead({ leadId: "x" }), /No operation available/);

const suffix = Date.now() % 1_000_000_000;
const FullName = `Account.Check_${suffix}__c`;
const Metadata = { type: "Text", label: "Check", length: 36, externalId: true, unique: true };
const field = await org.tooling.sobject("CustomField").create({ FullName, Metadata });
assert.ok(field.success);
const key = FullName.split(".")[1];
const upserted = await org.sobject("Account").upsert({ Name: "By key", [key]: "k" }, key);
assert.ok(upserted.success);
await assert.rejects(org.tooling.sobject("CustomField").create({ FullName, Metadata }), {
  errorCode: "DUPLICATE_DEVELOPER_NAME",
});
const channel = await org.tooling.sobject("PlatformEventChannel").create({
  FullName: `Check${suffix}__chn`,
  Metadata: { channelType: "data", label: "Check" },
});
const members = "SELECT Id, DeveloperName, EventChannel, SelectedEntity FROM PlatformEventChannelMember";
assert.ok((await org.tooling.query(members)).records.length >= 3);
await org.tooling.sobject("PlatformEventChannel").destroy(channel.id);
await org.sobject("Account").destroy((await org.sobject("Account").findOne({ [key]: "k" })).Id);
await org.tooling.sobject("CustomField").destroy(field.id);

/** Packs files as a ZIP archive without compression. */
function zip(files) {
  const [bodies, directory] = [[], []];
  let at = 0;
  for (const [name, text] of Object.entries(files)) {
    const [path, body] = [Buffer.from(name), Buffer.from(text)];
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(crc32(body), 10);
    common.writeUInt32LE(body.length, 14);
    common.writeUInt32LE(body.length, 18);
    common.writeUInt16LE(path.length, 22);
    bodies.push(Buffer.from("PK\x03\x04"), common, path, body);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(at, 10);
    directory.push(Buffer.from("PK\x01\x02\x14\x00"), common, rest, path);
    at += 30 + path.length + body.length;
  }
  const listed = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  const n = Object.keys(files).length;
  end.writeUInt16LE(n, 4);
  end.writeUInt16LE(n, 6);
  end.writeUInt32LE(listed.length, 8);
  end.writeUInt32LE(at, 12);
  return Buffer.concat([...bodies, listed, Buffer.from("PK\x05\x06"), end]);
}

const metadata = 'xmlns="http://soap.sforce.com/2006/04/metadata"';
const message = `Check_${suffix}`;
// The locator that it returns asks by SOAP; what it was answered by REST is enough to go on with.
const begun = await org.metadata.deployRest(
  zip({
    "package.xml": `<Package ${metadata}><types><members>Case</members><name>Workflow</name></types><version>${version}</version></Package>`,
    "workflows/Case.workflow": `<Workflow ${metadata}><outboundMessages><fullName>${message}</fullName><apiVersion>66.0</apiVersion><endpointUrl>http://127.0.0.1:9/never</endpointUrl><fields>Id</fields><includeSessionId>false</includeSessionId><integrationUser>admin@sandbox.example</integrationUser><name>Check</name><protected>false</protected></outboundMessages></Workflow>`,
  }),
  { rollbackOnError: true, singlePackage: true },
)._promise;
let deployed = begun.deployResult;
while (!deployed.done) {
  deployed = await org.metadata.checkDeployStatus(begun.id, true, true);
}
assert.equal(deployed.status, "Succeeded");
const found = await org.tooling.query(`SELECT EndpointUrl FROM WorkflowOutboundMessage WHERE Name = '${message}'`);
assert.equal(found.records[0].EndpointUrl, "http://127.0.0.1:9/never");

const base = `/services/data/v${version}`;
const compositeRequest = [
  { method: "PATCH", url: `${base}/sobjects/Account/${winner}`, referenceId: "a", body: { Site: "x" },
    httpHeaders: { "If-Unmodified-Since": "Thu, 01 Jan 2026 00:00:00 GMT" } },
];
const { compositeResponse } = await org.requestPost("/composite", { compositeRequest });
assert.equal(compositeResponse[0].httpStatusCode, 412);

// jsforce sends reads again after 503, 500 and 420: what it reads must be whole in the end.
const faults = (order) =>
  fetch(`${url}/_sandbox/faults`, { method: order ? "POST" : "DELETE", body: order && JSON.stringify(order) });
for (const [kind, probability] of [["html_503", 0.2], ["reset", 0.1], ["empty_420", 0.05]]) {
  await faults({ kind, probability, seed: 7, path: `${base}/query`, method: "GET" });
}
const { totalSize } = await org.query("SELECT COUNT() FROM Contact");
const all = await org.query("SELECT Id FROM Contact ORDER BY Id", { autoFetch: true, maxFetch: 50_000 });
assert.equal(new Set(all.records.map(({ Id }) => Id)).size, totalSize);
await faults();
await org.sobject("Account").destroy(winner);
console.log(`jsforce: ok, SOAP, tooling, a deployment, composites, ${totalSize} contacts read through faults`);
