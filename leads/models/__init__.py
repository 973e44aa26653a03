"""What came in and what is known, as rows. Knows owners; knows nothing of routing."""

from leads.models.crm import Activity, Company, Contact, Deal, Note, Pipeline, Stage, Task
from leads.models.events import IdempotencyKey, RawEvent
from leads.models.lead import Lead
from leads.models.sources import LeadType, Source

__all__ = [
    "Activity",
    "Company",
    "Contact",
    "Deal",
    "IdempotencyKey",
    "Lead",
    "LeadType",
    "Note",
    "Pipeline",
    "RawEvent",
    "Source",
    "Stage",
    "Task",
]
