"""What the engine knows -> the answers of slash commands. Pure."""

import difflib
import re
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal

import discord

from bot.cards import outside, panel
from core.engine.answers import Explanation, Status
from core.engine.measures import Target
from core.engine.tell import UNPROTECTED, instrument_text, money, order_text, per_share, strategy_name
from core.market.sessions import NEW_YORK
from core.model.errors import RefusedError, UnknownSymbolError
from core.model.instruments import instrument
from core.model.kill import Level
from core.model.notes import NoteField, Tone
from core.model.orders import Fill, Order
from core.model.positions import Book, EquityPoint, Marked, Position
from core.model.proposals import Proposal
from core.model.signals import GateResult, Outcome, Signal
from core.portfolio import performance
from core.ports.journal import StoredProposal

ROWS = 25
_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9./^-]{0,9}")
_MARKS = {Outcome.PASS: "✓", Outcome.FAIL: "✗", Outcome.ABSENT: "n/a"}


def day(typed: str | None) -> date | None:
    """Read what somebody typed as a day; None when nothing was typed.

    Raises
    ------
    RefusedError
        It is no date.
    """
    if not typed:
        return None
    try:
        return date.fromisoformat(typed.strip())
    except ValueError:
        raise RefusedError(f"{typed[:20]!r} is no date; write it as YYYY-MM-DD, such as 2026-01-05.") from None


def symbol(typed: str, known: Collection[str]) -> str:
    """Read what somebody typed as a symbol.

    Raises
    ------
    UnknownSymbolError
        It is none; the sentence names the nearest ones.
    """
    wanted = typed.strip().upper()
    if wanted in known:
        return wanted
    if not _SYMBOL.fullmatch(wanted):
        raise UnknownSymbolError(f"{typed[:20]!r} is not a symbol; type letters such as AAPL")
    near = difflib.get_close_matches(wanted, [name for name in known if name[:1] == wanted[:1]], n=3, cutoff=0.5)
    remedy = f"did you mean {', '.join(near)}?" if near else f"{len(known)} symbols are known, type the first letters to see them"
    raise UnknownSymbolError(f"{wanted} is not in the universe; {remedy}")


def suggestions(typed: str, known: Iterable[str]) -> list[str]:
    """Complete what somebody types: at most 25, those that begin with it first."""
    wanted = typed.strip().upper()
    names = sorted(known)
    begins = [name for name in names if name.upper().startswith(wanted)]
    holds = [name for name in names if wanted in name.upper() and not name.upper().startswith(wanted)]
    return [name for name in (*begins, *holds) if len(name) <= 100][:ROWS]


def when(instant: datetime | None) -> str:
    """Give an instant as New York time; "n/a" when there is none."""
    return f"{instant.astimezone(NEW_YORK):%d %b %Y %H:%M} New York" if instant else "n/a"


def _percent(share: float | None, places: int = 1) -> str:
    return "n/a" if share is None else f"{100 * share:.{places}f} %"


def _rows(lines: Sequence[str], nothing: str) -> str:
    more = [f"… and {len(lines) - ROWS} more"] if len(lines) > ROWS else []
    return "\n".join([*lines[:ROWS], *more]) or nothing


def signals(found: Sequence[Signal]) -> discord.Embed:
    """List signals, latest session first."""
    ordered = sorted(found, key=lambda signal: (signal.session, signal.score or 0.0), reverse=True)
    lines = [
        f"`{signal.session}` **{outside(signal.symbol)}** {signal.intent} ({signal.cause}) at {per_share(signal.price)}"
        f"{f' · score {signal.score:.0f}' if signal.score is not None else ''}"
        for signal in ordered
    ]
    return panel("Signals", _rows(lines, "No signals in this time."), footer="the score ranks, it is no probability")


def signal(found: Signal, proposals: Sequence[StoredProposal]) -> discord.Embed:
    """Show one signal with its levels, gates and what became of it."""
    fields = [NoteField("Price", per_share(found.price)), NoteField("Session", str(found.session))]
    if found.levels is not None:
        fields.append(NoteField("Entry", per_share(found.levels.entry)))
        fields.append(NoteField("Stop", per_share(found.levels.stop)))
        rungs = " · ".join(f"{rung.multiple:g}× {per_share(rung.price)}" for rung in found.levels.rungs)
        fields.append(NoteField("Ladder", rungs or "n/a", inline=False))
    if found.gates:
        fields.append(NoteField("Gates", gates(found.gates), inline=False))
    became = [f"{entry.proposal.structure}, {entry.state}: {entry.reason or 'no remark'}" for entry in proposals]
    fields.append(NoteField("What became of it", _rows(became, "No order was proposed."), inline=False))
    return panel(f"{found.symbol}: {found.intent} ({found.cause})", found.reason, fields, footer=f"signal {found.id}")


