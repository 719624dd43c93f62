"""A detector of the user's own, through the whole chain."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

import changedet as cd
from changedet.cli import cli

from .sites import check_same

CODE = (
    "import numpy as np\n"
    "def distance(before, after, valid):\n"
    "    return np.sqrt(((after - before) ** 2).sum(axis=0))\n"
)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(CODE, encoding="utf-8")
    return path


def distance(before, after, valid):
    return np.sqrt(((after - before) ** 2).sum(axis=0))


def test_a_function_is_calibrated_reported_and_named_in_the_manifest(small, tmp_path):
    report = cd.detect(*small.pair, method=distance, tile_size=128)
    assert len(report.changes)
    assert report.summary["detector"]["method"] == f"{__name__}:distance"
    check_same(report, cd.detect(*small.pair, method=distance, tile_size=200, engine="serial"))
    folder = report.write(tmp_path / "out")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["method"]["function"] == manifest["config"]["method"] == f"{__name__}:distance"
    assert manifest["method"]["file"] == __file__
    assert len(manifest["method"]["sha256"]) == 64
    assert cd.verify(folder).ok
    with pytest.raises(cd.OutputError, match=r"the user's own function .*distance .*rerun needs"):
        cd.verify(folder, rerun=True)


def test_the_command_line_takes_a_function_of_a_file(small, tmp_path, file):
    arguments = [*small.pair, "--out", tmp_path / "out", "--method", f"{file}:distance"]
    done = CliRunner().invoke(cli, ["detect", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    assert summary["detector"]["function"].endswith(":distance")


@pytest.mark.parametrize(
    ("name", "status", "message"),
    [("{file}:missing", 2, "holds no 'missing'"), ("{bad}:x", 3, "cannot be imported")],
)
def test_what_cannot_be_used_is_refused_before_any_work(tmp_path, file, name, status, message):
    bad = tmp_path / "bad.py"
    bad.write_text("1 / 0", encoding="utf-8")
    method = name.format(file=file, bad=bad)
    arguments = ["no.tif", "none.tif", "--out", tmp_path / "out", "--method", method]
    done = CliRunner().invoke(cli, ["detect", *map(str, arguments)])
    assert done.exit_code == status
    assert message in done.output


def test_a_network_is_run_again_only_if_it_is_the_same(small, tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    make, path = onnx.helper.make_node, tmp_path / "tiny.onnx"
    pixels = [
        onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [1, 4, "h", "w"])
        for n in ("before", "after")
    ]
    nodes = [
        make("Sub", ["after", "before"], ["difference"]),
        make("Abs", ["difference"], ["distance"]),
        make("ReduceMean", ["distance"], ["score"], axes=[1], keepdims=1),
    ]
    score = onnx.helper.make_tensor_value_info("score", onnx.TensorProto.FLOAT, None)
    graph = onnx.helper.make_graph(nodes, "tiny", pixels, [score])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, path)
    folder = cd.detect(*small.pair, method=str(path)).write(tmp_path / "out")
    assert cd.verify(folder, rerun=True).ok
    onnx.helper.set_model_props(model, {"note": "trained further"})
    onnx.save(model, path)
    with pytest.raises(cd.OutputError, match=r"tiny.onnx .*which has changed"):
        cd.verify(folder, rerun=True)
    path.unlink()
    with pytest.raises(cd.OutputError, match="is not there"):
        cd.verify(folder, rerun=True)


def test_the_configuration_takes_a_function_and_names_it():
    config = cd.Config(method=distance)
    assert config.describe()["method"] == f"{__name__}:distance"
    assert json.dumps(config.describe())
    assert cd.Config(method=cd.Method(distance)).describe()["method"] == f"{__name__}:distance"
    with pytest.raises(cd.ConfigError, match="method=3 is not usable: give the name of a detector"):
        cd.Config(method=3)
