"""Control flow: what carries an execution out of the code of its workflow.

No errors, and private; ``exceptions`` draws them beside those in its tree.
"""


class Unwind(BaseException):
    """Carry an execution out of the workflow's code; caught by the executor.

    It is no ``Exception``, so that the workflow's ``except Exception`` lets it
    pass. Whoever catches it nevertheless meets it again at the next durable call.
    """


class Suspend(Unwind):
    """Leave memory until a wake-up; the executor has stored what is waited for."""


class HandOver(Unwind):
    """Leave memory because the worker stops; the executor puts the row back."""


class ClaimLost(Unwind):
    """Another worker holds the row; the executor drops the execution silently.

    Raised where a guarded write meets no row. Nothing more is recorded.
    """


class Interrupted(Unwind):
    """The workflow was cancelled; the executor ends the execution."""


class Pause(Unwind):
    """A programmer's error; the executor pauses the workflow and keeps the reason.

    Attribute: ``error``, the exception that tells the programmer what to correct.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error
