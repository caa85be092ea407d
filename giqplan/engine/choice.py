"""The choice of a profile for a loaded intent: ``recommend``, with the place in the file that an error is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from giqplan.catalog import Catalog
from giqplan.catalog.model_config import model_of
from giqplan.errors import GiqplanError
from giqplan.model.recommendation import Recommendation
from giqplan.recommend import recommend

if TYPE_CHECKING:
    from giqplan.intent import LoadedIntent

#: The field that a refusal of catalog, choice or manifests is about.
_FIELDS: Mapping[str, str] = {
    "GIQ1203": "spec.workload.useCase",
    "GIQ1205": "spec.accelerator.types",
    "GIQ1301": "spec.model.id",
    "GIQ1302": "spec.model.id",
    "GIQ1307": "spec.model.configFile",
    "GIQ1320": "spec.model.id",
    "GIQ1401": "spec.serving.server",
    "GIQ1402": "spec.serving.version",
    "GIQ1403": "spec.serving.args",
    "GIQ1404": "spec.serving.args",
    "GIQ1405": "spec.accelerator.count",
    "GIQ1406": "spec.model.id",
    "GIQ1407": "spec.model.id",
    "GIQ1408": "spec.storage",
    "GIQ1409": "metadata.labels",
    "GIQ1410": "spec.serving.env",
    "GIQ1411": "spec.model.revision",
    "GIQ1412": "spec.model.maxModelLen",
    "GIQ1414": "spec.serving.env",
}


@contextmanager
def placed(loaded: LoadedIntent) -> Iterator[None]:
    """Errors raised inside get the place of the field that they are about, where they have none."""
    try:
        yield
    except GiqplanError as error:
        if error.place is None and error.code in _FIELDS:
            error.place = loaded.place(_FIELDS[error.code])
        raise


def catalog_of(loaded: LoadedIntent, catalog: Catalog) -> Catalog:
    """The catalog as the intent sees it: with the model that its config.json describes. Raises RecommendError (GIQ1307) where the catalog
    knows this model as another one."""
    if loaded.config is None:
        return catalog
    name = loaded.intent.spec.model.id
    with placed(loaded):
        model = model_of(loaded.config.architecture, name, loaded.config.file, catalog.model(name))
    return catalog.with_model(model, name)


def choose(loaded: LoadedIntent, catalog: Catalog, applied_curve_key: str | None = None) -> Recommendation:
    """``recommend`` for a loaded intent. Raises what it raises, with a place."""
    with placed(loaded):
        return recommend(loaded.intent, catalog_of(loaded, catalog), applied_curve_key)
