"""The regimes of the simulated market."""

from itertools import groupby

import numpy as np

from core.feeds.simulated.weather import CLIMATES, Weather, after, fair, volatility_index

SESSIONS = 6_000


def lived(seed: int) -> list[Weather]:
    days = [fair()]
    for session in range(SESSIONS):
        days.append(after(days[-1], seed, session))
    return days[1:]


def test_every_regime_comes_stays_and_shakes_the_market_in_its_own_way() -> None:
    days = lived(7)
    spells = [(climate, len(list(group))) for climate, group in groupby(day.climate for day in days)]
    moves = np.array([day.market_night + day.market_day for day in days])
    climates = np.array([day.climate for day in days])
    for number, climate in enumerate(CLIMATES):
        lengths = [length for one, length in spells if one == number]
        assert len(lengths) >= 10, climate.name
        assert np.mean(lengths) > 10, "a regime is more than a bad week"
    rising, _, falling = (moves[climates == number] for number in range(3))
    assert np.std(falling) > 1.5 * np.std(rising)
    assert np.mean(falling) < 0 < np.mean(rising)


def test_the_volatility_index_knows_the_regime() -> None:
    days = lived(8)
    rising, _, falling = ([volatility_index(day) for day in days if day.climate == number] for number in range(3))
    assert np.mean(falling) > 1.3 * np.mean(rising)
    assert min(rising) > 5
    assert np.percentile(falling, 99.9) > 40, "entries must stop now and then"
