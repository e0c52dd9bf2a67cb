"""Every interleaving of one approval, its order and its answers keeps the invariants; each shortcut breaks the one it must."""

import pytest

from tests.model_check.__main__ import WALKS
from tests.model_check.designs import AS_IT_IS, SHORTCUTS, Design
from tests.model_check.explore import walk
from tests.model_check.shelf import Shelf
from tests.model_check.state import Left
from tests.model_check.steps import Model


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """Transactions that one walk has run are not run again by the next."""
    return Shelf(tmp_path_factory.mktemp("model"))


@pytest.mark.parametrize(("processes", "needed", "left"), WALKS)
def test_every_invariant_holds_over_all_interleavings(shelf: Shelf, processes: int, needed: int, left: Left) -> None:
    found = walk(Model(shelf, AS_IT_IS, needed), processes, left)
    assert found.complete, str(found)
    assert found.harm is None, str(found)
    assert found.states > 5_000, "the walk saw almost nothing"


@pytest.mark.parametrize("design", SHORTCUTS, ids=lambda design: design.name)
def test_a_shortcut_is_caught_with_the_path_to_its_harm(shelf: Shelf, design: Design) -> None:
    found = walk(Model(shelf, design), design.processes, Left(0, 0, 1), design.harm)
    print(f"{design.name}: {found}")
    assert found.harm == design.harm
    assert found.path[0].endswith("says yes")
    assert 5 < len(found.path) < 20


@pytest.mark.parametrize("design", SHORTCUTS, ids=lambda design: design.name)
def test_the_harm_of_a_shortcut_is_none_of_the_design(shelf: Shelf, design: Design) -> None:
    found = walk(Model(shelf, AS_IT_IS), design.processes, Left(0, 0, 1))
    assert found.complete
    assert found.harm is None, str(found)
