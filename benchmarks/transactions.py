"""How many transactional steps does one workflow take?

Each changes a row of the application. The limit does the same by itself: one
transaction with that change and the insert of a step.
"""

from collections.abc import Iterator

from benchmarks import bare, elsewhere, running, workflows
from benchmarks.models import Account
from benchmarks.peers import dbos
from benchmarks.rounds import Case

CHANGE = "UPDATE benchmarks_account SET balance = balance + 1 WHERE id = %s"


def cases(*, quick: bool, peer: str | None = None) -> Iterator[Case]:
    """Return what to measure."""
    number = 200 if quick else 2000
    yield Case(
        "transactions of one workflow",
        "transactions/s",
        lambda: per_second(number),
        lambda: bare_per_second(number),
        dbos.peer(peer, "transactions", number // dbos.SHARE),
    )


def per_second(number: int) -> float:
    """Let an idle worker execute one long workflow."""
    account = Account.objects.create()
    with elsewhere.workers():
        workflows.deposits.start(account.pk, 5).get_result(running.LONGEST_SECONDS)
        seconds = running.seconds_for(
            lambda: workflows.deposits.start(account.pk, number).get_result(
                running.LONGEST_SECONDS
            )
        )
    account.refresh_from_db()
    assert account.balance == number + 5, account.balance
    return number / seconds


def bare_per_second(number: int) -> float:
    """Change and insert by hand."""
    account = Account.objects.create()
    statement, rows = bare.insert(bare.steps(number))
    with bare.cursor() as execute:

        def change() -> None:
            for row in rows:
                execute("BEGIN")
                execute(CHANGE, [account.pk])
                execute(statement, row)
                execute("COMMIT")

        return number / running.seconds_for(change)
