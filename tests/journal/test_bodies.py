"""What is written is what is read, for every noun that the journal keeps."""

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.journal.bodies import dump, load
from core.journal.columns import Day, Instant, Money, clean
from core.model.errors import BadDataError
from core.model.notes import CandleChart, EquityChart, Note
from core.model.positions import Holding, Position
from core.model.proposals import Proposal
from core.model.signals import Signal
from core.ports.journal import Scan
from tests.journal import build

DECIMALS = st.decimals(allow_nan=False, allow_infinity=False)
INSTANTS = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-5)), timezone(timedelta(hours=5, minutes=45))]))
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    "noun",
    [
        build.signal(),
        build.proposal(),
        build.proposal(legs=build.STOCK_LEG),
        build.envelope(build.proposal()),
        build.order(build.envelope(build.proposal())),
        build.fill(build.order(build.envelope(build.proposal()))),
        build.position(),
        build.note(),
        build.transaction(),
        build.equity(),
        Scan("atr_matrix", build.DAY, build.NOW, 400, (("price", 390), ("trend", 12)), (("earnings", 400),), 3),
    ],
    ids=lambda noun: type(noun).__name__,
)
def test_every_noun_comes_back_as_it_was(noun: object) -> None:
    back = load(type(noun), dump(noun))
    assert back == noun
    assert [type(getattr(back, name)) for name in back.__slots__] == [type(getattr(noun, name)) for name in noun.__slots__]  # type: ignore[attr-defined]  # all nouns have slots


def test_the_digest_of_a_proposal_survives_storage() -> None:
    assert load(Proposal, dump(build.proposal())).digest == build.proposal().digest


@pytest.mark.parametrize("place", [0, 1, 2])
def test_each_kind_of_chart_comes_back_as_its_own_kind_with_nan_and_infinity(place: int) -> None:
    chart = build.charts()[place]
    back = load(Note, dump(replace(build.note(), chart=chart))).chart
    assert type(back) is type(chart)
    assert repr(back) == repr(chart)


def test_an_empty_chart_is_not_confused_with_another() -> None:
    chart = CandleChart("SPY", (), (), (), (), (), (), None, None, (), "x")
    assert load(Note, dump(replace(build.note(), chart=chart))).chart == chart
    assert load(Note, dump(replace(build.note(), chart=EquityChart("t", (), (), "x")))).chart == EquityChart("t", (), (), "x")


@given(DECIMALS, INSTANTS, st.floats(), TEXT)
def test_a_signal_survives_any_money_time_number_and_text(price: Decimal, at: datetime, score: float, reason: str) -> None:
    signal = replace(build.signal(), price=price, as_of=at, score=score, reason=reason)
    back = load(Signal, dump(signal))
    assert str(back.price) == str(price)
    assert back.as_of == at
    assert back.score == score or (math.isnan(score) and back.score is not None and math.isnan(back.score))
    assert back.reason == reason


@given(st.lists(st.tuples(st.integers(-(10**9), 10**9), DECIMALS), max_size=4))
def test_holdings_survive(parts: list[tuple[int, Decimal]]) -> None:
    holdings = tuple(Holding(build.CALL, quantity, price) for quantity, price in parts)
    assert load(Position, dump(replace(build.position(), holdings=holdings))).holdings == holdings


@pytest.mark.parametrize("bad", [Decimal("NaN"), Decimal("Infinity"), Decimal("-Infinity")])
def test_money_that_is_no_number_is_refused_inside_a_noun(bad: Decimal) -> None:
    with pytest.raises(BadDataError, match="price"):
        dump(replace(build.signal(), price=bad))


def test_a_naive_time_is_refused_also_deep_inside_a_noun() -> None:
    quote = replace(build.proposal().quotes[0], as_of=build.NOW.replace(tzinfo=None))
    with pytest.raises(BadDataError, match="time zone"):
        dump(replace(build.proposal(), quotes=(quote,)))


def test_text_that_is_no_noun_is_refused() -> None:
    with pytest.raises(BadDataError, match="restore a backup"):
        load(Signal, '[{"id": 7}]')


@given(DECIMALS)
def test_money_is_exact_to_the_last_digit_and_exponent(amount: Decimal) -> None:
    money = Money()
    back = money.process_result_value(money.process_bind_param(amount, None), None)  # type: ignore[arg-type]  # the dialect is not looked at
    assert str(back) == str(amount)


@pytest.mark.parametrize("bad", [1.5, 3, "4.10", Decimal("NaN"), Decimal("Infinity")])
def test_money_refuses_everything_but_finite_decimals(bad: object) -> None:
    with pytest.raises(BadDataError):
        Money().process_bind_param(bad, None)  # type: ignore[arg-type]  # that is the point


@given(INSTANTS)
def test_time_is_exact_to_the_microsecond_and_in_utc(at: datetime) -> None:
    instant = Instant()
    back = instant.process_result_value(instant.process_bind_param(at, None), None)  # type: ignore[arg-type]  # the dialect is not looked at
    assert back == at
    assert back is not None
    assert back.tzinfo is UTC


def test_time_without_a_zone_is_refused() -> None:
    with pytest.raises(BadDataError, match="time zone"):
        Instant().process_bind_param(build.NOW.replace(tzinfo=None), None)  # type: ignore[arg-type]  # the dialect is not looked at


@given(st.dates())
def test_days_come_back_and_sort_as_text(day: date) -> None:
    kept = Day().process_bind_param(day, None)  # type: ignore[arg-type]  # the dialect is not looked at
    assert kept is not None
    assert Day().process_result_value(kept, None) == day  # type: ignore[arg-type]  # the dialect is not looked at
    assert (kept < "2024-03-04") == (day < date(2024, 3, 4))


def test_an_instant_is_not_taken_for_a_day() -> None:
    with pytest.raises(BadDataError, match="instant"):
        Day().process_bind_param(build.NOW, None)  # type: ignore[arg-type]  # the dialect is not looked at


def test_text_from_outside_loses_what_no_database_can_hold() -> None:
    assert clean("a\x00b\ud800c") == "a\ufffdb?c"
