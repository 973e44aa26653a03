"""What the first-run wizard asks, as values. Checked by whoever asks; makes nothing."""

from dataclasses import dataclass, field
from enum import StrEnum


class Template(StrEnum):
    """The rule set to begin with."""

    ONE_OWNER = "one_owner"
    IN_TURN = "in_turn"
    TERRITORIES = "territories"


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody else who takes leads. `email`: unique among the answers, lower case."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Area:
    """A territory. `countries`: ISO 3166-1 alpha-2, each in one territory only. `email`: its owner's."""

    name: str
    countries: tuple[str, ...]
    email: str


@dataclass(frozen=True, slots=True)
class Hours:
    """Days from 0 for Monday, the same minutes after midnight on each; no days: any hour is a working hour."""

    days: tuple[int, ...] = ()
    start_minute: int = 540
    end_minute: int = 1050


@dataclass(frozen=True, slots=True)
class Answers:
    """Everything that is needed to route the first lead. `password_hash`: as Django stores it."""

    name: str
    username: str
    email: str
    password_hash: str
    company: str
    time_zone: str
    source_name: str
    source_kind: str
    lead_type: str
    template: Template
    team: str = "Sales"
    takes_leads: bool = True
    hours: Hours = Hours()
    colleagues: tuple[Colleague, ...] = ()
    areas: tuple[Area, ...] = ()
    first_touch_minutes: int = 15
    takers: tuple[str, ...] = field(init=False)
    """E-mails of those who take leads, the first of whom gets everything where one owner does."""

    def __post_init__(self) -> None:
        own = (self.email,) if self.takes_leads else ()
        object.__setattr__(self, "takers", own + tuple(colleague.email for colleague in self.colleagues))
