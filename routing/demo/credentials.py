"""The demo that stands in; how to sign in, post and read, secrets included, out. Makes and changes nothing."""

from typing import Any

from django.conf import settings

from leads.models import Source
from leads.tokens import hash_token
from owners.models import User
from owners.roles import Role
from routing.demo import company, small
from routing.demo.access import API_TOKEN_NAME, DOMAIN, password, token
from routing.models import ApiToken


def administrator() -> dict[str, Any] | None:
    """Username, password, role and owner id of the demo's administrator; None where no demo stands."""
    return next((user for user in _users() if user["role"] == Role.ADMINISTRATOR), None)


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
    roles = {user.username: user.role.value for user in (*company.USERS, *small.USERS)}
    rows = User.objects.filter(email__endswith=DOMAIN).order_by("id").values_list("username", "owner__id")
    return [
        {"username": name, "password": password(name), "role": roles[name], "owner_id": owner}
        for name, owner in rows
        if name in roles
    ]


def _sources() -> list[dict[str, Any]]:
    rows = Source.objects.filter(owner__email__endswith=DOMAIN).order_by("id")
    return [{"key": row.key, "kind": row.kind, "token": _source_token(row)} for row in rows]


def _source_token(row: Source) -> str | None:
    return _held(token("source", row.key), row.token_hash, row.previous_token_hash)


def _api_tokens() -> list[dict[str, Any]]:
    rows = ApiToken.objects.filter(name__startswith=API_TOKEN_NAME, user__email__endswith=DOMAIN, active=True)
    scopes = rows.order_by("id").values_list("scope", "token_hash")
    return [{"scope": scope, "token": _held(token("api", scope), hashed)} for scope, hashed in scopes]


def _held(made: str, *hashes: str) -> str | None:
    return made if hash_token(made) in hashes else None
