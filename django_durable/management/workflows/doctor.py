"""``workflows doctor``: what may be wrong, and what helps."""

from collections.abc import Iterator
from dataclasses import asdict

from django.conf import settings as django_settings
from django.db import connections

from django_durable import conf
from django_durable.management.diagnosis.backlog import (
    look_at_overdue,
    look_at_put_aside,
    look_at_stranded,
)
from django_durable.management.diagnosis.channel_layer import look_at_channel_layer
from django_durable.management.diagnosis.database import (
    look_at_clock,
    look_at_connection,
    look_at_migrations,
)
from django_durable.management.diagnosis.finding import Finding, Look
from django_durable.management.diagnosis.odd_rows import look_at_odd_rows
from django_durable.management.diagnosis.project import look_at_settings
from django_durable.management.diagnosis.queues import look_at_queues
from django_durable.management.diagnosis.schedules import look_at_schedules
from django_durable.management.diagnosis.workers import look_at_workers
from django_durable.management.workflows.output import Output
from django_durable.management.workflows.parsing import (
    add_database_option,
    alias_of,
)
from django_durable.management.workflows.subcommand import (
    FAILED,
    Incomplete,
    Options,
    Subcommand,
)

# After a problem with one of these there is no use in going on.
_BASICS: tuple[Look, ...] = (look_at_connection, look_at_migrations)
_LOOKS: tuple[Look, ...] = (
    look_at_clock,
    look_at_workers,
    look_at_stranded,
    look_at_overdue,
    look_at_put_aside,
    look_at_queues,
    look_at_schedules,
    look_at_odd_rows,
    look_at_channel_layer,
)


def _run(options: Options, out: Output) -> None:
    found = []
    for finding in _findings(options):
        found.append(finding)
        if not out.is_json:
            _print(finding, out)
    problems = sum(finding.level == "problem" for finding in found)
    if out.is_json:
        out.document({"ok": not problems, "findings": list(map(asdict, found))})
    if problems:
        raise Incomplete(f"Problems: {problems}.", FAILED)


def _findings(options: Options) -> Iterator[Finding]:
    using = _alias(options)
    yield from look_at_settings(using or "")
    if using is None:
        return
    for look in _BASICS:
        found = list(look(using))
        yield from found
        if any(finding.level == "problem" for finding in found):
            return
    for look in _LOOKS:
        yield from look(using)


def _alias(options: Options) -> str | None:
    """Return the alias to look at, None where the settings make that impossible."""
    found = conf.problems(getattr(django_settings, "DURABLE", {}))
    if any(problem.kind != "unknown" for problem in found):
        return None
    if options["database"] is None and conf.current().database not in connections:
        return None
    return alias_of(options)


def _print(finding: Finding, out: Output) -> None:
    paints = {
        "ok": out.style.SUCCESS,
        "warning": out.style.WARNING,
        "problem": out.style.ERROR,
    }
    word = paints[finding.level](f"{finding.level:<8}")
    out.stdout.write(word, ending="")
    out.line(f" {finding.what:<14} {finding.message}")
    if finding.hint:
        out.line(f"{'':<24}{finding.hint}")


DOCTOR = Subcommand("doctor", "Look for what may be wrong.", add_database_option, _run)
