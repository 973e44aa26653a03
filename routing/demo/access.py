"""Names in; the demo's passwords and tokens, and the users, sources and API tokens that carry them, out.

Every secret is an HMAC of its name under SECRET_KEY: it can be printed again at any time, differs from one
installation to the next, and is kept nowhere. Rows hold hashes only.
"""

from base64 import b32encode, urlsafe_b64encode
from collections.abc import Iterable
from typing import Any, NamedTuple

from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import Group
from django.utils.crypto import salted_hmac

from leads.contract import HIGH_INTENT_LEAD_TYPES
from leads.models import LeadType, Source
from leads.tokens import hash_token
from owners.models import Owner, User
from owners.roles import Role, enters_admin
from routing.models import ApiToken

DOMAIN = "@demo.example"
"""What every address of the demo's people ends with."""

API_TOKEN_NAME = "Demo: "
PASSWORD_ROUNDS = 1000
"""Few, because nobody guesses 96 random bits; Django's own number would take seconds for all users, and comes
with the first sign-in."""


class DemoUser(NamedTuple):
    """Somebody who signs in."""

    username: str
    name: str
    role: Role


class DemoSource(NamedTuple):
    key: str
    name: str
    kind: str
    lead_type: str
    owner: str
    fields: dict[str, Any] = {}


def token(kind: str, name: str) -> str:
    """43 URL-safe characters, 256 bits."""
    return urlsafe_b64encode(_derived(kind, name)).decode().rstrip("=")


def password(username: str) -> str:
    """20 lower-case letters and digits, 96 bits."""
    return b32encode(_derived("password", username)[:12]).decode().rstrip("=").lower()


def _derived(kind: str, name: str) -> bytes:
    return salted_hmac("routing.demo", f"{kind}:{name}", algorithm="sha256").digest()


def make_users(people: tuple[DemoUser, ...]) -> dict[str, User]:
    """The users by username, each with its role; the administrator is a superuser, too."""
    hasher = PBKDF2PasswordHasher()
    rows = []
    for person in people:
        first, _, last = person.name.partition(" ")
        encoded = hasher.encode(password(person.username), hasher.salt(), iterations=PASSWORD_ROUNDS)
        rows.append(
            User(
                username=person.username, first_name=first, last_name=last, email=person.username + DOMAIN,
                password=encoded, is_staff=enters_admin(person.role),
                is_superuser=person.role == Role.ADMINISTRATOR,
            )
        )  # fmt: skip
    users = {user.username: user for user in User.objects.bulk_create(rows)}
    groups = {role: Group.objects.get_or_create(name=role)[0] for role in {person.role for person in people}}
    membership = User.groups.through
    membership.objects.bulk_create(
        membership(user=users[person.username], group=groups[person.role]) for person in people
    )
    return users


def make_sources(sources: tuple[DemoSource, ...], owners: dict[str, Owner]) -> dict[str, Source]:
    """The sources by key, each with its token."""
    types = make_lead_types(source.lead_type for source in sources)
    rows = [
        Source(
            key=source.key, name=source.name, kind=source.kind, lead_type=types[source.lead_type],
            owner=owners[source.owner], token_hash=hash_token(token("source", source.key)), **source.fields,
        )
        for source in sources
    ]  # fmt: skip
    return {source.key: source for source in Source.objects.bulk_create(rows)}


def make_lead_types(keys: Iterable[str]) -> dict[str, LeadType]:
    """The types by key; those that stand already as they are."""
    return {key: _lead_type(key) for key in keys}


def _lead_type(key: str) -> LeadType:
    """As the company has it; the usual ones come with the first migration."""
    usual = {"name": key.capitalize(), "high_intent": key in HIGH_INTENT_LEAD_TYPES}
    return LeadType.objects.get_or_create(key=key, defaults=usual)[0]


def make_api_tokens(user: User) -> None:
    """One token for each scope that exists, all of one user."""
    for scope in ApiToken.Scope.values:
        hashed = hash_token(token("api", scope))
        ApiToken.objects.create(name=API_TOKEN_NAME + scope, scope=scope, token_hash=hashed, user=user)
