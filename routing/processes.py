"""Commands in, running child processes out; stopped together, whoever ends first. Knows nothing of what they do."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence

STOP_SECONDS = 15.0


class Group:
    """Child processes that live and die together, each in a process group of its own."""

    def __init__(self) -> None:
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.stopping = threading.Event()

    def start(self, name: str, command: Sequence[str], env: dict[str, str] | None = None) -> None:
        """Start a child. It gets no terminal signals: Ctrl-C reaches the parent, which stops them in order."""
        self.children[name] = subprocess.Popen(
            command, env={**os.environ, **(env or {})}, start_new_session=True
        )

    def stop_on_signals(self) -> None:
        """Let SIGTERM and SIGINT end `wait`."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stopping.set())

    def wait(self) -> tuple[str, int] | None:
        """Until asked to stop (None) or a child ends: its name and exit status."""
        while not self.stopping.wait(0.1):
            for name, child in self.children.items():
                if (status := child.poll()) is not None:
                    return name, status
        return None

    def stop(self) -> None:
        """Ask every child to end, and end those that do not within a while, with all their own children."""
        for child in self.children.values():
            _signal(child, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for child in self.children.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(max(0.1, deadline - time.monotonic()))
            if child.poll() is None:
                _signal(child, signal.SIGKILL, group=True)
                child.wait()


def _signal(child: subprocess.Popen[bytes], number: int, group: bool = False) -> None:
    with contextlib.suppress(ProcessLookupError):
        if group:
            os.killpg(child.pid, number)
        else:
            child.send_signal(number)
