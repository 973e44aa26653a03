"""What a CRM connector is given, gives back and may raise. Leaves alone when it is called and what follows.

A connector is called outside any transaction, by several workers at once, and more often than once for the
same action (a process may die between the CRM's answer and our record of it). `ActionContext.idempotency_key`
is the same each time: the connector sends it along, or looks for what it made under it
before it makes it again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from routing.retry import Failure, PermanentFailure

ACTIONS = (
    "update_contact_owner",
    "create_deal",
    "update_deal",
    "associate_contact_company_deal",
    "write_routing_reason_note",
)


class ConnectorError(Failure):
    """A CRM did not do what it was asked for. `code` names how."""


class Retry(ConnectorError):
    """Not now (5xx, a time-out, a broken line); `after` when the CRM said how long."""

    def __init__(self, after: timedelta | None = None, detail: str = "") -> None:
        super().__init__("crm_unavailable", detail, after)


class RateLimited(ConnectorError):
    """Too many calls (429); `retry_after` is the CRM's `Retry-After`."""

    def __init__(self, retry_after: timedelta | None = None, detail: str = "") -> None:
        super().__init__("crm_rate_limited", detail, retry_after)


class Refused(ConnectorError, PermanentFailure):
    """The CRM understood and said no, and would say no again."""

    def __init__(self, detail: str = "") -> None:
        super().__init__("crm_refused", detail)


class Unauthorised(ConnectorError, PermanentFailure):
    """The CRM does not take our credentials (401, 403): every further call would fail too."""

    def __init__(self, detail: str = "") -> None:
        super().__init__("crm_unauthorised", detail)


@dataclass(frozen=True, slots=True)
class ContactFacts:
    """The person. `id` is RevRoute's, `external_id` the CRM's; texts are empty where unknown."""

    id: int
    external_id: str
    email: str
    phone: str
    first_name: str
    last_name: str
    job_title: str


@dataclass(frozen=True, slots=True)
class CompanyFacts:
    id: int
    external_id: str
    name: str
    domain: str


@dataclass(frozen=True, slots=True)
class DealFacts:
    id: int
    external_id: str
    name: str


@dataclass(frozen=True, slots=True)
class OwnerFacts:
    """The owner; CRMs know them by e-mail address."""

    id: int
    key: str
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class ActionContext:
    """One action of one decision's plan, with all that a CRM needs for it as plain values.

    `idempotency_key` is `decision_id:position`. `earlier` holds what the decision's confirmed actions gave
    back: action name to external id, so that an association finds the deal that was just made.
    """

    action: str
    idempotency_key: str
    lead_id: int
    owner: OwnerFacts
    contact: ContactFacts | None = None
    company: CompanyFacts | None = None
    deal: DealFacts | None = None
    pipeline_key: str = ""
    stage_key: str = ""
    reason: str = ""
    earlier: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Receipt:
    """The CRM's confirmation: the id of what it wrote, empty where it gives none, cut to 200 characters."""

    external_id: str = ""


class Connector(Protocol):
    """A CRM. Built once per process, without arguments (it reads its settings); used by several threads."""

    def perform(self, action: str, context: ActionContext) -> Receipt:
        """Do one of `ACTIONS`; return only when the CRM has confirmed it. Must give up within 30 seconds.

        Raises `Retry`, `RateLimited`, `Refused`, `Unauthorised`; anything else counts as worth another try.
        """
        ...
