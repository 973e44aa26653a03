"""A stream in; whoever is told how much is done, and tells it there, out: one line that grows on a terminal."""

from typing import IO

from routing.demo.history import Progress

SAYING = "Loading the demo company …"


def reporter(stream: IO[str]) -> Progress:
    """On a terminal the percentage in place, by steps of one; elsewhere the sentence alone, once."""
    on_terminal = stream.isatty()
    told = -1

    def tell(done: int, total: int) -> None:
        nonlocal told
        percent = 100 * done // total
        if percent == told or (told >= 0 and not on_terminal):
            return
        told = percent
        if on_terminal:
            stream.write(f"\r{SAYING} {percent} %" + ("\n" if done == total else ""))
        else:
            stream.write(f"{SAYING}\n")
        stream.flush()

    return tell
