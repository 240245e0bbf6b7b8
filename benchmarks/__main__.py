"""Measure: python -m benchmarks steps|throughput|latency|streams|plaintests [options].

Each figure is set against a limit that is measured in the same run, in turn with
it: ratios hold on other machines, figures do not. Without --database and without
DATABASE_URL both databases are measured, one after the other.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module

from benchmarks import report
from benchmarks.databases import DATABASES, new_database, server
from benchmarks.rounds import ask

QUESTIONS = ("steps", "throughput", "latency", "streams", "plaintests")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("question", choices=QUESTIONS)
    parser.add_argument("--database", choices=DATABASES, help="on a server of its own")
    parser.add_argument("--quick", action="store_true", help="less work, more noise")
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument(
        "--json", metavar="FILE", help='append the figures as JSON lines ("-": print)'
    )
    return parser.parse_args(arguments)


def measure(options: argparse.Namespace) -> None:
    """Answer one question on one database."""
    with server(options.database) as url, new_database(url):
        module = import_module(f"benchmarks.{options.question}")
        question = module.question(quick=options.quick)
        answers = ask(question, options.rounds, report.show_progress)
        report.show_progress("")
        print(report.table(options.question, answers), flush=True)
        if options.json:
            report.write(report.json_lines(options.question, answers), options.json)


def measure_each(arguments: Sequence[str]) -> int:
    """Answer on each database, in processes of their own."""
    commands = [
        [sys.executable, "-m", "benchmarks", *arguments, "--database", database]
        for database in DATABASES
    ]
    return max(subprocess.run(command).returncode for command in commands)


def main(arguments: Sequence[str]) -> int:
    """Measure as the arguments say and return the exit code."""
    options = parse(arguments)
    if options.database is None and "DATABASE_URL" not in os.environ:
        return measure_each(arguments)
    measure(options)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
