#!/usr/bin/env python
"""Django's command line comes in, the named management command runs; `manage.py help` lists them.

What the installation is to blame for (a setting, a database that cannot be had) is one sentence on stderr and
exit status 1. Everything else keeps its traceback.
"""

import os
import sys

NO_SUCH_TABLE = "42P01"  # PostgreSQL, appendix A, "undefined_table"


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "revroute.settings")
    try:
        from django.conf import settings
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
        from django.db import DatabaseError
    except ImportError:
        sys.exit("Django is not installed for this Python. Use .venv/bin/python, or start with: make run")
    try:
        _ = settings.INSTALLED_APPS  # reads the settings, where a ValueError is about a value that was set
    except (ImproperlyConfigured, OSError, ValueError) as error:
        sys.exit(f"The settings cannot be used: {_one_line(error)}")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"The settings cannot be used: {_one_line(error)}")
    except DatabaseError as error:
        if not _is_of_the_installation(error):
            raise
        sys.exit(f"The database cannot be used: {_one_line(error)}")


def _is_of_the_installation(error: Exception) -> bool:
    """Whether the server, the file or missing tables are at fault, and not a statement of ours."""
    from django.db import InterfaceError, NotSupportedError, OperationalError

    return (
        isinstance(error, (OperationalError, InterfaceError, NotSupportedError))
        or getattr(error.__cause__, "sqlstate", None) == NO_SUCH_TABLE
    )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") + "."


if __name__ == "__main__":
    main()
