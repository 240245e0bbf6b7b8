"""What is refused where it is written, not when it runs."""

import pytest

import django_durable as durable


def double(number):
    return number * 2


async def adouble(number):
    return number * 2


def test_an_unknown_option_of_a_workflow_is_answered_with_the_nearest_one():
    with pytest.raises(TypeError, match="'quue_name'; did you mean 'queue_name'"):
        durable.workflow(quue_name="slow")(double)


@pytest.mark.parametrize("decorator", [durable.step, durable.transaction])
def test_an_unknown_option_of_a_step_is_answered_with_the_nearest_one(decorator):
    with pytest.raises(TypeError, match="'max_atempts'; did you mean 'max_attempts'"):
        decorator(max_atempts=3)(double)


def test_an_unknown_option_of_run_step_is_answered_with_the_nearest_one():
    with pytest.raises(TypeError, match="did you mean 'interval'"):
        durable.run_step(double, 1, intervall=3)


def test_an_unknown_option_of_a_start_is_answered_with_the_nearest_one():
    defined = durable.workflow(double)

    with pytest.raises(TypeError, match="'workflowid'; did you mean 'workflow_id'"):
        defined.using(workflowid="a")


@pytest.mark.parametrize("option", ["deduplication_id", "partition_key"])
def test_options_that_are_not_built_yet_are_unknown(option):
    defined = durable.workflow(double)

    with pytest.raises(TypeError, match=f"unknown option '{option}'"):
        defined.using(**{option: "a"})


def test_a_transaction_cannot_wrap_an_async_function():
    with pytest.raises(TypeError, match=r"no\s+async atomic"):
        durable.transaction(adouble)


def test_an_atomic_step_cannot_wrap_an_async_function():
    with pytest.raises(TypeError, match=r"no\s+async atomic"):
        durable.step(atomic=True)(adouble)


def test_a_transaction_is_always_atomic():
    with pytest.raises(TypeError, match="always atomic"):
        durable.transaction(atomic=False)(double)


@pytest.mark.parametrize("decorator", [durable.step, durable.transaction])
def test_a_sync_step_has_no_timeout_because_a_thread_cannot_be_stopped(decorator):
    with pytest.raises(TypeError, match=r"thread\s+cannot be stopped"):
        decorator(timeout=3)(double)


@pytest.mark.parametrize("decorator", [durable.workflow, durable.step])
def test_generators_are_refused(decorator):
    def numbers():
        yield 1

    async def anumbers():
        yield 1

    for function in (numbers, anumbers):
        with pytest.raises(TypeError, match="generator"):
            decorator(function)


@pytest.mark.parametrize("decorator", [durable.workflow, durable.step])
@pytest.mark.parametrize("value", [5, None, [double]])
def test_only_something_callable_can_be_decorated(decorator, value):
    with pytest.raises(TypeError):
        decorator()(value)


@pytest.mark.parametrize("name", ["", " ", 5, b"a"])
@pytest.mark.parametrize("decorator", [durable.workflow, durable.step])
def test_a_name_is_a_string_that_is_not_blank(decorator, name):
    with pytest.raises(TypeError, match="name"):
        decorator(name=name)(double)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"max_attempts": -1}, ValueError),
        ({"max_attempts": 0}, ValueError),
        ({"max_attempts": 10**9}, ValueError),
        ({"max_attempts": 2.5}, TypeError),
        ({"max_attempts": True}, TypeError),
        ({"max_attempts": "3"}, TypeError),
        ({"max_attempts": None}, TypeError),
        ({"backoff": 0}, ValueError),
        ({"backoff": float("inf")}, ValueError),
        ({"backoff": float("nan")}, ValueError),
        ({"backoff": "2"}, TypeError),
        ({"interval": -1}, ValueError),
        ({"interval": float("nan")}, ValueError),
        ({"interval": "5"}, TypeError),
        ({"interval": True}, TypeError),
        ({"max_interval": -0.1}, ValueError),
        ({"max_interval": float("inf")}, ValueError),
        ({"retry_on": "Exception"}, TypeError),
        ({"retry_on": ("ValueError",)}, TypeError),
        ({"retry_on": (ValueError("an instance"),)}, TypeError),
        ({"retry_on": (int,)}, TypeError),
        ({"retry_on": None}, TypeError),
    ],
)
def test_a_bad_retry_option_is_refused_where_it_is_written(options, error):
    (name,) = options

    with pytest.raises(error, match=name):
        durable.step(**options)(double)


@pytest.mark.parametrize(
    ("timeout", "error"),
    [
        (0, ValueError),
        (-1, ValueError),
        (float("nan"), ValueError),
        (10**12, ValueError),
        ("5", TypeError),
        (True, TypeError),
    ],
)
def test_a_bad_timeout_of_a_step_is_refused_where_it_is_written(timeout, error):
    with pytest.raises(error, match="timeout"):
        durable.step(timeout=timeout)(adouble)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"queue_name": ""}, ValueError),
        ({"queue_name": "a b\n"}, ValueError),
        ({"queue_name": "a,b"}, ValueError),
        ({"queue_name": "q" * 65}, ValueError),
        ({"queue_name": 5}, TypeError),
        ({"max_recovery_attempts": 0}, ValueError),
        ({"max_recovery_attempts": -1}, ValueError),
        ({"max_recovery_attempts": "3"}, TypeError),
        ({"max_recovery_attempts": True}, TypeError),
        ({"version": ""}, TypeError),
        ({"version": 3}, TypeError),
        ({"version": "*"}, ValueError),
    ],
)
def test_a_bad_option_of_a_workflow_is_refused_where_it_is_written(options, error):
    (name,) = options

    with pytest.raises(error, match=name):
        durable.workflow(**options)(double)
