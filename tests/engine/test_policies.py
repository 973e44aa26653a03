"""Which policy holds for a lead: the one its rule names, else the first that fits by type, source and tier."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.engine.people import BUILT_IN_POLICY
from tests.engine.cases import ELENA, SOURCE, decided, people, person, rule, rules

TYPES, SOURCES, TIERS = ("demo", "contact", "trial"), ("web", "fax", "fair"), ("standard", "priority", "gold")


def policy(key: str, types: Any = (), sources: Any = (), tiers: Any = (), **fields: Any) -> dict[str, Any]:
    return {
        "key": key, "lead_types": list(types), "sources": list(sources), "tiers": list(tiers), "accept_minutes": None,
        "first_touch_minutes": 15, "no_activity_minutes": 30, "review_minutes": 60, "real_time": False,
    } | fields  # fmt: skip


ROWS = (
    policy("gold", tiers=["gold"]),
    policy("web-demo", types=["demo"], sources=["web"]),
    policy("demo", types=["demo", "trial"]),
    policy("web-priority", sources=["web"], tiers=["priority"]),
    policy("fax", sources=["fax", "fair"]),
)


@pytest.mark.parametrize(
    ("lead_type", "source", "tier", "expected"),
    [
        ("demo", "web", "gold", "gold"),
        ("demo", "web", "standard", "web-demo"),
        ("demo", "fax", "priority", "demo"),
        ("trial", "web", "priority", "demo"),
        ("contact", "web", "priority", "web-priority"),
        ("contact", "fax", "priority", "fax"),
        ("contact", "web", "standard", "built_in"),
        ("contact", "", "standard", "built_in"),
    ],
)
@pytest.mark.parametrize("named", ["", "fax", "gone"])
def test_type_source_tier_and_rule(lead_type, source, tier, expected, named):
    found = people(person(ELENA), policies=list(ROWS)).policy_for(named, lead_type, tier, source)
    assert found.key == ("fax" if named == "fax" else expected)


def test_a_decision_takes_the_policy_of_its_rule_else_that_of_its_source_and_tier():
    fair = {"id": SOURCE, "key": "fair", "owner": ELENA}
    of = people(person(ELENA), policies=list(ROWS), sources=[fair])
    for fields, expected in (({}, "fax"), ({"tier": "gold"}, "gold"), ({"sla_policy": "demo", "tier": "gold"}, "demo")):
        rule_set = rules(rule(1, "campaign_source_owner", "owner", owner=ELENA, **fields))
        assert decided(rule_set, of).outcome.sla_policy == expected


criteria = st.fixed_dictionaries(
    {
        "types": st.lists(st.sampled_from(TYPES), unique=True),
        "sources": st.lists(st.sampled_from(SOURCES), unique=True),
        "tiers": st.lists(st.sampled_from(TIERS), unique=True),
    }
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(criteria, max_size=6), st.sampled_from(TYPES), st.sampled_from((*SOURCES, "")), st.sampled_from(TIERS),
    st.integers(-1, 8),
)  # fmt: skip
def test_the_first_that_fits_is_taken_whatever_the_policies_are(rows, lead_type, source, tier, named):
    built = [policy(f"p{place}", **row) for place, row in enumerate(rows)]
    found = people(person(ELENA), policies=built).policy_for(f"p{named}", lead_type, tier, source)
    if 0 <= named < len(rows):
        assert found.key == f"p{named}"
        return
    fit = [
        place
        for place, row in enumerate(rows)
        if (not row["types"] or lead_type in row["types"])
        and (not row["sources"] or source in row["sources"])
        and (not row["tiers"] or tier in row["tiers"])
    ]
    assert found == BUILT_IN_POLICY if not fit else found.key == f"p{fit[0]}"
