"""Which test catches which of the bugs in schedules."""

from django.core.exceptions import ImproperlyConfigured

from tests.crash import test_operations as crashes
from tests.crash.schedules import schedule
from tests.planted import bugs_in_schedules as bugs
from tests.planted.planting import LOCKS, case
from tests.schedules import (
    test_changing as changing,
    test_firing as firing,
    test_interleaved as interleaved,
)

CASES = [
    case(
        bugs.tick_without_a_unique_key,
        firing.test_a_clock_that_steps_back_brings_no_tick_twice,
        "assert",
        is_taken=True,
    ),
    case(
        bugs.tick_moved_on_by_itself,
        crashes.test_an_operation_that_is_repeated_after_a_crash_has_happened_once,
        "the outcomes are",
        program=schedule("two ticks"),
    ),
    case(
        bugs.tick_without_a_lock,
        interleaved.test_nothing_is_fired_after_the_commit_of_a_pause,
        "point",
        needs=LOCKS,
    ),
    case(
        bugs.pause_that_is_made_up_for,
        firing.test_a_pause_is_not_made_up_for,
        "assert",
    ),
    case(
        bugs.overlap_that_nobody_sees,
        firing.test_a_job_that_is_longer_than_the_time_between_its_ticks_runs_once,
        "assert 5 == 1",
    ),
    case(
        bugs.all_that_was_missed,
        firing.test_what_three_hours_without_a_worker_have_missed,
        "assert",
        catch_up="none",
    ),
    case(
        bugs.missed_beyond_the_first_batch,
        firing.test_what_was_missed_is_made_up_for_in_batches,
        "100",
    ),
    case(
        bugs.change_that_counts_anew,
        changing.test_other_arguments_do_not_change_when_it_is_due,
        "assert",
    ),
    case(
        bugs.expression_in_universal_time,
        firing.test_where_clocks_change_each_night_has_one_tick,
        "assert",
        nights=firing.AUTUMN,
    ),
    case(
        bugs.tick_that_takes_whatever_has_its_id,
        firing.test_an_id_that_is_taken_does_not_stop_the_schedule,
        "assert",
    ),
    case(
        bugs.old_code_that_fires_what_newer_code_declares,
        changing.test_a_schedule_that_newer_code_has_given_to_another_workflow_is_left_to_it,
        "no workflow named 'newer'",
        error=ImproperlyConfigured,
    ),
]
