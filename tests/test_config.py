from __future__ import annotations

import json
import math

import pytest

from changedet.config import Config
from changedet.errors import ConfigError


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"domain": "radar"}, "domain='radar' is not known: choose one of auto, optical, sar-ampl"),
        ({"grid": "fine"}, "grid='fine' is not usable: give 'native' or a pixel size in metres."),
        ({"grid": 0}, "grid=0 is not usable: give a pixel size in metres greater than 0."),
        ({"grid": math.nan}, "grid=nan is not usable: give a pixel size in metres greater"),
        ({"grid": None}, "grid=None is not usable: give a pixel size in metres greater than 0."),
        (
            {"false_alarms_per_km2": -1},
            "false_alarms_per_km2=-1 is not usable: give expected false objects per square kilom",
        ),
        ({"min_area_m2": 0}, "min_area_m2=0 is not usable: give an area in square metres greater"),
        ({"fdr": 1}, "fdr=1 is not usable: give a rate between 0 and 1."),
        ({"fdr": 0}, "fdr=0 is not usable: give a rate between 0 and 1."),
        (
            {"fdr": 0.1, "false_alarms_per_km2": 1},
            "Both fdr and false_alarms_per_km2 were given; each sets the threshold alone: give one",
        ),
        ({"tile_size": 63}, "tile_size=63 is not usable: give a whole number of at least 64."),
        ({"tile_size": 256.0}, "tile_size=256.0 is not usable: give a whole number of at least 64"),
        ({"workers": 0}, "workers=0 is not usable: give a whole number of at least 1."),
        ({"workers": 1.5}, "workers=1.5 is not usable: give a whole number of at least 1."),
        (
            {"sun_before": (400, 30)},
            r"sun_before=\(400, 30\) is not usable: give azimuth \(0 to 360, clockwise from north",
        ),
        ({"sun_after": (100, -5)}, r"sun_after=\(100, -5\) is not usable"),
        ({"sun_after": (100,)}, r"sun_after=\(100,\) is not usable"),
        ({"sun_after": "noon"}, "sun_after='noon' is not usable"),
    ],
)
def test_what_is_out_of_range_is_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        Config(**settings)


def test_defaults_are_fine():
    assert Config() == Config(domain="auto", grid="native", align=True, seed=0)


def test_lists_become_tuples():
    config = Config(bands=["red", "nir"], sun_before=[150, 40])
    assert (config.bands, config.sun_before) == (("red", "nir"), (150.0, 40.0))
    assert hash(config) == hash(Config(bands=("red", "nir"), sun_before=(150, 40)))


def test_replace():
    config = Config(seed=3)
    assert config.replace(grid=2.0) == Config(seed=3, grid=2.0)
    assert config.grid == "native"


def test_replace_checks_values_and_names():
    with pytest.raises(ConfigError, match="tile_size=1"):
        Config().replace(tile_size=1)
    with pytest.raises(ConfigError, match="Unknown setting girdd, wrokers: known are method, dom"):
        Config().replace(wrokers=1, girdd=2)


def test_it_survives_json():
    config = Config(bands=("red",), sun_after=(150, 40), grid=2.5, fdr=0.05, workers=2)
    assert Config(**json.loads(json.dumps(config.describe()))) == config


@pytest.mark.parametrize("head", ["", "[changedet]\n"])
def test_from_toml(tmp_path, head):
    path = tmp_path / "c.toml"
    path.write_text(head + 'domain = "sar-db"\nbands = ["vv", "vh"]\nsun_before = [150, 40.5]\n')
    expected = Config(domain="sar-db", bands=("vv", "vh"), sun_before=(150, 40.5))
    assert Config.from_toml(path) == Config.from_toml(str(path)) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "The configuration .*c.toml cannot be read"),
        (b"domain = ", "The configuration .*c.toml is not valid TOML"),
        (b"\xff\xfe", "The configuration .*c.toml is not valid TOML"),
        (b"domian = 'optical'", "Unknown setting domian: known are method, domain"),
        (b"tile_size = 1", "tile_size=1 is not usable"),
    ],
)
def test_files_that_cannot_be_used(tmp_path, content, message):
    path = tmp_path / "c.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        Config.from_toml(path)


def test_weights_of_kinds(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text("[changedet.kind_weights]\nrailcar = 2\ntruck = 0.5\n")
    config = Config.from_toml(path)
    assert config.kind_weights == {"railcar": 2.0, "truck": 0.5}
    assert Config(**config.describe()) == config
    assert Config().describe()["kind_weights"] is None
    for wrong in ({"railcar": -1}, {"railcar": "heavy"}, "railcar", {"railcar": float("inf")}):
        with pytest.raises(ConfigError, match=r"kind_weights=.* is not usable: give kinds"):
            Config(kind_weights=wrong)
