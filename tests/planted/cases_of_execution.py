"""Which test catches which of the bugs in how workflows run."""

from django_durable.models import Worker
from tests import (
    racing,
    test_failures,
    test_interleavings as interleavings,
    test_lost_answers as lost_answers,
    test_resumed_races as resumed,
)
from tests.crash import test_crash_everywhere as crashes
from tests.crash.programs import named
from tests.execution import (
    test_branches,
    test_context,
    test_direct_calls,
    test_lease,
    test_leaving_memory,
    test_lengths_of_time,
    test_retries,
    test_signals,
    test_values_at_replay,
    test_versions,
)
from tests.planted import bugs_in_execution as bugs
from tests.planted.planting import LOCKS, case
from tests.storage import test_cancelling

CASES = [
    # Replay.
    case(
        bugs.journal_that_is_not_read,
        crashes.test_a_crash_anywhere_changes_nothing_in_the_end,
        "although w/1 is recorded",
        program=named("step"),
    ),
    case(
        bugs.first_deadline_forgotten,
        test_leaving_memory.test_a_sleep_is_not_postponed_by_a_new_worker,
        "wake_at",
    ),
    case(
        bugs.name_not_compared,
        test_versions.test_a_changed_order_of_steps_pauses_with_a_message_naming_both,
        "it ended in SUCCESS",
    ),
    case(
        bugs.child_id_that_no_replay_finds_again,
        crashes.test_a_crash_anywhere_changes_nothing_in_the_end,
        "the outcomes are",
        program=named("short child"),
    ),
    case(
        bugs.branch_names_that_no_replay_finds_again,
        test_branches.test_two_branches_replay_right_whatever_order_they_ran_in,
        "'a', 1",
        definition=test_branches.gathered,
        first="b",
    ),
    case(
        bugs.chance_that_is_not_recorded,
        test_context.test_time_and_chance_are_recorded,
        "UUID",
        definition=test_context.draw,
    ),
    case(
        bugs.result_used_undecoded,
        test_values_at_replay.test_a_result_is_a_copy_of_what_the_step_returned,
        "True",
    ),
    case(
        bugs.exception_class_that_is_imported,
        test_failures.test_nothing_is_imported_by_a_stored_name,
        "tabnanny",
    ),
    # Steps.
    case(
        bugs.outcome_of_others_not_adopted,
        lost_answers.test_a_step_that_somebody_else_recorded_first_is_adopted,
        r'\["a","b"\]',
    ),
    case(
        bugs.commit_that_is_not_looked_for,
        lost_answers.test_a_transaction_whose_commit_answer_was_lost_is_not_repeated,
        "'a', 'a'",
    ),
    case(
        bugs.failed_tries_in_memory_only,
        test_retries.test_a_step_is_tried_until_it_succeeds,
        r"\[\] == \[1, 2\]",
        definition=test_retries.pay_later,
        hot_wait=0,
    ),
    case(
        bugs.key_of_each_attempt,
        test_context.test_a_step_knows_its_place_its_attempt_and_a_key_for_all_attempts,
        "3 == 1",
    ),
    case(
        bugs.unwinding_recorded_as_a_failure,
        resumed.test_a_cancellation_anywhere_and_a_resumption_change_nothing,
        "ERROR",
        definition=racing.writing,
    ),
    case(
        bugs.unwinding_that_can_be_swallowed,
        test_leaving_memory.test_what_is_caught_is_raised_again_by_the_next_durable_call,
        "must not",
        definition=test_leaving_memory.catch_everything,
    ),
    case(
        bugs.swallowed_suspension_that_is_an_end,
        test_leaving_memory.test_a_swallowed_suspension_still_suspends,
        "SUCCESS",
    ),
    case(
        bugs.second_look_before_the_commit,
        interleavings.test_an_end_between_the_look_and_the_suspension_wakes_the_parent,
        "point",
        needs=LOCKS,
    ),
    case(
        bugs.cancellation_that_is_not_noticed,
        test_cancelling.test_a_running_workflow_stops_before_its_next_step,
        "add",
    ),
    # Workers.
    case(
        bugs.deadline_in_memory_only,
        test_leaving_memory.test_a_hot_wait_has_its_deadline_in_the_database,
        "a stored deadline did not come",
        definition=test_leaving_memory.clean_up,
        patience=0.5,
    ),
    case(
        bugs.direct_call_without_a_lease,
        test_direct_calls.test_a_direct_call_holds_a_lease_so_that_a_crash_is_recovered,
        "matching query does not exist",
        error=Worker.DoesNotExist,
    ),
    case(
        bugs.worker_that_takes_any_version,
        test_versions.test_with_the_hash_a_changed_workflow_is_stranded_and_not_touched,
        r"\[\] == \[<Workflow",
    ),
    # Time.
    case(
        bugs.sleep_by_the_local_clock,
        test_lengths_of_time.test_a_sleep_is_measured_by_the_clock_of_the_database,
        "None",
    ),
    case(
        bugs.clock_that_is_never_set,
        test_lengths_of_time.test_a_sleep_is_measured_by_the_clock_of_the_database,
        "2040",
    ),
    case(
        bugs.clock_that_is_never_set,
        test_lease.test_a_heartbeat_sets_the_clock_by_the_databases,
        "hours=1",
    ),
    # News.
    case(
        bugs.news_before_the_commit,
        test_signals.test_a_start_is_told_after_the_commit,
        "told before the commit",
    ),
    case(
        bugs.poke_before_the_commit,
        test_signals.test_those_who_wait_are_told_after_the_commit,
        "queue",
        is_rolled_back=False,
    ),
    case(
        bugs.poke_before_the_commit,
        interleavings.test_a_suspension_while_the_child_is_cancelled_is_woken,
        "point",
        needs=LOCKS,
    ),
    # Leases.
    case(
        bugs.stuck_process_that_looks_alive,
        test_lease.test_a_process_whose_loops_are_stuck_does_not_renew_its_lease,
        "heartbeat_at",
    ),
    case(
        bugs.lease_without_heartbeats,
        test_lease.test_an_open_lease_is_renewed_in_the_background,
        "a heartbeat did not come",
        patience=0.5,
    ),
]
