"""An e-mail address as typed in; its matching key and what kind of address it is out; no DNS is asked.

Syntax follows RFC 5321, 5322 and 6531 as email-validator reads them.
"""

# ruff: noqa: SIM905 (a list of words reads best as words)

import re
from dataclasses import dataclass
from functools import lru_cache
from unicodedata import normalize

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from leads.domains import Domain, DomainLists, is_plain_host, read_host

_LONGEST = 320  # RFC 5321, section 4.5.3.1: 64 for the local part, 255 for the domain
_LONGEST_PLAIN = 254  # RFC 3696, erratum 1690

# RFC 5322, section 3.2.3: a dot-atom. A dot is no part of an atom, so matching is linear.
_PLAIN_LOCAL = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)
_RESERVED = tuple(f"{mark}{name}" for name in SPECIAL_USE_DOMAIN_NAMES for mark in ".@")

# RFC 2142, and the mailboxes that companies add to it. A shared mailbox is no person.
_ROLES = frozenset(
    (
        "abuse accounting accounts admin administrator all billing careers compliance contact contacto"
        " contato customerservice dev enquiries enquiry events feedback finance ftp hello help helpdesk hi"
        " hostmaster hr info information inquiries inquiry invoices it jobs kontakt legal mail mailer-daemon"
        " marketing media news newsletter no-reply noc noreply office operations ops orders partners"
        " postmaster press privacy procurement purchasing recruiting recruitment root sales security service"
        " services staff support sysadmin team tech usenet uucp vertrieb webmaster welcome www"
    ).split()
)


@dataclass(frozen=True, slots=True)
class Email:
    """A usable address: `address` is the matching key, `domain` what is known of its host."""

    address: str
    domain: Domain | None
    role: bool

    @property
    def free(self) -> bool:
        return self.domain is not None and self.domain.free

    @property
    def disposable(self) -> bool:
        return self.domain is not None and self.domain.disposable


def read_email(value: str, lists: DomainLists | None = None) -> Email | None:
    """Read an address, also as `mailto:` or `Name <address>`; None when its syntax is wrong.

    RFC 5321 lets the local part tell case apart; no host in use does, while people type it as it comes. So
    the whole address is lower-cased as a key, and the caller keeps the value as given beside it.
    """
    address = _address(_bare(value))
    if not address:
        return None
    local, _, host = address.rpartition("@")
    return Email(address, read_host(host, lists), local.partition("+")[0].rstrip("0123456789") in _ROLES)


def _bare(value: str) -> str:
    value = value.strip()
    if value.endswith(">") and "<" in value:
        value = value[value.rindex("<") + 1 : -1]
    if value[:7].lower() == "mailto:":
        value = value[7:].partition("?")[0]
    return value.strip().strip("\"',;").rstrip(".")


def _address(value: str) -> str:
    """Give the address lower-cased with an ASCII host, or an empty text."""
    return value.lower() if _is_plain(value) else _checked(value)


def _is_plain(value: str) -> bool:
    """Tell whether the whole validation, many times as slow, could only find that the address is right."""
    local, _, host = value.partition("@")
    return (
        len(value) <= _LONGEST_PLAIN
        and is_plain_host(host)
        and _PLAIN_LOCAL.fullmatch(local) is not None
        and not value.lower().endswith(_RESERVED)
    )


@lru_cache(maxsize=4096)
def _checked(value: str) -> str:
    checked = _validated(value)
    if not checked:
        return ""
    lowered = normalize("NFC", checked.lower())
    # Lower-casing may change a letter outside ASCII into one that is not allowed or too long.
    return lowered if lowered == checked or _validated(lowered) == lowered else checked


def _validated(value: str) -> str:
    if "@" not in value or len(value) > _LONGEST:
        return ""
    try:
        # test_environment allows the top-level domain `test` (RFC 6761), which our own probes use;
        # example.com is allowed in any case, `invalid` and `localhost` never are.
        found = validate_email(value, check_deliverability=False, test_environment=True)
    except (EmailNotValidError, UnicodeError, ValueError):
        return ""
    return f"{found.local_part}@{(found.ascii_domain or found.domain).lower()}"
