from __future__ import annotations

import gc
import itertools
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import cv2
import pytest

from changedet.engines import ENGINES, map_ordered
from changedet.errors import ConfigError, UnknownMethodError


@pytest.fixture(params=["serial", "threads", "executor"])
def engine(request):
    if request.param != "executor":
        yield request.param
        return
    with ThreadPoolExecutor(2) as executor:
        yield executor


def square(n):
    return n * n


def test_results_come_in_the_order_of_the_items(engine):
    def slow_when_even(n):
        time.sleep(0.01 * (n % 2 == 0))
        return n * n

    results = list(map_ordered(slow_when_even, range(20), engine=engine, workers=3))
    assert results == [n * n for n in range(20)]


def test_no_items_no_results(engine):
    assert list(map_ordered(square, [], engine=engine)) == []


def test_endless_items_are_drawn_as_they_are_needed(engine):
    results = map_ordered(square, itertools.count(), engine=engine, workers=2)
    assert list(itertools.islice(results, 5)) == [0, 1, 4, 9, 16]
    results.close()


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_few_results_are_in_flight(workers):
    """However slow the caller is, no more than two items a worker are drawn ahead of it."""
    drawn = 0

    def items():
        nonlocal drawn
        for n in range(50):
            drawn += 1
            yield n

    for taken, _ in enumerate(map_ordered(square, items(), engine="threads", workers=workers)):
        time.sleep(0.001)
        assert drawn - taken <= 2 * workers


def test_an_error_comes_in_its_place_and_cancels_the_rest(engine):
    begun = []

    def fail_at_three(n):
        begun.append(n)
        if n == 3:
            raise ValueError("three")
        return n

    results = map_ordered(fail_at_three, range(1000), engine=engine, workers=2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)
    assert list(results) == []
    assert max(begun) < 10


def test_an_error_of_the_items_comes_out(engine):
    def items():
        yield 1
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        list(map_ordered(square, items(), engine=engine, workers=2))


@pytest.mark.parametrize("how", ["close", "drop", "interrupt"])
def test_no_task_is_at_work_when_it_is_gone(how):
    working = 0
    lock = threading.Lock()

    def work(n):
        nonlocal working
        with lock:
            working += 1
        time.sleep(0.02)
        with lock:
            working -= 1

    results = map_ordered(work, range(100), engine="threads", workers=2)
    next(results)
    if how == "close":
        results.close()
    elif how == "drop":
        del results
        gc.collect()
    else:
        with pytest.raises(KeyboardInterrupt):
            results.throw(KeyboardInterrupt)
    assert working == 0
    assert not [t for t in threading.enumerate() if t.name.startswith("changedet")]


def test_an_interrupt_inside_a_task_comes_out(engine):
    def interrupt(n):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(map_ordered(interrupt, range(5), engine=engine, workers=2))


def test_an_executor_of_the_caller_stays_open():
    with ThreadPoolExecutor(1) as executor:
        assert list(map_ordered(square, range(3), engine=executor)) == [0, 1, 4]
        assert executor.submit(square, 3).result() == 9


def test_other_processes_work_too():
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as executor:
        assert list(map_ordered(abs, [-1, -2], engine=executor)) == [1, 2]


class TestOpenCVThreads:
    @pytest.fixture(autouse=True)
    def _two_threads(self):
        before = cv2.getNumThreads()
        cv2.setNumThreads(2)
        yield
        cv2.setNumThreads(before)

    def test_one_while_threads_run_and_restored_after(self):
        counts = list(map_ordered(lambda n: cv2.getNumThreads(), range(4), engine="threads"))
        assert counts == [1] * 4
        assert cv2.getNumThreads() == 2

    def test_overlapping_runs_restore_it_once(self):
        first = map_ordered(lambda n: cv2.getNumThreads(), range(99), engine="threads", workers=1)
        second = map_ordered(lambda n: cv2.getNumThreads(), range(99), engine="threads", workers=1)
        assert (next(first), next(second)) == (1, 1)
        first.close()
        assert cv2.getNumThreads() == 1
        second.close()
        assert cv2.getNumThreads() == 2

    def test_restored_after_an_error(self):
        with pytest.raises(ZeroDivisionError):
            list(map_ordered(lambda n: 1 // n, range(3), engine="threads"))
        assert cv2.getNumThreads() == 2


def test_unknown_engine_lists_the_choices():
    with pytest.raises(
        UnknownMethodError,
        match=r"engine='spark' is not known: choose one of serial, threads, or pass a concurrent",
    ):
        map_ordered(square, [1], engine="spark")


def test_workers_must_be_at_least_one():
    with pytest.raises(ConfigError, match="workers=0 is not usable: give a whole number of at"):
        map_ordered(square, [1], engine="threads", workers=0)


def test_an_engine_can_be_added(monkeypatch):
    monkeypatch.setitem(ENGINES, "backwards", lambda f, items, workers: map(f, [*items][::-1]))
    assert list(map_ordered(square, range(3), engine="backwards")) == [4, 1, 0]
