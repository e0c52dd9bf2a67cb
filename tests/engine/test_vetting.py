"""What vetting leaves behind and what the card says of it: verdicts, sizes, policies, modelled prices, the stop."""

from decimal import Decimal
from pathlib import Path

import pytest

from core.engine.settings import Expression, Policy
from core.model.notes import CandleChart, Note, PayoffChart
from core.model.proposals import Decision, Proposal, ProposalState
from core.options.policy import OptionPolicy
from core.posts.portfolio_digest import PortfolioDigest
from tests.engine.rig import Desk, desk
from tests.kit import nouns

#: What `nouns` give the leader: entry 100, ATR 4, so the stop is six dollars below.
STOP_DISTANCE = Decimal(6)


async def only(one: Desk) -> Proposal:
    (stored,) = await one.journal.proposals(list(ProposalState))
    return stored.proposal


async def ask(one: Desk) -> None:
    """From the start to the question."""
    await one.engine.start()
    await one.engine.scan()
    one.open_market()
    await one.engine.entries()


def said(note: Note, name: str) -> str:
    return next(field.value for field in note.fields if field.name == name)


async def test_every_verdict_is_stored_with_measured_value_and_limit(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await ask(one)
        passed = {verdict.rule: verdict for verdict in (await only(one)).verdicts}
    assert {rule.name for rule in one.engine.rules} <= set(passed)
    unmeasured = {rule for rule, verdict in passed.items() if verdict.measured is None or verdict.limit is None}
    assert unmeasured <= {
        "account_limits",
        "assignment",
        "contract",
        "corporate_action",
        "correlation",
        "earnings",
        "halted",
        "losing_streak",
        "second_quote",
    }, "nothing is held and nothing was lost yet; no option, no halt, no broker's limit, no second source is there to measure"
    assert passed["vix"].measured == 13.0
    assert passed["vix"].limit == 40.0


async def test_a_blocked_idea_keeps_the_verdicts_of_every_rule_too(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        one.market.changes["vix"] = 55.0
        await ask(one)
        assert await one.cards() == []
        verdicts = {verdict.rule: verdict for verdict in (await only(one)).verdicts}
        assert {rule.name for rule in one.engine.rules} <= set(verdicts)
        assert (verdicts["vix"].decision, verdicts["vix"].measured, verdicts["vix"].limit) == (Decision.BLOCK, 55.0, 40.0)
        assert verdicts["trade_risk"].measured is not None
        (note,) = await one.told("no order")
        assert "55" in note.body


async def test_a_trim_shrinks_the_order_and_the_card_says_which_rule(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await ask(one)
        proposal, (card,) = await only(one), await one.cards()
    (trim,) = [verdict for verdict in proposal.verdicts if verdict.decision is Decision.TRIM]
    assert (trim.rule, trim.quantity) == ("symbol_exposure", proposal.quantity)
    budget = int(1000 / ((-proposal.floor - 94) * Decimal("1.25")))
    assert 1 <= proposal.quantity < budget, "one percent of the account would be more shares"
    assert f"BUY {proposal.quantity} × LEAD" in said(card, "Order")
    first = said(card, "Risk rules").splitlines()[0]
    assert first.startswith("↓ symbol")
    assert f"{proposal.quantity} of {budget} units fit" in first


@pytest.mark.parametrize("gap", [0.0, 0.25, 1.0])
async def test_stock_may_lose_its_stop_distance_and_a_gap(tmp_path: Path, gap: float) -> None:
    async with desk(tmp_path, gap_allowance=gap) as one:
        await ask(one)
        proposal = await only(one)
    distance = -proposal.floor - Decimal(94)
    assert distance == pytest.approx(STOP_DISTANCE + 1, abs=Decimal("0.05")), "bought at the worst price that the card allows"
    assert proposal.max_loss == pytest.approx(
        distance * (1 + Decimal(str(gap))) * proposal.quantity + proposal.fees, abs=Decimal("0.01")
    )


@pytest.mark.parametrize(("below", "asked"), [("1", True), ("100000", False)])
async def test_entries_below_the_stated_loss_need_nobody_and_others_ask(tmp_path: Path, below: str, asked: bool) -> None:
    async with desk(tmp_path, auto_below=Decimal(below)) as one:
        await ask(one)
        assert bool(await one.cards()) is asked
        assert bool(one.engine.books.positions) is not asked
        assert len(await one.told("approved by policy")) == 1


async def test_a_policy_that_asks_nobody_is_announced_at_every_start(tmp_path: Path) -> None:
    async with desk(tmp_path, entries=Policy.AUTO) as one:
        await one.engine.start()
        (note,) = await one.told("nobody is asked")
        assert note.topic == "status"
    async with desk(tmp_path, entries=Policy.AUTO, since=one.clock.now().replace(minute=30)) as two:
        await two.engine.start()
        assert len(await two.told("nobody is asked")) == 2
    async with desk(tmp_path / "other") as three:
        await three.engine.start()
        assert await three.told("nobody is asked") == []


async def test_modelled_prices_are_said_on_card_fill_and_digest(tmp_path: Path) -> None:
    async with desk(tmp_path, expression=Expression.OPTIONS, start_cash=Decimal(1_000_000)) as one:
        one.market.listed = True
        one.engine.options = OptionPolicy(min_reward_risk=0.0, max_spread=0.5)
        proposal = await one.begin()
        (card,) = await one.cards()
        assert "modelled" in said(card, "Remarks")
        await one.react(proposal)
        assert len(one.engine.books.positions) == 1
        (filled,) = await one.told("opened (entry)")
        assert "(modelled price)" in filled.body
        digest = await PortfolioDigest().compose(one.engine, one.clock.now())
        assert any("modelled" in field.value for field in digest.fields)


async def test_a_signal_carries_its_candles_and_an_option_card_its_payoff(tmp_path: Path) -> None:
    async with desk(tmp_path, expression=Expression.OPTIONS, start_cash=Decimal(1_000_000), charts=True) as one:
        one.market.listed = True
        one.engine.options = OptionPolicy(min_reward_risk=0.0, max_spread=0.5)
        await ask(one)
        (idea,), (card,) = await one.told("set-up"), await one.cards()
    assert isinstance(idea.chart, CandleChart)
    assert (idea.chart.entry, idea.chart.stop) == (100.0, 94.0)
    assert [multiple for multiple, _ in idea.chart.rungs] == [7.0, 8.0, 9.0, 10.0]
    assert isinstance(card.chart, PayoffChart)
    assert min(card.chart.profit) < 0 < max(card.chart.profit)


async def test_prices_of_a_market_are_not_called_modelled(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.react(await one.begin())
        digest = await PortfolioDigest().compose(one.engine, one.clock.now())
        for note in [*await one.journal.notes(), digest]:
            assert "modelled" not in f"{note.body} {[field.value for field in note.fields]}"


async def test_a_score_is_shown_as_a_rank_and_never_as_a_probability(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await ask(one)
        (note,) = await one.told("set-up")
    (score,) = [f"{field.name} {field.value}" for field in note.fields if "core" in field.name]
    assert "rank" in score
    assert "of 100" in score
    assert "%" not in score
    assert "chance" not in f"{note.body} {score}"


async def test_the_stop_never_loosens(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        bought = await one.buy()
        assert bought.plan.stop == Decimal(94)
        for price, sma50, atr in ((118.0, 96.0, 4.0), (121.0, 92.0, 4.0), (104.0, 90.0, 9.0), (95.0, 70.0, 12.0)):
            one.market.prices["LEAD"] = price
            one.market.names["LEAD"] = nouns.symbol_view("LEAD", features={"sma50": sma50, "atr14": atr, "close": price})
            await one.tick(minutes=20)
            (held,) = one.engine.books.positions.values()
            assert held.plan.stop >= bought.plan.stop
        one.market.prices["LEAD"] = 93.99
        await one.tick()
        assert one.engine.books.positions == {}
