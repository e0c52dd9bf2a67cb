"""The option choice on a modelled chain."""

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from core.market.chains import modelled_chain, years_to
from core.market.sessions import Sessions
from core.model.errors import SettingsError
from core.model.instruments import Option, Right, Side
from core.model.market import Chain
from core.model.proposals import LegQuote
from core.options.choose import Choice, OptionPolicy, Refusal, Structure, choose, tick
from core.options.value import value
from core.quant.american import implied_volatility
from tests.options.builders import FRESH, signal

SESSIONS = Sessions.open(date(2026, 1, 2), date(2027, 6, 30))
NOW = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)
IDEA = signal("AAA", 101.3, 95.0, 121.0, NOW)
POLICY = OptionPolicy()
RICH = Decimal(100_000)


def market(iv_rank: float = 30.0, dividend_yield: float = 0.0) -> Chain:
    return modelled_chain("AAA", 101.3, 0.45, NOW, 0.04, dividend_yield, SESSIONS, iv_rank=iv_rank)


def chosen(chain: Chain, policy: OptionPolicy = POLICY, budget: Decimal = RICH) -> Choice:
    found = choose(chain, IDEA, policy, budget, NOW, FRESH)
    assert isinstance(found, Choice), found
    return found


def refused(chain: Chain, policy: OptionPolicy = POLICY, budget: Decimal = RICH, age: float = 0.0) -> Refusal:
    found = choose(chain, IDEA, policy, budget, NOW + timedelta(seconds=age), FRESH)
    assert isinstance(found, Refusal), found
    assert found.sentence.startswith("AAA: ")
    return found


def test_cheap_volatility_buys_a_call_near_the_aims() -> None:
    choice = chosen(market())
    assert choice.structure == "long call"
    assert [str(leg.instrument) for leg in choice.legs] == ["AAA 17 Apr 26 100 call"]
    assert choice.legs[0].side is Side.BUY
    assert choice.days == 38
    assert 0.30 <= choice.delta / 100 <= 0.70
    assert choice.natural == -choice.quotes[0].ask
    assert choice.natural < choice.mid < 0
    assert choice.max_loss == -choice.natural * 100
    assert choice.break_evens == (Decimal(100) - choice.natural,)
    assert choice.modelled
    assert "modelled" in choice.remarks[0]
    assert choice.counts[-1][0] == "budget"
    assert [left for _, left in choice.counts] == sorted((left for _, left in choice.counts), reverse=True)


def test_reward_and_risk_are_the_legs_revalued_at_target_and_stop() -> None:
    chain = market(dividend_yield=0.02)
    choice = chosen(chain, replace(POLICY, hold=0.5))
    option, quote = choice.legs[0].instrument, choice.quotes[0]
    assert isinstance(option, Option)
    years = years_to(option.expiry, NOW)
    sigma = implied_volatility(float(quote.bid + quote.ask) / 2, 101.3, float(option.strike), years, 0.04, 0.02, is_call=True)
    later = NOW + timedelta(days=365 * years / 2)
    worth = value(choice.legs, {option.key: float(sigma)}, np.array([121.0, 95.0]), later, 0.04, 0.02)
    assert (choice.value_at_target, choice.value_at_stop) == pytest.approx(worth, abs=0.01)
    paid = float(choice.max_loss)
    assert choice.reward_risk == pytest.approx((worth[0] - paid) / (paid - worth[1]), rel=1e-4)


@pytest.mark.parametrize(("iv_rank", "structure"), [(49.9, "long call"), (50.0, "call debit spread"), (90.0, "call debit spread")])
def test_long_premium_is_bought_only_below_the_iv_rank_limit(iv_rank: float, structure: str) -> None:
    assert chosen(market(iv_rank), replace(POLICY, min_reward_risk=1.0)).structure == structure


def test_an_unknown_iv_rank_is_not_evaluated_and_says_so() -> None:
    choice = chosen(market(math.nan))
    assert choice.structure == "long call"
    assert any("IV rank is unknown" in remark for remark in choice.remarks)


def test_a_call_debit_spread_buys_the_near_call_and_sells_a_farther_one() -> None:
    choice = chosen(market(70.0), replace(POLICY, min_reward_risk=1.0))
    bought, sold = (leg.instrument for leg in choice.legs)
    assert isinstance(bought, Option)
    assert isinstance(sold, Option)
    assert [leg.side for leg in choice.legs] == [Side.BUY, Side.SELL]
    assert bought.right is sold.right is Right.CALL
    assert bought.expiry == sold.expiry
    assert bought.strike < sold.strike
    assert choice.natural == choice.quotes[1].bid - choice.quotes[0].ask
    assert choice.max_loss == -choice.natural * 100 < (sold.strike - bought.strike) * 100
    assert choice.tick == Decimal("0.01")
    assert any("IV rank 70 is not below 50" in remark for remark in choice.remarks)


def test_a_put_credit_spread_sells_the_near_put_and_buys_a_farther_one() -> None:
    policy = replace(POLICY, above_limit=Structure.PUT_CREDIT_SPREAD, min_reward_risk=0.5, delta_low=0.2, delta_aim=0.4)
    choice = chosen(market(70.0), policy)
    sold, bought = (leg.instrument for leg in choice.legs)
    assert isinstance(bought, Option)
    assert isinstance(sold, Option)
    assert [leg.side for leg in choice.legs] == [Side.SELL, Side.BUY]
    assert bought.right is sold.right is Right.PUT
    assert bought.strike < sold.strike
    assert choice.natural == choice.quotes[0].bid - choice.quotes[1].ask > 0
    assert choice.max_loss == (sold.strike - bought.strike - choice.natural) * 100
    assert choice.delta > 0
    assert choice.value_at_stop < choice.value_at_target < 0


