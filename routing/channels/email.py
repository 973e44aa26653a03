"""A letter in, one e-mail through Django's mail settings out, or a `Failure`. Which row it is for is others'.

Plain text. A letter is sent as RFC 5322 asks, with the same Message-ID on every try, so that a repeat after a
crash is recognised as one. No text of a buyer can add a header: subjects are one line, and what Django still
refuses is a failure.
"""

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, SafeMIMEMultipart, SafeMIMEText, get_connection
from django.core.mail.backends.base import BaseEmailBackend

from routing.retry import Failure, PermanentFailure


@dataclass(frozen=True, slots=True)
class Letter:
    """`delivery` is the id of the row; `to` one address; `subject` one line; `body` plain text."""

    delivery: int
    to: str
    subject: str
    body: str


class Unreachable(Failure):
    """There is no connection to the mail server, so the next letter would not go either."""


class _Mail(EmailMessage):
    """A message that is put together once, however often it is asked for: checking it and sending it both do."""

    _whole: SafeMIMEText | SafeMIMEMultipart | None = None

    def message(self) -> SafeMIMEText | SafeMIMEMultipart:
        if self._whole is None:
            self._whole = super().message()
        return self._whole


class Outbox:
    """One connection to the mail server, opened with the first letter and again after a fault."""

    def __init__(self, connection: BaseEmailBackend) -> None:
        self._connection = connection
        self._open = False

    def send(self, letter: Letter) -> None:
        """Hand the letter over. Raises Unreachable, Failure or PermanentFailure."""
        message = _message(letter)
        self._connect()
        try:
            self._connection.send_messages([message])
        except Exception as error:
            self.close()
            raise _failure(error) from error

    def close(self) -> None:
        self._open = False
        with suppress(Exception):  # the connection may be what failed
            self._connection.close()

    def _connect(self) -> None:
        if self._open:
            return
        try:
            self._connection.open()
        except Exception as error:
            self.close()
            raise Unreachable("mail_server_unreachable", type(error).__name__) from error
        self._open = True


@contextmanager
def outbox(connection: BaseEmailBackend | None = None) -> Iterator[Outbox]:
    """An outbox that is closed in the end; `connection`: None for that of the settings."""
    box = Outbox(connection or get_connection())
    try:
        yield box
    finally:
        box.close()


def message_id(delivery: int) -> str:
    """`<delivery-ID@HOST>`, HOST being the one of BASE_URL."""
    return f"<delivery-{delivery}@{urlsplit(settings.BASE_URL).hostname or 'localhost'}>"


def _message(letter: Letter) -> EmailMessage:
    headers = {"Message-ID": message_id(letter.delivery), "Auto-Submitted": "auto-generated"}  # RFC 3834
    message = _Mail(letter.subject, letter.body, to=[letter.to], headers=headers)
    try:
        message.message()  # what cannot be written as a mail is found here, not on the line
    except Exception as error:  # BadHeaderError, ValueError, UnicodeError and what the mail package adds
        raise PermanentFailure("mail_cannot_be_written", type(error).__name__) from error
    return message


def _failure(error: Exception) -> Failure:
    """What the server's answer means. RFC 5321, section 4.2.1: 4yz may work later, 5yz will not.

    Only answers about the recipient or the content are final: a refused sender or login is our configuration,
    and somebody may put it right within the hour.
    """
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = sorted({code for code, _ in error.recipients.values()})
        kind = PermanentFailure if codes and all(code >= 500 for code in codes) else Failure
        return kind("mail_recipient_refused", ", ".join(map(str, codes)))
    if isinstance(error, smtplib.SMTPDataError):
        kind = PermanentFailure if error.smtp_code >= 500 else Failure
        return kind("mail_content_refused", str(error.smtp_code))
    return Failure("mail_not_sent", type(error).__name__)
