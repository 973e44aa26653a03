"""A mail server that answers as a test says, and what reached the outbox."""

from django.core import mail
from django.core.mail.backends.locmem import EmailBackend as Locmem

from routing import delivery
from tests.routing.delivery_rows import NOW

HOST = "leads.acme.example"


class ScriptedMail(Locmem):
    """Raises or calls what `script` holds, one entry for each letter, and delivers to the outbox."""

    opening: list = []
    script: list = []
    opened = 0

    def open(self):
        type(self).opened += 1
        if self.opening:
            raise self.opening.pop(0)

    def send_messages(self, messages):
        answer = self.script.pop(0) if self.script else None
        if isinstance(answer, BaseException):
            raise answer
        sent = super().send_messages(messages)
        if answer:
            answer()
        return sent


def deliver(now=NOW, limit=100):
    return delivery.deliver_due(now, limit, lambda: 0.0)


def message_ids():
    return [message.message()["Message-ID"] for message in mail.outbox]
