"""The demo company: loaded once, printed again, and never over real data."""

import json
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import check_password
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test import Client

from leads.models import LeadType, Source
from leads.tokens import rotate
from owners.configuration import ConfigStamp
from owners.models import Absence, Owner, Pool, Team, Territory, User, WeeklyHours
from owners.roles import Role, role_of
from routing import demo
from routing.engine.rules import STEPS
from routing.list_imports import asked_by
from routing.models import ApiToken, NamedList, Rule, RuleSetVersion, SlaPolicy
from routing.rulebook import missing
from tests.builders import NOW, make_company, make_owner, make_source, make_team
from tests.routing.demo_company import counts, examples, post, tokens

pytestmark = pytest.mark.django_db(transaction=True)


def run(capsys, *arguments):
    call_command("demo", "--no-history", *arguments)
    return capsys.readouterr().out


# The company --------------------------------------------------------------------------------------------------


def test_company_has_the_promised_size():
    assert demo.load(NOW, history=False) is True
    reps = Owner.objects.filter(accepts_leads=True)
    assert (reps.count(), reps.filter(user__isnull=False).count(), Team.objects.count()) == (12, 12, 4)
    assert (Territory.objects.count(), Source.objects.count(), SlaPolicy.objects.count()) == (3, 6, 8)
    assert reps.filter(hours__isnull=False).values("time_zone").distinct().count() == 3
    assert sorted(Absence.objects.values_list("starts_at", flat=True)) == [
        NOW - timedelta(weeks=3),
        NOW + timedelta(weeks=2),
    ]
    version = RuleSetVersion.objects.get()
    assert (version.state, version.published_at) == ("published", NOW)
    assert set(version.rules.values_list("step", flat=True)) == set(STEPS)
    (table,) = version.rules.exclude(table=None)
    named = NamedList.objects.get()
    assert (len(table.table["rows"]), named.size, [rules for _, rules in asked_by(named)]) == (
        5, 12, [["Strategic companies, however they score"]],
    )  # fmt: skip
    assert missing(version.content) == []


def test_cover_persons_never_go_round_in_a_circle():
    demo.load(NOW, history=False)
    covers = dict(Owner.objects.values_list("key", "cover__key"))
    for key in covers:
        line = [key]
        while covers[line[-1]]:
            line.append(covers[line[-1]])
            assert len(line) == len(set(line)), line


@pytest.mark.parametrize("empty", [False, True])
def test_revops_may_do_everything_with_leads_and_nothing_with_users_or_scheduled_code(empty):
    demo.load(NOW, empty, history=False)
    models = [model for label in ("owners", "leads", "routing") for model in apps.get_app_config(label).get_models()]
    expected = {
        f"{model._meta.app_label}.{action}_{model._meta.model_name}"
        for model in models
        if model is not User
        for action in ("view", "add", "change", "delete")
    }
    assert User.objects.get(username="revops").get_all_permissions() == expected


def test_revops_works_on_rules_and_finds_no_door_to_users_or_scheduled_tasks():
    demo.load(NOW, history=False)
    client = Client()
    client.force_login(User.objects.get(username="revops"))
    version = RuleSetVersion.objects.get()
    index = client.get("/admin/").content.decode()
    seen = ["/admin/routing/ruleset" in index, "/admin/django_q/" in index, "/admin/auth/" in index]
    assert seen == [True, False, False]
    copied = client.post(f"/admin/routing/rulesetversion/{version.pk}/copy/")
    draft = RuleSetVersion.objects.get(state="draft")
    published = client.post(f"/admin/routing/rulesetversion/{draft.pk}/publish/", {"purpose": "A change by RevOps."})
    draft.refresh_from_db()
    assert (copied.status_code, published.status_code, draft.state) == (302, 302, "published")
    owner = Owner.objects.get(key="elena")
    for path in ("/admin/leads/lead/", f"/admin/owners/owner/{owner.pk}/change/", "/admin/leads/source/add/"):
        assert client.get(path).status_code == 200, path
    for path in ("/admin/owners/user/", "/admin/auth/group/", "/admin/django_q/schedule/add/"):
        assert client.get(path).status_code == 403, path


