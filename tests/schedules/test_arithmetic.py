"""Whatever is done with a schedule, in whatever order, arithmetic says what follows."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

import django_durable as durable
from django_durable import clock
from django_durable.definitions import schedules
from django_durable.execution import scheduling
from django_durable.models import Schedule, Tick, Workflow
from tests.crash.crasher import USING
from tests.crash.driver import MovableClock
from tests.schedules.clockwork import Clockwork
from tests.schedules.definitions import report

pytestmark = [pytest.mark.django_db, pytest.mark.once]

POLICIES = [("skip", "none"), ("skip", "one"), ("allow", "one"), ("allow", "all")]
STEPS = 90


class Operators:
    """Workers that look, operators, and a clock; nobody executes what is started."""

    def __init__(
        self, chance: random.Random, clock: MovableClock, policies: tuple[str, str]
    ) -> None:
        self.chance = chance
        self.clock = clock
        self.model = Clockwork(clock.now(), *policies)
        self._declare(0)

    def declare(self) -> None:
        self._declare(self.chance.choice([0, 30]))

    def miss_ticks(self) -> None:
        minutes = self.chance.choice([1, 29, 61, 200, 3000, 20_000])
        self._move(timedelta(minutes=minutes, seconds=1))

    def let_a_tick_come(self) -> None:
        late = timedelta(seconds=self.chance.choice([-1, 0, 14, 16]))
        self._move(self.model.after(self.model.now) + late - self.model.now)

    def fire(self) -> None:
        assert scheduling.fire(USING, schedules.find("s")) == self.model.fire()

    def run_by_hand(self) -> None:
        self.model.run()

        assert durable.run_schedule("s").created

    def backfill(self) -> None:
        first = self.model.now - timedelta(hours=self.chance.randrange(200))
        last = first + timedelta(hours=self.chance.randrange(130))
        last = min(last, self.model.now)
        expected = self.model.backfill(first, last)
        if expected is None:
            with pytest.raises(ValueError, match="more than 100"):
                durable.backfill_schedule("s", first, last)
            return

        found = durable.backfill_schedule("s", first, last)

        assert [handle.created for handle in found] == [True] * expected

    def switch(self) -> None:
        if self.model.is_paused:
            assert durable.resume_schedule("s") is self.model.resume()
            assert durable.resume_schedule("s") is self.model.resume()
        else:
            assert durable.pause_schedule("s") is self.model.pause()
            assert durable.pause_schedule("s") is self.model.pause()

    def end_all(self) -> None:
        Workflow.objects.active().update(status=Workflow.Status.CANCELLED)
        self.model.active.clear()

    def compare_schedule(self) -> None:
        """Look whether the schedule is as the model says."""
        row, model = Schedule.objects.get(), self.model
        facts = (row.next_at, row.is_paused, row.skipped)
        assert facts == (model.next_at, model.is_paused, model.skipped)

    def compare_ticks(self) -> None:
        """Look whether the ticks are as the model says."""
        columns = ("scheduled_at", "kind", "workflow_id")
        found = {
            (at, kind): workflow_id is not None
            for at, kind, workflow_id in Tick.objects.values_list(*columns)
        }
        assert found == self.model.ticks
        started = sum(self.model.ticks.values())
        assert Workflow.objects.for_schedule("s").count() == started

    def _declare(self, minute: int) -> None:
        schedules.forget("s")
        policies = {"overlap": self.model.overlap, "catch_up": self.model.catch_up}
        options = {"name": "s", "time_zone": "UTC", **policies}
        durable.schedule(f"{minute} * * * *", **options)(report)

        scheduling.declare(USING, schedules.all_schedules())

        self.model.change(minute)

    def _move(self, step: timedelta) -> None:
        self.clock.move_to(self.model.now + step)
        self.model.now = self.clock.now()
        self.fire()


# What happens more often than the rest.
ACTS = ["let_a_tick_come"] * 5 + ["miss_ticks"] * 3 + ["end_all"] * 2
ACTS += ["fire", "declare", "run_by_hand", "backfill", "switch", "switch"]


@pytest.mark.parametrize("policies", POLICIES, ids="-".join)
def test_a_schedule_does_what_arithmetic_says(monkeypatch, policies):
    chance, time = random.Random(f"{policies}"), MovableClock()
    monkeypatch.setattr(clock, "now", time.now)
    operators = Operators(chance, time, policies)
    done = []

    for number in range(STEPS):
        done.append(chance.choice(ACTS))
        getattr(operators, done[-1])()
        operators.compare_schedule()
        if number % 6 == 5:
            operators.compare_ticks()

    kinds = {kind for _, kind in operators.model.ticks}
    assert kinds == {"due", "hand", "backfill"}, done
