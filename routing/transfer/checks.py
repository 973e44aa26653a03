"""A row as a file wants it in, what speaks against it out; and of a row that a file leaves out, whether it is used."""

from django.db import models

from leads.models import Pipeline, Stage
from owners.holidays import NoHolidays, check_place
from owners.models import Calendar, Membership, Pool, PoolMember, SpecialDay, TerritoryArea, WeeklyHours
from routing.ladder_rules import hours_problem, rung_problems
from routing.ladder_words import rung_of
from routing.list_imports import asked_by
from routing.models import ListEntry, NamedList, SlaPolicy, SlaRung
from routing.transfer import pools


def broken(row: models.Model) -> str:
    """What the constraints of the database forbid, in a sentence; the database itself would not say where."""
    if isinstance(row, Pool):
        return pools.broken_pool(row)
    if isinstance(row, PoolMember):
        return pools.broken_member(row)
    if isinstance(row, SlaRung):
        return next((sentence for _, sentence in rung_problems(rung_of(row))), "")
    if isinstance(row, SlaPolicy):
        problem = hours_problem(row.hours_of, row.calendar_id)
        return problem[1] if problem else ""
    if isinstance(row, Calendar) and (row.holiday_country or row.holiday_region):
        try:
            check_place(row.holiday_country, row.holiday_region)
        except NoHolidays as refused:
            return str(refused)
    return ""


PARTS = (Membership, TerritoryArea, Stage, WeeklyHours, SpecialDay, SlaRung, ListEntry)
"""Rows that are nothing without the row that they belong to, and have no history."""


def is_used(row: models.Model) -> bool:
    """Whether anything but its own parts points at it."""
    if isinstance(row, NamedList) and asked_by(row):
        return True
    if isinstance(row, Pipeline) and any(is_used(stage) for stage in row.stages.all()):
        return True
    return any(
        relation.related_model.objects.filter(**{relation.field.name: row}).exists()
        for relation in row._meta.get_fields(include_hidden=True)
        if (relation.one_to_many or relation.one_to_one) and relation.auto_created
        if relation.related_model not in PARTS
    )
