"""What a lead says of itself and the rows that share it in, ranked candidates and a verdict out; reads no rows itself.

One matcher for everything. E-mail outranks phone. A phone number alone is shared by colleagues and families,
so it makes somebody certain only where nothing speaks against it.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

Candidate = tuple[int, tuple[str, ...]]
"""(id, what matched)"""


class ContactRow(NamedTuple):
    id: int
    email: str
    phone: str
    name: str
    company: int | None
    owner: int | None


class CompanyRow(NamedTuple):
    id: int
    domain: str
    customer: bool
    owner: int | None


class Match(NamedTuple):
    """`verdict`: certain (then `id` is set), new, ambiguous, or none where there is nothing to go by."""

    verdict: str
    id: int | None = None
    candidates: tuple[Candidate, ...] = ()


NEW = Match("new")
NONE = Match("none")


def folded(name: str) -> str:
    """A name for comparison: no accents, no case, single spaces."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).split())


def full_name(facts: Mapping[str, Any]) -> str:
    return folded(f"{facts.get('first_name', '')} {facts.get('last_name', '')}")


def identity(facts: Mapping[str, Any]) -> tuple[str, str, str]:
    """What a lead may be known by: e-mail, phone number, company domain; empty where it says nothing.

    A number without its country is usable, but the same digits belong to others elsewhere.
    """
    phone = facts.get("phone", "")
    return facts.get("email", ""), phone if phone.startswith("+") else "", facts.get("company_domain", "")


def match_contact(facts: Mapping[str, Any], by_email: Iterable[ContactRow], by_phone: Iterable[ContactRow]) -> Match:
    """Who the person is.

    `by_email` and `by_phone`: the contacts that carry the lead's e-mail or phone number. A contact known by
    phone only is the same person when either side lacks an e-mail, or both carry the same name; with another
    e-mail and another name it is somebody who shares the number; with a name missing it cannot be told.
    """
    if not facts.get("email") and not facts.get("phone"):
        return NONE
    name = full_name(facts)
    mails = {row.id: row for row in by_email}
    phones = {row.id: row for row in by_phone}
    if not mails and not phones:
        return NEW
    ranked: list[tuple[int, int, Candidate]] = []
    for id, row in {**phones, **mails}.items():
        matched = tuple(what for what, rows in (("email", mails), ("phone", phones)) if id in rows)
        same_name = bool(name) and row.name == name
        rank = 4 * (id in mails) + 2 * (id in phones) + same_name
        if id not in mails and _somebody_else(facts, row, name):
            continue
        ranked.append((-rank, id, (id, (*matched, "name") if same_name else matched)))
    ranked.sort()
    candidates = tuple(candidate for _, _, candidate in ranked)
    if not ranked:
        return NEW
    if not mails and not _nothing_against(facts, phones[ranked[0][1]], name):
        return Match("ambiguous", None, candidates)
    if len(ranked) > 1 and (ranked[0][0] == ranked[1][0] or _conflict(mails, ranked)):
        return Match("ambiguous", None, candidates)
    return Match("certain", ranked[0][1], candidates)


def _somebody_else(facts: Mapping[str, Any], row: ContactRow, name: str) -> bool:
    """A contact known by phone only who has another e-mail and certainly another name."""
    return bool(facts.get("email") and row.email and name and row.name and row.name != name)


def _nothing_against(facts: Mapping[str, Any], row: ContactRow, name: str) -> bool:
    """Whether a contact known by phone only is certain: one e-mail at most between them, or the same name."""
    return not (facts.get("email") and row.email) or bool(name and row.name == name)


def _conflict(mails: Mapping[int, ContactRow], ranked: list[tuple[int, int, Candidate]]) -> bool:
    """The e-mail points at one person, and the phone at another who may be the buyer as well."""
    best = ranked[0][2]
    others = any(id not in mails for _, id, _ in ranked[1:])
    return best[0] in mails and "phone" not in best[1] and others


def match_company(domain: str, of_contact: int | None, by_domain: Iterable[CompanyRow]) -> Match:
    """Which company: the known contact's, else the domain's; among several of one domain a customer, else the oldest.

    Several companies of one domain with different owners cannot be told apart.
    """
    rows = sorted(by_domain, key=lambda row: (not row.customer, row.owner is None, row.id))
    candidates = tuple((row.id, ("domain",)) for row in rows)
    if of_contact is not None:
        return Match(
            "certain",
            of_contact,
            ((of_contact, ("contact",)), *(c for c in candidates if c[0] != of_contact)),
        )
    if not rows:
        return NEW if domain else NONE
    equal = [row for row in rows if row.customer == rows[0].customer]
    if len({row.owner for row in equal if row.owner is not None}) > 1:
        return Match("ambiguous", None, candidates)
    return Match("certain", rows[0].id, candidates)
