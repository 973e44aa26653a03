#!/usr/bin/env python
"""Django's command line comes in, the named management command runs; `manage.py help` lists them."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "revroute.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("Django is not installed for this Python. Use .venv/bin/python, or start with: make run")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
