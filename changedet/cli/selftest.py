"""``changedet selftest``: what would be seen in these two images if it came."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from changedet.cli.options import Names, pair_options, read_config, settings
from changedet.cli.session import Session, in_session


class Numbers(Names):
    """Numbers separated by commas."""

    name = "NUMBERS"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Read the option."""
        names = super().convert(value, param, ctx)
        try:
            return tuple(float(n) for n in names)
        except ValueError:
            self.fail(f"{value!r} is not a list of numbers such as 0.1,0.2,0.4.", param, ctx)


@click.command()
@pair_options
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to make.")
@click.option("--zones", metavar="F", help="Polygons: plant only there.")
@click.option("--tracks", metavar="F", help="Centrelines of rail tracks: plant wagons there.")
@click.option("--roads", metavar="F", help="Centrelines of roads: plant trucks there.")
@click.option("--targets", type=int, help="Targets of each size at each contrast; 40.")
@click.option(
    "--contrasts", type=Numbers(), metavar="0.1,0.2,...",
    help="Differences from the ground: shares of its brightness; decibels for radar.",
)  # fmt: skip
@click.option(
    "--blur", "blur_px", type=float, metavar="PX",
    help="Standard deviation of the after image's point spread; measured unless given.",
)  # fmt: skip
@click.option("--method", metavar="NAME|FUNCTION|MODEL", help="Detector, as for detect.")
@click.option("--reference-before", multiple=True, metavar="F", help="As for detect.")
@click.option("--reference-after", multiple=True, metavar="F", help="As for detect.")
@click.option("--history", metavar="DIR|F", help="As for detect.")
@click.option(
    "--false-alarms", "false_alarms_per_km2", type=float, metavar="PER_KM2", help="As for detect."
)
@click.option("--fdr", type=float, metavar="Q", help="As for detect.")
@click.option("--min-area", "min_area_m2", type=float, metavar="M2", help="As for detect.")
@click.option("--seed", type=int, help="Of every random choice; 0.")
@click.option("--engine", default="threads", metavar="serial|threads", help="How tiles are run.")
@click.option("--workers", type=click.IntRange(min=1), help="Tiles at a time.")
@click.option("--overwrite", is_flag=True, help="Replace an earlier output folder.")
@in_session
def selftest(
    session: Session,
    before: str,
    after: str,
    out: Path,
    overwrite: bool,
    targets: int | None,
    config_file: str | None,
    seed: int | None,
    **options: Any,
) -> None:
    """Plant known targets into AFTER, detect changes, and say how many targets are seen.

    Takes the same settings as detect, so that its answer is about the same run.
    """
    from changedet import pipeline
    from changedet.engines import check_engine
    from changedet.reporting import selftest_sentences
    from changedet.reporting.folder import check_target

    check_target(out, overwrite)
    check_engine(options["engine"])
    given = settings(options)
    if seed is not None:
        given["seed"] = seed
    if targets is not None:
        options["per_cell"] = targets
    for name in ("reference_before", "reference_after"):
        options[name] = list(options[name]) or None
    test = pipeline.selftest(
        before,
        after,
        config=read_config(config_file),
        progress=session.progress,
        **options,
        **given,
    )
    folder = test.write(out, overwrite=overwrite)
    words = selftest_sentences(test)
    session.say("\n".join([*words, f"Tables and figure: {folder}"]))
    session.done(
        out=str(folder), planted=len(test.targets), seen=sum(t.seen for t in test.targets),
        rounds=test.rounds, sentences=words,
    )  # fmt: skip
