"""What may be declared about a schedule, and what is refused on the line."""

import zoneinfo

import pytest
from django.core.exceptions import ImproperlyConfigured

import django_durable as durable
from django_durable.definitions import schedules
from tests.schedules.definitions import daily_sales, figures, report

pytestmark = pytest.mark.once


def test_a_schedule_stands_above_a_workflow_or_is_called_with_one():
    @durable.schedule("0 3 * * *")
    @durable.workflow
    def nightly():
        pass

    assert durable.schedule("@weekly", name="weekly", args=["eu"])(report) is report

    names = [each.name for each in schedules.all_schedules()]
    assert names == sorted([nightly.name, "weekly"])
    declared = schedules.find("weekly")
    assert (declared.cron, declared.args, declared.queue_name) == (
        "@weekly",
        ("eu",),
        None,
    )
    assert (declared.overlap, declared.catch_up) == ("skip", "one")


def test_a_workflow_has_several_schedules_by_names_of_their_own():
    for_noon = durable.schedule("0 12 * * *", name="noon")
    for_night = durable.schedule("0 0 * * *", name="night", kwargs={"region": "eu"})

    for_noon(for_night(report))

    assert [each.name for each in schedules.all_schedules()] == ["night", "noon"]


def test_two_schedules_of_one_name_are_refused_but_not_the_same_one_again():
    durable.schedule("0 3 * * *")(report)
    durable.schedule("0 3 * * *")(report)

    with pytest.raises(ImproperlyConfigured, match="another name="):
        durable.schedule("0 4 * * *")(report)
    with pytest.raises(ImproperlyConfigured, match="Two schedules are named"):
        durable.schedule("0 3 * * *", name=report.name, args=[2026])(daily_sales)


def test_two_workflows_of_one_factory_need_two_names():
    def make(number):
        @durable.schedule("* * * * *", name="nightly")
        @durable.workflow(name=f"customer-{number}")
        def customer():
            pass

    make(1)

    with pytest.raises(ImproperlyConfigured, match=r"customer-1 and .* for customer-2"):
        make(2)


def test_what_becomes_of_arguments_later_does_not_matter():
    regions = ["eu"]
    durable.schedule("0 3 * * *", name="a", kwargs={"region": regions})(report)
    regions.append("us")

    assert schedules.find("a").kwargs == {"region": ["eu"]}


def test_values_that_do_not_say_whether_they_are_equal_may_be_declared_twice():
    class Odd:
        def __eq__(self, other):
            raise ValueError("which of them?")

        __hash__ = None

    for _ in range(2):
        durable.schedule("0 3 * * *", name="a", args=[Odd()])(report)


def test_a_reloaded_module_declares_its_schedules_again():
    def module(hour):
        @durable.schedule(f"0 {hour} * * *", name="reloaded")
        @durable.workflow
        def nightly():
            pass

    module(3)
    module(4)

    assert schedules.find("reloaded").cron == "0 4 * * *"


def test_arguments_have_to_fit_when_they_are_declared():
    durable.schedule("0 3 * * *", args=[2026], kwargs={"month": 1})(figures)

    with pytest.raises(TypeError, match="month"):
        durable.schedule("0 3 * * *", name="b", args=[2026])(figures)
    with pytest.raises(TypeError, match="area"):
        durable.schedule("0 3 * * *", name="c", kwargs={"area": "eu"})(report)
    for args in ("eu", 5):
        with pytest.raises(TypeError, match="args must be a list"):
            durable.schedule("0 3 * * *", name="d", args=args)(report)
    with pytest.raises(TypeError, match="kwargs must be a dict"):
        durable.schedule("0 3 * * *", name="e", kwargs=["region"])(report)


def test_a_workflow_that_takes_its_moment_is_given_it_unless_it_has_one():
    durable.schedule("0 3 * * *", name="a")(daily_sales)
    durable.schedule("0 3 * * *", name="b", args=["a day"])(daily_sales)
    durable.schedule("0 3 * * *", name="c")(report)

    found = {each.name: each.takes_moment for each in schedules.all_schedules()}
    assert found == {"a": True, "b": False, "c": False}


def test_class_methods_and_static_methods_have_schedules():
    class Reports:
        @durable.schedule("0 3 * * *", args=["eu"])
        @durable.workflow
        @classmethod
        def of_class(cls, region):
            pass

        @durable.schedule("0 3 * * *", args=["eu"])
        @durable.workflow
        @staticmethod
        def of_static(region):
            pass

    assert len(schedules.all_schedules()) == 2


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"name": ""}, ValueError, "another name="),
        ({"name": "a/b"}, ValueError, "without '/'"),
        ({"name": "x" * 201}, ValueError, "1 to 200"),
        ({"name": "a\nb"}, ValueError, "printable"),
        ({"name": 7}, TypeError, "must be a string"),
        ({"time_zone": "Mars/X"}, durable.InvalidSchedule, "time_zone"),
        ({"time_zone": "localtime"}, durable.InvalidSchedule, "time_zone"),
        ({"time_zone": ""}, durable.InvalidSchedule, "time_zone"),
        ({"time_zone": 1}, durable.InvalidSchedule, "time_zone"),
        ({"queue_name": ""}, ValueError, "queue_name"),
        ({"overlap": "wait"}, durable.InvalidSchedule, "overlap"),
        ({"overlap": ["skip"]}, durable.InvalidSchedule, "overlap"),
        ({"catch_up": "al"}, durable.InvalidSchedule, "did you mean 'all'"),
        ({"catch_up": "all"}, durable.InvalidSchedule, "overlap='allow'"),
    ],
)
def test_what_no_schedule_can_have_is_refused(options, error, said):
    with pytest.raises(error, match=said):
        durable.schedule("0 3 * * *", **options)(report)

    assert schedules.all_schedules() == []


def test_only_workflows_have_schedules():
    with pytest.raises(TypeError, match=r"above @durable\.workflow"):
        durable.schedule("0 3 * * *")(len)
    with pytest.raises(TypeError, match="workflow_id= is for one start"):
        durable.schedule("0 3 * * *")(report.using(workflow_id="a"))


def test_a_time_zone_may_be_given_as_an_object():
    zone = zoneinfo.ZoneInfo("Europe/Berlin")

    durable.schedule("0 3 * * *", name="a", time_zone=zone)(report)

    assert schedules.find("a").time_zone == "Europe/Berlin"
