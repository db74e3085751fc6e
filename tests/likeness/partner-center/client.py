"""Drives the simulated Entra by MSAL as a user would be, and the simulated Partner Center with the tokens.

One line of JSON for each step. LIKENESS_BROWSER is where the user's own deeds are done: signing in on another device,
changing the password. REQUESTS_CA_BUNDLE says whom to trust.
"""

import base64
import datetime
import json
import os
import urllib.parse
import uuid

import msal
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

AUTHORITY = os.environ["LIKENESS_AUTHORITY"]
TENANT = os.environ["LIKENESS_TENANT"]
APP = os.environ["LIKENESS_APP"]
BROWSER = os.environ["LIKENESS_BROWSER"]
REFERRALS = os.environ["LIKENESS_REFERRALS"] + "/v1.0/engagements/referrals"
CENTER = os.environ["LIKENESS_CENTER"]
TRUSTED = os.environ["LIKENESS_TRUSTED"]
PARTNER_SCOPE = ["https://api.partner.microsoft.com/.default"]
CENTER_SCOPE = ["https://api.partnercenter.microsoft.com/user_impersonation"]


def tell(step, told):
    print(json.dumps({"step": step, "told": told}), flush=True)


def user(deed):
    """Something the user or an administrator does elsewhere."""
    return requests.get(f"{BROWSER}/{deed}", timeout=10)


def client(tenant=TENANT):
    return msal.PublicClientApplication(APP, authority=f"{AUTHORITY}/{tenant}", instance_discovery=False)


def seen(answer):
    return answer.get("expires_in") or [answer.get("error"), answer.get("error_codes"), answer.get("suberror")]


def poll(app, flow):
    """Asks once, without the wait that follows."""
    return app.acquire_token_by_device_flow(flow, exit_condition=lambda flow: True)


# Another device.
app = client()
flow = app.initiate_device_flow(PARTNER_SCOPE)
tell("device flow", [flow["interval"], flow["user_code"] in flow["message"]])
tell("device pending", seen(poll(app, flow)))
user("slow-down")
tell("device too fast", seen(poll(app, flow)))
user(f"sign-in/{flow['user_code']}")
answer = poll(app, flow)
tell("device", seen(answer))
tell("device user", answer["id_token_claims"]["preferred_username"])
declined = app.initiate_device_flow(PARTNER_SCOPE)
user(f"decline/{declined['user_code']}")
tell("device declined", seen(poll(app, declined)))

# A browser, with a challenge.
by_device = app
app = client()
flow = app.initiate_auth_code_flow(PARTNER_SCOPE, redirect_uri="http://localhost:50123")
sent = requests.get(flow["auth_uri"], allow_redirects=False, timeout=10)
back = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(sent.headers["location"]).query))
forged = dict(flow, code_verifier="a" * 43)
tell("browser, wrong verifier", seen(client().acquire_token_by_auth_code_flow(forged, back)))
answer = app.acquire_token_by_auth_code_flow(flow, back)
tell("browser", seen(answer))
tell("code again", seen(client().acquire_token_by_auth_code_flow(flow, back)))
user("cancel")
sent = requests.get(flow["auth_uri"], allow_redirects=False, timeout=10)
back = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(sent.headers["location"]).query))
tell("browser cancelled", app.acquire_token_by_auth_code_flow(flow, back)["error"])

# Renewal, for either host, with the old one refused at once.
account = app.get_accounts()[0]
tell("account", account["username"])
user("rotate-at-once")
tokens = [answer["access_token"]]
for _ in range(3):
    renewed = app.acquire_token_silent_with_error(PARTNER_SCOPE, account, force_refresh=True)
    tokens.append(renewed["access_token"])
other = app.acquire_token_silent_with_error(CENTER_SCOPE, account)
tell("renewed", [len(set(tokens)), other["access_token"] not in tokens])
cached = app.acquire_token_silent(PARTNER_SCOPE, account)
tell("cached", cached["access_token"] == tokens[-1])


# Each token at each host.
def headers(token, **more):
    return {"Authorization": f"Bearer {token}", "Accept": "application/json", **more}


def partner(method, path="", **more):
    named = headers(tokens[-1], **{"client-request-id": str(uuid.uuid4())}, **more.pop("headers", {}))
    return requests.request(method, REFERRALS + path, headers=named, timeout=10, **more)


