"""Trains that hang together are cut at their couplings, and single bodies are not."""

from __future__ import annotations

import numpy as np
import pytest

from changedet.differencing.objects.coupled import best_cuts, cut_at_gaps

SIZE = 0.5
GROUND, RED, GREY = -1.6, -0.9, -0.7


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def row_of(bodies, rng, gap=2, dark=-2.0, date=0, turn=False):
    """Bodies of (pixels, brightness) in a row, 6 pixels wide, as one part: labels and dates."""
    length = sum(n for n, _ in bodies) + gap * (len(bodies) - 1)
    labels = np.zeros((30, length + 20), dtype=np.int64)
    labels[10:16, 10 : 10 + length] = 7
    dates = np.full((2, 3, *labels.shape), GROUND)
    at, truth = 10, np.zeros_like(labels)
    for k, (n, colour) in enumerate(bodies, start=1):
        dates[date, :, 10:16, at : at + n] = colour
        truth[10:16, at : at + n] = k
        if k < len(bodies):
            dates[date, :, 10:16, at + n : at + n + gap] = dark
        at += n + gap
    dates += rng.normal(0, 0.03, dates.shape)
    if turn:
        labels, truth, dates = labels.T.copy(), truth.T.copy(), dates.swapaxes(2, 3).copy()
    return labels, dates, truth


def pieces(labels, truth):
    """For each body, the piece that holds most of it, and the share that it holds."""
    out = []
    for k in range(1, truth.max() + 1):
        count = np.bincount(labels[truth == k])
        out.append((int(count.argmax()), count.max() / (truth == k).sum()))
    return out


@pytest.mark.parametrize("turn", [False, True])
@pytest.mark.parametrize("date", [0, 1])
def test_a_train_of_like_wagons_is_cut_at_its_couplings(rng, date, turn):
    labels, dates, truth = row_of([(26, RED)] * 5, rng, date=date, turn=turn)
    cut = cut_at_gaps(labels, dates, SIZE)
    np.testing.assert_array_equal(cut > 0, labels > 0)
    found = pieces(cut, truth)
    assert len({k for k, _ in found}) == len(np.unique(cut[cut > 0])) == 5
    assert min(share for _, share in found) > 0.9


def test_wagons_of_several_lengths_are_told(rng):
    labels, dates, truth = row_of([(22, RED), (27, GREY), (27, RED), (22, RED)], rng)
    found = pieces(cut_at_gaps(labels, dates, SIZE), truth)
    assert len({k for k, _ in found}) == 4
    assert min(share for _, share in found) > 0.9


def test_containers_of_two_colours_are_parted_without_a_gap(rng):
    labels, dates, truth = row_of([(24, RED), (24, GREY + 0.6)], rng, gap=0)
    found = pieces(cut_at_gaps(labels, dates, SIZE), truth)
    assert len({k for k, _ in found}) == 2
    assert min(share for _, share in found) > 0.9


@pytest.mark.parametrize("pixels", [30, 44, 80, 160])
def test_an_even_body_stays_whole(rng, pixels):
    labels, dates, _ = row_of([(pixels, RED)], rng)
    assert len(np.unique(cut_at_gaps(labels, dates, SIZE))) == 2


def test_what_both_dates_show_is_no_gap(rng):
    labels, dates, _ = row_of([(26, RED)] * 3, rng)
    dates[1] = dates[0] + 0.4 + rng.normal(0, 0.03, dates[1].shape)
    assert len(np.unique(cut_at_gaps(labels, dates, SIZE))) == 2


def test_two_notches_of_one_body_do_not_both_count(rng):
    # a dark hatch in the middle of a wagon is nearer to its couplings than a body is long
    labels, dates, truth = row_of([(26, RED)] * 3, rng)
    dates[0, :, 10:16, 22:24] = -2.0
    found = pieces(cut_at_gaps(labels, dates, SIZE), truth)
    assert len({k for k, _ in found}) == 3


def test_nothing_is_left_that_is_smaller_than_an_object(rng):
    labels, dates, _ = row_of([(26, RED)] * 3, rng)
    assert len(np.unique(cut_at_gaps(labels, dates, SIZE, least=26 * 6 + 40))) == 2


def test_the_best_sequence_of_cuts_is_found():
    evidence = np.full((2, 90), -6.0)
    evidence[0, [28, 40, 56]] = 1.5, 2.0, 1.5
    cuts = best_cuts(evidence, np.array([84, 90]), SIZE)
    assert np.flatnonzero(cuts[0]).tolist() == [28, 56]
    assert not cuts[1].any()


@pytest.mark.parametrize("more", [0, 37])
def test_a_part_is_cut_alike_whatever_other_parts_there_are(rng, more):
    labels, dates, _ = row_of([(26, RED)] * 4, rng)
    alone = cut_at_gaps(labels, dates, SIZE)
    # a longer one beside it, in a larger window
    high, wide = labels.shape
    every = np.zeros((high + 40, wide + 200), dtype=np.int64)
    here = np.s_[more : more + high, 11 : 11 + wide]
    every[here] = labels
    around = rng.normal(0.0, 0.3, (*dates.shape[:2], *every.shape))
    around[(..., *here)] = dates
    row = 32 if more == 0 else 2
    every[row : row + 6, 5:290] = 3
    cut = cut_at_gaps(every, around, SIZE)[here]
    mine = labels > 0
    _, one = np.unique(alone[mine], return_inverse=True)
    _, other = np.unique(cut[mine], return_inverse=True)
    np.testing.assert_array_equal(one, other)
    assert len(np.unique(one)) == 4
