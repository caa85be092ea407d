"""GIQ1512: APIs that are off are turned on by the plan, except where nothing can be planned without them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from check_world import found, status
from engine_house import House, quickstart

from giqplan.catalog import open_catalog
from giqplan.checks import Subject
from giqplan.checks.apis import check
from giqplan.model.calls import Outcome, Reading
from giqplan.model.check import CheckStatus
from giqplan.model.world import services_read


def test_the_plan_turns_on_what_is_off_and_says_so(house: Callable[..., House]) -> None:
    one = house()
    (before,) = found(one, "GIQ1512")
    assert (before.status, before.summary) == (CheckStatus.PASS, "3 of 8 APIs are on, the plan turns on 5")
    assert dict(before.evidence)["container.googleapis.com"] == "off, needed for GKE; the plan turns it on"


def test_nothing_is_left_to_turn_on_afterwards(applied: House) -> None:
    (after,) = found(applied, "GIQ1512")
    assert (after.status, after.summary, after.evidence) == (CheckStatus.PASS, "8 of 8 APIs are on", ())


def test_without_resource_manager_the_answer_is_open_until_it_is_enabled(house: Callable[..., House]) -> None:
    _, world = quickstart()
    world["apis"].remove("cloudresourcemanager.googleapis.com")
    one = house(world=world)
    (off,) = found(one, "GIQ1512")
    assert off.status is CheckStatus.UNKNOWN
    assert off.remedy == "gcloud services enable cloudresourcemanager.googleapis.com --project my-project, then plan again"
    one.google("POST", "/v1/projects/my-project/services/cloudresourcemanager.googleapis.com:enable", {})
    one.advance(600)
    assert status(one, "GIQ1512") == [CheckStatus.PASS]


def test_who_may_not_list_them_learns_what_to_be_granted(house: Callable[..., House]) -> None:
    (unseen,) = found(house(), "GIQ1512", "nobody")
    assert (unseen.status, unseen.remedy) == (CheckStatus.UNKNOWN, "grant roles/serviceusage.serviceUsageViewer on project my-project")


def test_without_service_usage_no_plan_can_help(house: Callable[..., House]) -> None:
    proposal = house().plan()
    recommendation = proposal.plan.recommendation
    assert recommendation is not None
    off = {services_read("my-project"): Reading(Outcome.DISABLED, message="Service Usage API is disabled")}
    subject = Subject(house().session().only.intent, recommendation, replace(proposal.world, readings=off), open_catalog())
    (answer,) = check(subject)
    assert (answer.status, answer.remedy) == (CheckStatus.FAIL, "gcloud services enable serviceusage.googleapis.com --project my-project")
