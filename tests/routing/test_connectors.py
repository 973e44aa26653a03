"""Finding a connector by name, and what is said when there is none."""

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured

from routing import checks  # noqa: F401  the import registers the check
from routing.connectors import connector
from routing.connectors.base import ACTIONS, Receipt
from tests.routing.delivery_rows import PLAN


class Echo:
    def perform(self, action, context):
        return Receipt(f"{context.idempotency_key}/{action}")


class Broken:
    def __init__(self):
        raise RuntimeError("no credentials")


class Deaf:
    pass


def test_dotted_path_gives_one_instance_per_process():
    made = connector("tests.routing.test_connectors.Echo")
    assert isinstance(made, Echo)
    assert connector("tests.routing.test_connectors.Echo") is made


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("salesfarce", "There is no CRM connector 'salesfarce'"),
        ("nowhere.to.be.Found", "cannot be imported"),
        ("tests.routing.test_connectors.Missing", "cannot be imported"),
        ("tests.routing.test_connectors.Broken", "cannot be made: no credentials"),
        ("tests.routing.test_connectors.Deaf", "it has no perform"),
    ],
)
def test_unusable_connector_is_a_configuration_error(name, sentence, settings):
    with pytest.raises(ImproperlyConfigured, match=sentence.split(" '")[0]):
        connector(name)
    settings.CRM_CONNECTOR = name
    assert [error.id for error in run_checks(tags=["routing"])] == ["routing.E001"]


def test_check_accepts_a_connector_and_none(settings):
    for name in ("", "tests.routing.test_connectors.Echo"):
        settings.CRM_CONNECTOR = name
        assert run_checks(tags=["routing"]) == []


def test_connector_actions_are_the_plan_before_the_follow_up():
    assert [action for action in ACTIONS if action != "update_deal"] == list(PLAN[:-1])