@pytest.mark.parametrize(
    ("policy", "name", "words"),
    [
        (replace(POLICY, days_low=1, days_aim=1, days_high=2), "days to expiry", "expires within 1-2 days; the nearest has 3 days"),
        (
            replace(POLICY, delta_low=0.552, delta_aim=0.555, delta_high=0.558),
            "delta",
            "has a delta of 0.55-0.56; the nearest has 0.",
        ),
        (replace(POLICY, min_volume=90_000), "volume", "has a volume of 90000; the best has "),
        (replace(POLICY, min_open_interest=90_000), "open interest", "has open interest of 90000; the best has "),
        (replace(POLICY, max_spread=0.001), "spread", "has a spread of at most 0% of its mid; the best has "),
        (
            replace(POLICY, min_reward_risk=90.0),
            "reward:risk",
            "no long call has a reward:risk of 90 between stop and first rung; ",
        ),
    ],
)
def test_a_refusal_names_the_filter_its_bound_and_how_near_the_best_came(policy: OptionPolicy, name: str, words: str) -> None:
    refusal = refused(market(), policy)
    assert refusal.filter == name
    assert words in refusal.sentence
    assert refusal.counts[-1] == (name, 0)
    assert all(left > 0 for _, left in refusal.counts[:-1])


def test_a_contract_that_the_budget_cannot_lose_is_refused_with_both_numbers() -> None:
    refusal = refused(market(), budget=Decimal("150.00"))
    assert refusal.filter == "budget"
    assert refusal.sentence.endswith("at least, the budget is $150.00")
    cheapest = Decimal(refusal.sentence.split("$")[1].split(" ")[0])
    assert chosen(market(), budget=cheapest).max_loss == cheapest


def test_a_spread_without_a_liquid_second_leg_is_refused() -> None:
    refusal = refused(market(70.0), replace(POLICY, far_low=0.0, far_aim=0.0, far_high=0.0001))
    assert refusal.filter == "second leg"
    assert "no second leg of the same expiry with delta 0.00-0.00 is liquid enough" in refusal.sentence


def test_a_stale_chain_an_empty_chain_and_a_passed_target_are_refused() -> None:
    chain = market()
    assert refused(chain, age=15.0 + 1e-6).sentence == "AAA: the chain is 15 s old, at most 15 s are allowed"
    empty = modelled_chain("AAA", 500_000.0, 0.3, NOW, 0.04, 0.0, SESSIONS)
    assert refused(empty).sentence == "AAA: the chain is empty"
    assert "is not between the stop 95.00 and the first rung 121.00" in refused(replace(chain, spot=121.0)).sentence
    assert "is not a number" in refused(replace(chain, spot=math.nan)).sentence
    bare = choose(chain, replace(IDEA, levels=None), POLICY, RICH, NOW, FRESH)
    assert isinstance(bare, Refusal)
    assert bare.filter == "levels"


@pytest.mark.parametrize(
    "spoil", ["crossed", "zero bid", "nan bid", "nan ask", "infinite ask", "nan delta", "nan volume", "nan interest"]
)
@pytest.mark.parametrize("iv_rank", [30.0, 70.0])
def test_a_contract_with_an_unsound_quote_is_never_chosen(spoil: str, iv_rank: float) -> None:
    chain = market(iv_rank)
    policy = replace(POLICY, min_reward_risk=0.5)
    first = chosen(chain, policy)
    columns = {name: getattr(chain, name).copy() for name in ("bid", "ask", "delta", "volume", "open_interest")}
    for leg in first.legs:
        place = chain.contracts.index(leg.instrument)
        name, bad = {
            "crossed": ("bid", columns["ask"][place] + 0.01),
            "zero bid": ("bid", 0.0),
            "nan bid": ("bid", math.nan),
            "nan ask": ("ask", math.nan),
            "infinite ask": ("ask", math.inf),
            "nan delta": ("delta", math.nan),
            "nan volume": ("volume", math.nan),
            "nan interest": ("open_interest", math.nan),
        }[spoil]
        columns[name][place] = bad
    found = choose(replace(chain, **columns), IDEA, policy, RICH, NOW, FRESH)
    spoiled = {leg.instrument for leg in first.legs}
    assert isinstance(found, Refusal) or spoiled.isdisjoint(leg.instrument for leg in found.legs)


def test_a_chain_of_unsound_quotes_is_refused_by_name() -> None:
    chain = market()
    assert refused(replace(chain, bid=np.zeros_like(chain.bid))).filter == "quote"
    assert refused(replace(chain, delta=np.full_like(chain.delta, np.nan))).filter == "delta"
    assert refused(replace(chain, volume=np.full_like(chain.volume, np.nan))).sentence.endswith("none is known")


def test_f108_adjusted_contracts_are_never_chosen() -> None:
    chain = market()
    odd = replace(chain, contracts=tuple(replace(contract, multiplier=150) for contract in chain.contracts))
    assert refused(odd).filter == "quote"


@pytest.mark.parametrize(
    ("bid", "ask", "step"),
    [
        ("1.10", "1.20", "0.01"),
        ("4.90", "5.10", "0.05"),
        ("4.43", "4.51", "0.01"),
        ("2.97", "3.05", "0.05"),
        ("4.45", "4.51", "0.01"),
    ],
)
def test_the_tick_is_that_of_the_quote(bid: str, ask: str, step: str) -> None:
    assert tick((LegQuote("AAA", Decimal(bid), Decimal(ask), NOW, modelled=False),)) == Decimal(step)


def test_a_policy_that_contradicts_itself_lists_every_mistake() -> None:
    with pytest.raises(SettingsError) as caught:
        OptionPolicy(delta_low=0.6, days_high=20, above_limit=Structure.LONG_CALL)
    assert len(caught.value.mistakes) == 3
