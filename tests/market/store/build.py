"""Bar stores for tests."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np

from core.market.store.matrices import Store
from core.market.store.universe import Newcomer
from core.model.market import Floats

MONDAY = date(2024, 1, 1)


def weekday(place: int) -> date:
    """The place-th weekday from 1 January 2024 on."""
    return MONDAY + timedelta(days=place // 5 * 7 + place % 5)


def walk(sessions: int, columns: int, seed: int = 1) -> Floats:
    """Sound bars, shape (5, sessions, columns)."""
    random = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(random.normal(0, 0.02, (sessions, columns)), axis=0))
    opened = close * np.exp(random.normal(0, 0.01, close.shape))
    high = np.maximum(close, opened) * (1 + np.abs(random.normal(0, 0.01, close.shape)))
    low = np.minimum(close, opened) * (1 - np.abs(random.normal(0, 0.01, close.shape)))
    return np.stack([opened, high, low, close, random.integers(1_000, 99_999, close.shape).astype(np.float64)])


def filled(folder: Path, bars: Floats) -> Store:
    """A store open for writing that holds the bars, symbols S0, S1 and so on."""
    store = Store(folder, write=True)
    store.universe.enlist([Newcomer(f"S{column}", MONDAY) for column in range(bars.shape[2])])
    store.extend([weekday(place) for place in range(bars.shape[1])], bars)
    return store
