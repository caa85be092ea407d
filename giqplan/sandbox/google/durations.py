"""How long Google takes, in seconds of the sandbox clock. The table is printed in docs/sandbox.md."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Duration:
    """``source`` says where the number comes from; ``assumed`` marks a guess."""

    seconds: float
    source: str
    assumed: bool = False


DURATIONS: dict[str, Duration] = {
    "CREATE_CLUSTER": Duration(195, "3 min 15 s seen, regional cluster (terraform-provider-google#1643, 2018)"),
    "DELETE_CLUSTER": Duration(150, "no measurement found", assumed=True),
    "UPDATE_CLUSTER": Duration(60, "no measurement found", assumed=True),
    "UPGRADE_MASTER": Duration(300, "no measurement found", assumed=True),
    "SET_LABELS": Duration(10, "no measurement found", assumed=True),
    "enable service": Duration(20, "no measurement found", assumed=True),
}
