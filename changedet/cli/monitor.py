"""``changedet monitor``: activity over many dates, and which of them stand out."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from changedet.cli.options import (
    Names,
    engine_options,
    place_options,
    read_config,
    series_options,
    settings,
    threshold_options,
)
from changedet.cli.session import Session, in_session


@click.command()
@series_options
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to make.")
@place_options
@click.option(
    "--reference", metavar="F|N",
    help="Image with which all are compared: its path, or its position in time from 0.",
)  # fmt: skip
@click.option(
    "--level", type=float, default=0.01, show_default=True,
    help="Probability at which a normal date is called a spike.",
)  # fmt: skip
@click.option(
    "--least-baseline", type=int, default=8, show_default=True,
    help="Fewest earlier dates by which a date is judged.",
)  # fmt: skip
@click.option(
    "--least-observable", type=float, default=0.8, show_default=True,
    help="Share of a zone or track that must be seen for its date to count.",
)  # fmt: skip
@click.option(
    "--baseline-until", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD",
    help="Later dates never join what is normal.",
)  # fmt: skip
@click.option("--seasonal/--no-seasonal", default=True, help="Compare with the same season.")
@click.option(
    "--link", "links", multiple=True, metavar="DIR",
    help="Folder of another site's history to correlate with. May be given again.",
)  # fmt: skip
@threshold_options
@click.option(
    "--format", "formats", type=Names(), metavar="csv,parquet,png,svg",
    help="Table and plot; CSV is always among them, PNG by default where matplotlib is there.",
)  # fmt: skip
@engine_options
@click.option("--overwrite", is_flag=True, help="Replace an earlier output folder.")
@in_session
def monitor(
    session: Session,
    images: tuple[str, ...],
    out: Path,
    formats: tuple[str, ...] | None,
    overwrite: bool,
    engine: str,
    config_file: str | None,
    baseline_until: datetime | None,
    **options: Any,
) -> None:
    """Follow a site over many dates, and tell a spike from what is normal there.

    IMAGE are images of any date (dates from tags or file names), a text file or CSV with path,date
    a line, a folder of images, or folders that earlier runs of detect wrote.
    """
    from changedet import pipeline
    from changedet.activity import HistoryRules
    from changedet.engines import check_engine
    from changedet.reporting import (
        choose_history_formats,
        short_words_of_history,
        words_of_history,
    )
    from changedet.reporting.folder import check_target

    # What would be refused at the end is refused at the beginning.
    check_target(out, overwrite)
    choose_history_formats(formats)
    check_engine(engine)
    given = settings(options)
    rules = HistoryRules(
        baseline_until=None if baseline_until is None else baseline_until.date(),
        **{
            name: options.pop(name)
            for name in ("level", "least_baseline", "least_observable", "seasonal")
        },
    )
    report = pipeline.monitor(
        list(images),
        rules=rules,
        config=read_config(config_file),
        engine=engine,
        progress=session.progress,
        **options,
        **given,
    )
    folder = report.write(out, formats=formats, overwrite=overwrite)
    described = report.describe()
    words = words_of_history(described)
    lines = [
        *short_words_of_history(described),
        *(str(link) for link in report.links),
        f"History: {folder}",
    ]
    session.say("\n".join(lines))
    states = {f"{h.place}/{h.measure}": h.state for h in report.histories}
    session.done(out=str(folder), dates=len(report.images), states=states, sentences=words)
