"""Threads for reads: a Ctrl-C does not wait for their answers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def reading_threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """A pool whose threads are waited for, unless the run is interrupted: what a read would bring is of no use then."""
    pool = ThreadPoolExecutor(max_workers=count)
    try:
        yield pool
    except (KeyboardInterrupt, SystemExit):
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    except BaseException:
        pool.shutdown()
        raise
    pool.shutdown()
