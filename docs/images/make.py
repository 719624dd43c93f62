"""Make the pictures of the documentation from the sample tiles: ``python docs/images/make.py``.

Run it again after any change to what is found or how it is drawn.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PIL import Image

import changedet as cd
from changedet.reporting import change_figure

HERE = Path(__file__).parent
SAMPLE = HERE.parents[1] / "sample_tiles" / "railyard"
YARD_AND_PAD = (205, 300, 310, 470)
"""Row, column, height and width of the part that the picture shows."""
COLOURS = 256
"""Of the picture: enough for the eye, at a third of the bytes."""


def main() -> None:
    """Write ``railyard.png``."""
    path = HERE / "railyard.png"
    report = cd.detect(
        SAMPLE / "before.tif", SAMPLE / "after.tif", zones=SAMPLE / "zones.geojson", progress=True
    )
    # moved shadows are left out of the picture, as they are of every count
    shown = replace(report, changes=report.changes.take(~report.changes.explained))
    change_figure(
        shown, path, window=YARD_AND_PAD, width=12, dpi=100, title="Rail yard (simulated)"
    )
    picture = Image.open(path).convert("RGB")
    palette = picture.quantize(COLOURS)
    picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)


if __name__ == "__main__":
    main()
