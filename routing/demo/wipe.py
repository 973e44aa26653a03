"""A demo database in, the same without anything that was entered or routed out; asks nobody, so ask before.

Users, lead types and API tokens of others stay, and so does the configuration stamp, which must never go back.
"""

from django.apps import apps
from django.db import connection

from leads.models import LeadType
from owners.configuration import ConfigStamp
from owners.models import User
from routing.demo.access import DOMAIN
from routing.models import ApiToken

KEPT = (User, LeadType, ConfigStamp, ApiToken)


def wipe() -> None:
    """Delete all business rows and the demo's users, with their API tokens. Call inside `changing()`.

    Table by table in any order: references are checked when the transaction commits. Records that nobody
    may delete on their own (decisions, ledger entries) go with all that they belong to.
    """
    with connection.cursor() as cursor:
        for label in ("routing", "leads", "owners"):
            for model in apps.get_app_config(label).get_models():
                if model not in KEPT:
                    cursor.execute(f"DELETE FROM {connection.ops.quote_name(model._meta.db_table)}")
    User.objects.filter(email__endswith=DOMAIN).delete()
