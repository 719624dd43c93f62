from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from changedet.model import Alignment, Lattice

VALUES = st.floats(-50, 50)


@st.composite
def lattices(draw):
    m, n = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    values = draw(st.lists(VALUES, min_size=m * n, max_size=m * n))
    step = st.floats(1, 500)
    return Lattice(
        draw(VALUES), draw(VALUES), draw(step), draw(step), np.array(values).reshape(m, n)
    )


@given(lattices())
def test_it_gives_its_own_values_at_its_nodes(lattice):
    m, n = lattice.values.shape
    rows = lattice.row0 + lattice.row_step * np.arange(m)[:, None]
    cols = lattice.col0 + lattice.col_step * np.arange(n)
    np.testing.assert_allclose(lattice.at(rows, cols), lattice.values, atol=1e-6)


@given(lattices(), st.floats(-1e5, 1e5), st.floats(-1e5, 1e5))
def test_beyond_its_edge_the_edge_counts(lattice, row, col):
    m, n = lattice.values.shape
    inside_row = np.clip(row, lattice.row0, lattice.row0 + (m - 1) * lattice.row_step)
    inside_col = np.clip(col, lattice.col0, lattice.col0 + (n - 1) * lattice.col_step)
    at_edge = lattice.at(inside_row, inside_col)
    np.testing.assert_allclose(lattice.at(row, col), at_edge, atol=1e-6)


@given(lattices())
def test_a_lattice_survives_json(lattice):
    value = json.loads(json.dumps(lattice.describe()))
    again = Lattice.from_description(value)
    assert again.describe() == lattice.describe()
    np.testing.assert_array_equal(again.at([3.3], [4.4]), lattice.at([3.3], [4.4]))


def test_a_plane_is_interpolated_exactly():
    r, c = np.mgrid[:5, :4] * 64.0
    plane = Lattice(0, 0, 64, 64, 0.5 + 0.01 * r - 0.02 * c)
    rows, cols = np.array([10.0, 200.5]), np.array([100.25, 7.0])
    np.testing.assert_allclose(plane.at(rows, cols), 0.5 + 0.01 * rows - 0.02 * cols, atol=1e-12)


def test_positions_are_broadcast():
    constant = Lattice.constant(2.5)
    np.testing.assert_array_equal(constant.at(np.zeros((3, 1)), np.zeros(4)), np.full((3, 4), 2.5))
    assert constant.at(1, 2).shape == ()


def an_alignment(**changed):
    fields = {
        "dy": Lattice(0, 0, 100, 100, np.array([[1.0, 2.0], [3.0, 4.0]])),
        "dx": Lattice.constant(-1.5),
        "sigma": Lattice.constant(0.05),
        "model": "local",
        "grade": "good",
        "dx_m": -0.75,
        "dy_m": -1.25,
        "dx_px": -1.5,
        "dy_px": 2.5,
        "residual_px": 0.07,
        "ce90_px": 0.1,
        "reasons": ("held-out residuals are small",),
        "measures": (("peak_ratio", 3.5), ("agreement", 0.9)),
        "tie_points": np.arange(12.0).reshape(2, 6),
        **changed,
    }
    return Alignment(**fields)


@pytest.mark.parametrize(
    "alignment",
    [
        an_alignment(),
        an_alignment(dx_m=None, dy_m=None, residual_px=None, ce90_px=None, reasons=()),
        an_alignment(tie_points=np.zeros((0, 6)), measures=()),
        Alignment.identity(),
    ],
)
def test_an_alignment_survives_json(alignment):
    value = json.loads(json.dumps(alignment.describe(), allow_nan=False))
    again = Alignment.from_description(value)
    assert again.describe() == alignment.describe()
    assert (again.reasons, again.measures) == (alignment.reasons, alignment.measures)
    assert again.tie_points.shape == alignment.tie_points.shape
    np.testing.assert_array_equal(again.displacement([7], [9]), alignment.displacement([7], [9]))
    np.testing.assert_array_equal(again.residual([7], [9]), alignment.residual([7], [9]))


def test_displacement_is_by_place():
    dy, dx = an_alignment().displacement([0, 100], [0, 100])
    np.testing.assert_allclose(dy, [1, 4])
    np.testing.assert_allclose(dx, [-1.5, -1.5])


def test_text():
    assert str(an_alignment()) == (
        "local -1.500 px right, +2.500 px down (-0.750 m E, -1.250 m N), 0.070 px left: good"
    )
    plain = an_alignment(dx_m=None, dy_m=None, residual_px=None, model="translation", grade="poor")
    assert str(plain) == "translation -1.500 px right, +2.500 px down: poor"


def test_identity_says_why():
    assert Alignment.identity().reasons == ("alignment was switched off",)
    assert Alignment.identity("no texture").reasons == ("no texture",)
