"""Nothing in; the names that rules are told with out: people by id, everything else by key. Reads, decides nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from leads.models import LeadType, Pipeline, Source, Stage
from owners.models import Owner, Pool, Team, Territory
from routing.models import NamedList, SlaPolicy

Ids = Mapping[int, str]
Keys = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Names:
    """Names by what a frozen rule says. `stages`: “pipeline/stage”. What is not there is told by its id or key."""

    owners: Ids = field(default_factory=dict)
    pools: Ids = field(default_factory=dict)
    teams: Ids = field(default_factory=dict)
    policies: Keys = field(default_factory=dict)
    pipelines: Keys = field(default_factory=dict)
    stages: Keys = field(default_factory=dict)
    lists: Keys = field(default_factory=dict)
    territories: Keys = field(default_factory=dict)
    lead_types: Keys = field(default_factory=dict)
    sources: Keys = field(default_factory=dict)


def read_names() -> Names:
    """The names as they are now; ten queries, however many rows."""
    stages = Stage.objects.values_list("pipeline__key", "key", "name")
    return Names(
        **{part: dict(model.objects.values_list("id", "name")) for part, model in _BY_ID.items()},
        **{part: dict(model.objects.values_list("key", "name")) for part, model in _BY_KEY.items()},
        stages={f"{pipeline}/{key}": name for pipeline, key, name in stages},
    )


_BY_ID = {"owners": Owner, "pools": Pool, "teams": Team}
_BY_KEY = {
    "policies": SlaPolicy, "pipelines": Pipeline, "lists": NamedList, "territories": Territory,
    "lead_types": LeadType, "sources": Source,
}  # fmt: skip
