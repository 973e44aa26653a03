"""Names in; the demo's passwords and tokens, and the users, sources and API tokens that carry them, out.

Every secret is an HMAC of its name under SECRET_KEY: it can be printed again at any time, differs from one
installation to the next, and is kept nowhere. Rows hold hashes only.
"""

from base64 import b32encode, urlsafe_b64encode
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.utils.crypto import salted_hmac

from leads.models import LeadType, Source
from leads.tokens import hash_token
from owners.models import Owner, User
from routing.models import ApiToken

DOMAIN = "@demo.example"
"""What every address of the demo's people ends with."""

API_TOKEN_NAME = "Demo: "
PASSWORD_ROUNDS = 1000
"""Few, because nobody guesses 96 random bits; Django's own number would take seconds for all users, and comes
with the first sign-in."""


class DemoUser(NamedTuple):
    """Somebody who signs in; `role` as it will be called once roles exist."""

    username: str
    name: str
    role: str


class DemoSource(NamedTuple):
    key: str
    name: str
    kind: str
    lead_type: str
    owner: str
    fields: dict[str, Any] = {}  # noqa: RUF012 - never changed


def token(kind: str, name: str) -> str:
    """43 URL-safe characters, 256 bits."""
    return urlsafe_b64encode(_derived(kind, name)).decode().rstrip("=")


def password(username: str) -> str:
    """20 lower-case letters and digits, 96 bits."""
    return b32encode(_derived("password", username)[:12]).decode().rstrip("=").lower()


def _derived(kind: str, name: str) -> bytes:
    return salted_hmac("routing.demo", f"{kind}:{name}", algorithm="sha256").digest()


def make_users(people: tuple[DemoUser, ...]) -> dict[str, User]:
    """The users by username. Administrator and RevOps see everything until roles can say what each may do."""
    hasher = PBKDF2PasswordHasher()
    rows = []
    for person in people:
        everything = person.role in ("Administrator", "RevOps")
        first, _, last = person.name.partition(" ")
        encoded = hasher.encode(password(person.username), hasher.salt(), iterations=PASSWORD_ROUNDS)
        rows.append(
            User(
                username=person.username, first_name=first, last_name=last, email=person.username + DOMAIN,
                password=encoded, is_staff=everything, is_superuser=everything,
            )
        )  # fmt: skip
    return {user.username: user for user in User.objects.bulk_create(rows)}


def make_sources(sources: tuple[DemoSource, ...], owners: dict[str, Owner]) -> dict[str, Source]:
    """The sources by key, each with its token."""
    types = {source.lead_type: _lead_type(source.lead_type) for source in sources}
    rows = [
        Source(
            key=source.key, name=source.name, kind=source.kind, lead_type=types[source.lead_type],
            owner=owners[source.owner], token_hash=hash_token(token("source", source.key)), **source.fields,
        )
        for source in sources
    ]  # fmt: skip
    return {source.key: source for source in Source.objects.bulk_create(rows)}


def _lead_type(key: str) -> LeadType:
    """As the company has it; the usual ones come with the first migration."""
    return LeadType.objects.get_or_create(key=key, defaults={"name": key.capitalize()})[0]


def make_api_tokens(user: User) -> None:
    """One token for each scope that exists, all of one user."""
    for scope in ApiToken.Scope.values:
        hashed = hash_token(token("api", scope))
        ApiToken.objects.create(name=API_TOKEN_NAME + scope, scope=scope, token_hash=hashed, user=user)


def credentials() -> dict[str, Any]:
    """What is needed to try the demo that stands: `base_url`, `users`, `sources`, `api_tokens`.

    Passwords are those it was loaded with. A token is None once it was changed by hand, or SECRET_KEY was.
    """
    return {
        "base_url": settings.BASE_URL,
        "users": _users(),
        "sources": _sources(),
        "api_tokens": _api_tokens(),
    }


def _users() -> list[dict[str, Any]]:
    from routing.demo import company, small  # they are made with what stands above

    roles = {user.username: user.role for user in (*company.USERS, *small.USERS)}
    rows = User.objects.filter(email__endswith=DOMAIN).order_by("id").values_list("username", "owner__id")
    return [
        {"username": name, "password": password(name), "role": roles[name], "owner_id": owner}
        for name, owner in rows
        if name in roles
    ]


def _sources() -> list[dict[str, Any]]:
    rows = Source.objects.filter(owner__email__endswith=DOMAIN).order_by("id")
    return [
        {"key": row.key, "kind": row.kind, "token": _held(token("source", row.key), row.token_hash, row.previous_token_hash)}
        for row in rows
    ]


def _api_tokens() -> list[dict[str, Any]]:
    rows = ApiToken.objects.filter(name__startswith=API_TOKEN_NAME, user__email__endswith=DOMAIN, active=True)
    return [{"scope": row.scope, "token": _held(token("api", row.scope), row.token_hash)} for row in rows.order_by("id")]


def _held(made: str, *hashes: str) -> str | None:
    return made if hash_token(made) in hashes else None
