"""Admin screens for sources, the built-in CRM, and the records of what came in."""

from leads.admin import crm, records, sources

__all__ = ["crm", "records", "sources"]
