"""The writing half of one API server: create, replace, patch, apply, delete, and the scale subresource.

Every write goes the server's way: decode, default, admission, managedFields, strategy (generation, status, addresses), validation,
optimistic lock, storage. A write that changes nothing but times of managedFields is not stored (as kube-apiserver does).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from giqplan.kube.values import copied
from giqplan.sandbox.clock import Clock
from giqplan.sandbox.kubernetes import model
from giqplan.sandbox.kubernetes.bodies import Options, check_names
from giqplan.sandbox.kubernetes.objects import Objects
from giqplan.sandbox.kubernetes.resources import Resource, built_in
from giqplan.sandbox.kubernetes.status import (
    ApiStatusError,
    already_exists,
    bad_request,
    conflict,
    failure,
    forbidden,
    internal,
    invalid,
    not_found,
    precondition,
    success,
)
from giqplan.sandbox.kubernetes.strategy import Strategies
from giqplan.sandbox.kubernetes.target import Target

Json = dict[str, Any]
#: (resource, new, old or None) -> the object as admission leaves it; raises to refuse.
Admit = Callable[[Resource, Json, Json | None], Json]
#: (resource, object or None, old or None): after something was stored or taken away.
Stored = Callable[[Resource, Json | None, Json | None], None]

#: Kinds that a PUT may create. Source: AllowCreateOnUpdate of the registries of Kubernetes 1.33.
_CREATE_BY_PUT = frozenset(
    ("services", "endpoints", "events", "limitranges", "leases", "roles", "rolebindings", "clusterroles", "clusterrolebindings")
)
#: Kinds whose PUT must carry a resourceVersion (AllowUnconditionalUpdate is false); all custom ones too.
_CONDITIONAL = frozenset(("customresourcedefinitions", "leases", "poddisruptionbudgets", "apiservices", "csidrivers"))
#: Kinds whose DELETE answers the object (ReturnDeletedObject; recorded).
_RETURNS_OBJECT = frozenset(
    ("services", "serviceaccounts", "persistentvolumeclaims", "pods", "namespaces", "persistentvolumes", "resourcequotas", "podtemplates")
)
_IMMORTAL = frozenset(("default", "kube-system", "kube-public", "kube-node-lease"))
_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"
_POD_GRACE_S = 30


class Writer:
    """Writes of one cluster. ``admit`` and ``stored`` are called inside the transaction."""

    def __init__(self, objects: Objects, clock: Clock, admit: Admit, stored: Stored, lookup: Callable[[str, str], Resource | None]) -> None:
        self._objects = objects
        self._clock = clock
        self._admit = admit
        self._stored = stored
        self._lookup = lookup
        self._strategies = Strategies(objects)

    # --- create ------------------------------------------------------------------------------------------------------------------

    def create(self, target: Target, body: Json, options: Options) -> Json:
        """POST."""
        resource = target.resource
        if body.get("metadata", {}).get("resourceVersion"):
            raise internal("resourceVersion should not be set on objects to be created")
        check_names(target, body)
        meta = body["metadata"]
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = meta["generateName"][:58] + "".join(secrets.choice(_SUFFIX) for _ in range(5))
        return self.insert(resource, body, options)

    def insert(self, resource: Resource, body: Json, options: Options) -> Json:
        """Create an object whose name and namespace are settled; what controllers call."""
        generation = body["metadata"].get("generation")
        obj = model.answered(resource, body["metadata"].get("name", ""), lambda: model.with_defaults(resource, body))
        self._check_namespace(resource, obj)
        obj = self._admit(resource, obj, None)
        sent = obj["metadata"]
        for key in ("uid", "creationTimestamp", "selfLink"):
            sent.pop(key, None)
        obj = model.track(resource, None, obj, manager=options.manager, now=self._clock.timestamp())
        if generation is not None and not model.info_of(resource).has_generation:
            obj["metadata"]["generation"] = generation
        return self._store_new(resource, obj, options)

    def _store_new(self, resource: Resource, obj: Json, options: Options) -> Json:
        obj = self._strategies.prepare_create(resource, copied(obj), self._clock.timestamp())
        meta = obj["metadata"]
        name = meta.get("name", "")
        causes = model.causes_against(resource, obj, None)
        if causes:
            raise model.invalid(resource, name, causes)
        there = self._objects.get(resource, meta.get("namespace", ""), name)
        if there is not None:
            raise already_exists(resource, name, terminating="deletionTimestamp" in there["metadata"])
        if not options.dry_run:
            self._objects.put(resource, obj, None)
            self._stored(resource, obj, None)
        return obj

    def _check_namespace(self, resource: Resource, obj: Json) -> None:
        """Nothing is created in a namespace that is missing (404) or going (403)."""
        if not resource.namespaced:
            return
        namespaces = built_in()["", "v1", "namespaces"]
        name = obj["metadata"]["namespace"]
        namespace = self._objects.get(namespaces, "", name)
        if namespace is None:
            raise not_found(namespaces, name)
        if namespace["metadata"].get("deletionTimestamp"):
            text = f"unable to create new content in namespace {name} because it is being terminated"
            cause = {"reason": "NamespaceTerminating", "message": f"namespace {name} is being terminated", "field": "metadata.namespace"}
            raise forbidden(text, resource, obj["metadata"].get("name", ""), causes=[cause])

    # --- update ------------------------------------------------------------------------------------------------------------------

    def replace(self, target: Target, body: Json, options: Options) -> tuple[int, Json]:
        """PUT. (201, object) when the kind lets a PUT create."""
        resource = target.resource
        check_names(target, body)
        old = self._objects.get(resource, target.namespace, target.name)
        sent = body["metadata"]
        if old is None:
            if resource.plural not in _CREATE_BY_PUT or resource.custom or target.subresource:
                self._check_update_namespace(resource, target.namespace)
                raise not_found(resource, target.name)
            sent.pop("resourceVersion", None)
            return 201, self.insert(resource, body, options)
        version = str(sent.get("resourceVersion") or "")
        if version and not version.isdigit():
            raise internal(f'strconv.ParseUint: parsing "{version}": invalid syntax')
        if not version and (resource.custom or resource.plural in _CONDITIONAL) and target.subresource != "status":
            raise invalid(
                resource.kind,
                resource.group,
                target.name,
                [
                    {
                        "reason": "FieldValueInvalid",
                        "message": "Invalid value: 0x0: must be specified for an update",
                        "field": "metadata.resourceVersion",
                    }
                ],
            )
        if sent.get("uid") and sent["uid"] != old["metadata"]["uid"]:
            key = f"/registry/{resource.plural}/{target.namespace}/{target.name}".replace("//", "/")
            raise conflict(
                resource,
                target.name,
                f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: "
                f"UID in precondition: {sent['uid']}, UID in object meta: {old['metadata']['uid']}",
            )
        if version and version != old["metadata"]["resourceVersion"]:
            raise conflict(resource, target.name)
        new = _defaulted(resource, body)
        return 200, self.store_change(resource, old, new, options, target.subresource)

    def _check_update_namespace(self, resource: Resource, namespace: str) -> None:
        namespaces = built_in()["", "v1", "namespaces"]
        if resource.namespaced and self._objects.text(namespaces, "", namespace) is None:
            raise not_found(namespaces, namespace)

    def patch(self, target: Target, body: Any, media: str, options: Options) -> tuple[Json, list[str]]:
        """PATCH by JSON, merge or strategic merge patch: the object, and warnings about unknown fields."""
        resource = target.resource
        old = self._objects.get(resource, target.namespace, target.name)
        if old is None:
            raise not_found(resource, target.name)
        if resource.custom and media.startswith("application/strategic"):
            raise failure(
                415,
                "UnsupportedMediaType",
                "the body of the request was in an unknown format - accepted media types include: "
                "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
            )
        new = model.patched(resource, target.name, copied(old), body, media)
        if (new.get("kind"), new.get("apiVersion")) != (old["kind"], old["apiVersion"]):
            text = f'no kind "{new.get("kind")}" is registered for version "{new.get("apiVersion")}" in scheme "pkg/runtime/scheme.go:110"'
            raise _bad_patch('"{}"', text)
        problem = model.decode_error(resource, new)
        if problem:
            raise _bad_patch('"{}"', problem)
        warnings = [f'unknown field "{path}"' for path in model.unknown_fields(resource, new)]
        if warnings and options.validation == "Strict":
            raise _bad_patch(f'"{_go_map(body)}"', f"strict decoding error: {', '.join(warnings)}")
        if warnings:
            new = model.prune_unknown(resource, new)
        meta = new.get("metadata") or {}
        if meta.get("name") != target.name:
            raise bad_request(f"the name of the object ({meta.get('name')}) does not match the name on the URL ({target.name})")
        version = meta.get("resourceVersion")
        if version and version != old["metadata"]["resourceVersion"]:
            raise conflict(resource, target.name)
        new = _defaulted(resource, new)
        obj = self.store_change(resource, old, new, options, target.subresource)
        return obj, warnings if options.validation == "Warn" else []

    def store_change(self, resource: Resource, old: Json, new: Json, options: Options, subresource: str = "") -> Json:
        """Store ``new`` (defaulted) over ``old`` for a manager; what controllers call."""
        if subresource != "status":
            new = self._admit(resource, new, old)
        uid = new["metadata"].get("uid")
        new = model.track(resource, old, new, manager=options.manager, now=self._clock.timestamp(), subresource=subresource)
        return self._store_over(resource, old, new, options, subresource, sent_uid=uid)

    def _store_over(
        self, resource: Resource, old: Json, new: Json, options: Options, subresource: str, sent_uid: str | None = None
    ) -> Json:
        wanted = new["metadata"].get("finalizers")
        final = self._strategies.prepare_update(resource, old, new, subresource)
        name = final["metadata"]["name"]
        checked = final
        if sent_uid and sent_uid != old["metadata"]["uid"]:
            checked = {**final, "metadata": {**final["metadata"], "uid": sent_uid}}
        causes = model.causes_against(resource, checked, old)
        if causes:
            raise model.invalid(resource, name, causes)
        if same_but_times(old, final):
            return old
        if not options.dry_run:
            if old["metadata"].get("deletionTimestamp") and not wanted and not self._held(resource, final):
                self._take_away(resource, final, keep_version=True)
                final["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
                return final
            self._objects.put(resource, final, old)
            self._stored(resource, final, old)
        return final

    def _held(self, resource: Resource, obj: Json) -> bool:
        """Whether something beside metadata.finalizers keeps an object that is being deleted."""
        if resource.plural == "namespaces" and not resource.group:
            return bool((obj.get("spec") or {}).get("finalizers"))
        return bool(resource.plural == "pods" and not resource.group and (obj.get("spec") or {}).get("nodeName"))

    # --- apply -------------------------------------------------------------------------------------------------------------------

    def apply(self, target: Target, body: Json, options: Options, may_create: Callable[[], None]) -> tuple[int, Json]:
        """Server-side apply. ``may_create`` raises unless the caller may create too."""
        resource = target.resource
        sent = body.get("metadata") or {}
        if not isinstance(sent, dict):
            raise bad_request("metadata must be an object")
        if sent.get("managedFields"):
            raise bad_request("metadata.managedFields must be nil")
        body = {**body, "metadata": dict(sent)}
        check_names(target, body)
        old = self._objects.get(resource, target.namespace, target.name)
        if old is None and target.subresource:
            raise not_found(resource, target.name)
        version = str(body["metadata"].get("resourceVersion") or "")
        if old is not None and version and version != old["metadata"]["resourceVersion"]:
            raise conflict(resource, target.name)
        uid = body["metadata"].get("uid")
        now = self._clock.timestamp()
        new, changed = model.apply(
            resource, old, body, manager=options.manager, force=options.force, now=now, subresource=target.subresource
        )
        if old is None:
            may_create()
            self._check_namespace(resource, new)
            new = self._admit(resource, new, None)
            return 201, self._store_new(resource, new, options)
        if not changed and not (uid and uid != old["metadata"]["uid"]):
            return 200, old
        if target.subresource != "status":
            new = self._admit(resource, new, old)
        return 200, self._store_over(resource, old, new, options, target.subresource, sent_uid=uid)

    # --- delete ------------------------------------------------------------------------------------------------------------------

    def delete(self, target: Target, options: Json) -> Json:
        """DELETE of one object: the object while it lingers (finalizers, grace), else a Status; some kinds always answer the object."""
        resource = target.resource
        obj = self._objects.get(resource, target.namespace, target.name)
        if obj is None:
            raise not_found(resource, target.name)
        _check_preconditions(resource, obj, options.get("preconditions") or {})
        if resource.plural == "namespaces" and not resource.group and target.name in _IMMORTAL:
            raise forbidden("this namespace may not be deleted", resource, target.name)
        dry = bool(options.get("dryRun"))
        uid = obj["metadata"]["uid"]
        final, gone = self.mark_deleted(resource, obj, options, dry)
        if gone and resource.plural not in _RETURNS_OBJECT:
            return success(resource, target.name, uid)
        return final

    def mark_deleted(self, resource: Resource, obj: Json, options: Json, dry: bool = False) -> tuple[Json, bool]:
        """Delete, or set deletionTimestamp while something holds the object: (its last state, whether it is gone)."""
        meta = obj["metadata"]
        finalizers = _finalizers(obj, options)
        grace = self._grace_s(resource, obj, options)
        by_kubelet = resource.plural == "pods" and not resource.group
        held = bool(finalizers) or (self._held(resource, obj) and (grace > 0 or not by_kubelet))
        if not held:
            return (obj, True) if dry else (self._take_away(resource, obj), True)
        if meta.get("deletionTimestamp") and finalizers == meta.get("finalizers", []) and not (grace == 0 and by_kubelet):
            return obj, False
        new = {**obj, "metadata": {**meta}}
        new["metadata"].setdefault("deletionTimestamp", self._clock.timestamp())
        if resource.plural != "namespaces" or resource.group:
            new["metadata"]["deletionGracePeriodSeconds"] = grace
        if "generation" in meta and "deletionTimestamp" not in meta:
            new["metadata"]["generation"] = meta["generation"] + 1
        if finalizers:
            new["metadata"]["finalizers"] = finalizers
        if resource.plural == "namespaces" and not resource.group:
            new["status"] = {**(obj.get("status") or {}), "phase": "Terminating"}
        if not dry:
            self._objects.put(resource, new, obj)
            self._stored(resource, new, obj)
        return new, False

    def _grace_s(self, resource: Resource, obj: Json, options: Json) -> int:
        if resource.plural != "pods" or resource.group:
            return 0
        if options.get("gracePeriodSeconds") is not None:
            return int(options["gracePeriodSeconds"])
        return int((obj.get("spec") or {}).get("terminationGracePeriodSeconds", _POD_GRACE_S))

    def _take_away(self, resource: Resource, obj: Json, keep_version: bool = False) -> Json:
        final = self._objects.remove(resource, obj)
        self._stored(resource, None, obj)
        return obj if keep_version else final

    def remove(self, resource: Resource, obj: Json) -> None:
        """Take an object away at once, whatever held it: the last act of a controller."""
        self._take_away(resource, obj)

    # --- scale -------------------------------------------------------------------------------------------------------------------

    def scale_of(self, resource: Resource, obj: Json) -> Json:
        """The autoscaling/v1 Scale of an object."""
        from giqplan.sandbox.kubernetes.scale import scale_of

        return scale_of(resource, obj)

    def write_scale(self, target: Target, change: Callable[[Json], Json], options: Options) -> Json:
        """PUT or PATCH of a Scale: only spec.replicas counts."""
        from giqplan.sandbox.kubernetes.scale import check_scale, replicas_path, scale_of, with_replicas

        resource = target.resource
        old = self._objects.get(resource, target.namespace, target.name)
        if old is None:
            raise not_found(resource, target.name)
        wanted = change(scale_of(resource, old))
        version = (wanted.get("metadata") or {}).get("resourceVersion")
        if version and version != old["metadata"]["resourceVersion"]:
            raise conflict(resource, target.name)
        replicas = check_scale(target, wanted)
        new = with_replicas(copied(old), replicas_path(resource), replicas)
        return scale_of(resource, self.store_change(resource, old, new, options, "scale"))


def _defaulted(resource: Resource, obj: Json) -> Json:
    """``obj`` with defaults. An empty list of managedFields stays: it takes every field from its owner."""
    new = model.answered(resource, obj["metadata"].get("name", ""), lambda: model.with_defaults(resource, obj))
    if obj["metadata"].get("managedFields") == []:
        new["metadata"] = {**new["metadata"], "managedFields": []}
    return new


def _bad_patch(value: str, text: str) -> ApiStatusError:
    """A patch whose result is no object of the kind."""
    return invalid("", "", "", [{"reason": "FieldValueInvalid", "message": f"Invalid value: {value}: {text}", "field": "patch"}])


def _go_map(value: Any) -> str:
    """A value as Go's %v prints it: map[spec:map[foo:1]]."""
    if isinstance(value, dict):
        return "map[" + " ".join(f"{k}:{_go_map(v)}" for k, v in sorted(value.items())) + "]"
    if isinstance(value, list):
        return "[" + " ".join(_go_map(v) for v in value) + "]"
    return {True: "true", False: "false", None: "<nil>"}.get(value, str(value)) if value is None or isinstance(value, bool) else str(value)


