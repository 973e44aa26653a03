"""Commands in, running child processes out; stopped together, kept going if wanted. Knows nothing of what they do."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

STOP_SECONDS = 15.0
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
LONG_LIFE = 60.0
PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class Backoff:
    """How long to wait before something is started again that keeps ending: longer each time, at most 30 s."""

    def __init__(self) -> None:
        self._started_at: float | None = None
        self._ended_at: float | None = None
        self._pause = FIRST_PAUSE

    def started(self, monotonic: float) -> None:
        """It was started."""
        self._started_at, self._ended_at = monotonic, None

    def may_start(self, monotonic: float) -> bool:
        """It has ended: whether the time has come to start it again."""
        if self._ended_at is None:
            self._ended_at = monotonic
            lived = monotonic - (self._started_at or monotonic)
            self._pause = FIRST_PAUSE if lived >= LONG_LIFE else self._pause
        if monotonic - self._ended_at < self._pause:
            return False
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        return True


@dataclass(slots=True)
class _Kept:
    """A child that is started again whenever it ends."""

    start: Callable[[], None]
    say: Callable[[str, int], object]
    backoff: Backoff = field(default_factory=Backoff)
    said: bool = False


class Group:
    """Child processes that are stopped together, each in a process group of its own."""

    def __init__(self, stop_seconds: float = STOP_SECONDS) -> None:
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.stopping = threading.Event()
        self._stop_seconds = stop_seconds
        self._kept: dict[str, _Kept] = {}

    def start(self, name: str, command: Sequence[str], env: dict[str, str] | None = None) -> None:
        """Start a child. It gets no terminal signals: Ctrl-C reaches the parent, which stops them in order.

        Call it from the main thread: on Linux the child is asked to end when the thread that started it does.
        """
        self.children[name] = subprocess.Popen(
            command, env={**os.environ, **(env or {})}, start_new_session=True, preexec_fn=_end_with_parent
        )

    def keep(self, name: str, command: Sequence[str], env: dict[str, str], say: Callable[[str, int], object]) -> None:
        """Start a child that `wait` starts again when it ended, after a pause; `say(name, status)` tells of it."""
        kept = self._kept[name] = _Kept(lambda: self.start(name, command, env), say)
        kept.start()
        kept.backoff.started(time.monotonic())

    def stop_on_signals(self) -> None:
        """Let SIGTERM and SIGINT end `wait`."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stopping.set())

    def wait(self) -> tuple[str, int] | None:
        """Until asked to stop (None) or a child ends that is not kept: its name and exit status."""
        while not self.stopping.wait(0.1):
            for name, child in list(self.children.items()):
                if (status := child.poll()) is None:
                    continue
                if name not in self._kept:
                    return name, status
                self._start_again(name, status)
        return None

    def _start_again(self, name: str, status: int) -> None:
        kept = self._kept[name]
        if not kept.said:
            kept.say(name, status)
            kept.said = True
        if kept.backoff.may_start(time.monotonic()):
            end_group(self.children[name].pid)
            kept.start()
            kept.backoff.started(time.monotonic())
            kept.said = False

    def end(self, name: str, grace: float) -> None:
        """Ask one child to end; after `grace` seconds end its whole process group."""
        child = self.children[name]
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(grace)
        end_group(child.pid)
        child.wait()

    def stop(self) -> None:
        """Ask every child to end; end those that do not within a while, and what any of them left running."""
        for child in self.children.values():
            child.terminate()
        deadline = time.monotonic() + self._stop_seconds
        for child in self.children.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(max(0.1, deadline - time.monotonic()))
            end_group(child.pid)
            child.wait()


def end_group(leader: int) -> None:
    """SIGKILL for all that is left of a process group, stopped processes too."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody is left in it
        os.killpg(leader, signal.SIGKILL)


def _end_with_parent() -> None:
    """Runs in the new child: whoever is killed with SIGKILL cannot stop its children, so they stop themselves."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
