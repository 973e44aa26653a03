"""An empty database in, the demo company with its credentials out; real data is refused, never touched.

What belongs to the demo is recognised by addresses under `demo.example`, which nobody real can have
(RFC 2606, section 2), and by the keys of its sources.
"""

from datetime import datetime

from django.db import connection
from django.utils import timezone

from leads.models import Company, Contact, Pipeline, Source
from owners.configuration import changing
from owners.models import Owner, Pool, Team, Territory, User
from owners.writer import writing
from routing.current import forget
from routing.demo import company, small
from routing.demo.access import DOMAIN
from routing.demo.credentials import administrator, credentials
from routing.demo.history import Progress
from routing.demo.progress import reporter
from routing.demo.wipe import wipe
from routing.models import RuleSetVersion, SlaPolicy
from routing.prepare import forget_sources

__all__ = ["DemoError", "administrator", "credentials", "is_empty", "load", "reporter", "reset", "stands"]

BUSINESS = (Owner, Source, Team, Pool, Territory, Pipeline, SlaPolicy, Company, Contact, RuleSetVersion)
"""Tables of which every installation in use fills some, and a new one none."""


class DemoError(Exception):
    """The demo will not be loaded. `code`: not_empty, other_demo, user_taken or not_only_demo; the text says why."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def is_empty() -> bool:
    """Whether nobody has entered anything yet: no owner, no source, nothing else to route by. Users may exist."""
    return not any(model.objects.exists() for model in BUSINESS)


def load(
    now: datetime | None = None, empty: bool = False, history: bool = True, progress: Progress | None = None
) -> bool:
    """Make the demo company, with `empty` only users and one generic source; whether rows were made.

    All or nothing, in one writer transaction. Absences and the company's `history` of two months lie before and
    around `now` (aware; None: the clock); `progress` is told how much of the history is done. Where the demo
    stands already, nothing changes. Raises DemoError: not_empty, other_demo, user_taken.
    """
    with writing():
        if stands():
            _refuse_other(empty)
            return False
        _refuse_data()
        _refuse_taken_users(empty)
        instant = now or timezone.now()
        try:
            with changing():
                if empty:
                    small.make(instant)
                else:
                    company.make(instant, history, progress)
        except BaseException:
            forget()  # what is held may cite people that are rolled back
            raise
    return True


def reset(
    now: datetime | None = None, empty: bool = False, history: bool = True, progress: Progress | None = None
) -> None:
    """Delete all that was entered, routed and made in a demo database, and load it anew; see `load`.

    Users and lead types that the demo did not make stay. Raises DemoError: not_only_demo when there is an owner
    or a source that the demo did not make, else as `load`.
    """
    with writing():
        if strangers := _strangers():
            named = ", ".join(strangers[:3]) + (" and more" if len(strangers) > 3 else "")
            raise DemoError("not_only_demo", f"Nothing was deleted: the demo did not make {named}. {_way_out()}")
        if not stands():
            _refuse_data()
        with changing():
            wipe()
        load(now, empty, history, progress)
    forget_sources()


def stands() -> bool:
    """Whether a demo was loaded here, the company or the small set."""
    return Owner.objects.filter(email__endswith=DOMAIN).exists()


def _way_out() -> str:
    """Where a fresh demo is to be had, in a sentence."""
    database = connection.settings_dict
    named = "For a fresh demo, name another folder in VAR_DIR or another database in DATABASE_URL"
    if connection.vendor != "sqlite":
        return f"{named}."
    return f"{named}; or stop RevRoute and delete {database['NAME']}, with all that is in it."


def _refuse_other(empty: bool) -> None:
    if Source.objects.filter(key=small.SOURCE).exists() != empty:
        held = "demo company" if empty else "small set of `--empty`"
        raise DemoError("other_demo", f"This database holds the {held}; `--reset` replaces it.")


def _refuse_data() -> None:
    if not is_empty():
        raise DemoError("not_empty", "This database holds data that is not the demo's; the demo needs an empty one.")


def _refuse_taken_users(empty: bool) -> None:
    usernames = [user.username for user in (small if empty else company).USERS]
    if taken := User.objects.filter(username__in=usernames).exclude(email__endswith=DOMAIN).first():
        raise DemoError("user_taken", f"There is a user “{taken.username}” already, and the demo needs that name.")


def _strangers() -> list[str]:
    """Owners and sources that the demo did not make, in words."""
    known = {small.SOURCE, *(source.key for source in company.SOURCES)}
    owners = Owner.objects.exclude(email__endswith=DOMAIN).values_list("key", flat=True)
    sources = Source.objects.exclude(key__in=known).values_list("key", flat=True)
    return [f"owner “{key}”" for key in owners] + [f"source “{key}”" for key in sources]
