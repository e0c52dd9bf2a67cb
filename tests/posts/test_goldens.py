"""What the posts read like, word for word, on the small book.

``QUANTMATRIX_GOLDEN=write`` renews the files; read the difference.
"""

import os
from decimal import Decimal
from pathlib import Path

import pytest

import core.posts
from core.model.market import Quote
from core.model.notes import EquityChart
from core.model.signals import Signal
from core.ports.plugins import discover
from core.posts import _market, _signals
from core.posts._text import block, outside
from core.posts.portfolio_digest import PortfolioDigest
from core.posts.status import StatusPost
from tests.engine.rig import desk
from tests.kit import nouns
from tests.posts import books
from tests.test_every_post import compose, occasion

GOLDEN = Path(__file__).parent / "golden"
POSTS = discover(core.posts)


@pytest.mark.parametrize("name", list(POSTS))
async def test_it_reads_as_agreed(name: str, tmp_path: Path) -> None:
    async with desk(tmp_path, charts=True) as one:
        await one.engine.start()
        await books.small(one)
        written = books.text(await compose(POSTS[name](), one))
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("QUANTMATRIX_GOLDEN") == "write":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(written, encoding="utf-8")
    assert written == golden.read_text(encoding="utf-8")


async def test_day_and_total_are_the_account_to_the_cent(tmp_path: Path) -> None:
    async with desk(tmp_path, charts=True) as one:
        await one.engine.start()
        await books.small(one)
        one.clock.turn_to(occasion(PortfolioDigest()))
        book = await one.engine.book()
        note = await compose(PortfolioDigest(), one)
    said = {field.name: field.value for field in note.fields}
    assert book.net_liquidation == Decimal(100_948)
    assert said["Day"].startswith("+$448.00\nfrom $100,500.00"), "the day is the change since the previous close"
    assert said["Since the start"].startswith("+$948.00\n+0.95 % of $100,000.00"), "the whole is not the day"
    assert said["Made of"] == "realised after fees +$248.00\nunrealised +$700.00"
    assert note.chart == EquityChart(
        "Equity of paper", ("2024-06-07", "2024-06-10", "2024-06-11"), (100_100.0, 100_400.0, 100_500.0), "a table in memory"
    )


async def test_a_halted_desk_is_red_and_says_who_and_why(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        await one.engine.start()
        await one.engine.halt("owner", "a test of the brake")
        note = await compose(StatusPost(), one)
    assert note.tone == "bad"
    assert "**halted** by owner: a test of the brake" in note.body


@pytest.mark.parametrize(
    ("closes", "expected"),
    [
        ([100.0, 105.0], _signals.Outcome("LEAD", 0.05, stopped=False, rung=None)),
        ([100.0, 93.0], _signals.Outcome("LEAD", -0.07, stopped=True, rung=None)),
        ([100.0, 125.0], _signals.Outcome("LEAD", 0.25, stopped=False, rung=8.0)),
        ([50.0, 46.5], _signals.Outcome("LEAD", -0.07, stopped=True, rung=None)),
        ([100.0, float("nan")], None),
    ],
    ids=["higher", "stopped", "at a rung", "split in between", "no price"],
)
def test_an_outcome_is_measured_on_the_next_bar(closes: list[float], expected: _signals.Outcome | None) -> None:
    seen = nouns.view(nouns.symbol_view(bars=nouns.bars([90.0, 95.0, *closes])))
    found = _signals.outcome(signal_of_the_bar_before(), seen)
    assert (found is None) is (expected is None)
    if found is not None and expected is not None:
        assert found.change == pytest.approx(expected.change)
        assert (found.symbol, found.stopped, found.rung) == (expected.symbol, expected.stopped, expected.rung)


def test_a_setup_whose_next_bar_is_missing_has_no_outcome() -> None:
    assert _signals.outcome(nouns.signal(), nouns.view()) is None
    assert _signals.outcome(nouns.signal("GONE"), nouns.view()) is None


def signal_of_the_bar_before() -> Signal:
    return nouns.signal(session=books.BEFORE)


def test_overnight_takes_only_fresh_quotes_of_a_market() -> None:
    def moved(quote: Quote) -> list[str]:
        seen = nouns.view(nouns.symbol_view(quote=quote))
        return _market.overnight(seen, ["LEAD"], nouns.SESSION.open)

    assert moved(nouns.quote(103)) == ["up: LEAD +3.0 %"]
    assert moved(nouns.quote(97)) == ["down: LEAD -3.0 %"]
    assert moved(nouns.quote(103, modelled=True)) == []
    assert moved(nouns.quote(103, as_of=nouns.SESSION.open)) == []
    assert moved(nouns.quote(103, bid=Decimal(0))) == []


def test_an_unknown_regime_is_said() -> None:
    assert _market.regime_lines(nouns.view(regime=None)) == ["Regime n/a: this run has no index."]


def test_a_block_keeps_whole_lines_and_counts_the_rest() -> None:
    assert block(["a" * 20] * 3, "none", room=53) == "\n".join(["a" * 20, "… and 2 more"])
    assert block(["short"] * 3, "none") == "short\nshort\nshort"
    assert block([], "none") == "none"


def test_text_from_outside_is_made_inert() -> None:
    assert outside("**bold** <@1> [a](https://b)\nnext") == r"\*\*bold\*\* \<\@1\> \[a\](https\://b) next"
    assert len(outside("x" * 500)) == 90
