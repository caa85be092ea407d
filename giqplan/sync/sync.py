"""One sync: fetch everything, then put it in the place of the synced layer in one step. Until then the layer is as it was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from giqplan.catalog.curves import IDENTITY
from giqplan.catalog.difference import Cells, RowChange, Tables
from giqplan.catalog.layer import cells_of, replace_layer, source_of
from giqplan.catalog.layers import FOLDERS, SYNCED, Layer, embedded_layer, layers_of
from giqplan.catalog.store import Catalog
from giqplan.errors import CatalogError, CloudError
from giqplan.sync.fetch import Api, Progress, Reader, fetch
from giqplan.sync.journal import journal
from giqplan.sync.questions import API
from giqplan.sync.rows import model_id, tables
from giqplan.units import counted

_SOURCE = f"GKE Inference Quickstart: {API} v1, benchmarkingData:fetch"
_OF_CURVES = ("points", "giq_profiles", "giq_points")


@dataclass(frozen=True)
class Synced:
    """What a sync brought. ``new``, ``changed``, ``gone``: rows of curves.csv; ``changed``: the same profile and workload with other
    numbers. ``date``: the layer's; ``earlier``: the date it had before, "" = there was none. ``resumed``: answers kept from a run that
    was cut off. ``other_models``: whose curves were left as they were."""

    models: tuple[str, ...]
    use_cases: int
    new: tuple[Cells, ...]
    changed: tuple[Cells, ...]
    gone: tuple[Cells, ...]
    unchanged: int
    points: int
    unknown_models: tuple[str, ...]
    other_models: tuple[str, ...]
    date: str
    earlier: str
    requests: int
    resumed: int


def sync(world: Reader, home: Path, *, world_name: str, project: str, models: Sequence[str], progress: Progress, now: datetime) -> Synced:
    """Bring the synced layer of the intents in ``home`` up to date: all of it, or the curves of ``models``.

    ``project``: counted against it. Raises CatalogError (GIQ1225 to GIQ1230, and those of a layer) and CloudError.
    """
    folder = home / FOLDERS[SYNCED]
    before, earlier = _before(folder, progress, needed=bool(models))
    others = Catalog((embedded_layer(), *(layer for layer in layers_of(home) if layer.name != SYNCED)))
    with journal(folder.parent, world_name, project, now) as kept:
        if kept.finished_before:
            progress.line(f"going on with the sync of {kept.begun}: {counted(kept.finished_before, 'answer')} kept")
        api = Api(world, kept, project, {chip.name for chip in others.accelerators()})
        try:
            fetched = fetch(api, models, progress)
        except CloudError as error:
            raise _goes_on(error) from error
        date = kept.begun[:10]
        source = source_of(_SOURCE + (f"; answered by {world_name}, a stand-in" if world_name != "gcp" else ""), date=date)
        found, asked = tables(fetched, others, source), {model_id(others, name) for name in fetched.models}
        after = _beside(before, found, asked, source.id) if models else found
        if _says_more(replace_layer(folder, after, date, name=SYNCED, world=world_name, dry_run=True)):
            replace_layer(folder, after, date, name=SYNCED, world=world_name)
    new, changed, gone, unchanged = _compared(before.get("curves", ()), after["curves"])
    return Synced(
        models=fetched.models,
        use_cases=len(fetched.use_cases),
        new=new,
        changed=changed,
        gone=gone,
        unchanged=unchanged,
        points=len(after["points"]),
        unknown_models=tuple(row["model_id"] for row in after["models"]),
        other_models=tuple(sorted({row["model_id"] for row in after["curves"]} - asked)),
        date=Layer(SYNCED, folder).date,
        earlier=earlier,
        requests=kept.added,
        resumed=len(api.reused),
    )


def _before(folder: Path, progress: Progress, *, needed: bool) -> tuple[dict[str, list[Cells]], str]:
    """The tables of the layer as it is, and its date; nothing where there is none. A whole sync replaces a broken one; where parts of it
    are ``needed``, it is a CatalogError."""
    old = Layer(SYNCED, folder)
    try:
        return (cells_of(old), old.date) if old.begun() else ({}, "")
    except CatalogError as error:
        if not needed:
            progress.line(f"what was synced before cannot be read and is replaced: {error.detail}")
            return {}, ""
        remedy = f"Delete {folder}, which holds nothing but synced data, or sync without --model."
        raise CatalogError(error.code, error.detail, remedy, error.place) from error


def _goes_on(error: CloudError) -> CloudError:
    told = f"{error.remedy}\nthe catalog is as it was; what was fetched is kept for a day, and the same command goes on from there"
    return CloudError(error.code, error.detail, told, error.place, status=error.status, reason=error.reason)


def _beside(before: Tables, found: Tables, models: set[str], source: str) -> dict[str, list[Cells]]:
    """``found`` beside what stood there of other models, from the same world: what a sandbox told never stands beside Google's."""
    kept = [row for row in before.get("curves", ()) if row["model_id"] not in models and row["source"] == source]
    keys = {row["key"] for row in kept}
    rows: dict[str, list[Cells]] = {"curves": kept}
    rows |= {table: [row for row in before.get(table, ()) if row["curve"] in keys] for table in _OF_CURVES}
    rows["models"] = [row for row in before.get("models", ()) if row["model_id"] not in models and row["arch_source"] == source]
    return {table: [*rows.get(table, ()), *found[table]] for table in found}


def _says_more(changes: Iterable[RowChange]) -> bool:
    """Whether anything but the day differs. A layer that says the same keeps its bytes, so that plans made with it still hold."""
    return any(change.columns != ("date",) for change in changes)


def _compared(before: Iterable[Cells], after: Iterable[Cells]) -> tuple[tuple[Cells, ...], tuple[Cells, ...], tuple[Cells, ...], int]:
    """New, changed and gone curves, and how many are as they were."""
    old, now = ({row["key"]: row for row in rows} for rows in (before, after))
    added = [now[key] for key in sorted(now.keys() - old.keys(), key=lambda key: _profile(now[key]))]
    removed = [old[key] for key in sorted(old.keys() - now.keys(), key=lambda key: _profile(old[key]))]
    were, are = ({_profile(row) for row in rows} for rows in (removed, added))
    changed = tuple(row for row in added if _profile(row) in were)
    new = tuple(row for row in added if _profile(row) not in were)
    gone = tuple(row for row in removed if _profile(row) not in are)
    return new, changed, gone, len(now.keys() & old.keys())


def _profile(row: Cells) -> tuple[str, ...]:
    """What a curve is about, whatever its numbers."""
    return tuple(row[column] for column in IDENTITY)