def gates(results: Iterable[GateResult]) -> str:
    """Every gate with its value and threshold."""
    return "\n".join(
        f"{_MARKS[result.outcome]} {result.label}: {_number(result.value)} {result.comparison} {_number(result.threshold)}"
        for result in results
    )


def _number(value: float | None) -> str:
    return "n/a" if value is None or value != value else f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"  # noqa: PLR0124 - NaN


def explanation(found: Explanation) -> discord.Embed:
    """Say why a symbol is or is not a signal."""
    verdict = "every gate that could be evaluated holds" if found.passed else "at least one gate fails"
    fields = [NoteField("Close", _number(found.close))]
    if found.score is not None:
        fields.append(NoteField("Score (rank, no probability)", f"{found.score:.0f} of 100"))
    title = f"{found.symbol} on {found.session}: {verdict}"
    tone = Tone.GOOD if found.passed else Tone.INFO
    return panel(title, gates(found.results), fields, footer=f"{strategy_name(found.strategy)}, completed bar", tone=tone)


def summary(book: Book, closed: Sequence[Position], points: Sequence[EquityPoint]) -> discord.Embed:
    """Show the account at a glance: value, profit with its parts apart, exposure."""
    earned, stake = performance.profit(book, closed), performance.exposure(book)
    lost = performance.drawdown(book.net_liquidation, book.peak)
    fields = [
        NoteField("Net liquidation", money(book.net_liquidation)),
        NoteField("Cash", money(book.cash)),
        NoteField("Today", money(earned.day)),
        NoteField("Realised", money(earned.realised)),
        NoteField("Unrealised", money(earned.unrealised)),
        NoteField("Fees", f"{money(earned.fees)}{' and some not yet known' if earned.fees_unknown else ''}"),
        NoteField("Total", money(earned.total)),
        NoteField("Exposure", _percent(stake.gross)),
        NoteField("Heat (summed maximum loss)", _percent(stake.heat)),
        NoteField("Below the highest value", _percent(lost)),
        NoteField("Open positions", str(len(book.positions))),
        NoteField("Sessions on record", str(len(points))),
    ]
    stale = f"{book.stale_marks} positions have no sound quote and stand at their last value." if book.stale_marks else ""
    return panel(f"Account {book.account}", stale, fields, footer=f"as of {when(book.as_of)}")


def positions(book: Book, *, protected: bool = False) -> discord.Embed:
    """List what is held, best first; `protected`: the broker holds their stops."""
    ranked = [*performance.ranked(book.positions)]
    ranked += [marked for marked in book.positions if marked not in ranked]
    lines = [_position(marked) for marked in ranked]
    if lines and not protected:
        lines.insert(0, f"Every stop is the desk's own: **{UNPROTECTED}**.")
    return panel("Open positions", _rows(lines, "Nothing is held."), footer=f"as of {when(book.as_of)}")


def _position(marked: Marked) -> str:
    held = marked.position
    return (
        f"**{outside(held.symbol)}** {held.structure}, {held.units} of {held.opened_units} units · value {money(marked.value)}"
        f" · unrealised {money(marked.unrealised)} · stop {per_share(held.plan.stop)} · can lose {money(held.max_loss)}"
        f"{' · modelled' if marked.modelled else ''}{' · of somebody else, never touched' if held.is_external else ''}\n`{held.id}`"
    )


def risk(book: Book, usage: Iterable[str], asked: Iterable[str]) -> discord.Embed:
    """Show how much of each limit is used, what each trade is asked, and what stands in each sector."""
    net = book.net_liquidation
    sectors = [
        f"{name} {money(value)}, {_percent(float(value / net) if net > 0 else None)}" for name, value in _sectors(book.positions)
    ]
    fields = [
        NoteField("Asked of each trade", "\n".join(asked) or "nothing", inline=False),
        NoteField("By sector, at market value", "\n".join(sectors) or "nothing is held", inline=False),
        NoteField("Reserved for open orders", money(book.reserved)),
        NoteField("Entries paused", f"through {book.paused_session}" if book.paused_session else "no"),
    ]
    return panel("Use of the limits", _rows([*usage], "No limit is switched on."), fields, footer=f"as of {when(book.as_of)}")


