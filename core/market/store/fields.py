"""The field files: one float64 matrix each, rows of one width, only ever written behind their end."""

import json
import os
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from core.market.store import files
from core.model.errors import NewerDatabaseError, OperatorError
from core.model.market import Floats

FIELDS = ("open", "high", "low", "close", "volume")
FORMAT = 1
BYTES = 8
#: Rows that a widening copies at a time.
BLOCK = 64


class Fields:
    """The matrices of a store. How many rows of them count is said by the log of the days alone.

    Attributes
    ----------
    width : int
        Columns of a row in the files; more than there are listings, so that new ones find room.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._maps: dict[str, Floats] = {}
        self.width, self._generation = self._meta()

    def _meta(self) -> tuple[int, int]:
        path = self._folder / "meta.json"
        if not path.exists():
            return 0, 0
        try:
            meta = json.loads(path.read_bytes())
            version, width, generation = int(meta["format"]), int(meta["width"]), int(meta["generation"])
        except (ValueError, KeyError, TypeError) as error:
            raise OperatorError(f"{path} is damaged; restore it from a backup or sync the store anew") from error
        if version > FORMAT:
            raise NewerDatabaseError(
                f"the bar store {self._folder} has format {version} and this program knows {FORMAT}; update the program first"
            )
        return width, generation

    def clean(self) -> None:
        """Remove what a widening that was cut off has left."""
        for path in self._folder.glob("*.f8"):
            if path.name.split(".")[1] != str(self._generation):
                path.unlink()

    def raw(self, field: str, rows: int) -> Floats:
        """Zero-copy view of the first rows, shape (rows, width).

        Raises
        ------
        OperatorError
            The file is missing or too short.
        """
        mapped = self._maps.get(field)
        if mapped is None or len(mapped) < rows:
            mapped = self._map(field, rows) if rows else np.empty((0, self.width))
            self._maps[field] = mapped
        return mapped[:rows]

    def _map(self, field: str, rows: int) -> Floats:
        path = self._path(field, self._generation)
        try:
            return np.memmap(path, np.float64, "r", shape=(rows, self.width))
        except (OSError, ValueError) as error:
            raise OperatorError(
                f"{path} does not hold the {rows} days of the store; restore it from a backup or sync anew"
            ) from error

    def check(self, row: int, rows: int, columns: int) -> list[int]:
        """Checksum of a row of so many columns in each field as it is on disk; 0 where the room behind them is not empty."""
        found = [self.raw(field, rows)[row] for field in FIELDS]
        return [zlib.crc32(line[:columns].data) if np.isnan(line[columns:]).all() else 0 for line in found]

    def put(self, row: int, rows: int, bars: Floats) -> list[list[int]]:
        """Write rows from `row` on and wait for the disk; answers the checksums of each row.

        Parameters
        ----------
        rows : how many rows count so far; what lies behind them is cut off when the disk does not take the new ones.
        bars : shape (5, days, columns).

        Raises
        ------
        OperatorError
            The disk does not take them.
        """
        padded = np.full((len(FIELDS), bars.shape[1], self.width), np.nan)
        padded[:, :, : bars.shape[2]] = bars
        checks = [[zlib.crc32(line[: bars.shape[2]].data) for line in day] for day in padded.swapaxes(0, 1)]
        paths = [self._path(field, self._generation) for field in FIELDS]
        with ThreadPoolExecutor(len(FIELDS)) as pool:  # the disk takes five files at once nearly as fast as one
            writes = [pool.submit(_write, path, lines, row) for path, lines in zip(paths, padded, strict=True)]
        try:
            for write in writes:
                write.result()
        except OperatorError:
            for path in paths:
                os.truncate(path, rows * self.width * BYTES)
            raise
        return checks

    def widen(self, columns: int, rows: int) -> None:
        """Make room for so many columns: new files beside the old ones, then the name of the new ones in one step.

        Raises
        ------
        OperatorError
            The disk does not take them; the old ones stay.
        """
        width, generation = -(-(columns + columns // 8) // 64) * 64, self._generation + 1
        try:
            for field in FIELDS:
                self._copy(field, self._path(field, generation), width, rows)
            meta = {"format": FORMAT, "fields": FIELDS, "width": width, "generation": generation}
            files.replace(self._folder / "meta.json", json.dumps(meta).encode())
        except OperatorError:
            self.clean()
            raise
        self._maps, self.width, self._generation = {}, width, generation
        self.clean()

    def _copy(self, field: str, path: Path, width: int, rows: int) -> None:
        path.write_bytes(b"")
        for start in range(0, rows, BLOCK):
            block = np.full((min(BLOCK, rows - start), width), np.nan)
            block[:, : self.width] = self.raw(field, rows)[start : start + BLOCK]
            _write(path, block, start)

    def _path(self, field: str, generation: int) -> Path:
        return self._folder / f"{field}.{generation}.f8"


def _write(path: Path, lines: Floats, row: int) -> None:
    try:
        with path.open("r+b", buffering=0) as file:
            files.write_all(file.fileno(), lines.data, row * lines.shape[1] * BYTES)
            os.fdatasync(file.fileno())
    except OSError as error:
        raise OperatorError(f"{path} cannot be written ({error.strerror}); make room and start again") from error
