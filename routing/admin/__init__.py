"""Admin screens for rules, SLA policies and API tokens, and the records of what was decided and is owed."""

from routing.admin import access, lists, moving, people, questions, records, review, rules, sla, versions

__all__ = ["access", "lists", "moving", "people", "questions", "records", "review", "rules", "sla", "versions"]
