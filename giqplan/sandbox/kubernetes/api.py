"""The Kubernetes API of one cluster of the sandbox: requests in, answers out, whatever listens.

    api = KubernetesApi(store, clock, cluster_id, server_version="1.33.5-gke.1080000", controllers=True, autopilot=True,
                        permissions=lambda caller, verb, group, resource, namespace: ..., hooks=Hooks(...))
    answer = api.handle(request)

``request.caller`` is who the process authenticated: None with an Authorization header is answered 401, None without one is
``system:anonymous``. A caller in the group ``system:masters`` (``access.administrator(caller)``) may everything and may impersonate.
``permissions`` decides for everybody else; ``access.container_permission`` gives the IAM permission that GKE would ask for.
All rows carry ``cluster_id``; ``drop()`` removes them when the cluster is deleted. A watch is a ``stream``; close it when the client goes.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from giqplan.sandbox.clock import Clock
from giqplan.sandbox.kubernetes import definitions as crds
from giqplan.sandbox.kubernetes import discovery, model
from giqplan.sandbox.kubernetes.accept import Accept, negotiate
from giqplan.sandbox.kubernetes.access import Access, Permissions, user_name
from giqplan.sandbox.kubernetes.bodies import (
    APPLY,
    PATCHES,
    Options,
    media_type,
    read_applied,
    read_delete_options,
    read_object,
    read_options,
    read_patch,
)
from giqplan.sandbox.kubernetes.convert import check_patchable, shown_as, stored_as, stored_in
from giqplan.sandbox.kubernetes.hooks import Hooks
from giqplan.sandbox.kubernetes.objects import Objects
from giqplan.sandbox.kubernetes.openapi import OpenApi
from giqplan.sandbox.kubernetes.podsecurity import check_pod_security
from giqplan.sandbox.kubernetes.rbac import Rbac
from giqplan.sandbox.kubernetes.reads import Reader
from giqplan.sandbox.kubernetes.resources import Resource, built_in
from giqplan.sandbox.kubernetes.reviews import Reviews
from giqplan.sandbox.kubernetes.status import (
    ApiStatusError,
    bad_request,
    failure,
    method_not_allowed,
    no_such_page,
    no_such_resource,
    not_found,
    unsupported_patch_type,
)
from giqplan.sandbox.kubernetes.target import Target, parse_path
from giqplan.sandbox.kubernetes.writes import Writer
from giqplan.sandbox.store import Store
from giqplan.sandbox.wire import Caller, HttpRequest, HttpResponse

Json = dict[str, Any]
SYSTEM_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system", "gmp-system", "gmp-public")
_SYSTEM = Options("kube-apiserver")
_CRD = ("apiextensions.k8s.io", "v1", "customresourcedefinitions")
#: What a WriteListener hears: (resource, object or None when it is gone, what was there before or None).
WriteListener = Callable[[Resource, Json | None, Json | None], None]


class KubernetesApi:
    """One API server. ``handle`` may be called from many threads."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        cluster_id: str,
        *,
        server_version: str = "1.33.5-gke.1080000",
        controllers: bool = True,
        autopilot: bool = True,
        permissions: Permissions,
        hooks: Hooks | None = None,
    ) -> None:
        self.store = store
        self.clock = clock
        self.cluster_id = cluster_id
        self.server_version = server_version
        self.hooks = hooks or Hooks()
        self.objects = Objects(store, cluster_id)
        self.definitions = crds.Definitions()
        self.access = Access(permissions, Rbac(self.objects))
        self.writer = Writer(self.objects, clock, self._admit, self._stored, self.storage_resource)
        self._reader = Reader(self.objects, clock, shown_as)
        self._openapi = OpenApi(self.definitions)
        self._reviews = Reviews(self.access, clock)
        self._autopilot = autopilot
        self._listeners: list[WriteListener] = []
        #: The traceback of the last request that this program could not answer; empty: there was none.
        self.last_fault = ""
        for crd in self.objects.all(built_in()[_CRD]):
            self.definitions.load(crd)
        self._controllers = None
        if controllers:
            from giqplan.sandbox.controllers import Controllers

            self._controllers = Controllers(self)
        self._bootstrap()

    # --- the door ----------------------------------------------------------------------------------------------------------------

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request."""
        try:
            self.clock.settle()
            if request.method in ("GET", "HEAD"):
                with self.store.lock:
                    response = self._answer(request)
            else:
                with self.store.transaction():
                    response = self._answer(request)
        except ApiStatusError as e:
            response = HttpResponse(e.code, e.body)
        except Exception as e:
            # A fault of this program must not end the connection: the client gets what a panicking API server answers.
            error = failure(500, "InternalError", f"Internal error occurred: {type(e).__name__}: {e}", {})
            response = HttpResponse(500, error.body)
            self.last_fault = traceback.format_exc()
        if isinstance(response.body, bytes) and response.body[:1] != b"{":
            response.headers.setdefault("Content-Type", "text/plain; charset=utf-8")
        response.headers.setdefault("Content-Type", "application/json")
        response.headers.setdefault("Audit-Id", f"{self.objects.last_rv:08x}")
        return response

    def drop(self) -> None:
        """The cluster is deleted: all that this API remembers goes, scheduled work too."""
        self.objects.drop()
        if self._controllers is not None:
            self._controllers.drop()

    def listen(self, listener: WriteListener) -> None:
        """Call ``listener`` inside the transaction of every write."""
        self._listeners.append(listener)

    # --- what controllers and control commands use -----------------------------------------------------------------------------------

    @property
    def controllers(self) -> Any:
        """The controllers (None when they are off): ``set_load``, ``accelerators_in_use``."""
        return self._controllers

    def resource(self, group: str, version: str, plural: str) -> Resource | None:
        """A served resource."""
        return built_in().get((group, version, plural)) or self.definitions.find(group, version, plural)

    def storage_resource(self, group: str, plural: str) -> Resource | None:
        """Any served version of a resource that rows name without one."""
        for resource in self.resources():
            if (resource.group, resource.plural) == (group, plural):
                return resource
        return None

    def resources(self) -> list[Resource]:
        """Everything served, built-in groups first."""
        return [*built_in().values(), *self.definitions]

    # --- requests ----------------------------------------------------------------------------------------------------------------

    def _answer(self, request: HttpRequest) -> HttpResponse:
        caller = self.access.identify(request)
        path = parse_path(request.path)
        if path is None or not path.plural:
            return self._page(request, caller)
        if not any(r.group == path.group for r in self.resources()):
            raise no_such_page()
        resource = self.resource(path.group, path.version, path.plural)
        if resource is None:
            if any((r.group, r.version) == (path.group, path.version) and not r.custom for r in self.resources()):
                raise no_such_resource()
            if any(r.group == path.group and not r.custom for r in self.resources()):
                raise no_such_resource()
            raise no_such_page()
        if path.too_long or (resource.namespaced != bool(path.namespace) and (bool(path.namespace) or bool(path.name))):
            raise no_such_resource()
        if path.subresource and path.subresource not in resource.subresources:
            raise no_such_resource()
        namespace = path.namespace
        if resource.plural == "namespaces" and not resource.group:
            namespace = ""
        target = Target(resource, namespace, path.name, path.subresource)
        return self._dispatch(request, target, caller)

    def _page(self, request: HttpRequest, caller: Caller) -> HttpResponse:
        """Everything that is no resource: discovery, versions, health, schemas."""
        path = "/" + request.path.strip("/")
        self.access.check_path(caller, path)
        if request.method not in ("GET", "HEAD"):
            raise method_not_allowed()
        if path == "/version":
            return HttpResponse(200, discovery.version_document(self.server_version))
        if path in ("/healthz", "/livez", "/readyz"):
            return HttpResponse(200, b"ok")
        if path.startswith("/openapi"):
            return self._openapi.answer(path, request)
        accept = negotiate(request)
        if path in ("/api", "/apis"):
            if accept.discovery:
                body = discovery.aggregated(self._discoverable(), path == "/api", accept.discovery)
                media = f"application/json;g=apidiscovery.k8s.io;v={accept.discovery};as=APIGroupDiscoveryList"
                return HttpResponse(200, body, {"Content-Type": media})
            return HttpResponse(200, discovery.core_versions() if path == "/api" else discovery.group_list(self._discoverable()))
        return HttpResponse(200, self._group_page(path))

    def _discoverable(self) -> list[Resource]:
        return self.resources()

    def _group_page(self, path: str) -> Json:
        parts = path.strip("/").split("/")
        groups = discovery.groups_of(self.resources())
        if parts == ["api", "v1"]:
            return discovery.resource_list("v1", groups[""]["v1"])
        if parts[0] != "apis" or len(parts) not in (2, 3) or parts[1] not in groups:
            raise no_such_page()
        versions = groups[parts[1]]
        if len(parts) == 2:
            return discovery.group_document(parts[1], versions)
        if parts[2] not in versions:
            raise no_such_resource()
        return discovery.resource_list(f"{parts[1]}/{parts[2]}", versions[parts[2]])

    def _dispatch(self, request: HttpRequest, target: Target, caller: Caller) -> HttpResponse:
        verb = _verb(request, target)
        if verb is None:
            raise method_not_allowed()
        self.access.check(caller, verb, target)
        if verb not in target.resource.verbs and not target.subresource:
            raise method_not_allowed()
        accept = negotiate(request)
        if self._reviews.handles(target.resource):
            return HttpResponse(201, self._reviews.answer(caller, target, request, self.resources()))
        if target.subresource == "log":
            return self._log(target, request)
        if target.subresource == "scale":
            return HttpResponse(200, self._scale(request, target))
        if verb == "get":
            return self._reader.get(target, request, accept)
        if verb == "list":
            return self._reader.page(target, request, accept)
        if verb == "watch":
            return self._reader.watch(target, request, accept)
        if verb == "create":
            return self._create(request, target, accept)
        if verb == "update":
            return self._update(request, target, accept)
        if verb == "patch":
            return self._patch(request, target, accept, caller)
        if verb == "deletecollection":
            return self._delete_collection(request, target)
        return self._delete(request, target, accept)

    def _shown(self, code: int, target: Target, obj: Json, accept: Accept, warnings: list[str] | None = None) -> HttpResponse:
        headers = {}
        if warnings:
            headers["Warning"] = ", ".join(f"299 - {json.dumps(w)}" for w in warnings)
        return HttpResponse(code, self._reader.shown(target.resource, obj, accept), headers)

    def _create(self, request: HttpRequest, target: Target, accept: Accept) -> HttpResponse:
        options = read_options(request, "CreateOptions")
        body, warnings = self._decode(request, target, options)
        if target.name and target.subresource:
            raise method_not_allowed()
        made = self.writer.create(replace(target, resource=stored_in(target.resource)), body, options)
        return self._shown(201, target, made, accept, warnings)

    def _update(self, request: HttpRequest, target: Target, accept: Accept) -> HttpResponse:
        options = read_options(request, "UpdateOptions")
        body, warnings = self._decode(request, target, options)
        if target.subresource == "finalize":
            return self._finalize(target, body, accept)
        code, obj = self.writer.replace(replace(target, resource=stored_in(target.resource)), body, options)
        return self._shown(code, target, obj, accept, warnings)

    def _decode(self, request: HttpRequest, target: Target, options: Options) -> tuple[Json, list[str]]:
        """The body of a POST or PUT without unknown fields, which are warnings (Strict: 400)."""
        body, repeated = read_object(request, target)
        resource = target.resource
        cannot = f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: '
        unknown = model.unknown_fields(resource, body)
        found = [*(f'duplicate field "{path}"' for path in repeated), *(f'unknown field "{path}"' for path in unknown)]
        problem = model.decode_error(resource, body)
        if problem:
            raise bad_request(cannot + problem)
        if found and options.validation == "Strict":
            raise bad_request(f"{cannot}strict decoding error: {', '.join(found)}")
        if unknown:
            body = model.prune_unknown(resource, body)
        warnings = found if options.validation == "Warn" else []
        return stored_as(target.resource, body), warnings

    def _patch(self, request: HttpRequest, target: Target, accept: Accept, caller: Caller) -> HttpResponse:
        media = media_type(request)
        if media not in (*APPLY, *PATCHES):
            raise unsupported_patch_type()
        check_patchable(target.resource)
        options = read_options(request, "PatchOptions")
        if media in APPLY:
            body, notes = read_applied(request, target)
            if notes and options.validation == "Strict":
                lines = "".join(f"\n  {note}" for note in notes)
                raise bad_request(f"error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:{lines}")
            code, obj = self.writer.apply(
                target,
                stored_as(target.resource, body),
                options,
                lambda: self.access.check(caller, "create", replace(target, subresource="")),
            )
            return self._shown(code, target, obj, accept, notes if options.validation == "Warn" else [])
        obj, warnings = self.writer.patch(target, read_patch(request, media), media, options)
        return self._shown(200, target, obj, accept, warnings)

    def _scale(self, request: HttpRequest, target: Target) -> Json:
        resource = target.resource
        if request.method in ("GET", "HEAD"):
            obj = self.objects.get(resource, target.namespace, target.name)
            if obj is None:
                raise not_found(resource, target.name)
            return self.writer.scale_of(resource, obj)
        if request.method == "PUT":
            options = read_options(request, "UpdateOptions")
            body = json.loads(request.body)
            return self.writer.write_scale(target, lambda _: body, options)
        options = read_options(request, "PatchOptions")
        media = media_type(request)
        if media in APPLY:
            body, _ = read_applied(request, replace(target, resource=_SCALE))
            return self.writer.write_scale(target, lambda now: {**now, "spec": body.get("spec") or {}}, options)
        if media not in PATCHES:
            raise unsupported_patch_type()
        patch = read_patch(request, media)
        plain = "application/merge-patch+json" if media.startswith("application/strategic") else media
        return self.writer.write_scale(target, lambda now: model.patched(_SCALE, target.name, now, patch, plain), options)

    def _delete(self, request: HttpRequest, target: Target, accept: Accept) -> HttpResponse:
        if target.subresource:
            raise method_not_allowed()
        body = self.writer.delete(target, read_delete_options(request))
        if body["kind"] == "Status":
            return HttpResponse(200, body)
        return self._shown(200, target, body, accept)

    def _delete_collection(self, request: HttpRequest, target: Target) -> HttpResponse:
        options = read_delete_options(request)
        selection = self._reader.selection(target, request)
        rows = [json.loads(text) for _, _, text, _ in self._reader.select(target.resource, selection)]
        for obj in rows:
            self.writer.mark_deleted(target.resource, obj, options, bool(options.get("dryRun")))
        resource = target.resource
        items = rows if resource.custom else [{k: v for k, v in o.items() if k not in ("kind", "apiVersion")} for o in rows]
        meta: Json = {"resourceVersion": str(self.objects.last_rv)}
        if resource.custom:
            meta["continue"] = ""
        return HttpResponse(200, {"kind": resource.listed_as, "apiVersion": resource.api_version, "metadata": meta, "items": items})

    def _log(self, target: Target, request: HttpRequest) -> HttpResponse:
        """The log of a Pod: what its phases would have printed."""
        pod = self.objects.get(target.resource, target.namespace, target.name)
        if pod is None:
            raise not_found(target.resource, target.name)
        from giqplan.sandbox.kubernetes.logs import log_of

        return HttpResponse(200, log_of(pod, request).encode(), {"Content-Type": "text/plain"})

    def _finalize(self, target: Target, body: Json, accept: Accept) -> HttpResponse:
        """PUT of a namespace's finalize: its spec.finalizers are written; without any, a namespace that is being deleted goes."""
        old = self.objects.get(target.resource, "", target.name)
        if old is None:
            raise not_found(target.resource, target.name)
        new = {**old, "spec": {"finalizers": (body.get("spec") or {}).get("finalizers") or []}}
        if old["metadata"].get("deletionTimestamp") and not new["spec"]["finalizers"]:
            self.writer.remove(target.resource, new)
        else:
            self.objects.put(target.resource, new, old)
        return self._shown(200, target, new, accept)

    # --- inside a write ----------------------------------------------------------------------------------------------------------

    def _admit(self, resource: Resource, new: Json, old: Json | None) -> Json:
        """Mutating admission: definitions are completed, Autopilot adjusts Pods and Pod templates."""
        if (resource.group, resource.version, resource.plural) == _CRD:
            new = crds.completed(new)
            causes = crds.problems(new)
            if causes:
                from giqplan.sandbox.kubernetes.status import invalid

                raise invalid(resource.kind, resource.group, new["metadata"].get("name", ""), causes)
        if resource.kind == "Namespace" and not resource.custom:
            check_pod_security(resource, new)
        if self._autopilot:
            from giqplan.sandbox import admission

            new = admission.admit(resource.group, resource.plural, new, old)
        return new

    def _stored(self, resource: Resource, obj: Json | None, before: Json | None) -> None:
        if (resource.group, resource.version, resource.plural) == _CRD:
            self._definition_stored(resource, obj, before)
        for listener in self._listeners:
            listener(resource, obj, before)

    def _definition_stored(self, resource: Resource, obj: Json | None, before: Json | None) -> None:
        """What apiextensions does around a definition: serve it, mark it established, remove its objects when it goes."""
        if obj is None:
            assert before is not None
            self.definitions.forget(before["metadata"]["name"])
            return
        now = self.clock.timestamp()
        if obj["metadata"].get("deletionTimestamp"):
            self._remove_definition(resource, obj, now)
            return
        self.definitions.load(obj)
        status = obj.get("status") or {}
        if not any(c["type"] == "Established" for c in status.get("conditions") or ()):
            new = {**obj, "metadata": {**obj["metadata"], "finalizers": [CLEANUP]}, "status": crds.established(obj, now)}
            self.objects.put(resource, new, obj)
            obj["status"] = crds.first_status(obj)

    def _remove_definition(self, resource: Resource, obj: Json, now: str) -> None:
        for custom in self.definitions.of(obj["metadata"]["name"])[:1]:
            for instance in list(self.objects.all(custom)):
                self.writer.mark_deleted(custom, instance, {})
        obj["status"] = crds.terminating(obj, now)
        self.objects.put(resource, dict(obj), obj)
        self.objects.remove(resource, obj)
        self.definitions.forget(obj["metadata"]["name"])

    def _bootstrap(self) -> None:
        """The namespaces and definitions that a new cluster has."""
        from giqplan.sandbox.kubernetes.bootstrap import bootstrap

        with self.store.transaction():
            bootstrap(self, SYSTEM_NAMESPACES, _SYSTEM)


CLEANUP = crds.CLEANUP
_SCALE = Resource("autoscaling", "v1", "scales", "scale", "Scale", True)


def _verb(request: HttpRequest, target: Target) -> str | None:
    """The verb of RBAC that a request means; None when the method does not fit the path."""
    method, named = request.method, bool(target.name)
    if method in ("GET", "HEAD"):
        if named:
            return "get"
        return "watch" if request.first("watch") in ("1", "true") else "list"
    if method == "POST":
        return "create" if not named or target.subresource else None
    if method == "PUT":
        return "update" if named else None
    if method == "PATCH":
        return "patch" if named else None
    if method == "DELETE":
        return "delete" if named else "deletecollection"
    return None


__all__ = ["KubernetesApi", "user_name"]
