"""Whose holdings an execution of somebody else changes: theirs first, then ours, and what is left over is theirs."""

from decimal import Decimal

from core.model.instruments import Option, Right, Side
from core.model.positions import CLOSED_OUTSIDE
from core.portfolio.outside import absorb
from tests.engine.door import execution
from tests.kit import nouns


def test_what_somebody_else_sells_is_theirs_first_then_ours() -> None:
    ours = nouns.position(units=100)
    theirs = absorb((ours,), execution(Side.BUY, 30, "101")).changed[0]
    after = absorb((ours, theirs), execution(Side.SELL, 50, "102"))
    assert [(one.id, one.units) for one in after.changed] == [(theirs.id, 0), (ours.id, 80)]
    assert [one.id for one in after.shrunk] == [ours.id]
    gone, less = after.changed
    assert gone.realised == 30
    assert less.realised == 40
    assert less.max_loss == Decimal("7.50") * 80
    assert gone.fees + less.fees == 1


def test_what_goes_beyond_everything_that_is_held_is_a_short_position_of_theirs() -> None:
    after = absorb((nouns.position(units=10),), execution(Side.SELL, 25, "50"))
    closed, short = after.changed
    assert closed.close_cause == CLOSED_OUTSIDE
    assert (short.holdings[0].quantity, short.units, short.max_loss) == (-15, 15, Decimal(750))


def test_an_option_that_was_sold_counts_the_shares_behind_it() -> None:
    put = Option("LEAD", nouns.option().expiry, Right.PUT, Decimal(90))
    (short,) = absorb((), execution(Side.SELL, 2, "1.50", put.key, multiplier=100)).changed
    assert (short.symbol, short.max_loss, short.is_stock) == ("LEAD", Decimal(18_000), False)
