"""``changedet detect``: the whole chain, from two images to a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from changedet.cli.options import (
    KindWeight,
    Names,
    engine_options,
    pair_options,
    place_options,
    read_config,
    settings,
    threshold_options,
)
from changedet.cli.session import Session, in_session


@click.command()
@pair_options
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to make.")
@place_options
@click.option(
    "--control", metavar="F|outside",
    help="Polygons where nothing is expected: what changed there is taken off the zones' activity. "
    "'outside': all that lies in no zone.",
)  # fmt: skip
@click.option(
    "--kind-weight", "kind_weights", type=KindWeight(), multiple=True,
    help="How much a kind counts in the activity: railcar=2. May be given again.",
)  # fmt: skip
@threshold_options
@click.option(
    "--reference-before", multiple=True, metavar="F",
    help="Before image of a pair in which nothing happened: the null. May be given again.",
)  # fmt: skip
@click.option("--reference-after", multiple=True, metavar="F", help="Its after image.")
@click.option(
    "--history", metavar="DIR|F",
    help="Folder of earlier images, or a text file with a path a line: the site's own null.",
)  # fmt: skip
@click.option(
    "--format", "formats", type=Names(), default=("geojson",), metavar="geojson,gpkg,parquet,fgb",
    help="Vector formats; GeoJSON is always among them.",
)  # fmt: skip
@engine_options
@click.option("--overwrite", is_flag=True, help="Replace an earlier output folder.")
@in_session
def detect(
    session: Session,
    before: str,
    after: str,
    out: Path,
    formats: tuple[str, ...],
    overwrite: bool,
    engine: str,
    config_file: str | None,
    **options: Any,
) -> None:
    """Find what changed between BEFORE and AFTER, and write a report to a folder.

    BEFORE and AFTER are paths or URLs of georeferenced images, in any CRS and pixel size.
    """
    from changedet import pipeline
    from changedet.cli.summary import describe_report, report_fields
    from changedet.engines import check_engine
    from changedet.reporting import choose_formats
    from changedet.reporting.folder import check_target

    # What would be refused at the end is refused at the beginning.
    check_target(out, overwrite)
    choose_formats(formats)
    check_engine(engine)
    given = settings(options)
    for name in ("reference_before", "reference_after"):
        options[name] = list(options[name]) or None
    report = pipeline.detect(
        before,
        after,
        config=read_config(config_file),
        engine=engine,
        progress=session.progress,
        **options,
        **given,
    )
    folder = report.write(out, formats=formats, overwrite=overwrite)
    session.say(describe_report(report, folder))
    session.done(out=str(folder), **report_fields(report))
