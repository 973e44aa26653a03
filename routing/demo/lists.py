"""A user in, the demo's named list out: companies that are chosen, and that a rule asks about. Writes that alone."""

from datetime import datetime

from owners.models import User
from routing.lists import replace_entries
from routing.models import NamedList

STRATEGIC = (
    "alder-energy.example", "beacon-pharma.example", "cobalt-freight.example", "delta-robotics.example",
    "falcon-insurance.example", "garnet-clinics.example", "harbor-logistics.example", "keystone-finance.example",
    "meridian-solar.example", "onyx-software.example", "quartz-optics.example", "summit-hotels.example",
)  # fmt: skip
"""Some of them have written in the two months that the demo plays, most have not yet."""


def make_lists(by: User, now: datetime) -> None:
    """The strategic companies, as `by` entered them."""
    named = NamedList.objects.create(
        key="strategic", name="Strategic companies", field="company_domain",
        note="Chosen by sales and RevOps each quarter; whoever writes from there is looked after by name.",
    )  # fmt: skip
    replace_entries(named, STRATEGIC, by, now)
