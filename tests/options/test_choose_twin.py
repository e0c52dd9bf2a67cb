"""The option choice over random markets: every choice keeps the policy and equals that of a slow honest twin."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from core.market.chains import modelled_chain, years_to
from core.market.sessions import Sessions
from core.model.instruments import Option, Right
from core.model.market import Chain
from core.options.choose import Choice, OptionPolicy, Refusal, Structure, choose, max_loss
from core.quant.american import implied_volatility, price
from tests.options.builders import FRESH, signal

SESSIONS = Sessions.open(date(2026, 1, 2), date(2027, 6, 30))
NOW = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)
POLICY = OptionPolicy()
SPREADS = [Structure.CALL_DEBIT_SPREAD, Structure.PUT_CREDIT_SPREAD]


@given(
    st.floats(20.0, 400.0),
    st.floats(0.15, 1.0),
    st.floats(0.02, 0.12),
    st.floats(0.05, 0.4),
    st.sampled_from([0.0, 0.03]),
    st.sampled_from([30.0, 80.0]),
    st.sampled_from(SPREADS),
    st.integers(50, 3000),
)
@settings(max_examples=80, deadline=None)
def test_every_choice_keeps_the_whole_policy(
    spot: float, volatility: float, stop: float, target: float, dividend: float, iv_rank: float, above: Structure, budget: int
) -> None:
    chain = modelled_chain("AAA", spot, volatility, NOW, 0.03, dividend, SESSIONS, iv_rank=iv_rank)
    policy = replace(POLICY, above_limit=above, min_reward_risk=1.0)
    idea = signal("AAA", round(spot, 2), round(spot * (1 - stop), 2), round(spot * (1 + target), 2), NOW)
    choice = choose(chain, idea, policy, Decimal(budget), NOW, FRESH)
    again = choose(chain, idea, policy, Decimal(budget), NOW, FRESH)
    assert choice == again
    if isinstance(choice, Refusal):
        assert choice.sentence.startswith("AAA: ")
        return
    assert choice.structure == (Structure.LONG_CALL if iv_rank < 50 else above)
    assert 0 < choice.max_loss <= budget
    assert choice.max_loss == max_loss(choice.legs, choice.natural)
    assert choice.reward_risk >= 1.0
    assert choice.mid >= choice.natural
    assert choice.mid % choice.tick == 0 == choice.natural % choice.tick
    assert 14 <= choice.days <= 60
    assert choice.delta > 0
    main = chain.contracts.index(choice.legs[0].instrument)
    assert 0.30 <= abs(chain.delta[main]) <= 0.70
    for leg in choice.legs:
        place = chain.contracts.index(leg.instrument)
        assert chain.volume[place] >= 100
        assert chain.open_interest[place] >= 500
        assert chain.ask[place] - chain.bid[place] <= 0.1001 * (chain.ask[place] + chain.bid[place]) / 2


def honest_long_call(chain: Chain, stop: float, target: float, budget: float) -> Option | None:
    """The long call, contract by contract, in plain words."""
    best: tuple[float, Option] | None = None
    for i, contract in enumerate(chain.contracts):
        bid, ask, delta = float(chain.bid[i]), float(chain.ask[i]), float(chain.delta[i])
        days, years = (contract.expiry - date(2026, 3, 10)).days, years_to(contract.expiry, NOW)
        if contract.right is Right.PUT or not 14 <= days <= 60 or not 0.30 <= delta <= 0.70 or bid <= 0:
            continue
        if chain.volume[i] < 100 or chain.open_interest[i] < 500 or (ask - bid) / ((ask + bid) / 2) > 0.10:
            continue
        strike, terms = float(contract.strike), (chain.rate, chain.dividend_yield)
        sigma = float(implied_volatility((bid + ask) / 2, chain.spot, strike, years, *terms, is_call=True))
        gain = float(price(target, strike, years * 2 / 3, *terms, sigma, is_call=True)) - ask
        loss = ask - float(price(stop, strike, years * 2 / 3, *terms, sigma, is_call=True))
        if loss <= 0 or gain / loss < 2.0 or round(ask * 100, 2) > budget:
            continue
        distance = abs(delta - 0.55) / 0.4 + abs(days - 35) / 46 + (ask - bid) / ((ask + bid) / 2) / 0.4
        if best is None or round(distance, 9) < best[0]:
            best = (round(distance, 9), contract)
    return best[1] if best else None


@given(st.floats(20.0, 400.0), st.floats(0.2, 0.9), st.floats(0.03, 0.1), st.floats(0.1, 0.4), st.integers(100, 2000))
@settings(max_examples=40, deadline=None)
def test_the_long_call_equals_that_of_a_slow_honest_twin(
    spot: float, volatility: float, stop: float, target: float, budget: int
) -> None:
    chain = modelled_chain("AAA", spot, volatility, NOW, 0.03, 0.01, SESSIONS, iv_rank=20.0)
    low, high = round(spot * (1 - stop), 2), round(spot * (1 + target), 2)
    found = choose(chain, signal("AAA", round(spot, 2), low, high, NOW), POLICY, Decimal(budget), NOW, FRESH)
    expected = honest_long_call(chain, low, high, float(budget))
    assert (found.legs[0].instrument if isinstance(found, Choice) else None) == expected
