"""The option choice on real chains."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from core.options.choose import Choice, OptionPolicy, Refusal, choose
from tests.options.builders import FRESH, real_chain, signal

POLICY = OptionPolicy()


def test_a_real_spy_chain_gives_a_call_below_the_limit_and_a_spread_above_it(shared: Path) -> None:
    close = datetime(2015, 1, 5, 21, 0, tzinfo=UTC)
    chain = real_chain(shared / "data/options/spy_chain_20150105.parquet", "SPY", 201.72, close, 0.02, iv_rank=40.0)
    idea = signal("SPY", 201.72, 196.5, 214.0, close)
    call = choose(chain, idea, POLICY, Decimal(2000), close, FRESH)
    assert isinstance(call, Choice)
    assert not call.modelled
    assert call.remarks == ()
    assert str(call.legs[0].instrument) == "SPY 30 Jan 15 200.5 call"
    assert (call.quotes[0].bid, call.quotes[0].ask) == (Decimal("4.43"), Decimal("4.51"))
    assert call.max_loss == Decimal("451.00")
    assert call.value_at_stop < 451 < call.value_at_target
    spread = choose(replace(chain, iv_rank=60.0), idea, replace(POLICY, min_reward_risk=1.5), Decimal(2000), close, FRESH)
    assert isinstance(spread, Choice)
    assert spread.structure == "call debit spread"
    assert spread.max_loss < call.max_loss
    assert chain.contracts[0].expiry < close.date()  # expired contracts with stale quotes are listed, and never chosen


def test_a_real_ford_chain_is_bought_or_refused_by_budget(shared: Path) -> None:
    close = datetime(2020, 12, 9, 21, 0, tzinfo=UTC)
    chain = real_chain(shared / "data/options/f_chain_td_20201209.parquet", "F", 9.425, close, 0.0, iv_rank=40.0)
    idea = signal("F", 9.425, 8.9, 11.0, close)
    call = choose(chain, idea, POLICY, Decimal(200), close, FRESH)
    assert isinstance(call, Choice)
    assert str(call.legs[0].instrument) == "F 08 Jan 21 9.5 call"
    assert call.natural == Decimal("-0.39")
    refusal = choose(chain, idea, POLICY, Decimal(20), close, FRESH)
    assert isinstance(refusal, Refusal)
    assert refusal.sentence == "F: one long call can lose $22.00 at least, the budget is $20.00"
