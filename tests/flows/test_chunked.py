"""Chunked bodies, which say no length, against the real server: a lead like any other, and a limit all the same."""

import contextlib
import http.client
import json

import pytest

from tests.builders import TOKEN
from tests.flows.server import database, serving
from tests.flows.test_concurrency import seed_pool
from tests.once import on_sqlite_only

pytestmark = [pytest.mark.server, on_sqlite_only]

HEADERS = {
    "Authorization": f"Bearer {TOKEN}",
    "Content-Type": "application/json",
    "Transfer-Encoding": "chunked",
}


def post_chunked(port, chunks):
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as sender:
        with contextlib.suppress(BrokenPipeError):  # the answer may come before the last of a flood is sent
            sender.request("POST", "/api/v1/intake/web", iter(chunks), HEADERS, encode_chunked=True)
        answer = sender.getresponse()
        return answer.status, json.loads(answer.read())


def test_a_chunked_lead_is_routed_and_a_chunked_flood_refused():
    with database(seed_pool, [1]) as db, serving(db, MAX_BODY_BYTES="10000") as server:
        status, body = post_chunked(server.port, [b'{"email": "ada@ana', b'lytical.example"}'])
        assert (status, body["decision"]["normalized_lead"]["email"]) == (201, "ada@analytical.example")
        status, body = post_chunked(server.port, [b"x" * 4000] * 4)
        assert (status, body["code"]) == (413, "body_too_large")
        assert db.value("SELECT COUNT(*) FROM leads_rawevent") == 1
