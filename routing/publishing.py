"""A draft and a person in; it published, scheduled, approved, or an older version in force again, out.

Everything goes through `routing.rulebook.publish`, the one door. What a draft says and whether it may be published is
decided there; here is who asked, when, and what is said afterwards.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import F

from leads.clean import clean_text
from owners.models import User
from owners.writer import writing
from routing.drafts import editing, log, told_since
from routing.models import RuleSetVersion
from routing.refused import Refused
from routing.rule_mail import address_of, answerable, tell
from routing.rulebook import LATE_MINUTES, RulebookError, copy_to_draft, freeze, live_version, may_publish, publish
from routing.rulebook import digest as digest_of_content

logger = logging.getLogger(__name__)
State = RuleSetVersion.State
LONGEST_PURPOSE = 300
MOST_WARNINGS, MOST_TOLD = 5, 20


def purpose_of(text: str) -> str:
    """The written purpose, cleaned. Raises Refused: why_missing."""
    purpose = clean_text(" ".join(text.split()), LONGEST_PURPOSE)
    if not purpose:
        raise Refused("why_missing", "Write down what this version changes, and why.")
    return purpose


class Seen(NamedTuple):
    """What the page showed from which somebody acts; None where it is not known. `live`: the version in force, 0 for
    none."""

    edition: int | None = None
    live: int | None = None


UNKNOWN = Seen()


def publish_draft(version: int, purpose: str, by: User, now: datetime, seen: Seen = UNKNOWN) -> RuleSetVersion:
    """Put a draft in force with its written purpose. Raises Refused (why_missing, gone, changed), RulebookError."""
    said = purpose_of(purpose)
    with writing():
        draft = _draft(version)
        if draft.state == State.DRAFT:
            _check_seen(seen, now, draft)
            RuleSetVersion.objects.filter(pk=version).update(purpose=said)
            draft.purpose = said
    return publish(draft, by, now, seen.live)


def _check_seen(seen: Seen, now: datetime, draft: RuleSetVersion | None = None) -> None:
    """That what somebody decides by is still so: what the draft says, and what it takes the place of."""
    if draft and seen.edition not in (None, draft.edition):
        raise Refused("changed", told_since(draft, seen.edition or 0, now))
    live = live_version()
    if seen.live not in (None, live):
        raise Refused("changed", f"Nothing was done, because version {live} was published meanwhile. Look again.")


def _draft(version: int) -> RuleSetVersion:
    draft = RuleSetVersion.objects.filter(pk=version).first()
    if draft is None:
        raise Refused("gone", f"Version {version} was deleted meanwhile.")
    return draft


# --- a second person -------------------------------------------------------------------------------------


def approve(version: int, seen: int | None, by: User, now: datetime) -> str:
    """Say that exactly this content may be published. Raises Refused: gone, not_a_draft, changed, not_yours."""
    with writing():
        with editing(version, seen, by, now) as act:
            if _edited_last(act.draft) == by.pk:
                raise Refused("not_yours", "You edited this draft last. Somebody else has to approve it.")
            act.said = "Approved for publishing."
        draft = _draft(version)
        RuleSetVersion.objects.filter(pk=version).update(
            approved_by=by, approved_at=now, approved_digest=digest_of_content(freeze(draft))
        )
    return f"Draft {version} is approved as it is now. A change voids that."


NO_EDITS = ("Approved", "Scheduled", "Took the scheduled", "The scheduled", "Copied from")
"""Beginnings of lines in the history of a draft that say what became of it, not what it says."""


def _edited_last(draft: RuleSetVersion) -> int | None:
    """Who changed last what a draft says: a rule, the order, its settings, or all of it by a file."""
    by_log = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(RuleSetVersion), object_id=str(draft.pk)
    )
    for beginning in NO_EDITS:
        by_log = by_log.exclude(change_message__startswith=beginning)
    by_rule = draft.rules.exclude(edited_by=None).exclude(edited_at=None)
    found = [
        by_log.order_by("-action_time", "-id").values_list("action_time", "user").first(),
        by_rule.order_by("-edited_at").values_list("edited_at", "edited_by").first(),
    ]
    return max((row for row in found if row), default=(None, None))[1]


# --- later -----------------------------------------------------------------------------------------------


def schedule(version: int, purpose: str, at: datetime, by: User, now: datetime, seen: Seen = UNKNOWN) -> str:
    """Publish a draft at an instant to come. Raises Refused: why_missing, in_the_past, gone, not_a_draft, changed."""
    said = purpose_of(purpose)
    if at <= now:
        raise Refused("in_the_past", "This instant is past. Choose a later one, or publish now.")
    with editing(version, seen.edition, by, now) as act:
        RuleSetVersion.objects.filter(pk=version).update(
            purpose=said, publish_at=at, publish_asked_by=by, publish_refused=""
        )
        act.said = f"Scheduled to be published at {at:%Y-%m-%d %H:%M} UTC."
        local = at.astimezone(ZoneInfo(act.draft.time_zone))
    return f"Draft {version} will be published on {local:%-d %b %Y, %H:%M %Z}, if nothing stands in its way by then."


def unschedule(version: int, by: User, now: datetime) -> str:
    """Publish it only when somebody says so. Raises Refused: no_change, gone, not_a_draft."""
    with editing(version, None, by, now) as act:
        if not RuleSetVersion.objects.filter(pk=version, publish_at__isnull=False).update(
            publish_at=None, publish_asked_by=None, publish_refused=""
        ):
            raise Refused("no_change", f"Draft {version} is not scheduled.")
        act.said = "Took the scheduled publish back."
    return f"Draft {version} is not scheduled any more."


def warnings_of(draft: RuleSetVersion) -> Iterator[str]:
    """What keeps a draft from nothing, and should be known before it is published, in sentences."""
    live = RuleSetVersion.objects.filter(state=State.PUBLISHED).first()
    copied = draft.based_on_id if draft.restores_id is None else None
    if live and live.published_at and copied not in (None, live.pk) and live.published_at > draft.created_at:
        yield (
            f"Version {live.pk} was published after this draft was copied from version {copied}. What it changed is"
            " undone where the draft does not say the same."
        )
    zone = ZoneInfo(draft.time_zone)
    others = RuleSetVersion.objects.filter(state=State.DRAFT, publish_at__isnull=False).exclude(pk=draft.pk)
    for other, at in others.order_by("publish_at", "id").values_list("id", "publish_at")[:MOST_WARNINGS]:
        yield f"Draft {other} is scheduled for {at.astimezone(zone):%-d %b %Y, %H:%M %Z} and takes its place then."


def first_of(sentences: Sequence[str]) -> list[str]:
    """The first sentences and how many more there are: ten thousand rules may name the same who left."""
    more = len(sentences) - MOST_TOLD
    return [*sentences[:MOST_TOLD], *([f"And {more:,} more."] if more > 0 else [])]


def publish_due(now: datetime) -> int:
    """Publish the drafts whose instant has come, oldest first; how many were. One that is refused keeps why, and
    somebody is told. Of two workers one does it: the state is looked at again under the writer lock."""
    due = RuleSetVersion.objects.filter(state=State.DRAFT, publish_at__lte=now).order_by("publish_at", "id")
    count = 0
    for draft in due.select_related("publish_asked_by", "owner"):
        count += _publish_due(draft, now)
    return count


def _publish_due(draft: RuleSetVersion, now: datetime) -> bool:
    asked = draft.publish_asked_by
    if asked and not may_publish(asked):
        who = asked.get_full_name() or asked.username
        _refuse(draft, f"{who}, who scheduled it, may not publish rules any more.", now)
        return False
    try:
        publish(draft, asked, now)
    except RulebookError as error:
        # Another worker, or a person, was faster; what was edited in this very instant is looked at in the next tick.
        if error.code not in ("not_a_draft", "gone", "changed"):
            _refuse(draft, " ".join(first_of(error.problems)), now)
        return False
    late = int((now - draft.publish_at).total_seconds() // 60) if draft.publish_at else 0
    if late >= LATE_MINUTES:
        logger.warning("Version %s was published %s minutes later than scheduled", draft.pk, late)
    return True


def _refuse(draft: RuleSetVersion, why: str, now: datetime) -> None:
    """Keep why, once, and tell who asked; whoever answers for the rules, where that person may not publish any more."""
    taken = RuleSetVersion.objects.filter(pk=draft.pk, state=State.DRAFT, publish_at=draft.publish_at).update(
        publish_at=None, publish_refused=why[:4000], edition=F("edition") + 1
    )
    asked = draft.publish_asked_by
    if taken and asked:
        log(draft, asked, now, f"The scheduled publish was refused: {why}")
    if taken:
        for email in [asked.email] if asked and asked.email and may_publish(asked) else answerable(draft):
            tell(email, f"Draft {draft.pk} was not published", f"{why}\n\n{address_of(draft.pk)}\n")


# --- back ------------------------------------------------------------------------------------------------


def restore(
    version: int, purpose: str, by: User, now: datetime, seen: Seen = UNKNOWN, *, mend: bool = False
) -> RuleSetVersion:
    """Put the content of an older version in force again, as a new version. Raises Refused (why_missing, gone,
    not_retired, changed), RulebookError: then nothing was made. With a second person asked for, the draft waits for
    them; where somebody means to `mend` it first, for whoever publishes it."""
    said = purpose_of(purpose)
    with writing():
        older = RuleSetVersion.objects.filter(pk=version).first()
        if older is None:
            raise Refused("gone", f"There is no version {version}.")
        if older.state != State.RETIRED:
            raise Refused(
                "not_retired", f"Version {version} is {older.get_state_display()}; only a retired one comes back."
            )
        _check_seen(seen, now)
        draft = copy_to_draft(older)
        RuleSetVersion.objects.filter(pk=draft.pk).update(restores=older, purpose=said)
        draft.refresh_from_db()
        log(draft, by, now, f"Copied version {version}, to put its rules back in force: {said}")
    if mend or settings.FOUR_EYES_PUBLISH:
        return draft
    try:
        return publish(draft, by, now, seen.live)
    except RulebookError:
        draft.delete()
        raise


def versions_after(version: int) -> list[int]:
    """The versions that were published after one, oldest first: those that a roll-back undoes."""
    at = RuleSetVersion.objects.filter(pk=version).values_list("published_at", flat=True).first()
    if at is None:
        return []
    rows = RuleSetVersion.objects.filter(published_at__gt=at).exclude(restores=version)
    return list(rows.order_by("published_at").values_list("id", flat=True))
