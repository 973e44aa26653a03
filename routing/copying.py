"""A version and a person in; a draft that says the same, and a line in its history, out. Publishes nothing."""

from datetime import datetime, timedelta

from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.contenttypes.models import ContentType

from owners.models import User
from owners.writer import writing
from routing.drafts import log
from routing.models import RuleSetVersion
from routing.rulebook import copy_to_draft

SECOND_CLICK = timedelta(seconds=3)


def copy(version: RuleSetVersion, by: User, now: datetime) -> RuleSetVersion:
    """A new draft that says what `version` says; of a second click of the same person, the one that the first made."""
    said = f"Copied from version {version.pk}."
    with writing():
        draft = _just_copied(said, by, now)
        if draft is None:
            draft = copy_to_draft(version)
            log(draft, by, now, said, ADDITION)
    return draft


def _just_copied(said: str, by: User, now: datetime) -> RuleSetVersion | None:
    of_versions = ContentType.objects.get_for_model(RuleSetVersion)
    lines = LogEntry.objects.filter(
        user_id=by.pk, content_type=of_versions, change_message=said, action_time__gte=now - SECOND_CLICK
    )
    ids = [int(id) for id in lines.values_list("object_id", flat=True)]
    return RuleSetVersion.objects.filter(pk__in=ids, state=RuleSetVersion.State.DRAFT, edition=1).first()
