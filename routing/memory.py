"""A process that has loaded what it needs in, the same with a garbage collector that leaves that alone out."""

import gc


def settle() -> None:
    """Call once at start. Modules, tables and compiled rules live as long as the process: walking through them
    again and again cost a tenth of the routing. What comes later is collected as ever, in larger steps."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
