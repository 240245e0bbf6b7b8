"""Hints that do not say what changed: none is lost, and a crowd has its peace."""

import pytest

from django_durable import clock
from django_durable.wakeup import Hub
from django_durable.wakeup.hub import CROWD

CALM = 2.0 * CROWD  # Seconds that floats add exactly.


@pytest.fixture
def now(monkeypatch):
    """Hold the clock still; tests move it."""
    moment = [1000.0]
    monkeypatch.setattr(clock, "monotonic", lambda: moment[0])
    return moment


def test_a_change_in_the_time_of_calm_rings_when_that_is_over(now):
    hub, rung = Hub(lambda hub: None), []
    subscriptions = [
        hub.subscribe(["news"], lambda n=n: rung.append(n), calm=CALM)
        for n in range(CROWD)
    ]

    hub.ring_all()
    now[0] += CALM / 2
    hub.ring_all()
    hub.ring_owed()
    assert sorted(rung) == list(range(CROWD))

    now[0] += CALM / 2
    hub.ring_owed()
    hub.ring_owed()
    assert sorted(rung) == sorted(list(range(CROWD)) * 2)
    assert len(subscriptions) == CROWD


def test_few_who_wait_are_rung_sooner_than_a_crowd(now):
    hub, rung = Hub(lambda hub: None), []
    subscription = hub.subscribe(["news"], lambda: rung.append("look"), calm=CALM)

    hub.ring_all()
    now[0] += CALM / CROWD
    hub.ring_all()

    assert rung == ["look"] * 2
    subscription.close()


def test_who_has_left_is_owed_nothing(now):
    hub, rung = Hub(lambda hub: None), []
    crowd = [hub.subscribe([], lambda: None) for _ in range(CROWD)]
    subscription = hub.subscribe(["news"], lambda: rung.append("look"), calm=CALM)
    hub.ring_all()
    hub.ring_all()

    subscription.close()
    now[0] += CALM
    hub.ring_owed()

    assert rung == ["look"]
    assert len(crowd) == CROWD
