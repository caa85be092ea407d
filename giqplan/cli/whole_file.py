"""A file that is written whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """What is written inside the block replaces the file at its end, with the rights that it had or a new file would have; after an
    error the file is as it was. A device or pipe is written to at the end of the block. Raises OSError, where it can before the block."""
    if path.exists() and not path.is_file():
        with path.open("wb") as target, spooled() as opened:
            yield opened
            deliver(opened, target)
        return
    path = path.resolve()
    mask = os.umask(0)
    os.umask(mask)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~mask
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as opened:
            yield opened
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def spooled() -> IO[bytes]:
    """A nameless file for what is to be delivered once it is whole."""
    return tempfile.TemporaryFile()


def deliver(whole: IO[bytes], target: IO[bytes]) -> None:
    """Copy all of ``whole``."""
    whole.seek(0)
    shutil.copyfileobj(whole, target, 1 << 20)
    target.flush()
