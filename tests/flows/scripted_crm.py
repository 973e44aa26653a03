"""An action in, what the script of the test says for it out: a CRM that is slow, refuses, then works.

SCRIPTED_CRM names a JSON file: an action's name to the list of what its next calls do, each once; without a
word left, a call succeeds. A word is `delay` (a second, then success), `later` (try again in a second) or
`refuse`. What was asked for is appended to the file beside it, `.calls`, a JSON line each.
"""

import json
import os
import time
from datetime import timedelta
from pathlib import Path

from routing.connectors.base import ActionContext, Receipt, Refused, Retry


class ScriptedCrm:
    """Satisfies routing.connectors.base.Connector. One process and thread at a time, as the worker is."""

    def __init__(self) -> None:
        self._script = Path(os.environ["SCRIPTED_CRM"])
        self._calls = self._script.with_suffix(".calls")

    def perform(self, action: str, context: ActionContext) -> Receipt:
        script = json.loads(self._script.read_text())
        word = script[action].pop(0) if script.get(action) else "confirm"
        self._script.write_text(json.dumps(script))
        if word == "delay":
            time.sleep(1)
        with self._calls.open("a") as calls:
            calls.write(json.dumps({"action": action, "key": context.idempotency_key, "word": word}) + "\n")
        if word == "later":
            raise Retry(timedelta(seconds=1), "busy")
        if word == "refuse":
            raise Refused("no such stage")
        return Receipt(f"crm-{context.idempotency_key}")
