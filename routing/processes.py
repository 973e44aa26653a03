"""Commands in, running child processes out; stopped together, whoever ends first. Knows nothing of what they do."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

STOP_SECONDS = 15.0
PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class Group:
    """Child processes that live and die together, each in a process group of its own."""

    def __init__(self) -> None:
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.stopping = threading.Event()

    def start(self, name: str, command: Sequence[str], env: dict[str, str] | None = None) -> None:
        """Start a child. It gets no terminal signals: Ctrl-C reaches the parent, which stops them in order.

        Call it from the main thread: on Linux the child is asked to end when the thread that started it does.
        """
        self.children[name] = subprocess.Popen(
            command, env={**os.environ, **(env or {})}, start_new_session=True, preexec_fn=_end_with_parent
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
        """Ask every child to end; end those that do not within a while, and what any of them left running."""
        for child in self.children.values():
            child.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for child in self.children.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(max(0.1, deadline - time.monotonic()))
            with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody is left in its group
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def _end_with_parent() -> None:
    """Runs in the new child: whoever is killed with SIGKILL cannot stop its children, so they stop themselves."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