def center(method, path, token=None, **more):
    named = {"MS-RequestId": str(uuid.uuid4()), "MS-CorrelationId": str(uuid.uuid4()), "MS-Contract-Version": "v1"}
    return requests.request(
        method, CENTER + path, headers=headers(token or other["access_token"], **named), timeout=10, **more
    )


strange = requests.get(REFERRALS, headers=headers(other["access_token"]), timeout=10)
tell("wrong host", [strange.status_code, strange.json()["error"]["code"]])
tell("wrong host too", center("GET", "/webhooks/v1/registration", tokens[-1]).status_code)

# A list by pages, and a change.
page = partner("GET", params={"$orderby": "createdDateTime desc", "$filter": "status eq 'New'", "$top": "150"})
pages, packed = [len(page.json()["value"])], page.headers.get("content-encoding")
while link := page.json().get("@odata.nextLink"):
    page = partner("GET", "?" + urllib.parse.urlsplit(link).query)
    pages.append(len(page.json()["value"]))
tell("pages", [pages, packed])
one = page.json()["value"][0]
path = "/" + one["id"]
accept = [
    {"op": "replace", "path": "/status", "value": "Active"},
    {"op": "replace", "path": "/substatus", "value": "Accepted"},
    {"op": "replace", "path": "/details/dealValue", "value": "25000.50"},
]
matching = {"If-Match": partner("GET", path).headers["ETag"]}
changed = partner("PATCH", path, json=accept, headers=matching)
tell("accept", [changed.status_code, changed.text])
tell("accept again", partner("PATCH", path, json=accept, headers=matching).status_code)
won = [{"op": "replace", "path": "/status", "value": "Closed"}, {"op": "replace", "path": "/substatus", "value": "Won"}]
changed = partner("PATCH", path, json=won, headers={"Prefer": "return=representation"})
tell("won", [changed.status_code, changed.json()["details"]["dealValue"], changed.headers["ETag"] == changed.json()["eTag"]])

# Who is told, and whether it can be believed.
hook = {"WebhookUrl": "https://leads.contoso.example/hook", "WebhookEvents": ["referral-updated"]}
hook["SignatureTokenToMsSignatureHeader"] = True
tell("register", [center("POST", "/webhooks/v1/registration", json=hook).status_code for _ in range(2)])
another = partner("GET", params={"$filter": "status eq 'New'", "$top": "1"}).json()["value"][0]["id"]
partner("PATCH", "/" + another, json=[{"op": "replace", "path": "/favorite", "value": True}])
event = user("event").json()
body = base64.b64decode(event["body"])
sent = {name.lower(): value for name, value in event["headers"]}
leaf = x509.load_der_x509_certificate(requests.get(sent["x-ms-certificate-url"], timeout=10).content)
scheme, signature = sent["x-ms-signature"].split(" ", 1)
leaf.public_key().verify(base64.b64decode(signature), body, padding.PKCS1v15(), hashes.SHA256())
roots = Store([x509.load_pem_x509_certificate(TRUSTED.encode())])
moment = datetime.datetime.now(datetime.timezone.utc)
verifier = PolicyBuilder().store(roots).time(moment).build_server_verifier
verifier(x509.DNSName("pcnotifications-dispatch.microsoft.com")).verify(leaf, [])
try:
    verifier(x509.DNSName("leads.example")).verify(leaf, [])
    tell("other name", True)
except VerificationError:
    tell("other name", False)
tell("event", [scheme, json.loads(body)["EventName"], json.loads(body)["ResourceUri"].endswith(another)])
followed = center("GET", urllib.parse.urlsplit(json.loads(body)["ResourceUri"]).path)
tell("followed", [followed.status_code, followed.json()["favorite"]])

# The end of it.
user("withdraw")
tell("no consent", seen(app.acquire_token_silent_with_error(CENTER_SCOPE, account, force_refresh=True)))
# MSAL does not repeat a request that was refused a moment ago, so another client asks.
user("second-factor")
on_device = by_device.get_accounts()[0]
tell("second factor", seen(by_device.acquire_token_silent_with_error(PARTNER_SCOPE, on_device, force_refresh=True)))
user("revoke")
tell("revoked", seen(app.acquire_token_silent_with_error(PARTNER_SCOPE, account, force_refresh=True)))
