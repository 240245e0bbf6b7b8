"""Which test catches which of the bugs in what others do to a row."""

from tests import racing, test_interleavings as interleavings
from tests.crash import test_crash_everywhere as crashes
from tests.crash.programs import named
from tests.execution import test_lease
from tests.planted import bugs_in_recovery as bugs
from tests.planted.planting import LOCKS, SKIPS, case
from tests.storage import (
    test_cancelling,
    test_resuming,
    test_suspicion,
    test_sweeping,
)

CASES = [
    # Recovery.
    case(
        bugs.nobody_recovers,
        crashes.test_a_crash_anywhere_changes_nothing_in_the_end,
        "PENDING",
        program=named("start"),
    ),
    case(
        bugs.recovery_that_looks_first_and_takes_later,
        interleavings.test_a_recovery_leaves_a_workflow_that_a_live_worker_has_just_claimed,
        "point",
    ),
    case(
        bugs.recovery_from_the_living,
        interleavings.test_a_recovery_leaves_a_workflow_that_a_live_worker_has_just_claimed,
        "point",
    ),
    case(
        bugs.recovery_without_a_new_claim,
        test_suspicion.test_each_lost_worker_without_a_new_checkpoint_raises_the_suspicion,
        "7 == 8",
    ),
    case(
        bugs.recovery_that_is_not_counted,
        test_suspicion.test_each_lost_worker_without_a_new_checkpoint_raises_the_suspicion,
        "ENQUEUED",
    ),
    case(
        bugs.dead_letter_one_too_late,
        test_suspicion.test_only_deaths_alone_count_towards_the_dead_letter,
        "ENQUEUED",
    ),
    case(
        bugs.innocents_that_are_counted,
        test_suspicion.test_each_lost_worker_without_a_new_checkpoint_raises_the_suspicion,
        "ENQUEUED",
    ),
    case(
        bugs.progress_that_clears_nobody,
        test_suspicion.test_a_new_checkpoint_begins_the_count_anew,
        "3, 2, 1",
    ),
    case(
        bugs.hand_over_that_counts_as_a_death,
        test_suspicion.test_a_hand_over_does_not_clear_a_suspect,
        "4, 1",
    ),
    case(
        bugs.leaving_worker_that_keeps_its_claims,
        test_suspicion.test_what_a_leaving_worker_puts_back_is_not_suspected_and_has_a_new_claim,
        "7",
    ),
    # Cancellation and wake-ups.
    case(
        bugs.cancellation_of_what_has_ended,
        test_cancelling.test_cancelling_a_finished_workflow_changes_nothing,
        "True is False",
    ),
    case(
        bugs.cancellation_that_lists_children_first,
        interleavings.test_a_child_that_starts_during_a_cancellation_is_not_left_active,
        "point",
        definition=racing.starting,
        is_reversed=True,
        needs=LOCKS,
    ),
    case(
        bugs.resumption_of_what_runs,
        test_resuming.test_resuming_is_refused_where_there_is_nothing_to_resume,
        "DID NOT RAISE",
        status="PENDING",
    ),
    case(
        bugs.wake_that_undoes_a_cancellation,
        interleavings.test_a_wake_that_met_an_open_cancellation_does_not_undo_it,
        "point",
        needs=SKIPS,
    ),
    case(
        bugs.nobody_is_woken,
        crashes.test_a_crash_anywhere_changes_nothing_in_the_end,
        r"'w': \('ENQUEUED', None\)",
        program=named("child started"),
    ),
    case(
        bugs.no_second_look,
        interleavings.test_an_end_between_the_look_and_the_suspension_wakes_the_parent,
        "point",
    ),
    case(
        bugs.sweep_that_finds_no_lost_wake_up,
        test_sweeping.test_what_waits_for_a_workflow_that_has_ended_is_woken,
        "0 == 1",
        status="SUCCESS",
    ),
    # Leases.
    case(
        bugs.lease_that_is_not_renewed,
        test_lease.test_a_heartbeat_renews_the_lease,
        "heartbeat_at",
    ),
    case(
        bugs.lease_renewed_after_its_end,
        test_lease.test_a_lease_that_has_run_out_cannot_be_renewed,
        r"\[\] == \[UUID",
    ),
]
