"""Decisions whose CRM write is confirmed in, the first task of their follow-up sequence out; tells nobody.

Run it inside a transaction together with whatever says that it was done.
"""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime

from leads.clean import clean_text
from leads.models import Task
from routing.engine.reason import words
from routing.models import Decision
from routing.write import Row, Target, write

FIRST_STEP = 1
TASKS = Target(
    Task,
    ("decision_id", "step", "lead", "owner", "sequence", "text", "due_at", "created_at"),
    skip=True,
)
"""A decision that has its first task keeps it."""
MAX_NAME = 80
MAX_TOPIC = 100
FACTS = re.compile(r'"facts":\s*')
DECODER = json.JSONDecoder()


def start(decision_ids: Sequence[int], now: datetime) -> None:
    """Write the first task of each decision, in two statements.

    A decision that has its task keeps it as it is. The task belongs to the decision's owner and is due when
    the first touch is.
    """
    write([(TASKS, list(_first_tasks(decision_ids, now)))])


def first_task_text(name: str, phone: str, company: str, topic: str) -> str:
    """“Call Ada Lovelace (Analytical Ltd) about CRM workflow repair”: one line, 300 characters at most."""
    who = one_line(name, MAX_NAME) or "the buyer"
    at = one_line(company, MAX_NAME) if company != name else ""
    about = one_line(topic, MAX_TOPIC)
    verb = "Call" if phone else "Write to"
    return f"{verb} {who}{f' ({at})' if at else ''}{f' about {about}' if about else ''}"


def topic(snapshot: str, lead_type: str) -> str:
    """What the buyer wants, in words: the service or product of the facts, else the type of the inquiry."""
    facts = _facts(snapshot)
    for field in ("service_requested", "product_interest"):
        if isinstance(wanted := facts.get(field), str) and wanted:
            return words(wanted)
    return f"the {words(lead_type)} inquiry" if lead_type else ""


def one_line(text: str, limit: int) -> str:
    """The text without line breaks and control characters; an ellipsis ends what is longer than `limit`."""
    line = " ".join(clean_text(text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _first_tasks(decision_ids: Sequence[int], now: datetime) -> Iterator[Row]:
    """A test lead is nobody's work."""
    rows = Decision.objects.filter(id__in=decision_ids, owner__isnull=False, lead__is_test=False).values_list(
        "id", "lead_id", "owner_id", "sequence", "due_at", "lead_type", "snapshot",
        "lead__name", "lead__email", "lead__phone", "lead__company__name", "lead__company__domain",
    )  # fmt: skip
    for id, lead, owner, sequence, due_at, lead_type, snapshot, name, email, phone, company, domain in rows:
        text = first_task_text(name or email or phone, phone, company or domain or "", topic(snapshot, lead_type))
        yield id, FIRST_STEP, lead, owner, sequence, text, due_at or now, now


def _facts(snapshot: str) -> dict:
    """The facts of a stored snapshot; nothing where they cannot be read, because a task needs no topic.

    They stand before everything that has keys of its own, so the first such key is theirs, and the several
    kilobytes behind them need no reading. No string can hold the key: JSON escapes quotation marks.
    """
    key = FACTS.search(snapshot)
    try:
        facts = DECODER.raw_decode(snapshot, key.end())[0] if key else {}
    except (ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) else {}
