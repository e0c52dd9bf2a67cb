"""The rules of the house, as checks that can fail."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house import ROOMS, ROOT, Module, called, functions, imported, lines, modules

ALL = modules()
BASES = re.compile(
    r"Protocol|.*Error|Exception|StrEnum|IntEnum|Enum|TypeDecorator|.*Cog|Bot|View|Button|DynamicItem|Modal|Select|"
    r"Generic|Filter|Formatter|Handler|Transformer|CommandTree|Tree|NamedTuple|TypedDict|SafeLoader"
)


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("module", [*ALL, *modules("tests")], ids=lambda module: module.path)
def test_no_file_is_longer_than_300_lines(module: Module) -> None:
    assert module.text.count("\n") <= 300


@pytest.mark.parametrize("module", ALL, ids=lambda module: module.path)
def test_no_function_is_longer_than_40_lines(module: Module) -> None:
    limit = 120 if module.is_kernel else 40
    assert {node.name: lines(node) for node in functions(module) if lines(node) > limit} == {}


def test_slash_commands_are_short() -> None:
    long = {
        f"{module.path}:{node.name}": lines(node)
        for module in modules("cogs")
        for node in functions(module)
        if any("command" in ast.unparse(decorator) for decorator in node.decorator_list) and lines(node) > 15
    }
    assert long == {}


@pytest.mark.parametrize("module", ALL, ids=lambda module: module.path)
def test_classes_inherit_from_protocols_errors_and_libraries_alone(module: Module) -> None:
    own = {
        node.name: [ast.unparse(base) for base in node.bases]
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
        and not all(BASES.fullmatch(ast.unparse(base).split("[")[0].rsplit(".", 1)[-1]) for base in node.bases)
    }
    assert own == {}


@pytest.mark.parametrize("module", ALL, ids=lambda module: module.path)
def test_no_state_lives_in_a_module(module: Module) -> None:
    mutable = [
        ast.unparse(node)[:60]
        for node in module.tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and isinstance(node.value, ast.List | ast.Set | ast.Dict | ast.ListComp | ast.DictComp | ast.SetComp)
        and not re.fullmatch(r"_*[A-Z][A-Z0-9_]*|__all__", _target(node))
    ]
    assert mutable == []
    assert not any(isinstance(node, ast.Global) for node in ast.walk(module.tree))


def _target(node: ast.Assign | ast.AnnAssign) -> str:
    return ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)


def test_every_package_says_what_lives_there() -> None:
    silent = [module.path for module in ALL if module.path.endswith("__init__.py") and not ast.get_docstring(module.tree)]
    missing = [
        str(folder.relative_to(ROOT))
        for room in ROOMS
        for folder in {path.parent for path in (ROOT / room).rglob("*.py")}
        if not (folder / "__init__.py").exists() and folder.name not in {"versions", "migrations"}
    ]
    assert (silent, missing) == ([], [])
    assert not [module.path for module in ALL if Path(module.path).name in {"utils.py", "helpers.py", "common.py"}]


def test_an_approved_order_is_made_in_one_place() -> None:
    makers = {module.path for module in ALL if called(module, "ApprovedOrder")}
    assert makers == {"core/engine/approve.py"}


def test_feeds_and_journal_are_plugged_in_by_the_composition_roots_alone() -> None:
    reached = {
        module.path
        for module in modules("bot", "brokers", "cogs", "core")
        if not module.path.startswith(("core/feeds", "core/journal", "bot/app", "bot/replay"))
        and any(name.startswith(("core.feeds.", "core.journal.")) for name in imported(module))
    }
    assert reached == set()


def test_only_the_clock_reads_the_time() -> None:
    raw = re.compile(r"\b(datetime\.now|datetime\.utcnow|date\.today|time\.time|time\.monotonic|time\.sleep|asyncio\.sleep)\(")
    assert {module.path for module in ALL if raw.search(module.text)} <= {"bot/clock.py"}


def test_every_module_imports_without_config_network_and_project_folder(tmp_path: Path) -> None:
    names = [module.name for module in ALL if not module.path.startswith("migrations") and not module.name.endswith("__main__")]
    script = (
        "import socket, sys\n"
        "def refuse(*args, **kwargs): raise OSError('no network while importing')\n"
        "socket.socket.connect = refuse\nsocket.getaddrinfo = refuse\n"
        f"sys.path.insert(0, {str(ROOT)!r})\nimport importlib\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
    )
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("*.yaml")) == []


def test_import_contracts_hold() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]


def test_ruff_is_content() -> None:
    checked = run("ruff", "check", "--no-cache", ".")
    assert checked.returncode == 0, checked.stdout[-3000:]
    formatted = run("ruff", "format", "--check", "--no-cache", ".")
    assert formatted.returncode == 0, formatted.stdout[-3000:]


def test_mypy_strict_is_content() -> None:
    done = run("mypy")
    assert done.returncode == 0, done.stdout[-3000:]


def test_f141_pins_are_exact_and_locks_name_no_index() -> None:
    text = (ROOT / "pyproject.toml").read_text().split("[project.scripts]")[0]
    listed = re.findall(r'^    "([^"]+)",$', text, re.MULTILINE)
    assert [entry for entry in listed if "==" not in entry] == []
    for name in ("requirements.lock", "requirements-dev.lock"):
        lock = (ROOT / name).read_text()
        assert "://" not in lock
        assert "--hash=sha256:" in lock


def test_the_readme_shows_the_tree_on_disk() -> None:
    readme = (ROOT / "README.md").read_text()
    block = re.search(r"```\n(bot/.*?)```", readme, re.DOTALL)
    assert block, "README.md has no tree that begins with bot/"
    shown = set(re.findall(r"^([a-z_.A-Z-]+/?)  ", block[1], re.MULTILINE))
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    on_disk = {path.split("/")[0] + ("/" if "/" in path else "") for path in tracked}
    assert shown == on_disk
    rooms = set(re.findall(r"^  ([a-z_]+/)  ", block[1], re.MULTILINE))
    assert rooms == {f"{path.split('/')[1]}/" for path in tracked if path.startswith("core/") and path.count("/") > 1}


def test_nothing_names_the_machine_it_was_made_on() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    texts = {path: (ROOT / path).read_text(errors="ignore") for path in tracked if not path.endswith((".png", ".lock"))}
    foreign = re.compile("|".join(["/wor" + "k/", "/roo" + "t/", r"\.lib" + r"rary\b", "far" + "m-"]))
    assert [path for path, text in texts.items() if foreign.search(text)] == []
