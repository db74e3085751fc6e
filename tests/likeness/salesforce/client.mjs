// Drives the simulated Salesforce through jsforce, as any of its users would, and prints what came back:
// one line of JSON for each step. LIKENESS_URL says where, LIKENESS_KEY signs assertions.
import { createSign } from "node:crypto";
import jsforce from "jsforce";

const url = process.env.LIKENESS_URL;
const key = "Marketplace_Lead_Id__c";
const tell = (step, told) => console.log(JSON.stringify({ step, told }));
const base64url = (object) => Buffer.from(JSON.stringify(object)).toString("base64url");

const connect = (secret) =>
  new jsforce.Connection({
    loginUrl: url,
    instanceUrl: url,
    version: "62.0",
    oauth2: { loginUrl: url, clientId: "CK", clientSecret: secret },
  });

const byAssertion = connect();
const claims = {
  iss: "CK",
  sub: "integration@acme.example",
  aud: "https://login.salesforce.com",
  exp: Math.floor(Date.now() / 1000) + 180,
};
const unsigned = `${base64url({ alg: "RS256", typ: "JWT" })}.${base64url(claims)}`;
const signature = createSign("RSA-SHA256").update(unsigned).sign(process.env.LIKENESS_KEY, "base64url");
await byAssertion.authorize({
  grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
  assertion: `${unsigned}.${signature}`,
});
tell("jwt", { instance: byAssertion.instanceUrl });

const crm = connect("CS");
const user = await crm.authorize({ grant_type: "client_credentials" });
tell("token", { organization: user.organizationId });
tell("identity", (await crm.request("/services/oauth2/userinfo")).preferred_username);

const lead = crm.sobject("Lead");
tell("create", await lead.create({ LastName: "Plain", Company: "Contoso" }));
tell("upsert new", await lead.upsert({ [key]: "js-1", LastName: "One", Company: "Contoso" }, key));
tell("upsert known", await lead.upsert({ [key]: "js-1", LastName: "Uno", Company: "Contoso" }, key));
const many = ["js-1", "js-2", "js-3"].map((it) => ({ [key]: it, LastName: it, Company: "Contoso" }));
delete many[2].Company;
tell("collection", await crm.sobject("Lead").upsert(many, key, { allowRecursive: true }));
tell("create many", await lead.create([{ LastName: "A", Company: "X" }, { LastName: "B" }]));

const soql = `SELECT Id, ${key} FROM Lead ORDER BY Id`;
let page = await crm.query(soql);
const pages = [page.records.length];
while (!page.done) {
  page = await crm.queryMore(page.nextRecordsUrl);
  pages.push(page.records.length);
}
tell("query", { total: page.totalSize, pages });

const [start, end] = ["2025-12-31T00:00:00Z", "2026-01-02T00:00:00Z"];
tell("updated", (await lead.updated(start, end)).ids.length);
const doomed = await lead.create({ LastName: "Doomed", Company: "Contoso" });
tell("delete", (await lead.destroy(doomed.id)).success);
tell("deleted", (await lead.deleted(start, end)).deletedRecords.map((it) => it.id === doomed.id));
tell("query all", (await crm.query("SELECT Id FROM Lead WHERE IsDeleted = true", { scanAll: true })).totalSize);

const described = (await lead.describe()).fields.find((field) => field.name === key);
tell("describe", { externalId: described.externalId, unique: described.unique, length: described.length });
tell("limits", (await crm.request("/limits")).DailyApiRequests.Max);
tell("usage", crm.limitInfo.apiUsage.limit);

const rows = [
  { [key]: "js-bulk-1", LastName: "Smith", Company: 'Acme, "Inc"\nLtd' },
  { [key]: "js-bulk-2", LastName: "Jones", Company: "" },
];
const bulk = await crm.bulk2.loadAndWaitForResults({
  object: "Lead",
  operation: "upsert",
  externalIdFieldName: key,
  input: rows,
  pollInterval: 10,
  pollTimeout: 20000,
});
tell("bulk", {
  done: bulk.successfulResults.map((row) => [row[key], row.sf__Created]),
  failed: bulk.failedResults.map((row) => [row[key], row.sf__Error.split(":")[0]]),
  left: bulk.unprocessedRecords.length,
});

const field = { FullName: "Lead.From_Js__c", Metadata: { type: "Text", length: 80, label: "From jsforce" } };
tell("custom field", (await crm.tooling.sobject("CustomField").create(field)).success);

try {
  await lead.update({ Id: "00Q5e0000000001EAA", Nope__c: "x" });
} catch (refused) {
  tell("refused", refused.errorCode);
}
const stale = new jsforce.Connection({ instanceUrl: url, version: "62.0", accessToken: "EXPIRED" });
try {
  await stale.query("SELECT Id FROM Lead");
} catch (refused) {
  tell("expired", refused.errorCode);
}