def _sectors(held: Iterable[Marked]) -> list[tuple[str, Decimal]]:
    sums: dict[str, Decimal] = {}
    for marked in held:
        name = marked.position.sector or "unknown"
        sums[name] = sums.get(name, Decimal(0)) + (marked.value or Decimal(0))
    return sorted(sums.items(), key=lambda entry: -entry[1])[:10]


def pending(found: Sequence[StoredProposal]) -> discord.Embed:
    """List cards that wait for a decision."""
    lines = [
        f"**{outside(entry.proposal.signal.symbol)}** {order_text(entry.proposal)} · {_price(entry.proposal)}"
        f" · until {when(entry.expires_at)} · {entry.state}"
        for entry in found
    ]
    return panel("Waiting for a decision", _rows(lines, "Nothing waits."))


def _price(proposal: Proposal) -> str:
    return f"net {per_share(proposal.limit)}, never worse than {per_share(proposal.floor)}"


def orders(found: Sequence[Order]) -> discord.Embed:
    """List orders that are not finished."""
    lines = [
        f"`{order.key}` {'; '.join(_legs(order))} at {per_share(order.limit)} · {order.state}"
        f" · {order.filled} of {order.quantity} filled"
        for order in found
    ]
    return panel("Unfinished orders", _rows(lines, "No order is open."))


def _legs(order: Order) -> list[str]:
    return [f"{leg.side.upper()} {leg.ratio * order.quantity} × {outside(instrument_text(leg.instrument))}" for leg in order.legs]


def fills(found: Sequence[Fill]) -> discord.Embed:
    """List executions, latest first."""
    lines = [
        f"{when(fill.at)} {fill.side.upper()} {fill.quantity} × {_name(fill.instrument_key)} at {per_share(fill.price)}"
        f" · fee {money(fill.fee)}{' · modelled' if fill.modelled else ''}"
        for fill in sorted(found, key=lambda fill: fill.at, reverse=True)
    ]
    return panel("Executions", _rows(lines, "No executions in this time."))


def _name(key: str) -> str:
    return outside(instrument_text(instrument(key)))


def status(found: Status, troubles: Iterable[str]) -> discord.Embed:
    """Show the desk at a glance, with the owner's service targets."""
    halted = found.kill.level > 0
    session = f"{found.session.day} until {when(found.session.close)}" if found.session else "none today"
    fields = [
        NoteField("Mode", found.mode),
        NoteField("Orders", f"{Level(found.kill.level).words} by {found.kill.by}: {found.kill.reason}" if halted else "are sent"),
        NoteField("Market", "open" if found.market_open else "closed"),
        NoteField("Session", session),
        NoteField("Last completed bar", str(found.completed)),
        NoteField("Source", found.source),
        NoteField("Positions", f"{found.open_positions}{f', {found.outside} of somebody else' if found.outside else ''}"),
        NoteField("Cards", str(found.pending_proposals)),
        NoteField("Orders under way", f"{found.unfinished_orders}, {found.doubtful_orders} doubtful"),
        NoteField("Notes not yet told", str(found.undelivered_notes)),
        NoteField("Reconciled", f"{when(found.reconciled_at)}: {found.reconciled}", inline=False),
        *(
            [NoteField("Held back", _rows([outside(line) for line in found.held_back], ""), inline=False)]
            if found.held_back
            else []
        ),
        NoteField("Service targets", "\n".join(map(target, found.targets)) or "n/a", inline=False),
    ]
    tone = Tone.BAD if halted or found.doubtful_orders or found.held_back else Tone.GOOD
    return panel("Desk", "\n".join(troubles), fields, footer=f"as of {when(found.at)}", tone=tone)


def target(found: Target) -> str:
    """Show one service target: what was measured, what it should be, whether it holds."""
    relation = "at least" if found.higher_is_better else "below"
    wanted = f"{relation} {found.limit:g} {found.unit}"
    if found.measured is None:
        return f"{found.name}: n/a ({wanted})"
    return f"{'✓' if found.holds else '✗'} {found.name}: {found.measured:.4g} {found.unit} ({wanted}; {found.samples} samples)"


def whole_units(quantity: int | None) -> int | None:
    """Check how many units somebody wants to close.

    Raises
    ------
    RefusedError
        It is not a positive number.
    """
    if quantity is not None and quantity <= 0:
        raise RefusedError(f"{quantity} units cannot be closed; give a positive number or leave it out for all")
    return quantity
