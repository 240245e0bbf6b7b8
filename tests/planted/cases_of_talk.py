"""Which test catches which of the bugs in messages, events and streams."""

from django.db import IntegrityError

from tests import (
    test_interleaved_streams as streams,
    test_interleaved_talk as talk,
    test_lost_messages,
)
from tests.communication import test_messages, test_streams, workflows as communication
from tests.crash import test_crash_everywhere as crashes
from tests.crash.talks import talk_named
from tests.planted import bugs_in_execution, bugs_in_talk as bugs
from tests.planted.planting import LOCKS, case

CASES = [
    # Messages.
    case(
        bugs.message_recorded_and_consumed_in_two_transactions,
        crashes.test_a_crash_anywhere_changes_nothing_in_the_end,
        "the outcomes are",
        program=talk_named("message there first"),
    ),
    case(
        bugs.message_consumed_before_its_checkpoint,
        crashes.test_a_crash_anywhere_changes_nothing_in_the_end,
        "the outcomes are",
        program=talk_named("send in a step"),
    ),
    case(
        bugs.message_received_that_is_not_looked_for,
        test_lost_messages.test_a_message_is_received_once_and_no_second_one_is_waited_for,
        "WAITING",
        definition=test_lost_messages.receives,
        others=[],
        arrives=True,
    ),
    case(
        bugs.message_given_undecoded,
        test_messages.test_a_message_that_is_there_is_received,
        "json:",
        definition=communication.receiver,
    ),
    # Wake-ups.
    case(
        bugs.message_that_wakes_nobody,
        crashes.test_a_crash_anywhere_changes_nothing_in_the_end,
        "the outcomes are",
        program=talk_named("send and recv"),
    ),
    case(
        bugs.no_look_after_the_suspension,
        talk.test_a_message_from_outside_between_the_look_and_the_suspension_wakes,
        "WAITING",
        is_reversed=False,
    ),
    case(
        bugs_in_execution.poke_before_the_commit,
        talk.test_a_sender_in_an_open_transaction_holds_up_nobody_and_wakes_at_its_commit,
        "WAITING",
        needs=LOCKS,
    ),
    # The fence.
    case(
        bugs.publications_of_zombies,
        talk.test_a_zombie_that_was_just_replaced_tells_nothing,
        "point",
        needs=LOCKS,
    ),
    case(
        bugs.publications_of_what_is_cancelled,
        talk.test_nothing_is_told_after_a_cancellation,
        "point",
        is_reversed=False,
        needs=LOCKS,
    ),
    case(
        bugs.snapshot_older_than_the_lock,
        streams.test_an_event_whose_setting_is_not_committed_yet_is_not_set_again,
        "null",
        error=IntegrityError,
        needs=LOCKS,
    ),
    # Events.
    case(
        bugs.event_that_anybody_sets_again,
        streams.test_of_two_steps_that_set_an_event_at_once_one_is_refused,
        "True, True",
        needs=LOCKS,
    ),
    # Streams.
    case(
        bugs.offset_read_outside_of_the_lock,
        streams.test_two_steps_and_the_body_write_without_a_gap,
        "(?i)unique",
        error=IntegrityError,
        is_new=True,
    ),
    case(
        bugs.offset_from_a_sequence,
        crashes.test_a_crash_anywhere_changes_nothing_in_the_end,
        "the offsets of stream",
        program=talk_named("transaction that publishes"),
    ),
    case(
        bugs.stream_closed_before_its_last_entry,
        test_streams.test_a_step_closes_a_stream_after_its_values,
        r"\[\[1, 1\]\] ==",
    ),
    case(
        bugs.step_that_meets_its_own_end,
        crashes.test_a_crash_anywhere_changes_nothing_in_the_end,
        "StreamClosed",
        program=talk_named("stream of a step"),
    ),
]
