// Drives the simulated Dataverse through dynamics-web-api, with tokens msal-node had of the simulated Entra.
// One line of JSON for each step. LIKENESS_URL and LIKENESS_AUTHORITY say where, NODE_EXTRA_CA_CERTS whom to trust.

import { createHash, X509Certificate } from "node:crypto";
import { ConfidentialClientApplication } from "@azure/msal-node";
import { DynamicsWebApi } from "dynamics-web-api";

const { LIKENESS_URL: here, LIKENESS_AUTHORITY: authority, LIKENESS_TENANT: tenant, LIKENESS_APP: app } = process.env;
const { LIKENESS_SECRET: secret, LIKENESS_KEY: privateKey, LIKENESS_CERTIFICATE: certificate } = process.env;

const tell = (step, told) => console.log(JSON.stringify({ step, told }));

const refusal = async (call) => {
  try {
    await call();
    return null;
  } catch (error) {
    const first = Array.isArray(error) ? error.find((entry) => entry?.code) ?? error[0] : error;
    return { status: first.status, code: first.code, retryAfter: first.headers?.["retry-after"] };
  }
};

// Tokens.
const client = (credential) =>
  new ConfidentialClientApplication({
    auth: { clientId: app, authority: `${authority}/${tenant}`, knownAuthorities: [new URL(authority).host], ...credential },
  });
const token = (credential) => client(credential).acquireTokenByClientCredential({ scopes: [`${here}/.default`] });
const bearer = (await token({ clientSecret: secret })).accessToken;
tell("secret", bearer.length > 0);
tell("wrong secret", await token({ clientSecret: "wrong" }).catch((error) => error.errorCode));
const thumbprintSha256 = createHash("sha256").update(new X509Certificate(certificate).raw).digest("hex");
const proof = await token({ clientCertificate: { thumbprintSha256, privateKey } });
tell("certificate", proof.accessToken !== bearer);
const chained = await token({ clientCertificate: { thumbprintSha256, privateKey, x5c: certificate } });
tell("certificate with chain", chained.accessToken !== proof.accessToken);

const crm = new DynamicsWebApi({
  serverUrl: `${here}/`,
  dataApi: { version: "9.2" },
  onTokenRefresh: async () => bearer,
});
const key = (value) => `lsync_marketplaceleadid='${value}'`;

// Who, and what there is.
tell("who am i", Object.keys(await crm.callFunction("WhoAmI")).sort());
const table = await crm.retrieveEntity({
  key: "LogicalName='lead'",
  select: ["EntitySetName", "ChangeTrackingEnabled"],
});
tell("table", [table.EntitySetName, table.ChangeTrackingEnabled]);
const choices = await crm.retrieveAttributes({
  entityKey: "LogicalName='lead'",
  castType: "Microsoft.Dynamics.CRM.PicklistAttributeMetadata",
  select: ["LogicalName"],
  expand: [{ property: "OptionSet", select: ["Options"] }],
});
const source = choices.value.find((column) => column.LogicalName === "leadsourcecode");
tell("choice", source.OptionSet.Options.map((option) => option.Value));
await crm.createAttribute({
  entityKey: "LogicalName='lead'",
  data: { "@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", SchemaName: "lsync_FromJs", MaxLength: 100 },
});
const texts = await crm.retrieveAttributes({
  entityKey: "LogicalName='lead'",
  castType: "Microsoft.Dynamics.CRM.StringAttributeMetadata",
  select: ["LogicalName", "MaxLength"],
  filter: "LogicalName eq 'lsync_fromjs'",
});
tell("column", texts.value.map((column) => [column.LogicalName, column.MaxLength]));

// Rows.
const first = await crm.create({ collection: "leads", data: { subject: "Ünal 日本 😀", lsync_fromjs: "yes" } });
tell("create", first);
const upsert = (value, data, more) => crm.upsert({ collection: "leads", key: key(value), data, ...more });
await upsert("js-1", { subject: "one" });
await upsert("js-1", { subject: "one again" });
const told = await upsert("js-2", { subject: "two" }, { returnRepresentation: true, select: ["leadid", "subject"] });
tell("upsert with data", told.subject);
tell("create only", await upsert("js-2", { subject: "never" }, { ifnonematch: "*" }));
const second = await crm.retrieve({ collection: "leads", key: key("js-2"), select: ["subject"] });
tell("retrieve", second.subject);
await crm.update({ collection: "leads", key: told.leadid, data: { leadsourcecode: 4 } });
const stale = { collection: "leads", key: told.leadid, data: { subject: "x" }, ifmatch: second["@odata.etag"] };
tell("stale", await crm.update(stale));

