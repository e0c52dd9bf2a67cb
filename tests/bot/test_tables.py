from datetime import UTC, datetime, timedelta
from decimal import Decimal

import discord
import pytest

from bot import tables
from core.engine.answers import Explanation, Status
from core.engine.measures import Measures, Target
from core.model.errors import RefusedError, UnknownSymbolError
from core.model.instruments import Side
from core.model.orders import Fill
from core.model.proposals import ProposalState
from core.model.signals import Comparison, GateResult, Outcome
from core.ports.journal import Kill, StoredProposal
from tests.kit import nouns


def text(drawn: discord.Embed) -> str:
    return "\n".join([drawn.title or "", drawn.description or "", *(f"{field.name}: {field.value}" for field in drawn.fields)])


def status(**changes: object) -> Status:
    plain = {
        "at": nouns.NOW, "mode": "paper", "source": "simulated market, seed 7", "session": nouns.SESSION, "market_open": True,
        "completed": nouns.COMPLETED, "kill": Kill(0, "start", "", nouns.NOW), "open_positions": 2, "pending_proposals": 1,
        "unfinished_orders": 0, "doubtful_orders": 0, "undelivered_notes": 3, "reconciled_at": nouns.NOW,
        "reconciled": "all agrees",
        "targets": Measures().targets(),
    }  # fmt: skip
    return Status(**{**plain, **changes})  # type: ignore[arg-type]


def test_an_unknown_symbol_names_the_nearest_ones() -> None:
    assert tables.symbol(" aapl ", {"AAPL", "AAP"}) == "AAPL"
    with pytest.raises(UnknownSymbolError, match=r"APPL is not in the universe; did you mean AAPL, AAP\?"):
        tables.symbol("appl", {"AAPL", "AAP", "MSFT"})
    with pytest.raises(UnknownSymbolError, match="2 symbols are known"):
        tables.symbol("QQ", {"AAPL", "MSFT"})


def test_completion_gives_at_most_twenty_five_that_begin_so_first() -> None:
    names = [f"A{number:03d}" for number in range(100)] + ["BA"]
    assert tables.suggestions("a", names) == names[:25]
    assert tables.suggestions("ba", names) == ["BA"]
    assert tables.suggestions("", ["x" * 101, "y"]) == ["y"]


def test_status_shows_targets_that_hold_that_fail_and_that_nothing_feeds() -> None:
    shown = [
        tables.target(Target("claim to first byte", 41.2345, 200, "ms", 12)),
        tables.target(Target("uptime", 99.0, 99.9, "%", 9, higher_is_better=True)),
        tables.target(Target("cache hits", None, 80, "%", 0, higher_is_better=True)),
    ]
    assert shown == [
        "✓ claim to first byte: 41.23 ms (below 200 ms; 12 samples)",
        "✗ uptime: 99 % (at least 99.9 %; 9 samples)",
        "cache hits: n/a (at least 80 %)",
    ]


def test_status_of_a_halted_desk_says_who_and_why_and_turns_red() -> None:
    drawn = tables.status(status(kill=Kill(2, "owner", "odd fills", nouns.NOW)), ["Channel 5 refuses the bot."])
    assert "Orders: HALT by owner: odd fills" in text(drawn)
    assert "Channel 5 refuses the bot." in text(drawn)
    assert drawn.colour == discord.Colour(0xC8383F)
    assert "12 Jun 2024 16:00 New York" in text(drawn)


def test_an_empty_account_says_so_in_words() -> None:
    book = nouns.book()
    assert "Net liquidation" in text(tables.summary(book, [], []))
    assert "Nothing waits." in text(tables.pending([]))
    assert "No order is open." in text(tables.orders([]))
    assert "No executions" in text(tables.fills([]))
    assert "No signals" in text(tables.signals([]))
    assert "No limit is switched on." in text(tables.risk(book, [], []))


def test_a_long_list_ends_with_how_many_more() -> None:
    fills = [
        Fill(f"e{number}", "k", "paper", 0, "LEAD", Side.BUY, 1, Decimal(100), None, nouns.NOW + timedelta(seconds=number))
        for number in range(60)
    ]
    shown = text(tables.fills(fills))
    assert "… and 35 more" in shown
    assert "fee n/a" in shown


def test_gates_show_value_threshold_and_what_was_not_evaluated() -> None:
    results = (
        GateResult("price", "price at least 5", 101.5, Comparison.GE, 5.0, Outcome.PASS),
        GateResult("atr", "ATR at least 3 %", 1.25, Comparison.GE, 3.0, Outcome.FAIL),
        GateResult("earnings", "no earnings soon", None, Comparison.GT, 5.0, Outcome.ABSENT),
        GateResult("nan", "close above SMA200", float("nan"), Comparison.GT, None, Outcome.FAIL),
    )
    drawn = tables.explanation(Explanation("LEAD", "atr_matrix", nouns.COMPLETED, 101.5, results, None, None))
    assert (drawn.description or "").splitlines() == [
        "✓ price at least 5: 101.5 >= 5",
        "✗ ATR at least 3 %: 1.25 >= 3",
        "n/a no earnings soon: n/a > 5",
        "✗ close above SMA200: n/a > n/a",
    ]
    assert drawn.title == "LEAD on 2024-06-11: at least one gate fails"


def test_a_signal_shows_what_became_of_it() -> None:
    stored = StoredProposal(nouns.proposal(), ProposalState.VETOED, reason="vetoed by Anna")
    shown = text(tables.signal(nouns.signal(), [stored]))
    assert "stock, vetoed: vetoed by Anna" in shown
    assert "7×" in shown


def test_closing_needs_a_positive_number() -> None:
    assert tables.whole_units(None) is None
    assert tables.whole_units(3) == 3
    for quantity in (0, -1):
        with pytest.raises(RefusedError, match=f"{quantity} units cannot be closed"):
            tables.whole_units(quantity)


def test_times_are_shown_in_new_york() -> None:
    assert tables.when(datetime(2026, 3, 9, 13, 30, tzinfo=UTC)) == "09 Mar 2026 09:30 New York"
    assert tables.when(None) == "n/a"
