"""What surrounds the code: the package, the Makefile, the changelog, the README, and the files that the program writes."""

import re
import stat
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.house import ROOMS, ROOT


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def tracked() -> list[str]:
    return subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()


def packaged(path: str) -> bool:
    """Whether a file of a room is in the package: a module of a package, or data that a pattern names."""
    place = Path(path)
    package = next(folder for folder in place.parents if (ROOT / folder / "__init__.py").exists())
    inner = str(place.relative_to(package))
    patterns = project()["tool"]["setuptools"]["package-data"]["*"]
    return (inner.endswith(".py") and "/" not in inner) or any(fnmatch(inner, pattern) for pattern in patterns)


def test_the_wheel_holds_the_command_the_page_and_the_migrations() -> None:
    inside = [path for path in tracked() if path.split("/")[0] in ROOMS]
    assert [path for path in inside if not packaged(path)] == []
    assert {Path(path).suffix for path in inside} >= {".py", ".html", ".js", ".css", ".mako"}
    include = project()["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {pattern.rstrip("*") for pattern in include} == set(ROOMS)
    module, _, function = project()["project"]["scripts"]["quantmatrix"].partition(":")
    assert callable(getattr(import_module(module), function))


def test_the_makefile_has_every_promised_target_and_ci_runs_its_tests() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {name for line in re.findall(r"^([a-z ]+):", makefile, re.MULTILINE) for name in line.split()}
    assert targets >= {"setup", "run", "test", "lint", "bench"}
    assert "--require-hashes" in makefile
    ci = ROOT / ".ci" / "run"
    assert "make test" in ci.read_text(encoding="utf-8").splitlines()
    assert ci.stat().st_mode & stat.S_IXUSR
    for target in ("setup", "run", "test", "lint", "bench"):
        dry = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
        assert dry.returncode == 0, dry.stderr


def test_the_changelog_names_the_version_that_is_built() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = re.findall(r"^## \[(.+?)\]", changelog, re.MULTILINE)
    assert sections
    assert sections[0] in {"Unreleased", project()["project"]["version"]}
    assert re.search(r"^### Added\n- \w+", changelog, re.MULTILINE)


def test_the_versions_of_python_are_said_alike_everywhere() -> None:
    settings = project()
    assert settings["project"]["requires-python"].startswith(">=3.11")
    assert settings["tool"]["mypy"]["python_version"] == "3.11"
    assert settings["tool"]["ruff"]["target-version"] == "py311"
    assert "Python 3.11" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert sys.version_info >= (3, 11)


def test_the_readme_has_every_promised_part() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "Not investment advice" in readme
    headings = re.findall(r"^## (.+)$", readme, re.MULTILINE)
    parts = ("Two commands", "Commands", "The road", "The tree", "Add a thing", "Honest limits")
    assert [part for part in parts if part not in headings] == []
    for command in ("make run", "make test", "python -m bot run", "python -m bot doctor", "python -m bot replay", "make bench"):
        assert command in readme


def test_f139_what_the_program_writes_is_readable_by_its_user_alone(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bot", "migrate"]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    shell = ["sh", "-c", 'umask 000; exec "$@"', "sh", *command]
    done = subprocess.run(shell, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    written = [path for path in tmp_path.rglob("*") if "var" in path.parts]
    assert tmp_path / "var" / "quantmatrix.db" in written
    assert {str(path): oct(path.stat().st_mode) for path in written if path.stat().st_mode & 0o077} == {}