# Credentials --------------------------------------------------------------------------------------------------


def test_json_has_the_promised_shape(capsys):
    held = json.loads(run(capsys, "--json"))
    assert list(held) == ["base_url", "users", "sources", "api_tokens"]
    assert {frozenset(user) for user in held["users"]} == {frozenset(("username", "password", "role", "owner_id"))}
    roles = [user["role"] for user in held["users"]]
    assert {role: roles.count(role) for role in roles} == {**dict.fromkeys(Role.values, 1), "Rep": 12}
    assert {user["username"]: user["owner_id"] for user in held["users"]} == dict(
        User.objects.values_list("username", "owner__id")
    )
    assert [(source["key"], source["kind"]) for source in held["sources"]] == list(
        Source.objects.order_by("id").values_list("key", "kind")
    )
    assert [token["scope"] for token in held["api_tokens"]] == ApiToken.Scope.values


def test_printed_passwords_and_tokens_open_their_doors():
    demo.load(NOW, history=False)
    held = demo.credentials()
    encoded = dict(User.objects.values_list("username", "password"))
    for user in held["users"]:
        assert check_password(user["password"], encoded[user["username"]]), user["username"]
    administrator = held["users"][0]
    assert Client().login(username=administrator["username"], password=administrator["password"])
    for source in held["sources"]:
        assert post(source["key"], source["token"], "email=a%40b.example").status_code == 201, source["key"]
    reading = {"Authorization": f"Bearer {held['api_tokens'][0]['token']}"}
    assert Client().get("/api/v1/leads", headers=reading).status_code == 200
    assert demo.administrator() == administrator


def test_secrets_are_kept_as_hashes_only_and_differ_between_installations(settings):
    demo.load(NOW, history=False)
    held = demo.credentials()
    secrets = [row["token"] for row in (*held["sources"], *held["api_tokens"])]
    assert len(set(secrets)) == len(secrets)
    kept = [
        *Source.objects.values_list("token_hash", flat=True),
        *ApiToken.objects.values_list("token_hash", flat=True),
    ]
    assert not set(secrets) & set(kept)
    settings.SECRET_KEY = "another installation"
    assert [row["token"] for row in demo.credentials()["sources"]] == [None] * 6
    assert demo.credentials()["users"][0]["password"] != held["users"][0]["password"]


def test_a_token_that_was_changed_is_not_printed():
    demo.load(NOW, history=False)
    source = Source.objects.get(key="partners")
    rotate(source)
    assert tokens()["partners"], "the former token holds until the next change"
    rotate(source)
    assert tokens()["partners"] is None


# Loading, once and again ----------------------------------------------------------------------------------------


def test_loading_again_changes_nothing_and_prints_the_same(capsys):
    first, rows, stamp = run(capsys, "--json"), counts(), ConfigStamp.objects.get().number
    assert run(capsys, "--json") == first
    assert (counts(), ConfigStamp.objects.get().number) == (rows, stamp)
    assert demo.load(NOW, history=False) is False


def test_text_names_every_secret(capsys):
    text = run(capsys)
    held = demo.credentials()
    assert all(user["password"] in text for user in held["users"])
    assert all(row["token"] in text for row in (*held["sources"], *held["api_tokens"]))


@pytest.mark.parametrize("empty", [False, True])
def test_everybody_signs_in_with_the_role_that_is_printed_and_four_enter_the_admin(empty):
    demo.load(NOW, empty, history=False)
    entering = set(User.objects.filter(is_staff=True).values_list("username", flat=True))
    assert entering == {"admin", "revops", "manager", "auditor"}
    assert User.objects.get(is_superuser=True).username == "admin"
    for user in demo.credentials()["users"]:
        signed_in = authenticate(username=user["username"], password=user["password"])
        assert role_of(signed_in) == user["role"], user["username"]


