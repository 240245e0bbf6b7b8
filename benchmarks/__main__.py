"""Measure: python -m benchmarks [CASE ...] [options]; without a CASE, all of them.

Each figure is set against a limit, what the bare driver takes for the same rows,
and with --peer against another engine, measured in the same run and in turn with
it: ratios hold on other machines, figures do not. Without --database and without
DATABASE_URL both databases are measured, one after the other.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module

from benchmarks import report
from benchmarks.databases import DATABASES, empty, new_database, server
from benchmarks.progress import Bar
from benchmarks.rounds import Answer, Case, Time, ask

# Those that leave most behind come last.
QUESTIONS = (
    "enqueueing",
    "latency",
    "steps",
    "throughput",
    "direct",
    "transactions",
    "messages",
    "events",
    "streams",
    "jobs",
    "processor",
    "sizes",
    "replay",
    "recovery",
    "suspended",
    "claims",
)
# Asked by name only.
OTHERS = ("plaintests", "console")
PEERS = ("dbos",)
QUICK_MINUTES, WHOLE_MINUTES = 3.0, 20.0
# For servers to start and stop, and for the case that runs when the time is over.
SPARE_SECONDS = 20.0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"The cases: {', '.join(QUESTIONS)}; also {', '.join(OTHERS)}.",
    )
    parser.add_argument("cases", nargs="*", metavar="CASE")
    parser.add_argument("--database", choices=DATABASES, help="on a server of its own")
    parser.add_argument("--quick", action="store_true", help="less work, more noise")
    parser.add_argument("--peer", choices=PEERS, help="also measure this engine")
    parser.add_argument(
        "--synchronous",
        choices=("NORMAL", "FULL"),
        help="of SQLite: with FULL each commit waits for the disk",
    )
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument(
        "--minutes",
        type=float,
        help="begin nothing after so many minutes, and repeat less to get there"
        f" (default: {WHOLE_MINUTES:g}, quick {QUICK_MINUTES:g}, for all that is"
        " asked)",
    )
    parser.add_argument(
        "--json", metavar="FILE", help='append the figures as JSON lines ("-": print)'
    )
    options = parser.parse_args(arguments)
    if unknown := set(options.cases) - {*QUESTIONS, *OTHERS}:
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    if options.minutes is None:
        options.minutes = QUICK_MINUTES if options.quick else WHOLE_MINUTES
    return options


def cases_of(name: str, options: argparse.Namespace) -> list[Case]:
    """Return the cases of one question."""
    module = import_module(f"benchmarks.{name}")
    return list(module.cases(quick=options.quick, peer=options.peer))


def measure(options: argparse.Namespace) -> bool:
    """Measure on one database; return whether every case came to a good end."""
    is_good = True
    left = options.minutes * 60 - SPARE_SECONDS
    with server(options.database) as url, new_database(url):
        names = options.cases or QUESTIONS
        asked = {name: cases_of(name, options) for name in names}
        number = sum(map(len, asked.values()))
        bar, time = Bar(number), Time(left, number)
        for name, cases in asked.items():
            answers = list(_asked(cases, options.rounds, time, bar))
            _tell(name, answers, options.json)
            is_good = is_good and not any(answer.has_failed for answer in answers)
            empty()
    return is_good


def _asked(
    cases: Sequence[Case], rounds: int, left: Time, bar: Bar
) -> Iterator[Answer]:
    for case in cases:
        yield ask(case, rounds, left, bar.show)
        bar.advance()
    bar.clear()


def _tell(name: str, answers: Sequence[Answer], destination: str | None) -> None:
    if destination != "-":
        print(report.table(name, answers), flush=True)
    if destination:
        report.write(report.json_lines(name, answers), destination)


def measure_each(options: argparse.Namespace, arguments: Sequence[str]) -> int:
    """Measure on each database, in processes of their own."""
    minutes = options.minutes / len(DATABASES)
    commands = [
        [
            *(sys.executable, "-m", "benchmarks", *arguments),
            *("--database", database, "--minutes", str(minutes)),
        ]
        for database in reversed(DATABASES)
    ]
    return max(subprocess.run(command).returncode for command in commands)


def main(arguments: Sequence[str]) -> int:
    """Measure as the arguments say and return the exit code."""
    options = parse(arguments)
    if options.synchronous:
        os.environ["BENCHMARK_SYNCHRONOUS"] = options.synchronous
    if options.database is None and "DATABASE_URL" not in os.environ:
        return measure_each(options, arguments)
    return 0 if measure(options) else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