def _finalizers(obj: Json, options: Json) -> list[str]:
    """The finalizers that hold an object, with the ones that the propagation policy asks for."""
    found = list(obj["metadata"].get("finalizers") or ())
    policy = options.get("propagationPolicy")
    if options.get("orphanDependents") is True:
        policy = "Orphan"
    wanted = {"Orphan": "orphan", "Foreground": "foregroundDeletion"}.get(str(policy))
    if policy is not None:
        found = [f for f in found if f not in ("orphan", "foregroundDeletion") or f == wanted]
    if wanted and wanted not in found:
        found.append(wanted)
    return found


def _check_preconditions(resource: Resource, obj: Json, wanted: Json) -> None:
    meta = obj["metadata"]
    if wanted.get("uid") and wanted["uid"] != meta["uid"]:
        text = f"the UID in the precondition ({wanted['uid']}) does not match the UID in record ({meta['uid']}). "
        raise precondition(resource, meta["name"], text + "The object might have been deleted and then recreated")
    version = wanted.get("resourceVersion")
    if version and version != meta["resourceVersion"]:
        text = f"the ResourceVersion in the precondition ({version}) does not match "
        text += f"the ResourceVersion in record ({meta['resourceVersion']}). "
        raise precondition(resource, meta["name"], text + "The object might have been modified")


def same_but_times(old: Json, new: Json) -> bool:
    """Whether two states differ in nothing but the times of managedFields."""
    if {k: v for k, v in old.items() if k != "metadata"} != {k: v for k, v in new.items() if k != "metadata"}:
        return False
    return _timeless(old["metadata"]) == _timeless(new["metadata"])


def _timeless(meta: Json) -> Json:
    managed = [{k: v for k, v in e.items() if k != "time"} for e in meta.get("managedFields") or ()]
    return {**{k: v for k, v in meta.items() if v not in (None, {}, [])}, "managedFields": managed, "resourceVersion": ""}
