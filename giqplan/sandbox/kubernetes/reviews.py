"""Reviews by which a caller asks about itself: SelfSubjectAccessReview, SelfSubjectRulesReview, SelfSubjectReview. Nothing is stored."""

from __future__ import annotations

from typing import Any

from giqplan.sandbox.clock import Clock
from giqplan.sandbox.kubernetes import model
from giqplan.sandbox.kubernetes.access import Access, user_name
from giqplan.sandbox.kubernetes.bodies import read_object, read_options
from giqplan.sandbox.kubernetes.resources import Resource
from giqplan.sandbox.kubernetes.status import invalid
from giqplan.sandbox.kubernetes.target import Target
from giqplan.sandbox.wire import Caller, HttpRequest

Json = dict[str, Any]
_KINDS = ("SelfSubjectAccessReview", "SelfSubjectRulesReview", "SelfSubjectReview", "SubjectAccessReview", "LocalSubjectAccessReview")


class Reviews:
    """Answers reviews."""

    def __init__(self, access: Access, clock: Clock) -> None:
        self._access = access
        self._clock = clock

    def handles(self, resource: Resource) -> bool:
        return not resource.custom and resource.kind in _KINDS

    def answer(self, caller: Caller, target: Target, request: HttpRequest, resources: list[Resource]) -> Json:
        options = read_options(request, "CreateOptions")
        body, _ = read_object(request, target)
        resource = target.resource
        spec = {k: v for k, v in (body.get("spec") or {}).items() if v is not None}
        meta = {**(body.get("metadata") or {}), "creationTimestamp": None}
        review: Json = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": meta}
        if resource.kind == "SelfSubjectReview":
            info = {"username": user_name(caller), "groups": sorted({*caller.groups, "system:authenticated"})}
            return {**review, "status": {"userInfo": info}}
        if resource.kind != "SelfSubjectRulesReview":
            if ("resourceAttributes" in spec) == ("nonResourceAttributes" in spec):
                text = 'Invalid value: "null": exactly one of nonResourceAttributes or resourceAttributes must be specified'
                cause = {"reason": "FieldValueInvalid", "message": text, "field": "spec.resourceAttributes"}
                raise invalid("", resource.group, "", [cause])
            spec = {k: {a: b for a, b in v.items() if b != ""} if isinstance(v, dict) else v for k, v in spec.items()}
        review["spec"] = spec
        tracked = model.track(resource, None, {**review, "metadata": {}}, manager=options.manager, now=self._clock.timestamp())
        managed = tracked["metadata"].get("managedFields", [])
        for entry in managed:  # spec is a plain struct here: it has no member of its own (recorded)
            entry["fieldsV1"].get("f:spec", {}).pop(".", None)
        review["metadata"] = {**meta, "managedFields": managed}
        if resource.kind == "SelfSubjectRulesReview":
            return {**review, "status": self._access.rules(caller, resources, spec.get("namespace", ""))}
        subject = caller
        if resource.kind in ("SubjectAccessReview", "LocalSubjectAccessReview"):
            subject = Caller(str(spec.get("user", "")), "", groups=tuple(spec.get("groups") or ()))
        return {**review, "status": {"allowed": self._access.review(subject, spec)}}
