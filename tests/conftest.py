"""What every test may rely on: caches of one test never reach the next."""

import pytest

from routing import combine, current, prepare


@pytest.fixture(autouse=True)
def forget_between_tests():
    """Processes cache sources, people and rules by ids, which a new test's rows may carry again."""
    yield
    prepare.forget_sources()
    current.forget_all()
    combine.combiner._early.clear()
