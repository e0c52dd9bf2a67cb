from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.market import MarketView, Quote
from core.model.positions import EquityPoint, Holding, Marked
from core.portfolio import marks, performance
from tests.kit import nouns

AGE = timedelta(seconds=15)


def market(call: Quote | None) -> MarketView:
    return nouns.view(quotes={nouns.option().key: call} if call else {})


def test_a_position_is_marked_at_the_middle() -> None:
    marked = marks.mark(nouns.position(units=10), nouns.view(nouns.symbol_view(quote=nouns.quote(104, 0.10))), nouns.NOW, AGE)
    assert (marked.value, marked.unrealised, marked.modelled) == (Decimal(1040), Decimal(40), False)


@pytest.mark.parametrize(
    "bad",
    [
        None,
        nouns.quote(6, as_of=nouns.NOW - timedelta(seconds=16)),
        Quote(Decimal(7), Decimal(6), 1, 1, nouns.NOW),
        Quote(Decimal(0), Decimal(0), 0, 0, nouns.NOW),
    ],
)
def test_an_unsound_quote_claims_no_value(bad: Quote | None) -> None:
    marked = marks.mark(nouns.option_position(), market(bad), nouns.NOW, AGE)
    assert (marked.value, marked.unrealised) == (None, None)


def test_what_nobody_bids_for_is_worth_nothing_long_and_the_ask_short() -> None:
    unwanted = Quote(Decimal(0), Decimal("0.10"), 0, 5, nouns.NOW)
    long = marks.mark(nouns.option_position(units=1), market(unwanted), nouns.NOW, AGE)
    short = marks.mark(nouns.option_position(holdings=(Holding(nouns.option(), -1, Decimal(5)),)), market(unwanted), nouns.NOW, AGE)
    assert (long.value, short.value) == (Decimal(0), Decimal(-10))


def test_a_modelled_quote_says_so() -> None:
    assert marks.mark(nouns.option_position(), market(nouns.quote(6, modelled=True)), nouns.NOW, AGE).modelled


def test_the_book_counts_unmarked_positions_at_their_last_known_value() -> None:
    known = nouns.marked(nouns.position(units=10), 110)
    lost = Marked(nouns.option_position(units=1, id="lost"), None, None, modelled=False)
    new = Marked(nouns.option_position(units=1, id="new"), None, None, modelled=False)
    memory = marks.Memory(Decimal(10_000), Decimal(9_000), values={"lost": Decimal(700)})
    book = marks.book("paper", nouns.NOW, Decimal(5_000), (known, lost, new), memory, marks.Commitments(trades_today=2))
    assert book.net_liquidation == Decimal(5_000 + 1_100 + 700 + 500)
    assert book.stale_marks == 2
    assert book.peak == Decimal(9_000)
    assert book.trades_today == 2


@given(st.decimals("-500", "500", places=2), st.decimals("0", "50", places=2), st.decimals("0.01", "500", places=2))
def test_equity_moves_by_realised_and_unrealised_less_fees(realised: Decimal, fees: Decimal, price: Decimal) -> None:
    position = nouns.position(units=10, realised=realised, fees=fees)
    start = Decimal(10_000)
    cash = start + realised - fees - sum(one.cost for one in position.holdings)
    view = nouns.view(nouns.symbol_view(quote=Quote(price, price, 1, 1, nouns.NOW)))
    marked = marks.mark(position, view, nouns.NOW, AGE)
    book = marks.book("paper", nouns.NOW, cash, (marked,), marks.Memory(start, start), marks.Commitments())
    profit = performance.profit(book, ())
    assert book.net_liquidation - start == profit.total == profit.day
    assert profit.total == profit.realised + profit.unrealised - profit.fees


