"""The command line: run, demo, replay, doctor, migrate, audit, backup, halt, watchdog."""

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from core.model.errors import AlreadyRunningError, QuantMatrixError

#: Exit status when another process already uses the same journal (EX_TEMPFAIL).
BUSY = 75


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; answers the exit status. What the operator must mend is said in one sentence."""
    chosen = _parser().parse_args(arguments)
    os.umask(0o077)
    try:
        return int(chosen.command(chosen))
    except QuantMatrixError as error:
        print(_sentence(str(error)), file=sys.stderr)  # noqa: T201 - the command line speaks to a person
        return BUSY if isinstance(error, AlreadyRunningError) else 1
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(_sentence(f"{place}{error.strerror or error}; mend that, then start again"), file=sys.stderr)  # noqa: T201 - as above
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        gc.enable()


def _sentence(text: str) -> str:
    from bot.redact import told  # noqa: PLC0415 - needed only when something is wrong

    return told(f"quantmatrix: {text}", os.environ)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="quantmatrix", description="A self-hosted trading desk that lives in Discord.")
    commands = parser.add_subparsers(required=True, metavar="command")
    run = commands.add_parser("run", help="the desk, on paper unless the settings say otherwise")
    run.set_defaults(command=_run)
    demo = commands.add_parser("demo", help="the desk on a simulated market and a loopback chat: no account, no token")
    demo.add_argument("--fresh", action="store_true", help="forget what an earlier demo left behind")
    demo.set_defaults(command=_demo)
    doctor = commands.add_parser("doctor", help="check settings, versions, database, clock, Discord, data and broker")
    doctor.set_defaults(command=_doctor)
    migrate = commands.add_parser("migrate", help="bring the journal to this version (a copy is kept)")
    migrate.set_defaults(command=_migrate)
    audit = commands.add_parser("audit", help="check the hash chain of the audit log")
    audit.add_argument("what", choices=["verify"])
    audit.add_argument(
        "--head", help="a head that the status channel told, such as '812 1f0c9a5be2d47763'; it must be in the chain"
    )
    audit.set_defaults(command=_audit)
    backup = commands.add_parser("backup", help="copy the journal while the desk runs")
    backup.add_argument("target", type=Path)
    backup.set_defaults(command=_backup)
    halt = commands.add_parser("halt", help="stop the desk from the shell, whether it runs or not")
    halt.set_defaults(command=_halt)
    halt.add_argument("--level", choices=["reduce", "halt", "cancel"], default="halt", help="exits only, nothing, or cancel all")
    halt.add_argument("--reason", default="from the shell")
    watchdog = commands.add_parser("watchdog", help="a process beside the desk that pages when it is dead or stuck")
    watchdog.set_defaults(command=_watchdog)
    _add_replay(commands.add_parser("replay", help="the same engine over real daily bars"))
    for command in (run, demo, doctor, migrate, audit, backup, halt, watchdog):
        needed = command is run
        command.add_argument("--config", type=Path, default=Path("config.yaml") if needed else None, help="settings (config.yaml)")
    return parser


def _add_replay(replay: argparse.ArgumentParser) -> None:
    replay.set_defaults(command=_replay)
    replay.add_argument("--bars", type=Path, required=True, help="folder of Polygon flat files, or a Parquet or CSV table")
    replay.add_argument("--from", dest="first", type=_day, required=True, help="first session, YYYY-MM-DD; earlier bars warm up")
    replay.add_argument("--to", dest="last", type=_day, required=True, help="last session, YYYY-MM-DD")
    replay.add_argument("--out", type=Path, required=True, help="folder for journal.db, notes.jsonl, equity.png, summary.json")
    replay.add_argument("--approve", choices=["auto"], help="approve every card; without it every card expires")
    replay.add_argument("--index", type=Path, action="append", default=[], help="bars of the index; may be given several times")
    for name, meaning in (
        ("actions", "splits and dividends"),
        ("earnings", "report dates"),
        ("vix", "closes of the VIX"),
        ("rates", "Treasury rates"),
        ("sectors", "sector of each symbol"),
    ):
        replay.add_argument(f"--{name}", type=Path, help=meaning)
    replay.add_argument("--config", type=Path, help="settings of strategy, rules and engine (default: as shipped)")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date; write it as YYYY-MM-DD, such as 2015-01-02") from None


def _run(chosen: argparse.Namespace) -> int:
    gc.disable()  # `app.serve` turns it on again: opening a desk makes hardly any garbage, and looking for it a fifth of a second
    from bot import app  # noqa: PLC0415 - each command imports what it needs

    return app.run(chosen.config)


def _demo(chosen: argparse.Namespace) -> int:
    gc.disable()  # as in `_run`
    from bot import app_demo  # noqa: PLC0415 - each command imports what it needs

    return app_demo.demo(chosen.config, fresh=chosen.fresh)


def _doctor(chosen: argparse.Namespace) -> int:
    from bot import app_doctor  # noqa: PLC0415 - each command imports what it needs

    return app_doctor.doctor(chosen.config)


def _migrate(chosen: argparse.Namespace) -> int:
    from bot import app_journal  # noqa: PLC0415 - each command imports what it needs

    return app_journal.migrate(chosen.config)


def _audit(chosen: argparse.Namespace) -> int:
    from bot import app_audit  # noqa: PLC0415 - each command imports what it needs

    return app_audit.verify(chosen.config, chosen.head)


def _backup(chosen: argparse.Namespace) -> int:
    from bot import app_journal  # noqa: PLC0415 - each command imports what it needs

    return app_journal.backup(chosen.config, chosen.target)


def _halt(chosen: argparse.Namespace) -> int:
    from bot import app_halt  # noqa: PLC0415 - each command imports what it needs

    return app_halt.halt(chosen.config, chosen.level, chosen.reason)


def _watchdog(chosen: argparse.Namespace) -> int:
    from bot import app_watchdog  # noqa: PLC0415 - each command imports what it needs

    return app_watchdog.watch(chosen.config)


def _replay(chosen: argparse.Namespace) -> int:
    from bot import app_replay  # noqa: PLC0415 - each command imports what it needs

    return app_replay.run(chosen)


if __name__ == "__main__":
    sys.exit(main())
