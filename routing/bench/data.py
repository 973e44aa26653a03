"""An empty database in, one with a company's history out, set-wise; a database of anybody else's is refused.

Per stored lead a contact; 120,000 companies; 30,000 deals, two in three open. Events, keys, decisions, met
clocks and notes stand behind the newest twentieth, the open leads; the older ones are closed. Ids are those
of the one series (leads.ids), and new ones begin behind them. Foreign keys and indexes stay as migrated.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from leads.models import Company, Contact, Deal, Lead, RawEvent, Source
from leads.models import Pipeline as SalesPipeline
from owners.models import Owner, Pool, Team, User
from owners.writer import writing
from routing.bench import company
from routing.bench.rules import put_in_force
from routing.current import forget_all
from routing.models import Delivery, PlanAction, RuleSetVersion
from routing.revision import current_revision

COMPANIES, DEALS = 120_000, 30_000
OPEN_SHARE = 20
"""One stored lead in so many is open."""
RULES = 1000
LEAST = 100
LEAST_ANALYSED = 100_000
TRACE_BYTES = 3000
Say = Callable[[str], None]


class Refused(Exception):
    """The database is not the benchmarks' to use; the text says why, in one sentence."""


def ensure(leads: int, say: Say) -> int:
    """Have a database with stored leads and 1,000 published rules; how many leads were stored in it.

    Fills an empty one with `leads`, at least 100. One that a benchmark filled before is used as it is. Raises Refused.
    """
    if not _is_own():
        _refuse_if_used()
        call_command("migrate", verbosity=0, interactive=False)
        _fill(max(leads, LEAST), say)
    _settle()
    forget_all()
    return _last_stored()


def _settle() -> None:
    """Call done what a former benchmark left to the worker, so that the next one is not charged for it."""
    now = timezone.now()
    unsent = [Delivery.State.BLOCKED, Delivery.State.OWED, Delivery.State.SENDING]
    PlanAction.objects.filter(state=PlanAction.State.PENDING).update(
        state=PlanAction.State.CONFIRMED, confirmed_at=now, next_try_at=None
    )
    Delivery.objects.filter(state__in=unsent).update(state=Delivery.State.SENT, sent_at=now, next_try_at=None)


def _last_stored() -> int:
    """The id of the last stored contact, which carries a mark; ids begin at 1, so it is their number as well."""
    return Contact.objects.filter(job_title=company.MARK).values_list("id", flat=True).get()


def _tables() -> set[str]:
    with connection.cursor() as cursor:
        return set(connection.introspection.table_names(cursor))


def _is_own() -> bool:
    """Whether a benchmark made this database: its source is the only one, its owners are the only ones."""
    if Source._meta.db_table not in _tables():
        return False
    marks = list(Source.objects.values_list("system_name", flat=True))
    strangers = Owner.objects.exclude(key__startswith=company.OWNER_PREFIX)
    return marks == [company.MARK] and not strangers.exists() and not User.objects.exists()


def _refuse_if_used() -> None:
    tables = _tables()
    if tables and "django_migrations" not in tables:
        raise Refused("The database holds tables of another program; name an empty one in DATABASE_URL.")
    kinds = (User, Owner, Team, Pool, Source, SalesPipeline, RuleSetVersion, RawEvent, Lead, Contact, Company, Deal)
    for model in kinds:
        if model._meta.db_table in tables and model.objects.exists():
            name = model._meta.verbose_name_plural
            raise Refused(f"The database has {name} that no benchmark made; name an empty one in DATABASE_URL.")


def _fill(leads: int, say: Say) -> None:
    """All in one writer transaction, so that half a filling is none; then the planner's statistics."""
    with writing():
        company.make_people()
        version = put_in_force(RULES).pk
        revision, _ = current_revision(timezone.now())
        sql = Statements(leads, version, revision)
        with without_checks(), connection.cursor() as cursor:
            for name, statement in sql.all():
                say(f"storing {name}")
                cursor.execute(statement)
    _analyse(leads, say)


def _analyse(leads: int, say: Say) -> None:
    """SQLite never looks again, so what it learnt of a hundred leads would mislead it once thousands have come in."""
    say("analysing")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM ANALYZE")
            return
        if leads >= LEAST_ANALYSED:
            cursor.execute("ANALYZE")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def without_checks() -> Iterator[None]:
    """Let PostgreSQL store what is known to be sound without a look-up per foreign key, where it may be told so."""
    with connection.cursor() as cursor:
        allowed = False
        if connection.vendor == "postgresql":
            cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
            allowed = cursor.fetchone()[0]
        if allowed:
            cursor.execute("SET LOCAL session_replication_role = replica")
        yield
        if allowed:
            cursor.execute("SET LOCAL session_replication_role = origin")


