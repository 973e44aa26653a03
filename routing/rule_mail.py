"""What somebody has to know about the rules in, a mail out. Where there is no mail, the screens say it."""

import logging

from django.conf import settings
from django.core.mail import send_mail

logger = logging.getLogger(__name__)


def address_of(version: int) -> str:
    """Where the rules of a version are looked at."""
    return f"{settings.BASE_URL}/admin/routing/rulesetversion/{version}/rules/"


def tell(email: str, subject: str, text: str) -> None:
    """Send one mail; a mail server that is away is noted, and stops nothing."""
    try:
        send_mail(subject, text, None, [email])
    except OSError as error:
        logger.warning("A mail about rules could not be sent: %s", type(error).__name__)
