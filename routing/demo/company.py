"""Nothing in, the demo company out: its people, what its CRM knows, its sources and its published rules.

Reps keep hours in three zones, but a lead finds an owner at any hour: Elena and Nadia have no hours of their own,
and Nadia, without caps, stands behind every pool and every rule that names one person.
"""

from datetime import datetime
from functools import partial

from leads.models import Source
from owners.roles import Role
from routing.demo import crm, people, rules
from routing.demo.access import DemoSource, DemoUser, make_api_tokens, make_lead_types, make_sources, make_users
from routing.demo.former import make_former_rules
from routing.demo.history import Progress, play
from routing.demo.lists import make_lists
from routing.demo.script import MIX, PERIOD, write

USERS = (
    DemoUser("admin", "Victor Lang", Role.ADMINISTRATOR),
    DemoUser("revops", "Rita Moreno", Role.REVOPS),
    DemoUser("manager", "Miriam Cole", Role.MANAGER),
    DemoUser("marketing", "Mara Lindqvist", Role.MARKETING),
    DemoUser("auditor", "Arthur Blum", Role.AUDITOR),
    DemoUser("integrator", "Ines Okafor", Role.INTEGRATOR),
    *(DemoUser(rep.key, rep.name, Role.REP) for rep in people.REPS),
)
Kind = Source.Kind
SOURCES = (
    DemoSource("website_demo", "Demo request form", Kind.DEMO_FORM, "demo", "revops"),
    DemoSource(
        "contact_form", "Contact form", Kind.CONTACT_FORM, "contact", "revops",
        {"blocked_patterns": ["guest post", "buy backlinks", "*@bulk.example"]},
    ),
    DemoSource(
        "diagnostics", "Workflow diagnostic", Kind.GENERIC, "diagnostic", "revops",
        {"system_name": "diagnostic_intake_form"},
    ),
    DemoSource("webinars", "Webinar registrations", Kind.WEBINAR, "webinar", "manager"),
    DemoSource("partners", "Partner portal", Kind.PARTNER, "partner", "sofia", {"rate_limit": 600}),
    DemoSource("guides", "Guide downloads", Kind.LANDING_PAGE, "content", "manager"),
)  # fmt: skip


def make(now: datetime, history: bool = True, progress: Progress | None = None) -> None:
    """Make the rows; the database has none. With `history`, the two months before `now` are played."""
    users = make_users(USERS)
    owners = people.make_owners(users, people.make_calendars(now, users["revops"]))
    pools = people.make_pools(people.make_teams(owners), owners)
    people.make_absences(owners, now)
    make_sources(SOURCES, owners)
    make_api_tokens(users["revops"])
    stages = crm.make_pipelines()
    crm.make_customers(owners, stages, now)
    rules.make_policies(owners)
    make_lists(users["revops"], now if not history else now - 2 * PERIOD)
    publish = partial(rules.make_rules, owners, pools, stages)
    if not history:
        publish(now)
        return
    make_lead_types(MIX)
    make_former_rules(owners, pools, stages, now - 2 * PERIOD)
    play(write(now), publish, progress)
