"""After the warm-up nothing is compiled any more, whatever shape or side a question has."""

from typing import Any

import numpy as np

from core.quant import (
    dividends,
    european,
    exercise,
    kernel_american,
    kernel_boundary,
    kernel_dividends,
    kernel_european,
    kernel_exercise,
)
from core.quant.dividends import Dividend, Question

KERNELS: tuple[Any, ...] = (
    kernel_american.prices,
    kernel_american.all_greeks,
    kernel_american.implied_all,
    kernel_boundary.solve,
    kernel_boundary.spread,
    kernel_dividends.work_off,
    kernel_european.analyse,
    kernel_european.evaluate,
    kernel_exercise.slice_of,
)


def signatures() -> list[int]:
    return [len(kernel.signatures) for kernel in KERNELS]


def test_nothing_is_compiled_after_the_warm_up() -> None:
    dividends.warm()
    before = signatures()
    assert before == [1] * len(KERNELS)
    shelf, grid = exercise.Shelf(), np.linspace(80, 120, 7)
    shapes = (grid, grid[::2].repeat(2)[:7], grid.astype(np.float32), grid[:, None] * np.ones((1, 7)), 100.0, np.empty((0, 7)))
    for call in (True, False, np.arange(7) % 2 == 0):
        for strikes in shapes:
            for years in (0.2, np.linspace(0.1, 0.7, 7)):
                question = Question(0.3, 100.0, strikes, years, 0.04, 0.01, call)
                for paid in ([], [Dividend(0.15, 1.0)], [Dividend(0.45, 1.0), Dividend(0.05, 0.5)]):
                    found = dividends.greeks(question, paid, shelf)
                    dividends.implied(question._replace(known=found.price), paid, shelf)
                european.implied(5.0, 100.0, strikes, years, 0.04, 0.01, call)
                exercise.greeks(100.0, strikes, years, -0.02, -0.05, 0.3, call, shelf)
    assert signatures() == before
