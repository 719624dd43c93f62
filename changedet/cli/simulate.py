"""``changedet simulate``: a scene with exact truth."""

from __future__ import annotations

from pathlib import Path

import click

from changedet.cli.session import Session, in_session


@click.command()
@click.option("--kind", required=True, metavar="NAME", help="Scene to render, such as railyard.")
@click.option("--seed", type=int, default=0, show_default=True, help="Same seed, same bits.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to make.")
@click.option("--overwrite", is_flag=True, help="Replace an earlier output folder.")
@in_session
def simulate(session: Session, kind: str, seed: int, out: Path, overwrite: bool) -> None:
    """Render a pair of images of an invented site, with the truth beside it."""
    from changedet import pipeline

    pipeline.simulate(kind, seed=seed, out=out, overwrite=overwrite)
    session.say(f"Scene {kind}, seed {seed}: {out}")
    session.done(out=str(out), kind=kind, seed=seed)
