"""How many ids are wanted in, that many fresh ids out; leaves alone what they name.

Events, leads, decisions, contacts, companies and deals share one series of numbers: the event's id names the
lead, the decision, the deal and, where they are new, the contact and the company that it brings. So the
writer needs nothing back from the database, and all rows of one story carry one number. Rows made in other
ways (by hand, by a CRM sync, a claim) draw from the same series here, so nothing ever collides.
"""

from django.db import connection

TABLE = "leads_rawevent"


def new_id() -> int:
    """One fresh id of the series."""
    return new_ids(1)[0]


def new_ids(count: int) -> list[int]:
    """`count` fresh ids, ascending."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [TABLE, count]
            )
            return [row[0] for row in cursor.fetchall()]
        return _sqlite_ids(cursor, count)


def _sqlite_ids(cursor, count: int) -> list[int]:
    """SQLite keeps the last id of an AUTOINCREMENT table in `sqlite_sequence`, an ordinary writable table."""
    taken = cursor.execute(
        "UPDATE sqlite_sequence SET seq = seq + %s WHERE name = %s RETURNING seq", [count, TABLE]
    ).fetchall()
    if not taken:  # no event was ever stored: the table's row does not exist yet
        cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [TABLE, count])
        taken = [(count,)]
    last = taken[0][0]
    return list(range(last - count + 1, last + 1))
