"""The configuration as one text out, and such a text in: what it would change, and the change, all or nothing.

Rules come in as a draft, which nobody obeys until it is published. Leads, decisions, turns, users and secrets
are in no file.
"""

from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError

from leads.models import Stage
from owners.writer import writing
from routing.models import RuleSetVersion
from routing.rulebook import RulebookError, publish
from routing.transfer.diff import Change, compare
from routing.transfer.draft import make_draft
from routing.transfer.parse import Refused, load, parse
from routing.transfer.read import read, rules_of, text_of
from routing.transfer.shape import SECTIONS
from routing.transfer.write import Writer

__all__ = ["Refused", "Report", "bring_in", "export"]

State = RuleSetVersion.State


@dataclass(slots=True)
class Report:
    """What a file changed, or would. `kept`: rows that it leaves out and that stay. `notes`: for people."""

    changes: list[Change] = field(default_factory=list)
    kept: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    draft: int | None = None
    """The version that holds the file's rules, when they are not those in force."""
    published: bool = False


class _DryRun(Exception):
    """Rolls back what was only tried."""


def export(version: int | None = None, absences: bool = True) -> str:
    """The configuration's one text, with the rules of that version, else of the published one.

    Raises RuleSetVersion.DoesNotExist.
    """
    chosen = RuleSetVersion.objects.select_related("owner")
    found = chosen.get(pk=version) if version else chosen.filter(state=State.PUBLISHED).first()
    document = read(found)
    for owner in document["owners"] if not absences else ():
        del owner["absences"]
    return text_of(document)


def bring_in(
    data: bytes, now: datetime, *, dry_run: bool = False, prune: bool = False, publish_rules: bool = False
) -> Report:
    """Make the configuration what the file says, in one writer transaction; with `dry_run` try it and undo it.

    `prune`: owners whom the file leaves out depart, sources are switched off, what nothing uses is deleted.
    Raises Refused with every problem, and then nothing has changed.
    """
    given = load(data)
    report = Report()
    try:
        with writing():
            _bring_in(given, now, prune, publish_rules, report)
            if dry_run:
                raise _DryRun
    except _DryRun:
        pass
    except IntegrityError as error:  # what no check foresaw; the transaction is undone
        raise Refused(f"The database refused the file: {str(error).splitlines()[0]}.") from error
    return report


def _bring_in(given: dict, now: datetime, prune: bool, publish_rules: bool, report: Report) -> None:
    document = parse(given, _known())
    published = RuleSetVersion.objects.select_related("owner").filter(state=State.PUBLISHED).first()
    held = read(published)
    changes = list(compare(held, document))
    about_rules = [change for change in changes if change.section == "rules"]
    rows = [change for change in changes if change.section != "rules"]
    writer = Writer(document, held, rows, now)
    writer.write(prune)
    if writer.problems:
        raise Refused(*writer.problems)
    kept = [] if prune else [change for change in rows if change.kind == "removed"]
    report.changes += [change for change in rows if change not in kept]
    report.kept += kept
    report.notes += writer.notes + [
        f"Source {key} is new and has no token; make one under Sources." for name, key in sorted(writer.added)
        if name == "sources"
    ]  # fmt: skip
    if about_rules:
        _rules(document["rules"], about_rules, writer, now, publish_rules, report)


def _rules(
    rules: dict, changes: list[Change], writer: Writer, now: datetime, publish_rules: bool, report: Report
) -> None:
    """A draft with the file's rules, unless the newest draft holds them already; in force only when asked for."""
    draft = RuleSetVersion.objects.select_related("owner").filter(state=State.DRAFT).order_by("-id").first()
    if draft and rules_of(draft) == rules:
        report.notes.append(f"Draft {draft.pk} held these rules already.")
    else:
        problems: list[str] = []
        draft = make_draft(rules, writer.ids, problems)
        if problems:
            raise Refused(*problems)
        report.changes += changes
    report.draft = draft.pk
    if publish_rules:
        try:
            publish(draft, None, now)
        except RulebookError as error:
            raise Refused(*(f"rules: {sentence}" for sentence in error.problems)) from error
        report.published = True


def _known() -> dict[str, set[str]]:
    known = {name: set(section.model.objects.values_list("key", flat=True)) for name, section in SECTIONS.items()}
    stages = Stage.objects.values_list("pipeline__key", "key")
    return {**known, "stages": {f"{pipeline}/{key}" for pipeline, key in stages}}
