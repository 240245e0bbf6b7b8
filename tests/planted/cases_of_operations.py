"""Which test catches which of the bugs in what operators do."""

from tests import test_interleaved_operations as races
from tests.crash import test_operations as crashes
from tests.crash.operations import operation
from tests.operations import (
    test_deleting as deleting,
    test_fork_refusals as fork_refusals,
    test_forking as forking,
    test_pruning as pruning,
    test_refusals as refusals,
)
from tests.planted import bugs_in_operations as bugs
from tests.planted.planting import LOCKS, case

CASES = [
    case(
        bugs.fork_without_a_transaction,
        crashes.test_an_operation_that_is_repeated_after_a_crash_has_happened_once,
        "the copy has",
        program=operation("fork"),
    ),
    case(
        bugs.fork_of_what_is_being_deleted,
        races.test_two_operators_come_one_after_the_other,
        "point",
        pair=("fork", "delete"),
        needs=LOCKS,
    ),
    case(
        bugs.fork_that_reads_no_journal,
        forking.test_a_fork_repeats_its_step_and_what_comes_after,
        r"\['a', 'b', 'c'\]",
        from_step=3,
    ),
    case(
        bugs.fork_with_the_latest_events,
        forking.test_a_fork_has_events_streams_and_messages_of_that_time,
        "late",
        from_step=3,
    ),
    case(
        bugs.fork_that_keeps_all_branches,
        forking.test_branches_are_kept_as_they_were_when_the_step_began,
        "'de' == 'defg'",
        from_step=2,
    ),
    case(
        bugs.fork_from_anywhere,
        fork_refusals.test_a_fork_from_a_step_that_was_not_reached_is_refused,
        "DID NOT RAISE",
        place=(0, ""),
    ),
    case(
        bugs.deletion_without_a_guard,
        refusals.test_a_queryset_passes_over_what_refuses,
        "assert 8 == 4",
        operation="delete",
    ),
    case(
        bugs.deletion_that_looks_without_a_lock,
        races.test_two_operators_come_one_after_the_other,
        "point",
        pair=("delete", "resume"),
        needs=LOCKS,
    ),
    case(
        bugs.deletion_in_two_transactions,
        crashes.test_an_operation_that_is_repeated_after_a_crash_has_happened_once,
        "is gone, its steps are not",
        program=operation("delete"),
    ),
    case(
        bugs.deletion_of_what_a_parent_asks_for,
        deleting.test_a_child_that_its_parent_may_still_ask_for_stays,
        "DID NOT RAISE",
    ),
    case(
        bugs.deletion_of_what_a_copy_asks_for,
        deleting.test_a_child_that_a_fork_of_its_parent_may_ask_for_stays,
        "DID NOT RAISE",
    ),
    case(
        bugs.deletion_behind_the_back_of_an_execution,
        deleting.test_a_cancelled_one_that_still_runs_records_nothing_more,
        r"\[1\]",
    ),
    case(
        bugs.pruning_by_the_start,
        pruning.test_a_worker_prunes_what_the_settings_say,
        "assert",
    ),
    case(
        bugs.first_batch_only,
        refusals.test_a_queryset_goes_through_its_rows_in_batches,
        "assert 2 == 5",
        operation="cancel",
    ),
    case(
        bugs.copies_of_copies,
        refusals.test_a_queryset_goes_through_its_rows_in_batches,
        "assert 20 == 5",
        operation="restart",
    ),
]