def test_reset_takes_away_what_was_routed_and_loads_anew(capsys):
    printed, rows = json.loads(run(capsys, "--json")), counts()
    held = tokens()
    for source, body in examples(1):
        assert post(source, held[source], body).status_code == 201
    Rule.objects.filter(step="territory_owner").update(enabled=False)
    Pool.objects.create(key="mine", name="Made by a visitor")
    stamp = ConfigStamp.objects.get().number
    again = json.loads(run(capsys, "--reset", "--json"))
    without_ids = [{**user, "owner_id": None} for user in printed["users"]]
    assert [{**user, "owner_id": None} for user in again["users"]] == without_ids
    assert (again["sources"], again["api_tokens"]) == (printed["sources"], printed["api_tokens"])
    # Revisions of people are stored when something is routed, so both times there is none.
    assert counts() == rows
    assert ConfigStamp.objects.get().number > stamp
    source, body = examples(2)[4]
    assert post(source, held[source], body).json()["decision"]["routing_decision"]["hierarchy_step"] == STEPS[4]


def test_reset_keeps_users_and_lead_types_of_others():
    demo.load(NOW, history=False)
    boss = User.objects.create_superuser("boss", "boss@company.example", "a password")
    token = ApiToken.objects.create(name="Ours", token_hash="0" * 64, user=boss)
    LeadType.objects.create(key="audit", name="Audit")
    demo.reset(NOW, history=False)
    assert User.objects.get(username="boss") == boss
    assert ApiToken.objects.get(name="Ours") == token
    assert LeadType.objects.filter(key="audit").exists()


@pytest.mark.parametrize("extra", ["owner", "source"])
def test_reset_refuses_what_the_demo_did_not_make(extra):
    demo.load(NOW, history=False)
    if extra == "owner":
        make_owner("someone")
    else:
        make_source("website", Owner.objects.get(key="elena"))
    rows = counts()
    refusal = rf"Nothing was deleted: the demo did not make {extra} “(someone|website)”\. For a fresh demo, name .*"
    with pytest.raises(CommandError, match=refusal + "VAR_DIR .*DATABASE_URL") as refused:
        call_command("demo", "--reset", "--no-history")
    assert counts() == rows
    of_a_file = f"; or stop RevRoute and delete {connection.settings_dict['NAME']}," in str(refused.value)
    assert of_a_file is (connection.vendor == "sqlite")


@pytest.mark.parametrize(
    "make", [lambda: make_owner("someone"), lambda: make_team(), lambda: make_company("real.example")]
)
def test_real_data_is_refused_and_left_as_it_is(make):
    make()
    rows = counts()
    assert demo.is_empty() is False
    for arguments in ([], ["--empty"], ["--reset"]):
        with pytest.raises(CommandError):
            call_command("demo", *arguments)
    assert counts() == rows


def test_a_user_of_that_name_is_not_taken_over():
    User.objects.create_superuser("admin", "me@company.example", "a password")
    assert demo.is_empty() is True
    with pytest.raises(CommandError, match="There is a user “admin” already"):
        call_command("demo")
    assert User.objects.get().check_password("a password")
    assert demo.is_empty() is True


def test_company_and_small_set_refuse_each_other_but_reset_changes_over(capsys):
    run(capsys)
    with pytest.raises(CommandError, match="holds the demo company"):
        call_command("demo", "--empty")
    run(capsys, "--reset", "--empty")
    assert Source.objects.get().key == "generic"
    with pytest.raises(CommandError, match="holds the small set"):
        call_command("demo")


# The small set --------------------------------------------------------------------------------------------------


def test_small_set_has_users_one_source_and_a_way_to_an_owner(capsys):
    held = json.loads(run(capsys, "--empty", "--json"))
    assert [(source["key"], source["kind"]) for source in held["sources"]] == [("generic", "generic")]
    assert {user["role"] for user in held["users"]} == set(Role.values)
    owners = []
    for number in range(8):
        answer = post("generic", held["sources"][0]["token"], f"email=a%40b{number}.example")
        owners.append(answer.json()["decision"]["routing_decision"]["target_owner_id"])
    reps = [user["owner_id"] for user in held["users"] if user["role"] == "Rep"]
    assert sorted(owners) == sorted(reps * 2)
    assert not WeeklyHours.objects.exists()
