"""The error tree. Every failure a user can meet is one of these values: code, summary, detail, remedy, place.

    GiqplanError
      UsageError       GIQ01xx  the command line
      IntentError      GIQ10xx  inference.yaml: syntax, shape, meaning
      RefusedError     GIQ11xx  a field that is understood but not acted on yet
      CatalogError     GIQ12xx  catalog files and look-ups
      RecommendError   GIQ13xx  no profile can be chosen
      ManifestError    GIQ14xx  Kubernetes objects cannot be written for this choice
      CheckError       GIQ15xx  a prerequisite fails (also the codes of checks)
      PlanError        GIQ16xx  observing, comparing, planning
      ApplyError       GIQ17xx  carrying out a plan
      StateError       GIQ18xx  state, journal, locks
      CloudError       GIQ19xx  Google Cloud and Kubernetes answers, credentials, network
      SandboxError     GIQ20xx  the embedded local cloud
      ErrorList                 several of them at once (each keeps its own code)

Each code has one line in ``CODES`` (its summary), one in docs/errors.md (generated from here) and a test.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from giqplan.error_codes import CODES


class Exit(IntEnum):
    """Exit codes of the command line (design 4.4)."""

    DONE = 0
    ERROR = 1
    CHANGES = 2
    STALE = 3
    BLOCKED = 4
    INCOMPLETE = 5
    INTERRUPTED = 130
    TERMINATED = 143


#: When several apply, the first of this list wins (design 4.4).
EXIT_PRECEDENCE = (
    Exit.INTERRUPTED,
    Exit.TERMINATED,
    Exit.STALE,
    Exit.BLOCKED,
    Exit.ERROR,
    Exit.INCOMPLETE,
    Exit.CHANGES,
    Exit.DONE,
)


def worst(codes: Iterable[Exit]) -> Exit:
    """The exit code that wins among ``codes``; ``Exit.DONE`` when there is none."""
    return min(codes, key=EXIT_PRECEDENCE.index, default=Exit.DONE)


@dataclass(frozen=True, order=True)
class Place:
    """Where something stands in a file; line and column count from 1, 0 = unknown."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"


class GiqplanError(Exception):
    """Root of the tree. ``code`` must stand in ``CODES``; ``detail`` says what happened, ``remedy`` what to do."""

    exit: Exit = Exit.ERROR

    def __init__(self, code: str, detail: str, remedy: str = "", place: Place | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.summary = CODES[code]
        self.detail = detail
        self.remedy = remedy
        self.place = place

    @property
    def errors(self) -> tuple[GiqplanError, ...]:
        """This error as a list, so that callers treat one and many alike."""
        return (self,)


class UsageError(GiqplanError):
    """The command line is wrong."""


class IntentError(GiqplanError):
    """The intent file is wrong."""


class RefusedError(GiqplanError):
    """A field, flag or command that is understood but not acted on yet."""


class CatalogError(GiqplanError):
    """A catalog file is broken, or a look-up has no answer."""


class NoProfileError(CatalogError):
    """Of what was asked for there is no profile, or none meets the targets."""

    exit = Exit.BLOCKED


class RecommendError(GiqplanError):
    """No profile meets the intent."""

    exit = Exit.BLOCKED


class PointsError(RecommendError):
    """A table of questions to the estimator cannot be read."""

    exit = Exit.ERROR


class ManifestError(GiqplanError):
    """No Kubernetes objects can be written for this choice."""


class CheckError(GiqplanError):
    """A prerequisite or policy blocks."""

    exit = Exit.BLOCKED


class PlanError(GiqplanError):
    """Observing, comparing or planning failed."""


class StaleError(PlanError):
    """What a saved plan was made from has changed since."""

    exit = Exit.STALE


class ApplyError(GiqplanError):
    """Carrying out a plan failed."""


class WaitsError(ApplyError):
    """Something that is not ours has to be there first: nothing was sent, and apply goes on once it is there."""

    exit = Exit.INCOMPLETE


class StateError(GiqplanError):
    """State, journal or lock is unusable."""


class CloudError(GiqplanError):
    """Google Cloud or Kubernetes refused, or could not be reached. ``status`` is the HTTP status, 0 = none."""

    def __init__(self, code: str, detail: str, remedy: str = "", place: Place | None = None, *, status: int = 0, reason: str = "") -> None:
        super().__init__(code, detail, remedy, place)
        self.status = status
        self.reason = reason


class SandboxError(GiqplanError):
    """The embedded local cloud failed."""


class ErrorList(GiqplanError):
    """Several errors found together; reported in order of place."""

    def __init__(self, errors: Iterable[GiqplanError]) -> None:
        found = [e for group in errors for e in group.errors]
        found.sort(key=lambda e: (e.place or Place(""), e.code))
        first = found[0]
        super().__init__(first.code, first.detail, first.remedy, first.place)
        self.exit = worst(e.exit for e in found)
        self._errors = tuple(found)

    @property
    def errors(self) -> tuple[GiqplanError, ...]:
        return self._errors
