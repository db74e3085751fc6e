"""Drives the simulated Dataverse through Microsoft's Python SDK, with tokens from the simulated Entra.

One line of JSON for each step. LIKENESS_URL and LIKENESS_AUTHORITY say where, REQUESTS_CA_BUNDLE whom to trust.
"""

import json
import os

import msal
from azure.identity import CertificateCredential, ClientSecretCredential
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.core.errors import HttpError
from PowerPlatform.Dataverse.models import UpsertItem

HERE = os.environ["LIKENESS_URL"]
AUTHORITY = os.environ["LIKENESS_AUTHORITY"]
TENANT = os.environ["LIKENESS_TENANT"]
APP = os.environ["LIKENESS_APP"]
SECRET = os.environ["LIKENESS_SECRET"]
PRIVATE_KEY = os.environ["LIKENESS_KEY"]
CERTIFICATE = os.environ["LIKENESS_CERTIFICATE"]
KEY = "lsync_marketplaceleadid"


def tell(step, told):
    print(json.dumps({"step": step, "told": told}), flush=True)


def refusal(call):
    """What the client makes of an error."""
    try:
        call()
    except HttpError as error:
        details = error.details or {}
        return {
            "status": error.status_code,
            "code": details.get("service_error_code"),
            "transient": error.is_transient,
            "retry_after": details.get("retry_after"),
        }
    return None


def item(key, **columns):
    return UpsertItem(alternate_key={KEY: key}, record=columns)


# Tokens, from the library beneath all of Microsoft's clients.
def token(credential):
    app = msal.ConfidentialClientApplication(
        APP, authority=f"{AUTHORITY}/{TENANT}", client_credential=credential, instance_discovery=False
    )
    answer = app.acquire_token_for_client([f"{HERE}/.default"])
    return answer.get("expires_in") or answer.get("error_codes")


thumbprint = x509.load_pem_x509_certificate(CERTIFICATE.encode()).fingerprint(hashes.SHA1()).hex()
tell("msal secret", token(SECRET))
tell("msal wrong secret", token("wrong"))
tell("msal thumbprint", token({"private_key": PRIVATE_KEY, "thumbprint": thumbprint}))
tell("msal certificate", token({"private_key": PRIVATE_KEY, "public_certificate": CERTIFICATE}))

options = {"authority": AUTHORITY, "disable_instance_discovery": True}
by_certificate = CertificateCredential(
    TENANT, APP, certificate_data=(CERTIFICATE + PRIVATE_KEY).encode(), **options
)
tell("identity certificate", bool(by_certificate.get_token(f"{HERE}/.default").token))
crm = DataverseClient(HERE, ClientSecretCredential(TENANT, APP, SECRET, **options))

# The column and its key.
tell("add column", crm.tables.add_columns("lead", {"lsync_MarketplaceLeadId": "string"}))
made = crm.tables.create_alternate_key("lead", "lsync_MarketplaceLeadKey", [KEY])
tell("create key", made.schema_name)
tell("keys", [[key.schema_name, key.key_attributes, key.status] for key in crm.tables.get_alternate_keys("lead")])
found = crm.tables.get_column("lead", KEY)
tell("get column", [found["SchemaName"], found["AttributeType"]])
texts = crm.tables.list_columns("lead", select=["LogicalName"], filter="AttributeType eq 'String'")
tell("list columns", KEY in [column["LogicalName"] for column in texts])

# Rows.
first = crm.records.create("lead", {"subject": "Ünal 日本 😀", "lastname": "Doe", "leadsourcecode": "Partner"})
tell("create", first)
tell("create many", len(crm.records.create("lead", [{"subject": "a"}, {"subject": "b"}])))
crm.records.upsert("lead", [item("py-1", subject="one")])
crm.records.upsert("lead", [item("py-1", subject="one again")])
crm.records.upsert("lead", [item("py-o'brien", subject="quoted")])
crm.records.upsert("lead", [item(f"py-{n}", subject="many", numberofemployees=n) for n in range(1, 8)])
crm.records.update("lead", first, {"statecode": 2, "statuscode": 5})
seen = crm.records.retrieve("lead", first, select=["subject", "statecode", "leadsourcecode"])
tell("retrieve", [seen["subject"], seen["statecode"], seen["leadsourcecode"]])
open_ones = "statecode eq 0 and startswith(subject,'many')"
pages = crm.records.list_pages("lead", filter=open_ones, select=["subject"], orderby=[f"{KEY} desc"], page_size=3)
tell("pages", [len(list(page)) for page in pages])
top = crm.records.list("lead", filter="numberofemployees ge 6", select=[KEY], orderby=["numberofemployees"], top=5)
tell("list", [row[KEY] for row in top])
some = [row["leadid"] for row in top]
crm.records.update("lead", some, {"description": "updated together"})
doomed = crm.records.create("lead", {"subject": "doomed"})
crm.records.delete("lead", doomed)
tell("gone", crm.records.retrieve("lead", doomed) is None)

# Batches.
batch = crm.batch.new()
with batch.changeset() as together:
    made = together.records.create("lead", {"subject": "in a change set"})
    together.records.update("lead", made, {"subject": "changed in its change set"})
batch.records.upsert("lead", [item("py-batch", subject="by batch")])
batch.records.upsert("lead", [item("py-long", subject="x" * 301)])
batch.records.retrieve("lead", first, select=["subject"])
whole = batch.execute(continue_on_error=True)
tell("batch", [[answer.status_code, answer.error_code] for answer in whole.responses])
batch = crm.batch.new()
batch.records.upsert("lead", [item("py-long", subject="x" * 301)])
batch.records.upsert("lead", [item("py-late", subject="never")])
tell("batch stopped", [[answer.status_code, answer.error_code] for answer in batch.execute().responses])

# Refusals.
long = [item("py-1", subject="fine"), item("py-2", subject="x" * 301)]
tell("one bad row", refusal(lambda: crm.records.upsert("lead", long)))
tell("throttled", refusal(lambda: crm.records.list("systemuser", select=["fullname"])))
