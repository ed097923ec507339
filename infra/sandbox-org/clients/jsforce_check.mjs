// Drives a sandbox org with jsforce: `node jsforce_check.mjs http://127.0.0.1:8899` (Node 22).
import assert from "node:assert/strict";
import jsforce from "jsforce";

const [url] = process.argv.slice(2);
const version = "66.0";

const bySoap = new jsforce.Connection({ loginUrl: url, version });
const user = await bySoap.login("admin@sandbox.example", "sandbox-password");
assert.equal(user.organizationId.length, 18);
assert.equal((await bySoap.identity()).username, "admin@sandbox.example");

const oauth2 = { loginUrl: url, clientId: "moodbridge-sandbox", clientSecret: "sandbox-secret" };
const byPassword = new jsforce.Connection({ oauth2, version });
await byPassword.login("admin@sandbox.example", "sandbox-password");

const org = new jsforce.Connection({ instanceUrl: url, oauth2, version });
await org.authorize({ grant_type: "client_credentials" });
await assert.rejects(
  new jsforce.Connection({ loginUrl: url, version }).login("admin@sandbox.example", "wrong"),
  /INVALID_LOGIN/,
);

const global = await org.describeGlobal();
assert.ok(global.sobjects.some(({ name }) => name === "Case"));
const described = await org.sobject("Case").describe();
assert.ok(described.fields.every((field) => Object.keys(field).length === 57));

const account = await org.sobject("Account").create({ Name: "Client check" });
const created = await org.sobject("Case").create([
  { Subject: "Check v. Sandbox", AccountId: account.id },
  { Subject: "Sandbox v. Check", AccountId: account.id },
]);
assert.ok(created.every(({ success }) => success));
const ids = created.map(({ id }) => id);
await org.sobject("Case").update({ Id: ids[0], Status: "Settled" });
assert.equal((await org.sobject("Case").retrieve(ids[0])).IsClosed, true);
const updated = await org.sobject("Case").update(ids.map((Id) => ({ Id, Priority: "High" })));
assert.ok(updated.every(({ success }) => success));
const upserted = await org.sobject("Contact").upsert({ LastName: "Check", MoodBridge_Id__c: "check-2" }, "MoodBridge_Id__c");
assert.ok(upserted.success);
const found = await org.sobject("Case").find({ AccountId: account.id }, ["Id", "Subject", "Account.Name"]).sort("Id");
assert.deepEqual(found.map(({ Account }) => Account.Name), ["Client check", "Client check"]);
await assert.rejects(org.sobject("Case").create({ Subjekt: "x" }), { errorCode: "INVALID_FIELD" });
await assert.rejects(org.query("SELECT Subjekt FROM Case"), { errorCode: "INVALID_FIELD" });
await assert.rejects(org.query("SELECT Id FROM Kase"), { errorCode: "INVALID_TYPE" });

const { totalSize } = await org.query("SELECT COUNT() FROM Case");
const all = await org.query("SELECT Id FROM Case ORDER BY Id", { autoFetch: true, maxFetch: 50_000 });
assert.equal(all.records.length, totalSize);
const small = await org.query("SELECT Id FROM Case LIMIT 450", { headers: { "Sforce-Query-Options": "batchSize=200" } });
assert.equal(small.records.length, Math.min(200, totalSize));

// Bulk API 2.0. Records go up as jsforce writes them: null as #N/A.
const options = { pollInterval: 100, pollTimeout: 60_000 };
const odd = ["NA", "null", "None", 'say "yes"', "a,b", "first\r\nsecond", "⚖️ 案件"];
const rows = odd.map((text, n) => ({ MoodBridge_Id__c: `js-${n}`, Subject: text, Is_Sealed__c: true, Claim_Amount__c: 912260031 }));
const inserted = await org.bulk2.loadAndWaitForResults({
  object: "Case", operation: "insert", input: [...rows, { ...rows[0], MoodBridge_Id__c: "js-x", Claim_Amount__c: "much" }], ...options });
assert.equal(inserted.successfulResults.length, odd.length);
assert.deepEqual(new Set(inserted.successfulResults.map(({ Subject }) => Subject)), new Set(odd));
assert.equal(inserted.failedResults.length, 1);
assert.match(inserted.failedResults[0].sf__Error, /^INVALID_FIELD:.* Due to, 'much' is not a valid value for the type xsd:double:Claim_Amount__c --$/);
assert.deepEqual(inserted.unprocessedRecords, []);
const changed = await org.bulk2.loadAndWaitForResults({
  object: "Case", operation: "upsert", externalIdFieldName: "MoodBridge_Id__c",
  input: [{ MoodBridge_Id__c: "js-0", Subject: null }, { MoodBridge_Id__c: "js-new", Subject: "New" }], ...options });
assert.deepEqual(changed.successfulResults.map(({ sf__Created }) => sf__Created).sort(), ["false", "true"]);
const job = org.bulk2.createJob({ object: "Case", operation: "update", lineEnding: "CRLF", columnDelimiter: "SEMICOLON" });
await job.open();
await job.uploadData(`Id;Priority\r\n${changed.successfulResults[0].sf__Id};High\r\n`);
await job.close();
await job.poll(100, 60_000);
assert.equal((await job.check()).numberRecordsProcessed, 1);
await job.delete();
const failing = org.bulk2.loadAndWaitForResults({ object: "Case", operation: "insert", input: "Subjekt\nx\n", ...options });
await assert.rejects(failing, /InvalidBatch : Field name not found : Subjekt/);

const soql = "SELECT Id, Subject, Claim_Amount__c, Is_Sealed__c, Account.Name FROM Case WHERE MoodBridge_Id__c LIKE 'js-%'";
const exported = await (await org.bulk2.query(soql, options)).toArray();
assert.equal(exported.length, odd.length + 1);
assert.equal(exported.find(({ Subject }) => Subject === odd[5]).Claim_Amount__c, "9.12260031E8");
// One page only: after a second one jsforce closes its own stream too early.
const everyCase = await (await org.bulk2.query("SELECT Id, Description FROM Case", options)).toArray();
assert.ok(Math.abs(everyCase.length - totalSize) <= 20, `${everyCase.length} of ${totalSize}`);
const gone = await org.bulk2.loadAndWaitForResults({
  object: "Case", operation: "delete", input: exported.map(({ Id }) => ({ Id })), ...options });
assert.equal(gone.successfulResults.length, exported.length);
const all2 = await (await org.bulk2.query(soql.replace("Subject", "IsDeleted"), { ...options, scanAll: true })).toArray();
assert.ok(all2.length >= exported.length && all2.every(({ IsDeleted }) => IsDeleted === "true"));
const purged = await org.bulk2.loadAndWaitForResults({
  object: "Contact", operation: "hardDelete",
  input: [{ Id: upserted.id ?? (await org.sobject("Contact").findOne({ MoodBridge_Id__c: "check-2" })).Id }], ...options });
assert.equal(purged.successfulResults.length, 1);
console.log(`jsforce: bulk2 ok, ${everyCase.length} cases exported`);

const destroyed = await org.sobject("Case").destroy(ids);
assert.ok(destroyed.every(({ success }) => success));
await org.sobject("Account").destroy(account.id);
assert.ok(org.limitInfo.apiUsage.used > 0);
await org.logout();
await assert.rejects(
  new jsforce.Connection({ instanceUrl: url, accessToken: "no", version }).query("SELECT Id FROM Case"),
  { errorCode: "INVALID_SESSION_ID" },
);
console.log(`jsforce: ok, ${totalSize} cases read by pages`);
