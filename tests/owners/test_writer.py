"""One writer at a time: the lock is held, told, given back, and a second writer waits."""

import threading
import time

import pytest
from django.db import OperationalError, connection, transaction

from owners import writer
from owners.models import Team
from owners.writer import is_writing, sqlite_turn, writing

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_block_knows_that_it_writes_and_commits_at_its_end():
    assert not is_writing()
    with writing():
        assert is_writing()
        Team.objects.create(key="a", name="A")
    assert not is_writing()
    assert Team.objects.count() == 1


def write_and_fail(key):
    with writing():
        Team.objects.create(key=key, name=key)
        raise RuntimeError


def test_an_error_rolls_everything_back_and_gives_the_lock_back():
    with pytest.raises(RuntimeError):
        write_and_fail("a")
    assert not is_writing()
    with writing():
        assert Team.objects.count() == 0


def test_an_inner_block_joins_the_outer_one_and_rolls_back_alone():
    with writing():
        Team.objects.create(key="a", name="A")
        with pytest.raises(RuntimeError):
            write_and_fail("b")
        assert is_writing()
    assert list(Team.objects.values_list("key", flat=True)) == ["a"]


def test_whether_one_writes_is_a_matter_of_the_thread():
    found = []
    with writing():
        thread = threading.Thread(target=lambda: found.append(is_writing()))
        thread.start()
        thread.join()
    assert found == [False]


def second_writer(results):
    try:
        with writing():
            results.append(time.monotonic())
    except OperationalError as error:
        results.append(error)
    finally:
        connection.close()


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite in memory is one connection")
def test_a_second_writer_waits_until_the_first_has_committed():
    results = []
    thread = threading.Thread(target=second_writer, args=(results,))
    with writing():
        thread.start()
        time.sleep(0.15)
        assert results == []
        ended = time.monotonic()
    thread.join(10)
    assert results[0] >= ended


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite in memory is one connection")
def test_a_writer_that_waits_too_long_gives_up_with_an_operational_error(monkeypatch):
    monkeypatch.setattr(writer, "LOCK_TIMEOUT_MS", 100)
    results = []
    thread = threading.Thread(target=second_writer, args=(results,))
    with writing():
        thread.start()
        thread.join(10)
    assert isinstance(results[0], OperationalError)


def test_writing_inside_a_transaction_that_already_began_works():
    with transaction.atomic(), writing():
        Team.objects.create(key="a", name="A")
    assert Team.objects.count() == 1


def test_the_line_at_the_file_lets_one_through_at_a_time(tmp_path, monkeypatch):
    path = str(tmp_path / "turn")
    monkeypatch.setattr(writer, "_turn_path", lambda: path)
    inside, most = [], []

    def one():
        with sqlite_turn():
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.002)
            inside.pop()

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert most == [1] * 8
