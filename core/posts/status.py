"""Status: the state of the desk before the open."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from core.engine.answers import Status
from core.engine.engine import Engine
from core.engine.measures import Target
from core.engine.tell import rule_name, strategy_name
from core.model.notes import Note, NoteField, Tone, Topic
from core.ports.journal import Scan
from core.posts._text import ABSENT, clock_time, count, field, new_york_day, short_day

LEVELS = ("active", "reduce only", "halted", "halted, every order cancelled", "closing everything")


@dataclass(frozen=True, slots=True)
class StatusPost:
    """Mode, market, switches, what is unfinished, the last scan, the service targets."""

    name: ClassVar[str] = "status"

    async def compose(self, engine: Engine, at: datetime) -> Note:
        """Write the note."""
        status = await engine.status()
        scans = await engine.journal.scans(len(engine.strategies))
        day = new_york_day(at)
        return Note(
            id=f"status-{at:%Y%m%dT%H%M}",
            topic=Topic.STATUS,
            title=f"Status · {short_day(day)}",
            body=_summary(status),
            at=at,
            tone=_tone(status),
            fields=(
                NoteField("Market", _market(status)),
                NoteField("Open", f"{count(status.open_positions, 'position')}\n{count(status.pending_proposals, 'card')} waiting"),
                NoteField(
                    "Unfinished",
                    f"{count(status.unfinished_orders, 'order')}\n{count(status.undelivered_notes, 'note')} to deliver",
                ),
                NoteField("Reconciled", _reconciled(status), inline=False),
                field("Last scan", _funnel(scans), f"{ABSENT}: nothing was scanned yet"),
                field(
                    "Not evaluated",
                    [f"{name}: {count(times, 'time')}" for name, times in engine.books.absent.most_common(5) if times],
                    "nothing",
                ),
                NoteField("Audit", await _audit(engine), inline=False),
                field("Service targets", map(target_line, status.targets), ABSENT),
            ),
            footer=f"{engine.account} · {status.source}",
        )


async def _audit(engine: Engine) -> str:
    """Head of the audit's chain; standing here, where nobody can take it back, it shows later whether the chain was touched."""
    head = await engine.journal.audit_rows(1)
    return f"row {head[0].seq}, {head[0].hash[:16]}" if head else f"{ABSENT}: nothing was audited yet"


def target_line(target: Target) -> str:
    """One service target with its measure; "n/a" while nothing feeds it."""
    limit = f"{'at least' if target.higher_is_better else 'at most'} {target.limit:g} {target.unit}"
    if target.measured is None:
        return f"{target.name}: {ABSENT} ({limit})"
    mark = "✓" if target.holds else "✗"
    return f"{mark} {target.name}: {target.measured:.4g} {target.unit} ({limit}, {target.samples} samples)"


def _summary(status: Status) -> str:
    level = LEVELS[status.kill.level]
    since = "" if status.kill.level == 0 else f" by {status.kill.by}: {status.kill.reason}"
    doubt = f"\n**{count(status.doubtful_orders, 'order')} with an unknown outcome.**" if status.doubtful_orders else ""
    held = f"\n**Held back: {'; '.join(status.held_back)}.**" if status.held_back else ""
    return f"The desk is **{level}**{since}; broker: **{status.mode}**.{doubt}{held}"


def _tone(status: Status) -> Tone:
    if status.kill.level >= 2 or status.doubtful_orders or status.held_back:
        return Tone.BAD
    return Tone.WARN if status.kill.level or any(target.holds is False for target in status.targets) else Tone.GOOD


def _market(status: Status) -> str:
    if status.session is None:
        return f"closed today\nlast bar {status.completed}"
    hours = f"{clock_time(status.session.open)} to {clock_time(status.session.close)}{' (early)' if status.session.early else ''}"
    return f"{'open' if status.market_open else 'closed'}, {hours}\nlast bar {status.completed}"


def _reconciled(status: Status) -> str:
    at = f"{short_day(new_york_day(status.reconciled_at))} {clock_time(status.reconciled_at)}: " if status.reconciled_at else ""
    return f"{at}{status.reconciled}"


def _funnel(scans: Sequence[Scan], shown: int = 8) -> list[str]:
    """How each scan came from the universe to its signals: the gates that removed something, at most so many of the last."""
    lines = []
    for scan in scans:
        counts = [scan.universe, *(left for _, left in scan.left)]
        steps = [f"{rule_name(gate)}: {left}" for (gate, left), before in zip(scan.left, counts, strict=False) if left < before]
        hidden = ["…"] if len(steps) > shown else []
        way = [count(scan.universe, "symbol"), *hidden, *steps[-shown:], count(scan.signals, "signal")]
        lines.append(f"{strategy_name(scan.strategy)}, bar of {scan.session}: {' → '.join(way)}")
    return lines
