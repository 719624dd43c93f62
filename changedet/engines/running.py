"""Run one function over many items, in order, with few results in memory at a time."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, TypeVar

from changedet.errors import ConfigError, UnknownMethodError

Item = TypeVar("Item")
Result = TypeVar("Result")
Engine = Callable[[Callable[[Any], Any], Iterable[Any], int], Iterator[Any]]

LOOK_AHEAD = 2
"""Results in flight (running, or finished and not yet taken) for each worker."""


def map_ordered(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    engine: str | Executor = "serial",
    workers: int | None = None,
) -> Iterator[Result]:
    """Apply a function to each item and give the results in the order of the items.

    Work starts when the first result is asked for. At most ``2 * workers`` items are under way or
    waiting to be taken, so memory stays flat however many items there are; items are drawn from
    the iterable no faster than that, in the caller's thread.

    Parameters
    ----------
    function : callable
        Takes one item. It must not depend on the order in which items are worked on.
    items : iterable
        May be a generator, and may be endless.
    engine : str or concurrent.futures.Executor
        A name in :data:`ENGINES`, or an executor of the caller's, which is left open.
    workers : int, optional
        Items worked on at the same time; as many as there are processors by default. ``serial``
        ignores it.

    Returns
    -------
    iterator
        Results in the order of the items. Closing it (or dropping it) cancels what has not begun
        and waits for what has, so that no task is at work when it is gone.

    Raises
    ------
    UnknownMethodError
        If there is no engine of that name.
    ConfigError
        If ``workers`` is less than 1.

    Notes
    -----
    When the function raises, its error comes out in the place of the result, after the results
    before it; the items after it are cancelled. The same happens on ``KeyboardInterrupt``.
    """
    if workers is not None and workers < 1:
        raise ConfigError(f"workers={workers!r} is not usable: give a whole number of at least 1.")
    check_engine(engine)
    if isinstance(engine, Executor):
        count = workers or getattr(engine, "_max_workers", None) or _processors()
        return _submit(engine, function, items, count)
    return ENGINES[engine](function, items, workers or _processors())


def check_engine(engine: str | Executor) -> None:
    """Refuse an engine that does not exist, before any work is done.

    Raises
    ------
    UnknownMethodError
        If it is neither a name in :data:`ENGINES` nor an executor.
    """
    if not isinstance(engine, Executor) and engine not in ENGINES:
        raise UnknownMethodError(
            f"engine={engine!r} is not known: choose one of {', '.join(sorted(ENGINES))}, or pass "
            "a concurrent.futures executor."
        )


def _serial(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Iterator[Result]:
    """One item after the other, in the caller's thread."""
    for item in items:
        yield function(item)


def _threads(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Iterator[Result]:
    """Run in threads of this process: numpy, OpenCV and GDAL let go of the interpreter lock."""
    with (
        _single_threaded_opencv(),
        ThreadPoolExecutor(workers, thread_name_prefix="changedet") as executor,
    ):
        yield from _submit(executor, function, items, workers)


ENGINES: dict[str, Engine] = {"serial": _serial, "threads": _threads}
"""Engines by name: ``engine(function, items, workers)`` gives the results in order."""


def _processors() -> int:
    """Processors this process may use (a container may have fewer than the machine)."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def _submit(
    executor: Executor, function: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Iterator[Result]:
    """Keep the executor busy, a few items ahead of what has been taken."""
    source = iter(items)
    waiting: deque[Future[Result]] = deque()
    try:
        for item in source:
            waiting.append(executor.submit(function, item))
            if len(waiting) >= LOOK_AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        running = [future for future in waiting if not future.cancel()]
        wait(running)


_opencv_lock = threading.Lock()
_opencv_users = 0
_opencv_threads = 0


@contextmanager
def _single_threaded_opencv() -> Iterator[None]:
    """Keep OpenCV to one thread a call while our own threads run.

    Each worker calls OpenCV; were each call to start one thread a processor, ``n`` workers would
    put ``n * n`` threads on ``n`` processors and slow each other down. The setting is global to
    the process, so it is counted: the first run in saves it, the last one out restores it, and
    overlapping runs cannot leave it changed.
    """
    import cv2

    global _opencv_users, _opencv_threads
    with _opencv_lock:
        if _opencv_users == 0:
            _opencv_threads = cv2.getNumThreads()
            cv2.setNumThreads(1)
        _opencv_users += 1
    try:
        yield
    finally:
        with _opencv_lock:
            _opencv_users -= 1
            if _opencv_users == 0:
                cv2.setNumThreads(_opencv_threads)