def test_profit_keeps_its_parts_apart() -> None:
    open_one = nouns.marked(nouns.position(units=10, realised=Decimal(30), fees=Decimal(2)), 105)
    closed = nouns.position(id="old", units=0, holdings=(), realised=Decimal(-80), fees=Decimal(3), fees_unknown=True)
    profit = performance.profit(nouns.book(open_one, net=9_995, day_start=Decimal(9_900)), (closed,), Decimal(50))
    assert (profit.realised, profit.unrealised, profit.fees, profit.day) == (Decimal(-50), Decimal(50), Decimal(5), Decimal(45))
    assert profit.total == Decimal(-5)
    assert profit.fees_unknown


def test_heat_is_summed_maximum_loss_with_reservations_over_net_liquidation() -> None:
    book = nouns.book(
        nouns.marked(nouns.position(units=100)), nouns.marked(nouns.option_position(units=1)), net=50_000, reserved=Decimal(250)
    )
    exposure = performance.exposure(book)
    assert exposure.at_risk == Decimal(1_500)
    assert exposure.heat == pytest.approx(0.03)
    assert exposure.gross == pytest.approx((10_000 + 500) / 50_000)
    assert performance.exposure(nouns.book(net=0)).heat is None


def point(day: int, value: int, flows: int = 0) -> EquityPoint:
    zero = Decimal(0)
    return EquityPoint("paper", date(2024, 1, 1) + timedelta(days=day), Decimal(value), zero, zero, zero, zero, Decimal(flows))


def test_the_peak_looks_back_252_sessions_and_no_further() -> None:
    points = [point(0, 500), *[point(day, 100) for day in range(1, 253)]]
    assert performance.peak(points[:-1], Decimal(90)) == Decimal(500)
    assert performance.peak(points, Decimal(90)) == Decimal(100)


def test_the_opening_cash_is_a_high_only_in_the_first_year() -> None:
    points = [point(day, 80) for day in range(252)]
    assert performance.peak([], Decimal(100)) == Decimal(100)
    assert performance.peak(points[:-1], Decimal(100)) == Decimal(100)
    assert performance.peak(points, Decimal(100)) == Decimal(80)


def test_a_withdrawal_is_no_drawdown_and_a_deposit_no_new_high() -> None:
    assert performance.peak([point(0, 1000), point(1, 700, -300)], Decimal(1000)) == Decimal(700)
    assert performance.peak([point(0, 1000), point(1, 1400, 500)], Decimal(1000)) == Decimal(1500)
    assert performance.drawdown(Decimal(1400), Decimal(1500)) == pytest.approx(1 / 15)
    assert performance.drawdown(Decimal(1600), Decimal(1500)) == 0.0


def test_the_day_starts_at_the_last_close_before_it() -> None:
    points = [point(0, 1000), point(1, 1100)]
    assert performance.day_start(points, date(2024, 1, 2), Decimal(1)) == Decimal(1000)
    assert performance.day_start(points, date(2024, 1, 1), Decimal(900)) == Decimal(900)


def test_losses_in_a_row_are_counted_after_fees_and_since_the_pause() -> None:
    results = [(-5, 1), (3, 2), (-1, 3), (1, 4), (-9, 5)]
    closed = [
        nouns.position(
            id=f"p{day}",
            units=0,
            holdings=(),
            realised=Decimal(result),
            fees=Decimal(2),
            closed_at=nouns.NOW + timedelta(days=day),
            closed_session=nouns.DAY + timedelta(days=day),
        )
        for result, day in results
    ]
    assert performance.consecutive_losses(closed) == 3
    assert performance.consecutive_losses(closed, nouns.DAY + timedelta(days=4)) == 2
    assert performance.consecutive_losses([]) == 0


def test_positions_are_ranked_by_what_they_earned() -> None:
    worst = nouns.marked(nouns.position(id="a", units=10), 90)
    best = nouns.marked(nouns.position(id="b", units=10), 120)
    unknown = Marked(nouns.position(id="c"), None, None, modelled=False)
    assert performance.ranked([worst, unknown, best]) == (best, worst)
