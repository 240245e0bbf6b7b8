"""Messages are consumed once, and streams have offsets without holes.

Ids come from a sequence before their row commits, so a lower id may appear
after a higher one. Consumption is fenced by the row lock (I2); the offsets of
a stream come from a counter row instead, advanced in the transaction that
writes the entry.
"""

from .checker import explore
from .database import (
    BEGIN,
    COMMIT,
    INSERTED,
    ROLLBACK,
    Insert,
    Lock,
    Note,
    Read,
    Update,
    rows_of,
)

W = "workflow"

# Messages.

UNREAD_BEHIND = "a message stays unread behind the cursor"
NOT_FIFO = "a later message of one sender was consumed first"
NOT_BY_ID = "messages were not consumed in the order of their ids"
CONSUMED_TWICE = "a message was consumed twice"


def sender(*ids):
    """Send one message after the other under ids that were given before."""

    def program():
        for message in ids:
            yield BEGIN
            yield Insert(("message", message), "unread")
            yield COMMIT

    return program


def receiver(name, *, times, by_cursor=False, under_row_lock=True):
    """Call recv() some times, then note what came in which order."""

    def program():
        consumed = ()
        for number in range(times):
            yield BEGIN
            if under_row_lock:
                yield Lock(W)
            cursor = consumed[-1] if by_cursor and consumed else 0
            message = yield lowest_unread_after(cursor)
            if message is None:
                yield ROLLBACK
                continue
            yield consume(message)
            yield Insert(("step", (name, number)), message)
            yield COMMIT
            consumed += (message,)
        yield Note(lambda db: {"order": consumed})

    return program


def unread(db):
    return [id_ for id_, row in rows_of(db, "message").items() if row == "unread"]


def lowest_unread_after(cursor):
    def query(db):
        return min((id_ for id_ in unread(db) if id_ > cursor), default=None)

    return Read(query)


def consume(message):
    return Update(("message", message), lambda row: row == "unread", lambda row: "read")


def unread_behind_cursor(db):
    cursor = max(db.get("order", ()), default=0)
    return UNREAD_BEHIND if any(id_ < cursor for id_ in unread(db)) else None


def not_fifo(db):
    order = db.get("order", ())
    if 3 in order and 2 not in order[: order.index(3)]:
        return NOT_FIFO
    return None


def not_by_id(db):
    order = db.get("order", ())
    return NOT_BY_ID if list(order) != sorted(order) else None


def consumed_twice(db):
    consumed = list(rows_of(db, "step").values())
    return CONSUMED_TWICE if len(consumed) > len(set(consumed)) else None


def explore_two_senders(receive, always):
    programs = {"sender of 1": sender(1), "sender of 2 and 3": sender(2, 3)}
    return explore({W: 0}, programs | {"receiver": receive}, always=always)


def explore_two_receivers(**rules):
    return explore(
        {W: 0, ("message", 1): "unread", ("message", 2): "unread"},
        {name: receiver(name, times=2, **rules) for name in ("first", "second")},
        always=consumed_twice,
    )


def test_recv_by_a_cursor_leaves_a_message_unread_for_ever():
    """I2, recv: `id > last` skips what commits late."""
    verdict = explore_two_senders(
        receiver("receiver", times=3, by_cursor=True), unread_behind_cursor
    )

    assert verdict.violation == UNREAD_BEHIND


def test_recv_of_the_lowest_unread_keeps_the_order_of_one_sender():
    """I2, recv: what one sender commits first has the lower id."""
    verdict = explore_two_senders(receiver("receiver", times=4), not_fifo)

    assert verdict.violation is None


def test_recv_of_the_lowest_unread_does_not_keep_the_order_of_all_ids():
    """I2, recv: no order is promised between senders."""
    verdict = explore_two_senders(receiver("receiver", times=4), not_by_id)

    assert verdict.violation == NOT_BY_ID


def test_two_executions_consume_each_message_once():
    """I2: message consumption is fenced under the row lock."""
    assert explore_two_receivers().violation is None


def test_two_executions_without_the_row_lock_consume_a_message_twice():
    """I2: what the lock buys; the two read before either consumes."""
    verdict = explore_two_receivers(under_row_lock=False)

    assert verdict.violation == CONSUMED_TWICE


# Streams.

HOLE = "a reader sees an offset but not those before it"
NOT_WRITTEN = "an entry was not written because its offset was taken"


def write_at(offset, value):
    """Write an entry at an offset that a sequence gave before."""

    def program():
        yield BEGIN
        yield Insert(("entry", offset), value)
        yield COMMIT

    return program


def write_after_highest(values, *, under_row_lock=False):
    def program():
        for value in values:
            yield BEGIN
            if under_row_lock:
                yield Lock(W)
            highest = yield Read(lambda db: max(rows_of(db, "entry"), default=-1))
            result = yield Insert(("entry", highest + 1), value)
            if result == INSERTED:
                yield COMMIT
            else:
                yield ROLLBACK
                yield note_loss(value)

    return program


def note_loss(value):
    return Note(lambda db: {("lost", value): 1})


def write_by_counter(values):
    def program():
        for value in values:
            yield BEGIN
            # The UPDATE waits, then sees the newest version: no old snapshot.
            count = yield Update("counter", lambda row: True, lambda row: row + 1)
            yield Insert(("entry", count - 1), value)
            yield COMMIT

    return program


def hole(db):
    offsets = rows_of(db, "entry")
    return HOLE if set(offsets) != set(range(len(offsets))) else None


def hole_or_loss(db):
    return hole(db) or (NOT_WRITTEN if rows_of(db, "lost") else None)


def explore_streams(programs, always=hole_or_loss, deaths=None):
    return explore({W: 0, "counter": 0}, programs, always=always, deaths=deaths)


def test_offsets_from_a_sequence_show_readers_a_hole():
    """Streams: a reader that goes on after the hole never sees its entry."""
    verdict = explore_streams({"a": write_at(0, "a"), "b": write_at(1, "b")})

    assert verdict.violation == HOLE


def test_offsets_from_the_highest_entry_make_a_writer_lose_its_entry():
    """Streams: max + 1 without a lock needs retries."""
    verdict = explore_streams(
        {"a": write_after_highest("a"), "b": write_after_highest("b")}
    )

    assert verdict.violation == NOT_WRITTEN


def test_offsets_from_the_highest_entry_are_dense_and_in_commit_order():
    """Streams: apart from the retries, max + 1 would do."""
    verdict = explore_streams(
        {"a": write_after_highest("ax"), "b": write_after_highest("by")}, always=hole
    )

    assert verdict.violation is None


def test_offsets_from_the_highest_entry_under_the_row_lock_need_no_retry():
    """Streams: the highest entry is read in a statement after the lock's."""
    verdict = explore_streams(
        {
            "a": write_after_highest("ax", under_row_lock=True),
            "b": write_after_highest("by", under_row_lock=True),
        }
    )

    assert verdict.violation is None


def test_offsets_from_a_counter_row_are_dense_even_when_writers_die():
    """Streams: the counter row, advanced in the entry's transaction."""
    verdict = explore_streams(
        {
            "a": write_by_counter("ax"),
            "b": write_by_counter("by"),
            "c": write_by_counter("c"),
        },
        deaths={"a": 1, "b": 1},
    )

    assert verdict.violation is None
