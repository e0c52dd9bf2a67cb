"""Dependencies: every one is pinned with hashes, and a file that does not match is not installed."""

import hashlib
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted(ROOT.glob("requirements*.lock"))


def plain(name: str) -> str:
    """A package's name as indexes compare it, without extras."""
    return re.sub(r"[-_.]+", "-", re.sub(r"\[.*\]", "", name).strip().lower())


def entries(lock: Path) -> dict[str, tuple[str, int]]:
    """Name -> (version, number of hashes) of every requirement."""
    text = re.sub(r"\\\n\s*", " ", lock.read_text(encoding="utf-8"))
    found = {}
    for line in text.splitlines():
        if not line.strip() or line.strip().startswith(("#", "--")):
            continue
        name, _, rest = line.partition("==")
        assert rest, f"{lock.name}: {line[:60]} is no exact pin"
        version = rest.split()[0]
        found[plain(name)] = (
            version,
            len(re.findall(r"--hash=sha256:[0-9a-f]{64}\b", rest)),
        )
    return found


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_f141_every_pin_of_every_lock_has_hashes(lock: Path) -> None:
    pins = entries(lock)
    assert len(pins) > 20
    assert [name for name, (_, hashes) in pins.items() if not hashes] == []


def test_f141_what_the_project_needs_stands_in_every_lock_at_the_same_version() -> None:
    assert LOCKS
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    for lock in LOCKS:
        pins = entries(lock)
        for pin in wanted:
            name, _, version = pin.partition("==")
            assert pins[plain(name)][0] == version, f"{lock.name}: {pin}"


def test_f141_everything_that_installs_asks_for_hashes() -> None:
    places = [ROOT / "Makefile", ROOT / ".ci" / "run", ROOT / "Dockerfile"]
    for place in places:
        for line in re.sub(r"\\\n\s*", " ", place.read_text(encoding="utf-8")).splitlines() if place.exists() else ():
            if re.search(r"\bpip\b.*\binstall\b", line) and "--no-deps --no-build-isolation" not in line and "-e ." not in line:
                assert "--require-hashes" in line, f"{place.name}: {line.strip()}"


def wheel(folder: Path, content: str) -> Path:
    """A package of one module."""
    path = folder / "tamed-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("tamed.py", content)
        file.writestr("tamed-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tamed\nVersion: 1.0\n")
        file.writestr("tamed-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr("tamed-1.0.dist-info/RECORD", "tamed.py,,\ntamed-1.0.dist-info/METADATA,,\ntamed-1.0.dist-info/WHEEL,,\n")
    return path


@pytest.mark.parametrize("change", ["", "import os  # somebody was here"])
def test_f141_a_changed_file_is_not_installed(tmp_path: Path, change: str) -> None:
    digest = hashlib.sha256(wheel(tmp_path, "").read_bytes()).hexdigest()
    if change:
        wheel(tmp_path, change)
    lock = tmp_path / "lock"
    lock.write_text(f"tamed==1.0 --hash=sha256:{digest}\n")
    options = (
        next(line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith("PIP :="))
        .split("install", 1)[1]
        .split()
    )
    words = ["--no-index", "--find-links", str(tmp_path), "--target", str(tmp_path / "site"), "-r", str(lock)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", *options, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    installed = (tmp_path / "site" / "tamed.py").exists()
    if change:
        assert done.returncode != 0
        assert "DO NOT MATCH THE HASHES" in done.stderr
        assert not installed
    else:
        assert done.returncode == 0, done.stderr
        assert installed
