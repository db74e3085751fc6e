"""Drives the simulated Salesforce through simple-salesforce and prints what came back.

One line of JSON for each step. LIKENESS_URL says where, LIKENESS_KEY signs assertions.
"""

import json
import os
from datetime import datetime, timezone
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceExpiredSession, SalesforceResourceNotFound

HERE = urlsplit(os.environ["LIKENESS_URL"])
KEY = "Marketplace_Lead_Id__c"


class Redirected(HTTPAdapter):
    """The client only speaks to hosts of the vendor, and over TLS; its requests come here unchanged otherwise."""

    def send(self, request, **options):
        asked = urlsplit(request.url)
        request.url = urlunsplit((HERE.scheme, HERE.netloc, asked.path, asked.query, ""))
        return super().send(request, **options)


def tell(step, told):
    print(json.dumps({"step": step, "told": told}), flush=True)


def session():
    made = requests.Session()
    made.mount("https://", Redirected())
    made.mount("http://", Redirected())
    return made


signed = Salesforce(
    username="integration@acme.example",
    consumer_key="CK",
    privatekey=os.environ["LIKENESS_KEY"],
    domain="login",
    session=session(),
    version="62.0",
)
tell("jwt", signed.limits()["DailyApiRequests"]["Max"])

crm = Salesforce(consumer_key="CK", consumer_secret="CS", domain="acme.my", session=session(), version="62.0")
tell("token", crm.auth_type)

tell("create", crm.Lead.create({"LastName": "Plain", "Company": "Açme"}))
person = {"LastName": "One", "Company": "Contoso"}
tell("upsert new", crm.Lead.upsert(f"{KEY}/py-1", person))
tell("upsert known", crm.Lead.upsert(f"{KEY}/py-1", person))
records = [{"attributes": {"type": "Lead"}, KEY: f"py-{n}", **person} for n in (1, 2, 3)]
del records[2]["Company"]
told = crm.restful(
    f"composite/sobjects/Lead/{KEY}", method="PATCH", data=json.dumps({"allOrNone": False, "records": records})
)
tell("collection", told)

tell("query", [row[KEY] for row in crm.query_all_iter(f"SELECT Id, {KEY} FROM Lead ORDER BY Id")])
span = (datetime(2025, 12, 31, tzinfo=timezone.utc), datetime(2026, 1, 2, tzinfo=timezone.utc))
tell("updated", len(crm.Lead.updated(*span)["ids"]))
doomed = crm.Lead.create({"LastName": "Doomed", "Company": "Contoso"})["id"]
tell("delete", crm.Lead.delete(doomed))
tell("deleted", [row["id"] == doomed for row in crm.Lead.deleted(*span)["deletedRecords"]])
tell("query all", crm.query_all("SELECT Id FROM Lead WHERE IsDeleted = true", include_deleted=True)["totalSize"])

fields = {field["name"]: field for field in crm.Lead.describe()["fields"]}
tell("describe", {name: fields[KEY][name] for name in ("externalId", "unique", "length")})
tell("limits", crm.limits()["DailyApiRequests"]["Max"])
tell("usage", crm.api_usage["api-usage"].total)

rows = [
    {KEY: "py-bulk-1", "LastName": "Smith", "Company": 'Acme, "Inc"'},
    {KEY: "py-bulk-2", "LastName": "Jones", "Company": ""},
]
(result,) = crm.bulk2.Lead.upsert(records=rows, external_id_field=KEY)
tell("bulk", {"failed": result["numberRecordsFailed"], "processed": result["numberRecordsProcessed"]})
tell("bulk failed", crm.bulk2.Lead.get_failed_records(result["job_id"]))
tell("bulk done", crm.bulk2.Lead.get_successful_records(result["job_id"]))
tell("bulk left", crm.bulk2.Lead.get_unprocessed_records(result["job_id"]))

field = {"FullName": "Lead.From_Py__c", "Metadata": {"type": "Text", "length": 80, "label": "From Python"}}
tell("custom field", crm.toolingexecute("sobjects/CustomField", "POST", field)["success"])

try:
    crm.Lead.update(doomed, {"Title": "CTO"})
except SalesforceResourceNotFound as refused:
    tell("refused", refused.content[0]["errorCode"])
stale = Salesforce(instance="acme.my.salesforce.com", session_id="EXPIRED", session=session(), version="62.0")
try:
    stale.query("SELECT Id FROM Lead")
except SalesforceExpiredSession as refused:
    tell("expired", refused.content[0]["errorCode"])
