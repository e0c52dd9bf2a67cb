"""The paper broker keeps its own ledger; at the end of a replay the journal says the same, to the cent."""

import asyncio
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from core.model.instruments import Option
from core.model.orders import Movement
from core.model.positions import Position
from tests.replay import slices
from tests.replay.books import BEGINNING, Facts, facts
from tests.replay.slices import Run


def held(found: Facts) -> Counter[str]:
    """Quantity of each instrument over all positions."""
    quantities: Counter[str] = Counter()
    for position in found.positions:
        for holding in position.holdings:
            quantities[holding.instrument.key] += holding.quantity
    return quantities


def agree(run: Run) -> Facts:
    """Cash, holdings, executions and movements of broker and journal."""
    found = facts(run.out)
    account = asyncio.run(run.broker.account())
    assert held(found) == Counter(asyncio.run(run.broker.positions()))
    theirs = asyncio.run(run.broker.fills(BEGINNING))
    assert sorted(theirs, key=lambda fill: fill.exec_id) == sorted(found.fills, key=lambda fill: fill.exec_id)
    assert sorted(asyncio.run(run.broker.transactions(BEGINNING)), key=repr) == sorted(found.movements, key=repr)
    fees = sum((fill.fee for fill in found.fills if fill.fee is not None), Decimal(0))
    moved = sum((fill.cash for fill in found.fills), Decimal(0)) + sum((row.cash for row in found.movements), Decimal(0))
    assert account.cash == moved - fees
    assert f"{account.cash:.2f}" == run.summary["money"]["cash"]
    assert found.equity[-1].cash == account.cash
    return found


def test_on_adjusted_prices(adjusted: Run) -> None:
    agree(adjusted)


def test_through_splits_dividends_cash_in_lieu_and_delistings(raw: Run) -> None:
    found = agree(raw)
    kinds = Counter(movement.kind for movement in found.movements)
    assert kinds[Movement.SPLIT] >= 3
    assert kinds[Movement.DIVIDEND] >= 3
    assert kinds[Movement.DELISTING] >= 3


def test_what_positions_realised_is_what_the_account_earned(raw: Run) -> None:
    """Cash and the cost of what is held, less the cash of the start, is the sum over positions, to the cent."""
    found = facts(raw.out)
    cost = sum((holding.cost for position in found.positions for holding in position.holdings), Decimal(0))
    earned = sum((position.realised - position.fees for position in found.positions), Decimal(0))
    opening = sum((row.cash for row in found.movements if row.kind is Movement.DEPOSIT), Decimal(0))
    assert round(found.equity[-1].cash + cost - opening, 2) == round(earned, 2)


def open_on(run: Run) -> dict[str, Position]:
    return {position.id: position for position in facts(run.out).positions if position.is_open}


# The session before the split, that of the split, and the symbol; each was held through it in these runs.
THROUGH = ((date(2016, 2, 9), date(2016, 2, 10), "HRL"), (date(2016, 9, 30), date(2016, 10, 3), "CAC"))


def worth(run: Run, position: Position) -> Decimal:
    """Dollars that its shares are worth at the last close of the files."""
    (holding,) = position.holdings
    closes = [row for row in pq.read_table(run.request.sources.bars).to_pylist() if row["symbol"] == position.symbol]
    return holding.quantity * Decimal(str(max(closes, key=lambda row: row["date"])["close"]))


@pytest.mark.parametrize(("before", "day", "symbol"), THROUGH)
@pytest.mark.parametrize("raw", ["stock"], indirect=True)
def test_shares_held_through_a_real_split_keep_their_value_and_their_stop_is_in_new_units(
    raw: Run, tmp_path: Path, before: date, day: date, symbol: str
) -> None:
    cut, after = slices.cut(raw, tmp_path, before), slices.cut(raw, tmp_path, day)
    was, now = open_on(cut), open_on(after)
    (old,) = (position for position in was.values() if position.symbol == symbol)
    new, rows = now[old.id], [row for row in facts(after.out).movements if row.instrument_key == symbol and row.at.date() == day]
    split = next(row for row in rows if row.kind is Movement.SPLIT)
    lieu = sum((row.cash for row in rows if row.kind is Movement.CASH_IN_LIEU), Decimal(0))
    ratio = split.price
    assert ratio > 1
    assert new.units == int(old.units * ratio) == old.units + split.quantity
    assert (lieu > 0) == (old.units * ratio != new.units)
    assert new.plan.stop == pytest.approx(old.plan.stop / ratio, abs=Decimal("0.0001"))
    assert new.entry_spot == pytest.approx(old.entry_spot / ratio, abs=Decimal("0.0001"))
    assert new.holdings[0].cost + lieu == pytest.approx(old.holdings[0].cost + new.realised - old.realised, abs=Decimal("0.02"))
    assert worth(after, new) + lieu == pytest.approx(worth(cut, old), rel=Decimal("0.05"))  # a day's move, not half of it
    assert sum(units for _, units in new.plan.ladder) == new.opened_units


@pytest.mark.parametrize("raw", ["options first"], indirect=True)
def test_a_contract_held_through_a_real_split_becomes_more_contracts_at_a_lower_strike(raw: Run, tmp_path: Path) -> None:
    before, day, symbol = THROUGH[0]
    was, now = open_on(slices.cut(raw, tmp_path, before)), open_on(slices.cut(raw, tmp_path, day))
    (old,) = (position for position in was.values() if position.symbol == symbol)
    new = now[old.id]
    (held,), (becomes,) = old.holdings, new.holdings
    assert isinstance(held.instrument, Option)
    assert isinstance(becomes.instrument, Option)
    assert becomes.instrument.strike == held.instrument.strike / 2
    assert (becomes.quantity, new.units) == (2 * held.quantity, 2 * old.units)
    assert becomes.cost == held.cost
    assert new.plan.stop == pytest.approx(old.plan.stop / 2, abs=Decimal("0.0001"))
