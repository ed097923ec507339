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

const destroyed = await org.sobject("Case").destroy(ids);
assert.ok(destroyed.every(({ success }) => success));
await org.sobject("Contact").destroy(upserted.id ?? (await org.sobject("Contact").findOne({ MoodBridge_Id__c: "check-2" })).Id);
await org.sobject("Account").destroy(account.id);
assert.ok(org.limitInfo.apiUsage.used > 0);
await org.logout();
await assert.rejects(
  new jsforce.Connection({ instanceUrl: url, accessToken: "no", version }).query("SELECT Id FROM Case"),
  { errorCode: "INVALID_SESSION_ID" },
);
console.log(`jsforce: ok, ${totalSize} cases read by pages`);
