"""What somebody has to know about the rules in, a mail out. Where there is no mail, the screens say it."""

import logging

from django.conf import settings
from django.core.mail import send_mail
from django.db.models import Q

from owners.models import Owner, User
from owners.roles import Role
from routing.models import RuleSetVersion

logger = logging.getLogger(__name__)


def address_of(version: int) -> str:
    """Where the rules of a version are looked at."""
    return f"{settings.BASE_URL}/admin/routing/rulesetversion/{version}/rules/"


def answerable(version: RuleSetVersion) -> list[str]:
    """The address of the named owner of a version; of all of RevOps where the owner left or has none."""
    owner = version.owner
    if owner.email and owner.state != Owner.State.DEPARTED:
        return [owner.email]
    strong = Q(is_superuser=True) | Q(groups__name__in=(Role.REVOPS, Role.ADMINISTRATOR))
    users = User.objects.filter(strong, is_active=True).exclude(email="").order_by("email")
    return list(users.values_list("email", flat=True).distinct())


def tell(email: str, subject: str, text: str) -> None:
    """Send one mail; a mail server that is away is noted, and stops nothing."""
    try:
        send_mail(subject, text, None, [email])
    except OSError as error:
        logger.warning("A mail about rules could not be sent: %s", type(error).__name__)
