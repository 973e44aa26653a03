"""A CRM that delays, refuses, then succeeds: nobody is told before it has confirmed, and then everybody once."""

import json
from functools import partial

import pytest

from tests.flows.server import database, serving, wait_until
from tests.flows.test_concurrency import seed_pool
from tests.once import on_sqlite_only

pytestmark = [pytest.mark.server, on_sqlite_only]

BUYER = {"email": "ada@analytical.example", "company_domain": "analytical.example"}
CRM_ACTIONS = ["update_contact_owner", "create_deal", "associate_contact_company_deal", "write_routing_reason_note"]
SCRIPT = {
    "update_contact_owner": ["delay"],
    "create_deal": ["later"],
    "associate_contact_company_deal": ["refuse"],
    "write_routing_reason_note": ["delay"],
}
STATES = "SELECT action, state FROM routing_planaction ORDER BY position"
ALERTS = "SELECT channel, state FROM routing_delivery WHERE kind = 'assignment' ORDER BY channel"


def nobody_was_told(db):
    return db.value("SELECT COUNT(*) FROM leads_task") == 0 and db.rows(ALERTS) == [
        ("email", "blocked"),
        ("in_app", "blocked"),
    ]


def calls(db):
    lines = (db.home / "crm.calls").read_text().splitlines() if (db.home / "crm.calls").exists() else []
    return [(call["action"], call["word"]) for call in map(json.loads, lines)]


def _called_again(db, seen):
    return len(calls(db)) > seen


def test_alert_and_follow_up_wait_for_a_crm_that_delays_refuses_and_then_succeeds():
    with database(seed_pool, [1]) as db:
        (db.home / "crm.json").write_text(json.dumps(SCRIPT))
        settings = {
            "CRM_CONNECTOR": "tests.flows.scripted_crm.ScriptedCrm",
            "SCRIPTED_CRM": str(db.home / "crm.json"),
        }
        with serving(db, **settings) as server:
            event = server.post(BUYER).event
            seen = 0
            while seen < 4:  # delayed, later, confirmed, refused: nobody is told meanwhile
                wait_until(partial(_called_again, db, seen), 20, "another call of the CRM")
                seen = len(calls(db))
                assert nobody_was_told(db)
            wait_until(lambda: (CRM_ACTIONS[2], "stopped") in db.rows(STATES), 10, "the refusal is written down")
            stopped = ["confirmed", "confirmed", "stopped", "pending", "pending"]
            assert [state for _, state in db.rows(STATES)] == stopped
            operator = "SELECT COUNT(*) FROM routing_delivery WHERE kind = 'operator' AND state = 'sent'"
            wait_until(lambda: db.value(operator) == 2, 10, "the operator is told, once a channel")
            items = db.rows("SELECT reason, state, detail FROM routing_reviewitem")
            assert items == [("crm_error", "open", "associate_contact_company_deal: crm_refused")]
            assert nobody_was_told(db)

            resumed = db.manage("replay", str(event), **settings)
            assert (resumed.returncode, resumed.stdout) == (
                0, f"Event {event} keeps its decision; 1 plan actions go on.\n",
            )  # fmt: skip
            wait_until(lambda: len(calls(db)) >= 6, 20, "the CRM's last confirmation")
            db.settle()

        assert calls(db) == [
            ("update_contact_owner", "delay"),
            ("create_deal", "later"),
            ("create_deal", "confirm"),
            ("associate_contact_company_deal", "refuse"),
            ("associate_contact_company_deal", "confirm"),
            ("write_routing_reason_note", "delay"),
        ]
        assert db.rows(STATES) == [(action, "confirmed") for action in [*CRM_ACTIONS, "start_follow_up_sequence"]]
        assert db.rows(ALERTS) == [("email", "sent"), ("in_app", "sent")]
        assert db.value("SELECT COUNT(*) FROM leads_task") == 1
        confirmed = db.value("SELECT MAX(confirmed_at) FROM routing_planaction WHERE connector <> ''")
        assert db.value("SELECT MIN(sent_at) FROM routing_delivery WHERE kind = 'assignment'") >= confirmed
        assert db.value("SELECT created_at FROM leads_task") >= confirmed
        assert len(db.mails()) == len(set(db.mails())) == 2  # the operator's and the owner's
        assert db.value("SELECT COUNT(*) FROM routing_decision") == 1
