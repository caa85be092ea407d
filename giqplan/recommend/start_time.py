"""How long a new replica takes until it serves: node, image, weights. One table; every row says whether it is documented or assumed."""

from __future__ import annotations

from dataclasses import dataclass

ASSUMED = "assumed: no source states a figure"


@dataclass(frozen=True)
class Rate:
    """A duration (``seconds``) or a speed (``gib_per_second``), whichever is not 0, and where it comes from."""

    what: str
    seconds: float = 0.0
    gib_per_second: float = 0.0
    source: str = ASSUMED


NODE = Rate("a GPU node joins the cluster", seconds=180)
IMAGE = Rate("the model server's image is pulled", seconds=120)
WEIGHTS_HUGGING_FACE = Rate("weights come from Hugging Face", gib_per_second=0.25)
WEIGHTS_BUCKET = Rate("weights come from a bucket", gib_per_second=1.0)
WEIGHTS_UNKNOWN_GIB = 100.0
"""Assumed where the catalog knows no size."""


@dataclass(frozen=True)
class StartTime:
    """Seconds until a new replica serves, with its steps in words."""

    seconds: float
    steps: tuple[str, ...]


def start_time(weights_gib: float | None, from_bucket: bool) -> StartTime:
    """Node + image + weights at the rates of this table (design rule 8)."""
    rate = WEIGHTS_BUCKET if from_bucket else WEIGHTS_HUGGING_FACE
    size = WEIGHTS_UNKNOWN_GIB if weights_gib is None else weights_gib
    weights = size / rate.gib_per_second
    size_text = f"{size:.0f} GiB" + (" (size unknown, assumed)" if weights_gib is None else "")
    return StartTime(
        NODE.seconds + IMAGE.seconds + weights,
        (
            f"{NODE.what}: {NODE.seconds:.0f} s ({NODE.source})",
            f"{IMAGE.what}: {IMAGE.seconds:.0f} s ({IMAGE.source})",
            f"{rate.what}: {size_text} at {rate.gib_per_second:g} GiB/s = {weights:.0f} s ({rate.source})",
        ),
    )
