// Moves many records with jsforce: `read URL SOQL` or `upsert URL N_ROWS RUN` (Node 22).
import assert from "node:assert/strict";
import jsforce from "jsforce";

const [what, url, first, run] = process.argv.slice(2);
const oauth2 = { loginUrl: url, clientId: "moodbridge-sandbox", clientSecret: "sandbox-secret" };
const org = new jsforce.Connection({ instanceUrl: url, oauth2, version: "66.0" });
await org.authorize({ grant_type: "client_credentials" });
const options = { pollInterval: 500, pollTimeout: 3_600_000 };

let nRecords = 0;
let nValues = 0;
if (what === "read") {
  const stream = await org.bulk2.query(first, options);
  await new Promise((resolve, reject) => {
    stream.on("record", (record) => {
      nRecords += 1;
      for (const value of Object.values(record)) if (value) nValues += 1;
    });
    stream.on("error", reject);
    stream.on("end", resolve);
  });
} else {
  const input = Array.from({ length: Number(first) }, (_, idx) => ({
    MoodBridge_Id__c: `js-${run}-${idx}`,
    LastName: `Sørensen ${idx}`,
    FirstName: "Anna",
    Email: `anna.${idx}@firm.example`,
    Phone: `+45 33 ${String(idx).padStart(6, "0")}`,
    MailingStreet: `${idx % 200} Some Street`,
    MailingCity: "København",
    MailingPostalCode: String(idx % 9999).padStart(4, "0"),
    MailingCountry: "Denmark",
    Title: 'Partner, "Litigation"',
  }));
  const results = await org.bulk2.loadAndWaitForResults({
    object: "Contact", operation: "upsert", externalIdFieldName: "MoodBridge_Id__c", input, ...options });
  assert.equal(results.failedResults.length, 0);
  nRecords = results.successfulResults.length;
  nValues = nRecords * 10;
}
console.log(`${nRecords} records, ${nValues} values`);
