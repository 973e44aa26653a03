"""Why a lead went where it went and what is owed since, as rows. Knows owners and leads.

A foreign key has no index of its own where a constraint or a composite index begins with it, or where nobody
asks by it: each index is paid for with every routed lead.
"""

from routing.models.access import ApiToken
from routing.models.clocks import Escalation, SlaClock, SlaPause
from routing.models.decisions import ClockState, ConfigRevision, Decision, PlanAction
from routing.models.deliveries import Delivery
from routing.models.facts import Fact
from routing.models.fairness import LedgerCheck, LedgerEntry, MemberLoad, OwnerLoad, RotationState
from routing.models.health import BatchUnderWay, WorkerHeartbeat, WorkerIncident
from routing.models.lists import ListEntry, ListText, NamedList
from routing.models.moves import BulkMove, BulkMoveLead
from routing.models.reports import ReportArrival, ReportBlock, ReportSpan, ReportState
from routing.models.review import ReviewItem
from routing.models.rules import Condition, Rule, RuleReview, RuleSetContent, RuleSetVersion, RulesReady
from routing.models.sla import SlaLadder, SlaPolicy, SlaRung, SlaTerms

__all__ = [
    "ApiToken",
    "BatchUnderWay",
    "BulkMove",
    "BulkMoveLead",
    "ClockState",
    "Condition",
    "ConfigRevision",
    "Decision",
    "Delivery",
    "Escalation",
    "Fact",
    "LedgerCheck",
    "LedgerEntry",
    "ListEntry",
    "ListText",
    "MemberLoad",
    "NamedList",
    "OwnerLoad",
    "PlanAction",
    "ReportArrival",
    "ReportBlock",
    "ReportSpan",
    "ReportState",
    "ReviewItem",
    "RotationState",
    "Rule",
    "RuleReview",
    "RuleSetContent",
    "RuleSetVersion",
    "RulesReady",
    "SlaClock",
    "SlaLadder",
    "SlaPause",
    "SlaPolicy",
    "SlaRung",
    "SlaTerms",
    "WorkerHeartbeat",
    "WorkerIncident",
]
