"""Nothing in; four reps in one pool and one generic source that posts to it out: enough to route a first lead."""

from datetime import datetime

from leads.models import Pipeline, Source, Stage
from owners.models import Membership, Owner, Pool, PoolMember, Team
from owners.roles import Role
from routing.demo.access import DOMAIN, DemoSource, DemoUser, make_api_tokens, make_sources, make_users
from routing.models import Rule, RuleSetVersion
from routing.rulebook import publish

SOURCE = "generic"
REPS = ("rep1", "rep2", "rep3", "rep4")
USERS = (
    DemoUser("admin", "Ada Administrator", Role.ADMINISTRATOR),
    DemoUser("revops", "Rita RevOps", Role.REVOPS),
    DemoUser("manager", "Miriam Manager", Role.MANAGER),
    DemoUser("marketing", "Mara Marketing", Role.MARKETING),
    DemoUser("auditor", "Arthur Auditor", Role.AUDITOR),
    DemoUser("integrator", "Ines Integrator", Role.INTEGRATOR),
    *(DemoUser(rep, f"Rep {rep[-1]}", Role.REP) for rep in REPS),
)
SOURCES = (DemoSource(SOURCE, "Generic form", Source.Kind.GENERIC, "contact", "revops"),)


def make(now: datetime) -> None:
    """Make the rows; the database has none."""
    users = make_users(USERS)
    owners = {
        user.username: Owner.objects.create(
            key=user.username, name=user.name, email=user.username + DOMAIN, user=users[user.username],
            accepts_leads=user.role == Role.REP,
        )
        for user in USERS
        if user.role in (Role.REVOPS, Role.MANAGER, Role.REP)
    }  # fmt: skip
    team = Team.objects.create(key="sales", name="Sales", lead=owners["manager"])
    pool = Pool.objects.create(key="everybody", name="Everybody", team=team)
    Membership.objects.bulk_create(Membership(owner=owners[rep], team=team) for rep in REPS)
    PoolMember.objects.bulk_create(
        PoolMember(pool=pool, owner=owners[rep], position=position) for position, rep in enumerate(REPS)
    )
    make_sources(SOURCES, owners)
    make_api_tokens(users["revops"])
    _make_rules(owners["revops"], pool, now)


def _make_rules(owner: Owner, pool: Pool, now: datetime) -> None:
    pipeline = Pipeline.objects.create(key="sales", name="Sales")
    stage = Stage.objects.create(pipeline=pipeline, key="new", name="New")
    version = RuleSetVersion.objects.create(owner=owner, purpose="Everybody in turn, until there are rules.")
    Rule.objects.create(
        version=version, step="round_robin_pool", name="Everybody in turn", target=Rule.Target.POOL, pool=pool,
        pipeline=pipeline, stage=stage, sequence="first_contact",
    )  # fmt: skip
    publish(version, None, now)
