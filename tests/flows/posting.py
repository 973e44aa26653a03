"""Bytes in, the answer of the intake out: posts as senders make them, good and bad."""

from django.db import connection
from django.test import Client

from owners.models import Owner
from tests.builders import TOKEN, make_owner, make_pool, make_source, publish_pool_rule

ADDRESS = "/api/v1/intake/web"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
POSTGRES = connection.vendor == "postgresql"
GOOD = b'{"email": "ada@acme.example"}'


def make_inbound() -> Owner:
    """Elena, who answers for the source `web` and gets all its leads."""
    elena = make_owner("elena")
    make_source("web", elena)
    publish_pool_rule(elena, make_pool("inbound", [elena]))
    return elena


def send(body: bytes = GOOD, content_type: str = JSON, address: str = ADDRESS, token: str = TOKEN, **headers: str):
    """Post the very bytes: `Client.post` would encode them anew."""
    given = {"Authorization": f"Bearer {token}"} if token else {}
    client = Client(raise_request_exception=False)
    return client.generic("POST", address, body, content_type=content_type, headers={**given, **headers})


def code_of(answer) -> str:
    """The stable code of a problem document, whose members agree with each other."""
    assert answer["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["type"]) == (answer.status_code, f"urn:revroute:problem:{problem['code']}")
    return problem["code"]
