"""The frame of the benchmarks: what they print and how they end. Nothing here looks at a clock."""

import json
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from tests.bench import __main__ as command
from tests.bench import report
from tests.bench.report import Row

KEYS = {"what", "value", "unit", "against", "target", "holds"}


def bench(monkeypatch: pytest.MonkeyPatch, *rows: Row) -> None:
    """Put a benchmark named `pretend` into the folder."""
    module = ModuleType("tests.bench.pretend")

    def measured(quick: bool) -> Iterator[Row]:
        return iter(rows)

    module.rows = measured  # type: ignore[attr-defined]  # what a file of the folder defines
    monkeypatch.setitem(sys.modules, "tests.bench.pretend", module)
    monkeypatch.setattr(command, "names", lambda: ["pretend"])


def test_json_is_one_object_of_the_promised_shape(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    bench(monkeypatch, Row.promised("delay", 12.5, "ms", "<= 50", "the disk 2 ms"), Row("of it waiting", 3.0, "ms"))
    assert command.main(["pretend", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"bench", "machine", "rows"}
    assert told["bench"] == "pretend"
    assert [set(row) for row in told["rows"]] == [KEYS, KEYS]
    promised = {"what": "delay", "value": 12.5, "unit": "ms", "against": "the disk 2 ms", "target": "<= 50", "holds": True}
    assert told["rows"][0] == promised


def test_a_broken_promise_ends_with_one_and_is_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    bench(monkeypatch, Row.promised("speed", 19_999, "1/s", ">= 20000"), Row("of it waiting", 3.0, "ms"))
    assert command.main(["pretend"]) == 1
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("speed"))
    assert line.split() == ["speed", "19,999", "1/s", ">=", "20000", "NO"]


def test_what_was_not_measured_says_so_and_fails_in_ci_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    outside = Row.skipped("replay", "1/s", ">= 20000", "no data")
    monkeypatch.setenv("CI", "1")
    inside = Row.skipped("replay", "1/s", ">= 20000", "no data")
    assert (report.status([outside]), report.status([inside])) == (0, 1)
    assert "NOT MEASURED: no data" in report.as_table("pretend", "a machine", [outside])


def test_an_unknown_benchmark_names_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["nonsense"])
    assert ended.value.code == 2
    assert "road" in capsys.readouterr().err


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0), (0.001, 1.0)])
def test_a_percentile_is_the_smallest_value_that_enough_values_do_not_exceed(share: float, expected: float) -> None:
    assert report.percentile([float(value) for value in range(100, 0, -1)], share) == expected
