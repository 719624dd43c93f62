"""``changedet inspect``: can these two be compared, and what would be found? Writes nothing."""

from __future__ import annotations

import json
from typing import Any

import click

from changedet.cli.options import pair_options, read_config, settings
from changedet.cli.session import NOT_COMPARABLE, Session, in_session


@click.command()
@pair_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.option("--figure", metavar="F.png", help="Draw the alignment: tie points, what is left.")
@in_session
def inspect(
    session: Session,
    before: str,
    after: str,
    as_json: bool,
    figure: str | None,
    config_file: str | None,
    **options: Any,
) -> None:
    """Say whether BEFORE and AFTER can be compared: grids, alignment, season, sun.

    Writes nothing but the figure that is asked for. Ends with status 4 when they cannot.
    """
    from changedet import pipeline

    given = settings(options)
    inspection = pipeline.inspect(
        before,
        after,
        config=read_config(config_file),
        progress=session.progress,
        **({} if figure is None else {"figure": figure}),
        **options,
        **given,
    )
    card = inspection.describe()
    if session.json:
        session.done(inspection=card)
    else:
        click.echo(json.dumps(card, indent=2) if as_json else str(inspection))
    if card.get("comparability", {}).get("grade") == "no-go":
        raise click.exceptions.Exit(NOT_COMPARABLE)
