"""A process that routes in; rules compiled in it before they are in force, out. Decides nothing, locks nothing."""

import logging
import threading
import time

from django.db import DatabaseError, close_old_connections, connection

from routing.ahead import get_ready

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0


def start_warming(seconds: float = LOOK_SECONDS) -> threading.Thread:
    """Look for rules that are about to be published, from a thread of this process, for as long as it lives."""

    def loop() -> None:
        while True:
            time.sleep(seconds)
            close_old_connections()
            try:
                get_ready()
            except DatabaseError as error:
                logger.warning("Rules cannot be compiled ahead: %s", type(error).__name__)
                connection.close()
            except Exception:  # whatever it is, the first lead compiles them
                logger.exception("Rules could not be compiled ahead")

    thread = threading.Thread(target=loop, name="warming", daemon=True)
    thread.start()
    return thread
