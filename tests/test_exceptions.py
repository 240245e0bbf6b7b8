import copy
import pickle

import pytest

from django_durable import exceptions
from django_durable.suggestions import unknown_names

ERRORS = [
    exceptions.WorkflowNotFound("order-1"),
    exceptions.WorkflowConflict("order-1", "shop.checkout", "shop.refund"),
    exceptions.InvalidWorkflowId("a/b", "it contains '/'"),
    exceptions.InvalidTransition("order-1", "SUCCESS", "resume", "Restart it."),
    exceptions.ForkImpossible("order-1", "SUCCESS", 7, "1.2", 3),
    exceptions.WorkflowFailed("order-1", "shop:Declined", "no money", "Traceback"),
    exceptions.WorkflowCancelled("order-1", "by the customer"),
    exceptions.WorkflowDeadLettered("order-1", 3),
    exceptions.StepFailed("charge", "shop:Declined", "no money", "Traceback"),
    exceptions.NonDeterministicWorkflow("order-1", "1.2", 4, "charge", "refund"),
    exceptions.SerializationError("inputs[0]", "<Lock> cannot be stored", "Do not."),
    exceptions.EventAlreadySet("order-1", "url"),
    exceptions.StreamClosed("order-1", "log"),
    exceptions.ScheduleNotFound("reprots", "Did you mean 'reports'?"),
    exceptions.InvalidSchedule("61 * * * *", "minute", "it goes to 59"),
    exceptions.WaitTimeout("the result of order-1", 2.5),
    exceptions.WaitImpossible("the result of order-1", "Leave atomic() first."),
    exceptions.NotInWorkflow("durable.recv()"),
]
NOT_RAISED_ALONE = {exceptions.DurableError}

every_error = pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)


def subclasses(cls):
    return {
        cls,
        *(each for child in cls.__subclasses__() for each in subclasses(child)),
    }


def public_errors():
    return {
        each
        for each in subclasses(exceptions.DurableError)
        if each.__module__ == exceptions.__name__
    }


def test_this_module_looks_at_every_error():
    assert {type(error) for error in ERRORS} == public_errors() - NOT_RAISED_ALONE


def test_the_tree_names_every_class():
    control_flow = subclasses(exceptions.Unwind)

    for cls in public_errors() | control_flow:
        assert cls.__name__ in exceptions.__doc__


@every_error
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_error_survives_pickling(error, protocol):
    found = pickle.loads(pickle.dumps(error, protocol))

    assert type(found) is type(error)
    assert str(found) == str(error)
    assert vars(found) == vars(error)


@every_error
def test_an_error_can_be_copied_with_its_notes(error):
    original = copy.copy(error)
    original.add_note("after 3 attempts")

    found = copy.deepcopy(original)

    assert str(found) == str(error)
    assert found.__notes__ == ["after 3 attempts"]


@every_error
def test_an_error_can_be_rebuilt_without_its_constructor(error):
    cls = type(error)

    found = cls.__new__(cls, *error.args)
    found.args = error.args
    vars(found).update(vars(error))

    assert str(found) == str(error)
    assert vars(found) == vars(error)


@every_error
def test_a_message_is_made_of_sentences_and_names_the_value(error):
    message = str(error)

    assert message[-1] in ".?" or isinstance(
        error, exceptions.StepFailed | exceptions.WorkflowFailed
    )
    first_attribute = next(iter(vars(error).values()))
    assert str(first_attribute) in message


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (exceptions.InvalidSchedule("", "cron", "it is empty"), ValueError),
        (exceptions.WaitTimeout("a result", 1), TimeoutError),
        (exceptions.InvalidWorkflowId("", "it is blank"), ValueError),
        (exceptions.SerializationError("inputs", "it is a lock"), ValueError),
    ],
)
def test_an_error_is_also_the_builtin_one_that_fits(error, builtin):
    assert isinstance(error, builtin)
    assert isinstance(error, exceptions.DurableError)


def test_a_refused_id_is_shown_however_odd_it_is():
    class Odd:
        def __repr__(self):
            raise RuntimeError

    assert "<Odd>" in str(exceptions.InvalidWorkflowId(Odd(), "it is no string"))
    assert len(str(exceptions.InvalidWorkflowId("x" * 10_000, "it is long"))) < 300


def test_a_failure_names_a_builtin_error_as_python_does():
    error = exceptions.StepFailed("charge", "builtins:ValueError", "no money")

    assert str(error) == "Step 'charge' failed with ValueError: no money"


@pytest.mark.parametrize("cls", sorted(subclasses(exceptions.Unwind), key=str))
def test_control_flow_passes_an_except_clause_for_errors(cls):
    assert not issubclass(cls, Exception)
    assert "caught by" in cls.__doc__ or "executor" in cls.__doc__


def test_a_pause_carries_the_error_that_caused_it():
    error = exceptions.SerializationError("stored value", "it cannot be read")

    pause = exceptions.Pause(error)

    assert pause.error is error
    assert copy.copy(pause).error is error


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("quue_name", "unknown option 'quue_name'; did you mean 'queue_name'?"),
        ("QUEUE_NAME", "unknown option 'QUEUE_NAME'; did you mean 'queue_name'?"),
        ("zzz", "unknown option 'zzz'; choose from 'priority', 'queue_name'"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_one(name, answer):
    assert unknown_names("option", name, ["queue_name", "priority"]) == answer


def test_several_unknown_names_are_answered_one_by_one():
    answer = unknown_names(
        "option", ["quue_name", "priorty"], ["queue_name", "priority"]
    )

    assert "'queue_name'?" in answer
    assert "'priority'?" in answer


def test_an_unknown_name_where_none_is_allowed_is_only_named():
    assert unknown_names("option", "zzz", []) == "unknown option 'zzz'"