// Queries.
await crm.callAction({
  collection: "leads",
  actionName: "Microsoft.Dynamics.CRM.UpsertMultiple",
  action: {
    Targets: [3, 4, 5].map((n) => ({
      "@odata.type": "Microsoft.Dynamics.CRM.lead",
      "@odata.id": `leads(${key(`js-${n}`)})`,
      subject: "many",
    })),
  },
});
const query = { collection: "leads", select: ["subject"], filter: "subject eq 'many'", orderBy: ["createdon asc"] };
const page = await crm.retrieveMultiple({ ...query, maxPageSize: 2 });
const rest = await crm.retrieveMultiple({ ...query, maxPageSize: 2 }, page["@odata.nextLink"]);
tell("pages", [page.value.length, rest.value.length]);
tell("all", (await crm.retrieveAll({ ...query, maxPageSize: 1 })).value.length);
const counted = await crm.retrieveMultiple({ ...query, count: true });
tell("count", [counted["@odata.count"], await crm.count({ collection: "leads" })]);

// Changes.
const tracked = { collection: "leads", select: ["subject", "statecode"], trackChanges: true, maxPageSize: 100 };
const everything = await crm.retrieveMultiple(tracked);
await crm.update({ collection: "leads", key: key("js-1"), data: { statecode: 2, statuscode: 5 } });
await crm.deleteRecord({ collection: "leads", key: first });
const changes = await crm.retrieveMultiple({ collection: "leads" }, everything["@odata.deltaLink"]);
tell(
  "changes",
  changes.value.map((row) => row.reason ?? row.statecode),
);
const quiet = await crm.retrieveMultiple({ collection: "leads" }, changes["@odata.deltaLink"]);
tell("no change", [quiet.value.length, typeof quiet["@odata.deltaLink"]]);
tell("tracked filter", (await refusal(() => crm.retrieveMultiple({ ...tracked, filter: "statecode eq 1" }))).status);

// Sales.
const qualified = await crm.callAction({
  collection: "leads",
  key: told.leadid,
  actionName: "Microsoft.Dynamics.CRM.QualifyLead",
  action: { CreateAccount: true, CreateContact: false, CreateOpportunity: true, Status: 3 },
});
const deal = qualified.value.find((made) => made.opportunityid).opportunityid;
await crm.callAction({
  actionName: "WinOpportunity",
  action: {
    Status: 3,
    OpportunityClose: { subject: "Won", actualrevenue: 25000, "opportunityid@odata.bind": `/opportunities(${deal})` },
  },
});
const won = await crm.retrieveMultiple({
  collection: "opportunities",
  select: ["statecode", "actualvalue"],
  expand: [{ property: "originatingleadid", select: ["lsync_marketplaceleadid"] }],
  filter: "statecode eq 1 and originatingleadid/lsync_marketplaceleadid ne null",
});
tell("won", [won.value[0].actualvalue, won.value[0].originatingleadid.lsync_marketplaceleadid]);

// Batches.
crm.startBatch();
crm.create({ collection: "leads", data: { subject: "in a change set" }, contentId: "1" });
upsert("js-batch", { subject: "by batch" });
crm.create({ collection: "tasks", data: { subject: "call", "regardingobjectid_lead@odata.bind": "$1" } });
tell("batch", (await crm.executeBatch()).length);
crm.startBatch();
crm.create({ collection: "leads", data: { subject: "alone" }, inChangeSet: false });
crm.retrieveMultiple({ collection: "leads", select: ["subject"], top: 1, inChangeSet: false });
const mixed = await crm.executeBatch({ continueOnError: true });
tell("batch without change set", [typeof mixed[0], mixed[1].value.length]);

// Refusals.
tell("bad key", await refusal(() => upsert("a/b", { subject: "x" })));
tell("too long", await refusal(() => upsert("js-1", { subject: "x".repeat(301) })));
tell("throttled", await refusal(() => crm.retrieveMultiple({ collection: "systemusers", select: ["fullname"] })));
const stranger = new DynamicsWebApi({ serverUrl: `${here}/`, onTokenRefresh: async () => "made-up" });
tell("made-up token", (await refusal(() => stranger.callFunction("WhoAmI"))).status);
