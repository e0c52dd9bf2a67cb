"""What every strategy in core/strategies holds to, whatever it trades."""

import dataclasses
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, get_type_hints

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.market.scan import evaluate
from core.model.market import MarketView
from core.model.signals import Comparison, Intent
from core.ports.strategy import Strategy
from core.strategies import found
from tests.kit import nouns

STRATEGIES: Mapping[str, Any] = found()
every_strategy = pytest.mark.parametrize("strategy", [made() for made in STRATEGIES.values()], ids=list(STRATEGIES))

rows = st.fixed_dictionaries(
    {name: st.sampled_from([value, value * 0.5, value * 1.05, value * 2, -1.0, math.nan]) for name, value in nouns.LEADER.items()}
)


def market(tables: list[dict[str, float]]) -> MarketView:
    return nouns.view(*[nouns.symbol_view(f"S{number}", features=row) for number, row in enumerate(tables)])


def test_there_are_strategies() -> None:
    assert "atr_matrix" in STRATEGIES


@every_strategy
def test_it_is_a_frozen_dataclass_with_bounded_settings(strategy: Any) -> None:
    kind = type(strategy)
    assert kind.__dataclass_params__.frozen
    assert not hasattr(strategy, "__dict__")
    hints = get_type_hints(kind, include_extras=True)
    for field in dataclasses.fields(kind):
        assert getattr(hints[field.name], "__metadata__", ()), f"{field.name} has no bounds"


@every_strategy
def test_its_gates_are_sound_data(strategy: Strategy) -> None:
    names = [gate.name for gate in strategy.gates]
    assert names
    assert len(set(names)) == len(names)
    assert strategy.gates == strategy.gates
    for gate in strategy.gates:
        assert gate.feature in nouns.LEADER
        assert gate.label
        assert isinstance(gate.comparison, Comparison)
        assert not isinstance(gate.threshold, str) or gate.threshold in nouns.LEADER
        assert gate.low <= gate.high


@every_strategy
@given(tables=st.lists(rows, min_size=1, max_size=6), lenient=st.booleans())
def test_its_ideas_are_repeatable_ranked_and_only_for_survivors(strategy: Strategy, tables: Any, lenient: bool) -> None:
    view = market(tables)
    survivors = evaluate(strategy.gates, view.features, view.symbols, strict=not lenient).survivors
    signals = strategy.propose(view, nouns.book(), survivors)
    assert signals == strategy.propose(view, nouns.book(), tuple(reversed(survivors)))
    assert {signal.symbol for signal in signals} <= set(survivors)
    assert len({signal.id for signal in signals}) == len(signals)
    scores = [signal.score if signal.score is not None else -1.0 for signal in signals]
    assert scores == sorted(scores, reverse=True)
    for signal in signals:
        assert (signal.intent, signal.strategy, signal.session) == (Intent.OPEN, strategy.name, view.completed)
        assert 0 <= (signal.score or 0) <= 100
        assert signal.reason.endswith(".")
        assert signal.levels is not None
        assert signal.levels.stop < signal.levels.entry
        assert strategy.rate(signal.symbol, view) == (signal.score, signal.levels)


@every_strategy
def test_it_decides_on_the_completed_bar_and_not_on_the_quote_of_the_moment(strategy: Strategy) -> None:
    calm = nouns.view()
    wild = nouns.view(nouns.symbol_view(quote=nouns.quote(300)))
    blind = nouns.view(nouns.symbol_view(quote=None))
    expected = strategy.propose(calm, nouns.book(), ("LEAD",))
    assert strategy.propose(wild, nouns.book(), ("LEAD",)) == expected
    assert strategy.propose(blind, nouns.book(), ("LEAD",)) == expected


@every_strategy
def test_bars_after_the_completed_one_cannot_move_it(strategy: Strategy) -> None:
    now = nouns.view()
    future = nouns.view(nouns.symbol_view(bars=nouns.bars(np.linspace(100, 900, 300))))
    assert strategy.propose(future, nouns.book(), ("LEAD",)) == strategy.propose(now, nouns.book(), ("LEAD",))


@every_strategy
def test_the_id_of_an_idea_changes_with_its_session(strategy: Strategy) -> None:
    view = nouns.view()
    earlier = dataclasses.replace(view, completed=nouns.COMPLETED.replace(day=10))
    ids = {signal.id for one in (view, earlier) for signal in strategy.propose(one, nouns.book(), ("LEAD",))}
    assert len(ids) == 2


@every_strategy
def test_an_empty_market_an_empty_book_and_unknown_numbers_are_no_reason_to_act(strategy: Strategy) -> None:
    assert strategy.propose(nouns.view(), nouns.book(), ()) == ()
    blank = nouns.view(nouns.symbol_view(features=dict.fromkeys(nouns.LEADER, math.nan), quote=None, bars=nouns.bars([])))
    assert strategy.propose(blank, nouns.book(), ("LEAD",)) == ()
    assert strategy.manage(nouns.position(), blank) == ()
    assert strategy.rate("LEAD", blank) == (None, None)


@every_strategy
@given(quantity=st.integers(1, 1000), options=st.booleans())
def test_its_plan_closes_exactly_what_is_opened_and_keeps_the_stop(strategy: Strategy, quantity: int, options: bool) -> None:
    signal = nouns.signal()
    plan = strategy.plan(signal, quantity, options=options)
    assert signal.levels is not None
    assert plan.stop == signal.levels.stop
    assert sum(units for _, units in plan.ladder) == quantity
    assert all(units >= 0 for _, units in plan.ladder)


@every_strategy
@given(price=st.decimals("1", "400", places=2), units=st.integers(1, 500), fired=st.sets(st.sampled_from([7.0, 8.0, 9.0, 10.0])))
def test_its_exits_are_repeatable_named_and_never_more_than_is_held(
    strategy: Strategy, price: Decimal, units: int, fired: set[float]
) -> None:
    position = nouns.position(units=units, fired=tuple(sorted(fired)), strategy=strategy.name)
    view = nouns.view(nouns.symbol_view(quote=nouns.quote(float(price), 0)))
    signals = strategy.manage(position, view)
    assert signals == strategy.manage(position, view)
    assert sum(signal.quantity or 0 for signal in signals) <= units
    assert len({signal.id for signal in signals}) == len(signals)
    for signal in signals:
        assert (signal.intent, signal.position_id, signal.symbol) == (Intent.CLOSE, position.id, "LEAD")
        assert signal.reason.endswith(".")
        assert (signal.quantity or 0) >= 1
        assert signal.multiple not in fired


@every_strategy
def test_its_triggers_begin_with_the_stop(strategy: Strategy) -> None:
    position = nouns.position(strategy=strategy.name)
    assert strategy.triggers(position, nouns.view())[0] == position.plan.stop
    assert strategy.triggers(nouns.position("GONE", strategy=strategy.name), nouns.view()) == (position.plan.stop,)
