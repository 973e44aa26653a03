"""Rungs that tell another program: the signed call, its repeats, and addresses that are refused."""

import base64
import hashlib
import hmac
import json
import threading
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.core.management import call_command

from owners.models import User
from owners.roles import Role, give_role
from routing.channels import webhook
from routing.delivery import deliver_due
from routing.escalation import sweep
from routing.models import Delivery
from routing.retry import Failure, PermanentFailure
from routing.scopes import visible_deliveries
from tests.builders import NOW
from tests.routing.ladders import MINUTE, change, ladder, make_company, owned

pytestmark = pytest.mark.django_db


@contextmanager
def receiver(*statuses):
    """A server that answers so, in order; its address and what it was sent: (path, headers, body)."""
    got = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.path, dict(self.headers), body))
            self.send_response(statuses[min(len(got), len(statuses)) - 1])
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.end_headers()

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook?team=7", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def states():
    return list(Delivery.objects.filter(channel="webhook").order_by("id").values_list("state", "attempts", "error"))


def test_program_is_told_of_a_rung_by_ids_alone_signed_and_again_until_it_answers(settings, capsys):
    settings.WEBHOOK_PRIVATE = True
    people = make_company()
    with receiver(503, 200) as (address, got):
        ladder("no_activity", {"percent": 50, "webhook": address})
        [lead] = owned()
        assert sweep(NOW + 15 * MINUTE).told == 1
        deliver_due(NOW + 15 * MINUTE, chance=lambda: 0.0)
        assert states() == [("owed", 1, "webhook_refused: 503")]
        deliver_due(NOW + 15 * MINUTE + timedelta(seconds=15))
        assert states() == [("sent", 2, "")]
        deliver_due(NOW + 60 * MINUTE)
    (path, first, body), (_, second, again) = got
    assert (path, body) == ("/hook?team=7", again)
    assert first["webhook-id"] == second["webhook-id"] == f"delivery-{Delivery.objects.get(channel='webhook').pk}"
    call_command("webhook_secret")
    key = base64.b64decode(capsys.readouterr().out.strip().removeprefix("whsec_"))
    signed = f"{second['webhook-id']}.{second['webhook-timestamp']}.".encode() + body
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert second["webhook-signature"] == f"v1,{digest}"
    told = json.loads(body)
    assert {told.pop(name) for name in ("id", "lead_url")}
    assert told == {
        "event": "escalation.rung",
        "lead_id": lead.pk,
        "owner_id": people.elena.pk,
        "clock": "no_activity",
        "policy": "laddered",
        "rung": {"percent": 50},
        "action": "tell",
        "reason": "nobody acted for 50 % of the time of no_activity",
        "clock_started_at": "2026-11-23T10:00:00+00:00",
        "clock_due_at": "2026-11-23T10:30:00+00:00",
        "due_at": "2026-11-23T10:15:00+00:00",
        "fired_at": "2026-11-23T10:15:00+00:00",
        "late_seconds": 0,
        "decision_id": None,
        "new_owner_id": None,
    }
    assert b"acme" not in body
    assert b"Elena" not in body


def test_address_of_a_webhook_is_for_those_who_see_everything():
    people = make_company()
    ladder("no_activity", {"percent": 50, "remind": True, "webhook": "https://hooks.example/a-secret"})
    owned()
    sweep(NOW + 15 * MINUTE)
    rep, operator = User.objects.create_user("rep"), User.objects.create_user("operator")
    change(people.elena, user=rep)
    give_role(rep, Role.REP)
    give_role(operator, Role.REVOPS)
    seen = [set(visible_deliveries(user).values_list("channel", flat=True)) for user in (rep, operator)]
    assert seen == [{"in_app", "email"}, {"in_app", "email", "webhook"}]


def test_call_that_is_no_use_is_given_up_with_one_alert(settings, mailoutbox):
    settings.WEBHOOK_PRIVATE = True
    make_company()
    with receiver(302) as (address, got):
        ladder("no_activity", {"percent": 50, "webhook": address})
        owned()
        sweep(NOW + 15 * MINUTE)
        deliver_due(NOW + 15 * MINUTE)
    assert len(got) == 1
    assert states() == [("dead", 1, "webhook_redirects: 302")]
    deliver_due(NOW + 16 * MINUTE)
    [letter] = [sent for sent in mailoutbox if sent.to == ["rita@revroute.example"]]
    assert "Webhook about a rung: webhook_redirects: 302" in letter.body


def test_address_that_is_down_is_tried_once_a_tick(settings):
    settings.WEBHOOK_PRIVATE = True
    make_company()
    ladder("no_activity", {"percent": 50, "webhook": "http://127.0.0.1:9/"})
    owned(2)
    sweep(NOW + 15 * MINUTE)
    called = []

    def call(one):
        called.append(one)
        raise webhook.Unreachable("webhook_unreachable", "ConnectionRefusedError")

    deliver_due(NOW + 15 * MINUTE, call=call)
    assert len(called) == 1
    assert states() == [("owed", 1, "webhook_unreachable: ConnectionRefusedError")] * 2


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1/", "http://localhost:8000/", "http://10.0.0.8/x", "http://169.254.169.254/latest",
        "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://0.0.0.0/", "http://2130706433/", "http://[fe80::1]/",
    ],
)  # fmt: skip
def test_private_addresses_are_refused(address):
    with pytest.raises(PermanentFailure, match="webhook_address_private"):
        webhook.send(webhook.Call(1, address, b"{}"))


def test_addresses_that_cannot_be_called_and_secrets_that_are_given(settings):
    for address in ("ftp://example.com/", "http://", "http://[::1", "http://example.com:99999/"):
        with pytest.raises(PermanentFailure, match="webhook_address_unusable"):
            webhook.send(webhook.Call(1, address, b"{}"))
    settings.WEBHOOK_PRIVATE = True
    with pytest.raises(Failure, match="webhook_unreachable"):
        webhook.send(webhook.Call(1, "http://127.0.0.1:9/", b"{}"))
    with receiver(200) as (address, _), pytest.raises(Failure, match="webhook_not_secure"):
        webhook.send(webhook.Call(1, address.replace("http:", "https:"), b"{}"))
    settings.WEBHOOK_SECRET = "whsec_c2VjcmV0"
    assert webhook.secret() == "whsec_c2VjcmV0"
    settings.WEBHOOK_SECRET = "secret"
    assert webhook.secret() == "whsec_c2VjcmV0"
