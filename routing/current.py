"""The stamp and the published version as read in the writer transaction in, compiled rules and people out.

Compiled once per version and per configuration stamp in each process; everything cached here is immutable.
"""

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Min
from django.utils.timezone import now as clock

from owners.models import ConfigStamp, Owner
from owners.writer import after_rollback, is_writing
from routing import maps
from routing.engine.people import People, compile_people
from routing.engine.rules import DEFAULT_ORDER, RuleSet, compile_rules, lists_named
from routing.lists import values_of
from routing.models import ConfigRevision, NamedList, RuleSetContent, RuleSetVersion
from routing.revision import current_content, current_revision


class Configuration(NamedTuple):
    rules: RuleSet
    people: People


class _Held(NamedTuple):
    stamp: int
    people: People


_held: _Held | None = None
_seen: _Held | None = None
"""What a reader compiled: never used to decide by, because its rows and its stamp were read one after the other."""
_unsure = False
"""Whether what is held was read in a transaction that has not committed yet."""


def configuration(stamp: int, version: int | None, answerable: int) -> Configuration:
    """What to decide by now. Call inside the writer transaction with what was read in it.

    `answerable`: the owner named in review items while no version is published and nobody else is named.
    """
    people = _people(stamp)
    return Configuration(rules_of(version, people.lists) if version else no_rules(answerable), people)


def in_force() -> Configuration:
    """The same for whoever carries no batch of events: reads what is in force first. Inside the writer transaction."""
    stamp = ConfigStamp.objects.filter(pk=1).values_list("number", flat=True).first() or 0
    published = RuleSetVersion.objects.filter(state=RuleSetVersion.State.PUBLISHED).values_list("id", flat=True).first()
    active = Owner.objects.filter(state=Owner.State.ACTIVE).aggregate(first=Min("id"))["first"]
    return configuration(stamp, published, active or 0)


def people_now() -> People:
    """The people as the rows are, for readers outside the writer transaction. What is stored nowhere has revision 0."""
    global _seen
    stamp = ConfigStamp.objects.filter(pk=1).values_list("number", flat=True).first() or 0
    held = _held if is_writing() or not _unsure else None  # within, it was read by ourselves
    for known in (held, _seen):
        if known is not None and known.stamp == stamp:
            return known.people
    people = compile_people(0, current_content(), maps.map_now())
    if not is_writing():  # what is read within may be undone, and its stamp come again
        _seen = _Held(stamp, people)
    return people


def _people(stamp: int) -> People:
    global _held, _unsure
    held = _held
    if held is None or held.stamp != stamp:
        _unsure = True
        transaction.on_commit(_committed)
        revision, content = current_revision(clock())
        held = _held = _Held(stamp, compile_people(revision, content, maps.compiled_map(content)))
    return held.people


def _committed() -> None:
    global _unsure
    _unsure = False


@after_rollback
def _forget_what_never_was() -> None:
    """A block that was rolled back (an act that is refused, say) takes the revision that it stored with it, and the
    stamp that it raised: the next one to carry their numbers would be taken for the one that is held."""
    if _unsure:
        forget()


def forget() -> None:
    """Drop what is held: after a rolled-back transaction it may cite a revision that was never stored."""
    global _held
    _held = None
    maps.forget()


def forget_all() -> None:
    """Drop everything compiled: for tests, whose databases give the same ids again."""
    global _seen
    forget()
    _seen = None
    _announced.clear()
    for cached in (_compiled, _lists_named, no_rules, people_of, values_of):
        cached.cache_clear()


def rules_of(version: int, lists: Mapping[str, str] = MappingProxyType({})) -> RuleSet:
    """The compiled rules of a published or retired version. `lists`: key of a named list -> digest, of the people that
    are decided by; versions that ask about no list are compiled once, whatever the lists hold."""
    return _compiled(version, tuple((key, lists[key]) for key in _lists_named(version) if key in lists))


@lru_cache(maxsize=8)
def _compiled(version: int, lists: tuple[tuple[str, str], ...]) -> RuleSet:
    ready = _ready(version)
    if ready is not None and ready.lists == lists:
        return ready.rules
    content = RuleSetContent.objects.values_list("content", flat=True).get(pk=version)
    return compile_rules(content, {key: values_of(digest) for key, digest in lists})


@lru_cache(maxsize=64)
def _lists_named(version: int) -> tuple[str, ...]:
    """The keys of the named lists that a version asks about."""
    if (ready := _ready(version)) is not None:
        return ready.named
    return lists_named(RuleSetContent.objects.values_list("content", flat=True).get(pk=version))


# --- before it is in force -----------------------------------------------------------------------------------


class _Ready(NamedTuple):
    """Rules compiled before they are in force. `digest`: of the content; `lists`: by which they were compiled."""

    digest: str
    named: tuple[str, ...]
    lists: tuple[tuple[str, str], ...]
    rules: RuleSet


_announced: dict[int, _Ready] = {}


def _ready(version: int) -> _Ready | None:
    """What was compiled ahead, if the version has the very content that was announced."""
    if (ready := _announced.get(version)) is None:
        return None
    digest = RuleSetVersion.objects.values_list("digest", flat=True).get(pk=version)
    return ready if ready.digest == digest else None


def hold_ahead(version: int, digest: str, content: Mapping[str, Any]) -> None:
    """Compile what a draft will be once it is in force, and hold it."""
    named = lists_named(content)
    held = dict(NamedList.objects.filter(key__in=named).values_list("key", "digest")) if named else {}
    lists = tuple((key, held[key]) for key in named if key in held)
    compiled = compile_rules(content, {key: values_of(known_by) for key, known_by in lists})
    _announced[version] = _Ready(digest, named, lists, compiled)


def held_ahead() -> dict[int, str]:
    """Digest by version of what is held."""
    return {version: ready.digest for version, ready in _announced.items()}


def let_go(versions: Iterable[int]) -> None:
    """Hold these no longer: they are in force, and compiled like any other, or were not published."""
    for version in versions:
        _announced.pop(version, None)


@lru_cache(maxsize=8)
def no_rules(answerable: int) -> RuleSet:
    """Nothing is published: what is invalid is still told apart, and all else is caught."""
    return compile_rules({"version": None, "owner": answerable, "order": list(DEFAULT_ORDER), "rules": []})


@lru_cache(maxsize=32)
def people_of(revision: int) -> People:
    """The compiled people of a stored revision, for replay."""
    content = json.loads(ConfigRevision.objects.values_list("content", flat=True).get(pk=revision))
    return compile_people(revision, content, maps.compiled_map(content))
