"""Who is paged, and desks with several cards at once; shared by the tests of kill levels, breakers, guard and watchdog."""

import numpy as np

from core.model.market import SymbolView
from tests.engine.rig import Desk
from tests.kit import nouns


def leaders(count: int) -> dict[str, SymbolView]:
    """So many names that pass every gate, with bars of their own and in different sectors, so that no rule holds one back."""
    random = np.random.default_rng(1)
    found = {}
    for number in range(count):
        closes = 100 * np.exp(np.cumsum(random.normal(0, 0.02, 260))[::-1])
        symbol, sector = f"N{number:02d}", ("Energy", "Industrials", "Technology", "Utilities", "Materials")[number % 5]
        found[symbol] = nouns.symbol_view(symbol, bars=nouns.bars(closes), sector=sector)
    return found


async def standing(one: Desk, count: int) -> list[str]:
    """So many cards that wait in their channel."""
    one.market.names = leaders(count)
    await one.begin(post=False)
    cards = [str(card.proposal_id) for card in await one.cards()]
    for number, card in enumerate(cards):
        await one.post(card, 100 + number)
    assert len(cards) == count
    return cards


class Pager:
    """Stands where people are reached."""

    def __init__(self) -> None:
        self.pages: list[tuple[str, str]] = []

    def page(self, title: str, body: str) -> None:
        self.pages.append((title, body))

    @property
    def text(self) -> str:
        return str(self.pages)


def paged(one: Desk) -> Pager:
    pager = Pager()
    one.engine.pager = pager
    return pager
