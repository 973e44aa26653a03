"""Letters over a real line to a mail server of a few lines, through Django's own SMTP backend."""

import socketserver
import threading
from email import message_from_bytes
from email.policy import default

import pytest

from routing.channels.email import Letter, Unreachable, outbox
from routing.retry import Failure, PermanentFailure


class MailServer(socketserver.ThreadingTCPServer):
    """Keeps what it is given. An address tells how it answers: gone@ 550, busy@ 450, drop@ hangs up."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Talk)
        self.letters = []
        self.connections = 0


class Talk(socketserver.StreamRequestHandler):
    def handle(self):
        self.server.connections += 1
        self._say("220 ready")
        while line := self.rfile.readline().decode().strip():
            verb = line.split(":")[0].split()[0].upper()
            if "drop@" in line:
                return
            if verb == "DATA":
                self._take()
            elif "gone@" in line or "busy@" in line:
                self._say("550 gone" if "gone@" in line else "450 busy")
            else:
                self._say("221 bye" if verb == "QUIT" else "250 ok")

    def _take(self):
        self._say("354 go on")
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)  # RFC 5321, 4.5.2
        self.server.letters.append(message_from_bytes(b"".join(lines), policy=default))
        self._say("250 kept")

    def _say(self, text):
        self.wfile.write(f"{text}\r\n".encode())


@pytest.fixture
def server(settings):
    with MailServer() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        settings.BASE_URL = "https://leads.acme.example:8443"
        yield server
        server.shutdown()


def letter(number, to="elena@acme.example", subject="A lead – für Elena"):
    return Letter(number, to, subject, "Grüße\n.\nline after a lonely dot\n")


def test_letters_of_a_batch_share_one_connection(server):
    with outbox() as box:
        for number in (1, 2, 3):
            box.send(letter(number))
    assert server.connections == 1
    ids = [kept["Message-ID"] for kept in server.letters]
    assert ids == [f"<delivery-{number}@leads.acme.example>" for number in (1, 2, 3)]
    first = server.letters[0]
    assert (first["Subject"], first["To"], first["Auto-Submitted"]) == (
        "A lead – für Elena", "elena@acme.example", "auto-generated",
    )  # fmt: skip
    assert first.get_content().replace("\r\n", "\n") == "Grüße\n.\nline after a lonely dot\n"


@pytest.mark.parametrize(
    ("to", "kind", "text"),
    [
        ("gone@acme.example", PermanentFailure, "mail_recipient_refused: 550"),
        ("busy@acme.example", Failure, "mail_recipient_refused: 450"),
        ("drop@acme.example", Failure, "mail_not_sent: SMTPServerDisconnected"),
    ],
)
def test_refused_letter_does_not_hold_up_the_next(server, to, kind, text):
    with outbox() as box:
        with pytest.raises(Failure) as caught:
            box.send(letter(1, to))
        box.send(letter(2))
    assert (type(caught.value), str(caught.value)) == (kind, text)
    assert [kept["Message-ID"] for kept in server.letters] == ["<delivery-2@leads.acme.example>"]


def test_server_that_is_not_there_is_unreachable(server, settings):
    server.shutdown()
    server.server_close()
    with outbox() as box, pytest.raises(Unreachable):
        box.send(letter(1))


@pytest.mark.parametrize(
    ("to", "subject"),
    [("elena@acme.example", "x\nBcc: all@acme.example"), ("a@b.example\r\nBcc: c@d.example", "x")],
)
def test_line_break_in_a_header_is_refused_before_the_line(server, to, subject):
    with outbox() as box, pytest.raises(PermanentFailure):
        box.send(letter(1, to, subject))
    assert (server.connections, server.letters) == (0, [])
