"""A stored event in, its normalised lead out (steps 2 and 3); touches no lead rows, so it runs before the writer lock.

Sources are cached by configuration stamp of the moment they were read; a second later they are read again.
"""

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from leads.contract import FIELDS
from leads.flatten import Found, flatten
from leads.models import LeadType, Source
from leads.normalise import Normalised, normalise_found
from leads.parse import Unreadable, parse_body
from routing.steps import step

LONGEST_KEY = 80
OWN_DEFAULTS = ("event_type", "is_test")
"""What a source may say of its leads besides contract fields."""
SOURCE_SECONDS = 1.0
"""How long a source may be used without reading it again: a revoked token works so much longer at most."""


class SourceInfo(NamedTuple):
    """What intake and normalising need of a source, as plain values."""

    id: int
    key: str
    system: str
    owner: int
    active: bool
    token_hashes: tuple[str, ...]
    defaults: dict[str, Any]
    mapping: dict[str, str]
    kind: str
    high_intent: bool
    rate_limit: int | None


@dataclass(frozen=True, slots=True)
class Prepared:
    """An event with its normalised lead, ready to be decided."""

    id: int
    source: int
    received_at: datetime
    lead: Normalised


_by_key: dict[str, tuple[float, SourceInfo | None]] = {}
_by_id: dict[int, tuple[float, SourceInfo]] = {}


def source_by_key(key: str) -> SourceInfo | None:
    """The source of that key; None when there is none, or nothing could be called so."""
    if len(key) > LONGEST_KEY or not key.isprintable():
        return None
    held = _by_key.get(key)
    if held and held[0] > time.monotonic():
        return held[1]
    info = _read(key=key)
    if len(_by_key) > 10_000:  # made-up keys must not fill the memory
        _by_key.clear()
    _by_key[key] = (time.monotonic() + SOURCE_SECONDS, info)
    return info


def source_by_id(id: int) -> SourceInfo:
    """The source of that id. Raises Source.DoesNotExist."""
    held = _by_id.get(id)
    if held and held[0] > time.monotonic():
        return held[1]
    info = _read(pk=id)
    if info is None:
        raise Source.DoesNotExist(f"source {id}")
    _by_id[id] = (time.monotonic() + SOURCE_SECONDS, info)
    return info


def forget_sources(**_: Any) -> None:
    """Read every source anew: called when one is saved in this process."""
    _by_key.clear()
    _by_id.clear()


def _read(**lookup: Any) -> SourceInfo | None:
    row = (
        Source.objects.filter(**lookup)
        .values_list(
            "id",
            "key",
            "system_name",
            "owner",
            "active",
            "token_hash",
            "previous_token_hash",
            "defaults",
            "field_mapping",
            "blocked_patterns",
            "kind",
            "lead_type__key",
            "lead_type__high_intent",
            "rate_limit",
        )
        .first()
    )
    if row is None:
        return None
    (
        id,
        key,
        system,
        owner,
        active,
        token,
        previous,
        defaults,
        mapping,
        patterns,
        kind,
        lead_type,
        high,
        limit,
    ) = row
    return SourceInfo(
        id=id,
        key=key,
        system=system or key,
        owner=owner,
        active=active,
        token_hashes=tuple(value for value in (token, previous) if value),
        defaults={
            "source": key,
            "lead_type": lead_type,
            **{name: value for name, value in defaults.items() if name in FIELDS or name in OWN_DEFAULTS},
            "lead_types": tuple(LeadType.objects.values_list("key", flat=True)),
            "blocked_patterns": patterns,
        },
        mapping=mapping,
        kind=kind,
        high_intent=high,
        rate_limit=limit,
    )


def prepare(id: int, source: int, received_at: datetime, body: bytes, content_type: str) -> Prepared:
    """Normalise a stored event. Never raises for what is in the body: an event that cannot be processed goes
    on as one that a person has to look at."""
    info = source_by_id(source)
    try:
        payload = parse_body(body, content_type)
    except Unreadable:
        payload = {}
    return Prepared(id, source, received_at, normalised(flatten(payload, info.mapping), info))


def normalised(found: Found, info: SourceInfo) -> Normalised:
    """Steps 2 and 3 for a payload that was parsed and flattened already."""
    with step("normalise"):
        lead = normalise_found(found, info.defaults)
    with step("validate"):  # the problems and the validity were found on the way; see leads.normalise
        return lead
