"""The switches of a desk that runs as a process: the shell, the file KILL, a signal, and being killed again and again."""

import signal
import time
from pathlib import Path

import yaml

from bot import pulse
from tests.demo.child import Demo, running, said, settings, until


def config(folder: Path) -> str:
    """Settings of the demo for commands beside it: they look into its journal."""
    tree = yaml.safe_load(settings(folder).read_text())
    file = folder / "beside.yaml"
    file.write_text(yaml.safe_dump({**tree, "journal": {"path": "demo/journal.db"}}))
    return file.name


def level(demo: Demo) -> int:
    found = demo.asked("SELECT level FROM kill ORDER BY seq DESC LIMIT 1")
    return int(str(found[0][0])) if found else 0


async def becomes(demo: Demo, wanted: int) -> None:
    async def there() -> bool | None:
        return level(demo) == wanted or None

    await until(there, f"kill level {wanted}")


async def test_shell_file_and_signal_stop_a_running_desk_and_it_starts_stopped(tmp_path: Path) -> None:
    beside = config(tmp_path)
    async with running(tmp_path) as demo:
        status, out, err = await said(tmp_path, "halt", "--config", beside, "--level", "reduce", "--reason", "a drill")
        assert (status, err) == (0, "")
        assert "The desk runs and has stopped: REDUCE ONLY" in out
        assert level(demo) == 1
        (tmp_path / "demo" / pulse.KILL).touch()
        await becomes(demo, 2)
        demo.process.send_signal(signal.SIGUSR2)
        await becomes(demo, 3)
        await demo.stop()
    beat = pulse.read(tmp_path / "demo" / pulse.HEARTBEAT)
    assert beat is not None
    assert beat.stopped
    status, out, err = await said(tmp_path, "halt", "--config", beside)
    assert (status, err) == (0, "")
    assert "The desk does not run. Its journal says HALT" in out
    async with running(tmp_path) as demo:
        assert level(demo) == 3


async def test_f014_sigterm_ends_a_desk_in_order_within_fifteen_seconds(tmp_path: Path) -> None:
    settings(tmp_path)
    async with running(tmp_path) as demo:
        began = time.monotonic()
        demo.process.terminate()
        await demo.process.wait()
        assert time.monotonic() - began < 15
        assert demo.process.returncode == 0
    assert (tmp_path / "demo" / pulse.STARTS).read_text() == "", "it is no crash"


async def test_f020_a_desk_that_is_killed_again_and_again_starts_halted(tmp_path: Path) -> None:
    """Three lives end by SIGKILL as soon as they are open; the fourth trades nothing."""
    settings(tmp_path)
    for _ in range(3):
        async with running(tmp_path) as demo:
            demo.process.kill()
            await demo.process.wait()
    async with running(tmp_path) as demo:
        await becomes(demo, 2)
        assert "crashed 3 times within 10 minutes" in str(demo.asked("SELECT reason FROM kill")[0][0])
        assert demo.asked("SELECT count(*) FROM send") == [(0,)]
