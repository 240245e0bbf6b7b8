"""Why something should not stand in a workflow's body, and what to write instead."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """``reason`` ends a sentence that begins with what was found."""

    reason: str
    way_out: str
    in_async: str = ""

    def advice(self, is_async: bool) -> str:
        """Say what to write instead, in a def or in an async def."""
        return self.in_async if is_async and self.in_async else self.way_out


_STEP = "Put it into a step (@durable.step, durable.run_step())"
_OTHER_VALUE = "gives another value at each replay"

CLOCK = Rule(
    "tells another time at each replay",
    "Use durable.now()",
    "Use `await durable.anow()`",
)
RANDOM = Rule(
    _OTHER_VALUE,
    "Use durable.random(), or draw in a step",
    "Use `await durable.arandom()`, or draw in a step",
)
UUID = Rule(_OTHER_VALUE, "Use durable.uuid4()", "Use `await durable.auuid4()`")
SECRET = Rule(_OTHER_VALUE, _STEP)
HASH = Rule("gives another value in each process", "Use hashlib, or a step")
SLEEP = Rule(
    "starts anew at each replay, and holds a thread",
    "Use durable.sleep()",
    "Use `await durable.asleep()`",
)
ASLEEP = Rule("starts anew at each replay", "Use `await durable.asleep()`")
IO = Rule("happens again at each replay, unrecorded", _STEP)
READ = Rule(
    "can find other rows at each replay",
    "Put it into a step (@durable.step) that returns what the body needs",
)
WRITE = Rule("happens again at each replay", "Put it into a @durable.transaction")
QUERY = Rule(
    "asks the database again at each replay",
    "Put it into a @durable.transaction if it writes, else into a @durable.step",
)
CACHE = Rule("can answer otherwise at each replay", _STEP)
ENVIRONMENT = Rule(
    "can differ from worker to worker",
    "Read it in a step, or pass it as an argument",
)
THREAD = Rule(
    "starts what no replay knows of",
    "Use durable.gather(), or an async workflow",
    "Use asyncio's tasks, and asyncio.to_thread() for steps",
)
COMPLETION = Rule(
    "gives results in another order at each replay", "Use asyncio.gather()"
)
SET_ORDER = Rule(
    "makes durable calls in another order in each process", "Loop over sorted(…)"
)
