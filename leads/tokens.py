"""A source in, a fresh token out (its hash on the row, the former hash beside it); leaves alone who may ask.

Tokens are random, so a plain SHA-256 is enough: there is nothing to guess that a slow hash would protect.
"""

import secrets
from hashlib import sha256

from leads.models import Source
from owners.writer import writing


def new_token() -> str:
    """A fresh token: 43 URL-safe characters, 256 bits of randomness."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """What is kept of a token: its SHA-256 in 64 hex digits."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def rotate(source: Source) -> str:
    """Give the source a new token and return it; the one before it stays valid, older ones do not.

    The token is kept nowhere: whoever asked shows it once. Raises Source.DoesNotExist.
    """
    token = new_token()
    with writing():
        fresh = Source.objects.get(pk=source.pk)
        source.previous_token_hash = fresh.token_hash
        source.token_hash = hash_token(token)
        source.save(update_fields=["token_hash", "previous_token_hash"])
    return token
