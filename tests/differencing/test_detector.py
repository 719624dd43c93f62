"""The registry of detectors, and which one is chosen."""

from __future__ import annotations

import pytest

from changedet.differencing import METHODS, DetectionContext, choose_method, get_method
from changedet.errors import UnknownMethodError


def context(roles, domain="optical", gsd=10.0):
    return DetectionContext(tuple(roles), domain, gsd)


RGBN = ("blue", "green", "red", "nir")


@pytest.mark.parametrize(
    ("given", "name", "reason"),
    [
        (context(RGBN), "ir-mad", "4 optical bands"),
        (context((*RGBN, "swir16", "swir22"), gsd=30.0), "ir-mad", "6 optical bands"),
        (context(RGBN, gsd=None), "ir-mad", "4 optical bands"),
        (context(RGBN, gsd=0.5), "change-vector", "0.5 m pixels resolve single objects"),
        (context(RGBN[:3]), "change-vector", "3 optical bands"),
        (context(("pan",), gsd=0.3), "change-vector", "1 optical band"),
        (context(("vv",), "sar-amplitude"), "log-ratio", "radar (sar-amplitude)"),
        (context(RGBN, "sar-db", 0.5), "log-ratio", "radar (sar-db)"),
        (context(("vv", "vh"), "sar-intensity", None), "log-ratio", "radar (sar-intensity)"),
    ],
)
def test_the_choice_follows_domain_bands_and_resolution(given, name, reason):
    found, why = choose_method(given)
    assert found == name
    assert reason in why


def test_an_unknown_method_is_refused_with_the_choices():
    with pytest.raises(UnknownMethodError) as caught:
        get_method("cva")
    assert str(caught.value) == (
        f"method='cva' is not known: choose auto or one of {', '.join(METHODS)}; or bring your own "
        "as package.module:function, path/to/file.py:function or path/to/model.onnx."
    )


def test_every_method_fits_and_says_what_it_is():
    for name, method in METHODS.items():
        assert get_method(name).fit is method.fit
        assert method.summary


def test_whatever_is_chosen_is_in_the_registry():
    for given in (context(RGBN), context(("pan",)), context(("vv",), "sar-db")):
        assert choose_method(given)[0] in METHODS
