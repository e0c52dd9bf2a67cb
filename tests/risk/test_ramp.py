"""The profile of an account's first live sessions: it tightens, never loosens, and only where real money is traded."""

from dataclasses import fields, replace
from typing import Any

import pytest

from core.model.proposals import Decision
from core.model.standing import Standing
from core.risk import found, vet_all
from core.risk._profile import AT_LEAST, AT_MOST, in_force, tightened
from core.risk.live_ramp import LiveRamp
from tests.kit import nouns

RULES: dict[str, Any] = {name: kind() for name, kind in found().items()}
EVERY = tuple(RULES.values())


def on_day(day: int) -> Any:
    return nouns.book(standing=Standing(live_day=day, stated=True))


def test_every_number_of_the_profile_belongs_to_a_setting_of_a_rule() -> None:
    for table in (AT_MOST, AT_LEAST):
        for name, numbers in table.items():
            assert numbers.keys() <= {field.name for field in fields(RULES[name])}


def test_paper_accounts_and_replays_are_never_in_it() -> None:
    assert in_force(EVERY, nouns.book()) == EVERY


@pytest.mark.parametrize(("day", "tight"), [(1, True), (30, True), (31, False), (400, False)])
def test_it_holds_for_thirty_live_sessions(day: int, tight: bool) -> None:
    chosen: dict[str, Any] = {rule.name: rule for rule in in_force(EVERY, on_day(day))}
    assert (chosen["trade_risk"].limit == 0.01) is tight
    assert (chosen["stale_quote"].limit == 3.0) is tight
    assert (chosen["session_window"].before_close == 10.0) is tight
    assert (chosen["order_shape"].contracts == 10) is tight


def test_switched_off_it_changes_nothing() -> None:
    without = tuple(rule for rule in EVERY if rule.name != "live_ramp")
    assert in_force(without, on_day(1)) == without


def test_it_never_loosens_a_limit_that_is_tighter_already() -> None:
    own = (
        (replace(RULES["trade_risk"], limit=0.005, dollars=200.0), {"limit": 0.005, "dollars": 200.0}),
        (replace(RULES["session_window"], after_open=30.0), {"after_open": 30.0, "before_close": 10.0}),
        (replace(RULES["order_shape"], contracts=3), {"contracts": 3}),
        (replace(RULES["cool_down"], stops=2, lock_minutes=90.0), {"stops": 2, "lock_minutes": 90.0}),
    )
    for rule, expected in own:
        made = tightened(rule)
        assert {name: getattr(made, name) for name in expected} == expected
        assert tightened(made) == made


def test_in_the_ramp_the_lower_of_one_percent_and_five_hundred_dollars_is_the_most_that_a_trade_loses() -> None:
    rich, poor = (replace(on_day(1), net_liquidation=nouns.dollars(net)) for net in (100_000, 20_000))
    made = nouns.proposal(quantity=100, max_loss=nouns.dollars(750), fees=nouns.dollars(0))
    for book, units in ((rich, 66), (poor, 26)):
        (verdict,) = [one for one in vet_all(EVERY, made, book, nouns.view()) if one.rule == "trade_risk"]
        assert (verdict.decision, verdict.quantity) == (Decision.TRIM, units)


def test_the_ramp_says_that_it_holds() -> None:
    assert "the tighter limits of the first days hold" in LiveRamp().check(nouns.proposal(), on_day(3), nouns.view()).reason
    assert "the usual limits hold" in LiveRamp().check(nouns.proposal(), on_day(31), nouns.view()).reason