class Statements:
    """The INSERTs. `i` runs over the leads, oldest first; contact, lead and event `i` are one story."""

    def __init__(self, leads: int, version: int, revision: int) -> None:
        self.leads, self.version, self.revision = leads, version, revision
        self.companies = min(COMPANIES, leads)
        self.first_open = leads - max(1, leads // OPEN_SHARE) + 1
        self.source = Source.objects.get().pk
        self.stage = SalesPipeline.objects.get().stages.get()
        self.first_owner = Owner.objects.order_by("id").values_list("id", flat=True)[0]
        self.postgres = connection.vendor == "postgresql"

    def all(self) -> Iterator[tuple[str, str]]:
        yield f"{self.companies} companies", self._insert(Company, self._company(), 1, self.companies)
        yield f"{self.leads} contacts", self._insert(Contact, self._contact(), 1, self.leads)
        yield f"{self.leads} leads", self._insert(Lead, self._lead(), 1, self.leads)
        yield "deals", self._insert(Deal, self._deal(), 1, min(DEALS, self.companies // 4))
        yield "events", self._insert(RawEvent, self._event(), self.first_open, self.leads)
        for name, table, columns in self._behind_open_leads():
            yield name, self._insert(table, columns, self.first_open, self.leads)
        yield "loads", self._loads()
        if self.postgres:
            yield "the series of ids", f"SELECT setval('leads_rawevent_id_seq', {self.leads})"

    def decided(self, first: int, last: int) -> Iterator[str]:
        """Events and decisions behind leads that have none."""
        yield self._insert(RawEvent, self._event(), first, last)
        decisions = next(columns for name, _, columns in self._behind_open_leads() if name == "decisions")
        yield self._insert("routing_decision", decisions, first, last)

    def _insert(self, model: type | str, columns: dict[str, str], first: int, last: int) -> str:
        table = model if isinstance(model, str) else model._meta.db_table
        values = f"SELECT {', '.join(columns.values())} FROM {self._series(first, last)}"
        return f"INSERT INTO {table} ({', '.join(columns)}) {values}"

    def _series(self, first: int, last: int) -> str:
        if self.postgres:
            return f"generate_series({first}, {last}) AS s(i)"
        counted = f"SELECT {first} AS i UNION ALL SELECT i + 1 FROM s WHERE i < {last}"
        return f"(WITH RECURSIVE s AS ({counted}) SELECT i FROM s)"

    def _ago(self, seconds: str) -> str:
        """The instant so many whole seconds before now, as Django stores it."""
        if self.postgres:
            return f"now() - ({seconds}) * interval '1 second'"
        return f"strftime('%Y-%m-%d %H:%M:%S', 'now', '-' || ({seconds}) || ' seconds')"

    @property
    def _received(self) -> str:
        """A year of leads, evenly."""
        return self._ago(f"60 + ({self.leads} - i) * {max(1, 365 * 86400 // self.leads)}")

    @property
    def _owner(self) -> str:
        return f"{self.first_owner} + i % {company.POOLS * company.MEMBERS}"

    def _company(self) -> dict[str, str]:
        """Company `i` has the domain c(i-1).example; one in fifty is a customer with an owner."""
        return {
            "id": "i", "name": "'Company ' || (i - 1)", "domain": "'c' || (i - 1) || '.example'",
            "is_customer": "i % 50 = 0", "owner_id": f"CASE WHEN i % 50 = 0 THEN {self._owner} END",
            "external_id": "''", "created_at": self._ago("86400 * 400"),
        }  # fmt: skip

    def _contact(self) -> dict[str, str]:
        return {
            "id": "i", "email": f"'u' || i || '@c' || (i % {self.companies}) || '.example'",
            "phone": "'+1' || (2000000000 + i)", "first_name": "'Ann'", "last_name": "'Lee ' || i",
            "job_title": f"CASE WHEN i = {self.leads} THEN '{company.MARK}' ELSE 'Head of sales' END",
            "company_id": f"i % {self.companies} + 1", "owner_id": self._owner, "external_id": "''",
            "created_at": self._received,
        }  # fmt: skip

    def _lead(self) -> dict[str, str]:
        return {
            "id": "i", "source_id": str(self.source), "contact_id": "i", "company_id": f"i % {self.companies} + 1",
            "state": f"CASE WHEN i >= {self.first_open} THEN 'assigned' ELSE 'closed' END",
            "owner_id": self._owner, "lead_type": "'demo'", "high_intent": "i % 2 = 0",
            "lead_score": "i % 101", "email": f"'u' || i || '@c' || (i % {self.companies}) || '.example'",
            "phone": "'+1' || (2000000000 + i)", "name": "'Ann Lee ' || i", "country": "'US'",
            "consent_to_contact": "i % 3 = 0", "is_test": "i < 0", "received_at": self._received,
            "owned_at": self._received, "reason": "'Assigned to Owner because it is their turn in their line.'",
        }  # fmt: skip

    def _deal(self) -> dict[str, str]:
        """Every fourth company has one; two in three are open."""
        return {
            "id": "i", "name": "'Deal ' || i", "company_id": f"(i * 4) % {self.companies} + 1",
            "pipeline_id": str(self.stage.pipeline_id), "stage_id": str(self.stage.pk), "owner_id": self._owner,
            "state": "CASE WHEN i % 3 = 0 THEN 'won' ELSE 'open' END", "routed": "i < 0", "external_id": "''",
            "created_at": self._ago("86400 * 30"),
        }  # fmt: skip

    def _event(self) -> dict[str, str]:
        body = '\'{"email": "u\' || i || \'@c.example", "message": "\' || ' + self._text(300) + " || '\"}'"
        return {
            "id": "i", "source_id": str(self.source), "state": "1", "intent_class": "1", "received_at": self._received,
            "content_type": "'application/json'", "headers": "'{}'",
            "body": f"convert_to({body}, 'UTF8')" if self.postgres else f"CAST({body} AS BLOB)",
            "body_digest": self._digest("'body' || i"), "submission_id": "'s' || i", "idempotency_key": "''",
            "correlation_id": "'stored-' || i", "attempts": "0", "error": "''",
        }  # fmt: skip

    def _behind_open_leads(self) -> Iterator[tuple[str, str, dict[str, str]]]:
        """Keys, decisions, clocks that were met, notes."""
        key = {"source_id": str(self.source), "key": "'sub:s' || i", "event_id": "i"}
        yield "keys", "leads_idempotencykey", key
        yield "decisions", "routing_decision", {
            "id": "i", "event_id": "i", "lead_id": "i", "origin": "'routing'", "version_id": str(self.version),
            "revision_id": str(self.revision), "status": "'assigned'", "hierarchy_step": "'round_robin_pool'",
            "rule_id": "1", "owner_id": self._owner, "tier": "'standard'", "pipeline_key": "'sales'",
            "stage_key": "'new'", "sequence": "'first_contact'", "review_reason": "''",
            "reason": "'Assigned to Owner because it is their turn in their line.'", "route_flag": "'ok'",
            "lead_type": "'demo'", "high_intent": "i % 2 = 0", "sla_policy": "'usual'",
            "decided_at": self._received, "digest": self._digest("'decision' || i"), "snapshot": "'{}'",
            "trace": self._text(TRACE_BYTES),
        }  # fmt: skip
        yield "clocks", "routing_slaclock", {
            "lead_id": "i", "decision_id": "i", "owner_id": self._owner, "kind": "'first_touch'",
            "policy_key": "'usual'", "budget_seconds": "1800", "real_time": "i < 0",
            "started_at": self._received, "due_at": self._received,
            "state": "'met'", "ended_at": self._received,
        }  # fmt: skip
        yield "notes", "leads_note", {
            "lead_id": "i", "created_at": self._received,
            "text": "'Assigned to Owner because it is their turn in their line.'",
        }  # fmt: skip

    def _text(self, size: int) -> str:
        """About so many characters that do not shrink to nothing when compressed."""
        words = max(1, size // 32)
        if self.postgres:
            return f"(SELECT string_agg(md5((i * 100 + w)::text), '') FROM generate_series(1, {words}) w)"
        return f"hex(randomblob({words * 16}))"

    def _digest(self, text: str) -> str:
        return f"md5({text}) || md5({text} || 'x')" if self.postgres else "lower(hex(randomblob(32)))"

    def _loads(self) -> str:
        """The open leads of each owner, as they stand in the rows."""
        return (
            "INSERT INTO routing_ownerload (owner_id, open_leads, day, day_count, week, week_count)"
            " SELECT owner_id, count(*), '2000-01-03', 0, '2000-01-03', 0 FROM leads_lead"
            " WHERE state = 'assigned' GROUP BY owner_id"
        )
