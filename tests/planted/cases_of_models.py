"""Which test catches which of the bugs in what executions write."""

from django_durable.exceptions import WaitTimeout
from tests import (
    racing,
    test_interleaved_pausing as pausing,
    test_interleavings as interleavings,
    test_lost_answers as lost_answers,
    test_resumed_races as resumed,
)
from tests.crash import test_crash_everywhere as crashes
from tests.crash.programs import named
from tests.planted import bugs_in_models as bugs
from tests.planted.planting import LOCKS, SKIPS, case
from tests.storage import (
    test_pausing_queues,
    test_suspicion,
)
from tests.worker import test_dispatching

CASES = [
    # Checkpoints and outcomes.
    case(
        bugs.no_unique_key,
        lost_answers.test_a_step_that_somebody_else_recorded_first_is_adopted,
        r'\["a","b"\]',
    ),
    case(
        bugs.no_unique_key,
        lost_answers.test_a_transaction_that_somebody_else_committed_first_is_adopted,
        r'\["a","b"\]',
        needs=LOCKS,
    ),
    case(
        bugs.fence_without_lock,
        interleavings.test_nothing_of_an_execution_commits_after_a_cancellation,
        "point",
        definition=racing.writing,
        is_reversed=False,
        needs=LOCKS,
    ),
    case(
        bugs.strict_fence_blind_to_cancellation,
        interleavings.test_nothing_of_an_execution_commits_after_a_cancellation,
        "point",
        definition=racing.writing,
        is_reversed=False,
    ),
    case(
        bugs.strict_fence_that_lets_zombies_pass,
        interleavings.test_a_zombie_changes_nothing,
        "point",
        definition=racing.writing,
    ),
    case(
        bugs.ordinary_fence_that_lets_zombies_pass,
        lost_answers.test_an_ordinary_step_of_a_zombie_is_refused_and_ends_it,
        "1 == 0",
    ),
    case(
        bugs.group_without_a_fence,
        lost_answers.test_a_row_of_a_zombie_is_refused_without_its_batch,
        "FENCED",
    ),
    case(
        bugs.checkpoint_outside_of_the_transaction,
        crashes.test_a_crash_anywhere_changes_nothing_in_the_end,
        "business rows are {'one': 2",
        program=named("transaction"),
    ),
    case(
        bugs.outcome_without_a_guard,
        lost_answers.test_the_outcome_of_a_zombie_is_refused,
        "ending",
    ),
    case(
        bugs.outcome_without_a_guard,
        crashes.test_nothing_commits_after_a_cancellation_wherever_somebody_crashes,
        "after the cancellation",
        program=named("cancel before the outcome"),
    ),
    case(
        bugs.writer_that_waits_for_locks,
        lost_answers.test_a_busy_row_does_not_stall_the_others_of_its_batch,
        "does not come to an end",
        patience=0.5,
        needs=SKIPS,
    ),
    case(
        bugs.own_outcome_taken_for_another_s,
        lost_answers.test_an_outcome_whose_answer_was_lost_counts_as_written,
        "STOPPED",
    ),
    case(
        bugs.start_that_is_always_the_first,
        interleavings.test_two_concurrent_starts_with_one_id_give_one_workflow,
        "True, True",
        is_rolled_back=False,
    ),
    # Suspensions: in one statement where rows can be locked.
    case(
        bugs.suspension_by_a_zombie,
        interleavings.test_a_zombie_changes_nothing,
        "point",
        definition=racing.napping,
        needs=SKIPS,
    ),
    case(
        bugs.suspension_of_what_is_cancelled,
        interleavings.test_nothing_of_an_execution_commits_after_a_cancellation,
        "point",
        definition=racing.napping,
        is_reversed=False,
        needs=SKIPS,
    ),
    # Claims.
    case(
        bugs.claim_that_waits_for_locks,
        interleavings.test_a_claim_passes_by_what_somebody_else_has_locked,
        "ENQUEUED",
        needs=SKIPS,
    ),
    case(
        bugs.claim_that_ignores_a_pause,
        test_pausing_queues.test_nothing_is_taken_from_a_queue_while_it_is_paused,
        r"assert \[\{",
        queues=None,
    ),
    case(
        bugs.claim_that_ignores_a_pause,
        pausing.test_no_claim_takes_anything_after_the_commit_of_a_pause,
        "point",
        needs=SKIPS,
    ),
    case(
        bugs.claim_that_asks_for_pauses_too_early,
        pausing.test_no_claim_takes_anything_after_the_commit_of_a_pause,
        "point",
        lacks=SKIPS,
    ),
    case(
        bugs.claim_that_looks_first_and_takes_later,
        interleavings.test_two_claims_never_take_the_same_workflow,
        "point",
    ),
    case(
        bugs.claim_under_the_number_of_the_last_one,
        resumed.test_an_execution_from_before_a_resumption_changes_nothing,
        "point",
        definition=racing.writing,
    ),
    case(
        bugs.claim_whose_lost_answer_is_forgotten,
        test_dispatching.test_what_a_claim_took_whose_answer_was_lost_is_executed,
        "result of workflow",
        error=WaitTimeout,
        patience=0.5,
    ),
    case(
        bugs.suspects_among_the_others,
        test_suspicion.test_a_suspect_is_taken_by_nobody_who_does_not_ask_for_it,
        "Claimed",
    ),
    case(
        bugs.parent_that_is_not_locked,
        interleavings.test_a_child_that_starts_during_a_cancellation_is_not_left_active,
        "point",
        definition=racing.calling,
        is_reversed=False,
        needs=LOCKS,
    ),
]
