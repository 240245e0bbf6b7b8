"""The tests that notice the bugs in the limits of queues."""

from django_durable.exceptions import WaitTimeout
from tests import test_interleaved_limits as interleaved
from tests.planted import bugs_in_limits as bugs
from tests.planted.planting import SKIPS, case
from tests.storage import (
    test_limits_of_claims as claimed,
    test_rates_of_claims as rates,
)
from tests.worker import test_limited_queues as workers

AT_ONCE, IN_A_PERIOD = interleaved.LIMITS

CASES = [
    case(
        bugs.limited_claim_that_does_not_compare_numbers,
        interleaved.test_a_claim_that_has_counted_before_another_committed_takes_nothing,
        "assert ",
        limits=AT_ONCE,
        needs=SKIPS,
    ),
    case(
        bugs.limited_claim_that_raises_no_number,
        interleaved.test_a_claim_that_has_counted_before_another_committed_takes_nothing,
        "assert ",
        limits=IN_A_PERIOD,
        needs=SKIPS,
    ),
    case(
        bugs.limited_claim_that_locks_no_queue,
        interleaved.test_a_claim_waits_for_no_other_and_counts_nothing_that_is_not_committed,
        "come to an end",
        limits=AT_ONCE,
        patience=0.2,
        needs=SKIPS,
    ),
    case(
        bugs.limited_claim_that_takes_one_more,
        claimed.test_no_more_of_a_queue_are_taken_than_may_be_executed_at_once,
        "assert ",
        needs=SKIPS,
    ),
    case(
        bugs.window_that_notes_nothing,
        rates.test_so_many_start_in_a_window_that_slides,
        "assert ",
        needs=SKIPS,
    ),
    case(
        bugs.window_that_begins_anew_with_each_start,
        rates.test_so_many_start_in_a_window_that_slides,
        "assert ",
        needs=SKIPS,
    ),
    case(
        bugs.usage_that_leaves_one_place_more,
        claimed.test_no_more_of_a_queue_are_taken_than_may_be_executed_at_once,
        "assert ",
        lacks=SKIPS,
    ),
    case(
        bugs.starts_that_are_not_noted,
        rates.test_so_many_start_in_a_window_that_slides,
        "assert ",
        lacks=SKIPS,
    ),
    case(
        bugs.starts_that_are_forgotten_at_once,
        rates.test_so_many_start_in_a_window_that_slides,
        "assert ",
        lacks=SKIPS,
    ),
    case(
        bugs.limits_that_are_changed_in_secret,
        interleaved.test_limits_that_were_lifted_and_set_again_are_not_counted_by_an_old_look,
        "assert ",
        needs=SKIPS,
    ),
    case(
        bugs.suspects_beyond_the_limits,
        claimed.test_a_suspect_is_taken_within_the_limits_only,
        "assert ",
    ),
    case(
        bugs.wait_that_keeps_its_place,
        workers.test_whoever_waits_for_its_own_queue_leaves_its_place_at_once,
        "result of workflow",
        error=WaitTimeout,
        definition=workers.parent,
        patience=0.2,
    ),
    case(
        bugs.place_that_nobody_hears_of,
        # On SQLite every change of the file is a hint to look.
        workers.test_a_worker_fills_the_free_places_of_a_full_queue_and_does_not_spin,
        "result of workflow",
        error=WaitTimeout,
        patience=0.2,
        needs=SKIPS,
    ),
    case(
        bugs.worker_that_spins,
        workers.test_a_worker_rests_while_limits_hold_everything_back,
        "min",
        limits={"concurrency": 0},
    ),
]
