"""Leads to post in, the answers of a running program out, over keep-alive connections. Knows no server's innards."""

import json
import time
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any

from tests.builders import TOKEN


@dataclass(frozen=True)
class Post:
    """One lead to post. `key`: its Idempotency-Key. `prefer`: the Prefer header."""

    payload: dict[str, Any]
    key: str = ""
    prefer: str = ""
    source: str = "web"

    def headers(self) -> dict[str, str]:
        named = {"Idempotency-Key": self.key, "Prefer": self.prefer}
        return {
            "Authorization": f"Bearer {TOKEN}",
            "Content-Type": "application/json",
            **{name: value for name, value in named.items() if value},
        }


@dataclass(frozen=True)
class Answer:
    """`seconds`: from sending to the end of the answer."""

    status: int
    body: dict[str, Any]
    seconds: float

    @property
    def event(self) -> int:
        return self.body["event_id"]


class Sender:
    """One keep-alive connection, for one thread."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=60)

    def post(self, post: Post) -> Answer:
        """Raises OSError or HTTPException when no answer came; the next post opens a new connection."""
        began = time.monotonic()
        try:
            self._connection.request("POST", f"/api/v1/intake/{post.source}", json.dumps(post.payload), post.headers())
            response = self._connection.getresponse()
            body = json.loads(response.read())
        except (OSError, HTTPException):
            self.close()
            raise
        return Answer(response.status, body, time.monotonic() - began)

    def insist(self, post: Post, seconds: float = 30.0) -> Answer:
        """Post again and again until an answer comes that is neither an error of the line nor a 5xx."""
        end = time.monotonic() + seconds
        while True:
            try:
                answer = self.post(post)
                if answer.status < 500 or time.monotonic() > end:
                    return answer
            except (OSError, HTTPException):
                if time.monotonic() > end:
                    raise
            time.sleep(0.1)

    def close(self) -> None:
        self._connection.close()
