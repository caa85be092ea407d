"""Checks of planned changes: what apply must not do, and what was applied but does not run."""

from __future__ import annotations

from giqplan.checks import other_answers
from giqplan.checks.changes import check
from giqplan.model.address import Address
from giqplan.model.check import Check, CheckStatus
from giqplan.model.plan import Change, Conflict, Verb
from giqplan.model.resource import Stage

DEPLOYMENT = Address("kubernetes_deployment", "ns/app")


def found(verb: Verb = Verb.NOOP, address: Address = DEPLOYMENT, **more: object) -> list[tuple[str, CheckStatus]]:
    return [(c.code, c.status) for c in check([Change(address, verb, Stage.WORKLOAD, **more)])]  # type: ignore[arg-type]


def test_nothing_is_said_of_what_is_well() -> None:
    assert found() == []


def test_a_replacement_fails() -> None:
    assert found(Verb.REPLACE, replace_paths=(("spec", "selector"),)) == [("GIQ1504", CheckStatus.FAIL)]


def test_fields_of_others_fail() -> None:
    assert found(Verb.UPDATE, conflicts=(Conflict(".spec.x", "kubectl"),)) == [("GIQ1505", CheckStatus.FAIL)]


def test_a_name_taken_by_others_fails_but_a_namespace_is_shared() -> None:
    assert found(Verb.UPDATE, foreign=True) == [("GIQ1507", CheckStatus.FAIL)]
    assert found(Verb.UPDATE, Address("kubernetes_namespace", "ns"), foreign=True) == []
    assert found(Verb.NOOP, Address("google_project_service", "x.googleapis.com"), foreign=True) == []


def test_applied_but_not_ready_is_a_warning_only_where_nothing_else_is_to_do() -> None:
    assert found(unsettled="0 of 2 replicas available") == [("GIQ1508", CheckStatus.WARN)]
    assert found(Verb.UPDATE, unsettled="0 of 2 replicas available") == []


def test_how_far_a_rollout_has_come_is_not_said() -> None:
    (early,), (late,) = (
        check([Change(DEPLOYMENT, Verb.NOOP, Stage.WORKLOAD, unsettled=f"{count} of 3 replicas available (no room)")]) for count in (0, 2)
    )
    assert early == late
    assert dict(early.evidence)["reason"] == "not all replicas available (no room)"


def test_only_an_answer_that_both_could_see_is_another_one() -> None:
    def of(code: str, status: CheckStatus) -> Check:
        return Check(code, "", status, "")

    passes, fails, open_ = (of("GIQ1509", s) for s in (CheckStatus.PASS, CheckStatus.FAIL, CheckStatus.UNKNOWN))
    assert other_answers([passes], [fails]) == ("GIQ1509 pass, now fail",)
    assert other_answers([passes], []) == ("GIQ1509 pass, now nothing said",)
    assert other_answers([open_], [passes]) == other_answers([passes], [open_]) == ()
    caller = [of("GIQ1513", s) for s in (CheckStatus.WARN, CheckStatus.PASS)]
    assert other_answers(caller[:1], caller[1:]) == ()
