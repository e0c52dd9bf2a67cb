"""Wording that all posts share: figures with their signs, "n/a" for what is unknown, blocks of lines that fit."""

import math
import re
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

from core.engine.tell import money
from core.market.sessions import NEW_YORK
from core.model.notes import NoteField

ABSENT = "n/a"
ROOM = 700
_SIGNS = re.compile(r"[\\`*_~|<>@#\[\]]|:(?=//)")


def percent(share: float | None, places: int = 1) -> str:
    """A signed share as percent; "n/a" when unknown."""
    return ABSENT if share is None or not math.isfinite(share) else f"{100 * share:+.{places}f} %"


def part(share: float | None) -> str:
    """An unsigned share as percent; "n/a" when unknown."""
    return ABSENT if share is None or not math.isfinite(share) else f"{100 * share:.1f} %"


def number(value: float | None, places: int = 2) -> str:
    """A figure with thousands; "n/a" when unknown."""
    return ABSENT if value is None or not math.isfinite(value) else f"{value:,.{places}f}"


def gain(amount: Decimal | None) -> str:
    """Dollars with a sign on gains too; "n/a" when unknown."""
    return f"+{money(amount)}" if amount is not None and amount > 0 else money(amount)


def ratio(above: Decimal, below: Decimal) -> float | None:
    """One amount as a share of another; None when that has no meaning."""
    return float(above / below) if below > 0 else None


def count(amount: int, thing: str) -> str:
    """So many things: 1 set-up, 2 set-ups."""
    return f"{amount} {thing}{'' if amount == 1 else 's'}"


def short_day(day: date) -> str:
    """A date as people say it: Wed 12 Jun 2024."""
    return f"{day:%a} {day.day} {day:%b %Y}"


def clock_time(instant: datetime) -> str:
    """New York time of day."""
    return f"{instant.astimezone(NEW_YORK):%H:%M}"


def new_york_day(instant: datetime) -> date:
    """New York date of an instant."""
    return instant.astimezone(NEW_YORK).date()


def outside(text: str, room: int = 90) -> str:
    """Text from outside, made inert for markdown and short."""
    flat = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return _SIGNS.sub(r"\\\g<0>", flat if len(flat) <= room else flat[: room - 1] + "…")


def block(lines: Iterable[str], otherwise: str, room: int = ROOM) -> str:
    """Whole lines that fit into the room, then how many more there are; `otherwise` when there are none."""
    waiting = list(lines)
    kept: list[str] = []
    for place, line in enumerate(waiting):
        more = f"… and {len(waiting) - place} more"
        if sum(map(len, kept)) + len(kept) + len(line) + len(more) + 1 > room:
            return "\n".join([*kept, more])
        kept.append(line)
    return "\n".join(kept) or otherwise


def field(name: str, lines: Iterable[str], otherwise: str) -> NoteField:
    """A field of its own line; `otherwise` is said when there is nothing to list."""
    return NoteField(name, block(lines, otherwise), inline=False)
