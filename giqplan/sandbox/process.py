"""The sandbox put together: store, clock, Google's APIs, the clusters' APIs, and the control endpoints."""

from __future__ import annotations

import fcntl
import hmac
import json
import os
import secrets
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from giqplan import __version__
from giqplan.catalog import open_catalog
from giqplan.errors import SandboxError
from giqplan.sandbox import oauth, tls
from giqplan.sandbox.clock import Clock
from giqplan.sandbox.clusters import Clusters
from giqplan.sandbox.documents import Documents
from giqplan.sandbox.faults import Fault, Faults, disturbed
from giqplan.sandbox.google.api import GoogleApi
from giqplan.sandbox.google.cloudquotas import CloudQuotas
from giqplan.sandbox.google.container import Container
from giqplan.sandbox.google.gkerecommender import GkeRecommender
from giqplan.sandbox.google.iam import Iam
from giqplan.sandbox.google.projects import Projects
from giqplan.sandbox.google.resourcemanager import ResourceManager
from giqplan.sandbox.google.serviceaccounts import ServiceAccounts
from giqplan.sandbox.google.serviceusage import ServiceUsage
from giqplan.sandbox.google.storage import Storage
from giqplan.sandbox.hosts import ClusterHosts
from giqplan.sandbox.log import Entry, RequestLog
from giqplan.sandbox.server import Listener
from giqplan.sandbox.store import Store
from giqplan.sandbox.wire import HttpRequest, HttpResponse
from giqplan.sandbox.world import WorldSpec, empty_world, load_world

DEFAULT_SPEED = 60.0
_TICK_S = 0.1
_PERSIST_TICKS = 10
_LOST_S = 2 * _TICK_S * _PERSIST_TICKS


class Process:
    """One running sandbox. The lock on ``serve.lock`` lives as long as the process, however it ends."""

    def __init__(
        self, folder: Path, world_file: Path | None, project: str, speed: float | None, controllers: str | None, wanted_port: int
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        self._folder = folder
        self._lock = _only_one(folder)
        try:
            self._start(world_file, project, speed, controllers, wanted_port)
        except BaseException:
            os.close(self._lock)  # before anybody is told that it failed
            raise

    def _start(self, world_file: Path | None, project: str, speed: float | None, controllers: str | None, wanted_port: int) -> None:
        folder = self._folder
        (folder / "connection.json").unlink(missing_ok=True)
        self._store = Store(folder / "sandbox.db")
        (folder / "sandbox.db").chmod(0o600)
        documents = Documents(self._store)
        kept = documents.get("instance", "self")
        spec = None
        if kept is None:
            spec = load_world(world_file) if world_file is not None else empty_world(project)
            told = spec.speed if spec.speed is not None else DEFAULT_SPEED
            kept = {"instance_id": secrets.token_hex(6), "speed": told, "controllers": "on", "world": str(world_file or "")}
            kept["catalog"] = spec.catalog
        kept["speed"] = kept["speed"] if speed is None else speed
        kept["controllers"] = controllers or kept["controllers"]
        self._instance: dict[str, Any] = kept
        self._clock = Clock(self._store, kept["speed"])
        self.latency_s = 0.0
        self._failures = 0
        self._stopping = threading.Event()
        self._control_token = secrets.token_urlsafe(32)
        self._log = RequestLog(self._store)
        self._build(documents, spec)
        if self._documents.get("instance", "running") is not None:  # killed: it may have lived on since it last noted the time
            self._clock.advance(_LOST_S * self._clock.speed)
        self._documents.put("instance", "running", {})
        self._listener = Listener(self._answer, self._context, wanted_port)
        self._write_connection()

    def _build(self, documents: Documents, spec: WorldSpec | None) -> None:
        self._documents = documents
        self._faults = Faults(documents)
        self._context = tls.server_context(self._folder)
        self._oauth = oauth.OAuth(documents, self._clock)
        iam = Iam(documents)
        projects = Projects(documents, iam)
        quotas = CloudQuotas(documents, projects)
        self._clusters = Clusters(self._store, self._clock, self._oauth, projects, quotas, self._instance["controllers"] == "on")
        hosts = ClusterHosts(documents, self._context, self._folder / "ca.pem", self._host)
        hosts.on_changed, hosts.on_closed = self._clusters.changed, self._clusters.closed
        iam.on_changed = self._clusters.google_changed
        container = Container(documents, self._clock, projects, hosts)
        storage = Storage(documents, self._clock, projects, iam)
        usage = ServiceUsage(documents, self._clock, projects)
        accounts, manager = ServiceAccounts(projects, iam), ResourceManager(projects, iam)
        catalog = self._instance.get("catalog")
        recommender = GkeRecommender(projects, lambda: open_catalog(embedded=Path(catalog) if catalog else None))
        self._google = GoogleApi(self._oauth, projects, container, storage, usage, manager, quotas, accounts, recommender)
        if spec is None:
            with self._store.transaction():
                documents.put("instance", "self", self._instance)
                container.open_all()
            return
        with self._store.transaction():
            _create_world(spec, projects, iam, self._oauth, quotas, storage)
            for project_spec in spec.projects:
                project = projects.find(project_spec.id)
                assert project is not None
                for wanted in project_spec.clusters:
                    cluster = container.add(wanted.create, project, wanted.location, wanted.settings)
                    self._clusters.load(str(cluster["id"]), wanted.kubernetes)
            documents.put("instance", "self", self._instance)

    def run(self) -> None:
        """Until told to stop, by signal or by control."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopping.set())
        ticks = 0
        while not self._stopping.wait(_TICK_S):
            ticks += 1
            try:
                self._clock.settle()
                if not self._folder_is_there():
                    return
                if ticks % _PERSIST_TICKS == 0:
                    self._clock.persist()
                self._log.flush()
            except Exception:
                traceback.print_exc()
        self._clock.persist()
        self._log.flush()
        self._listener.close()
        (self._folder / "connection.json").unlink(missing_ok=True)
        self._documents.delete("instance", "running")
        self._store.close()

    def _folder_is_there(self) -> bool:
        """Whose folder was deleted has nobody who could stop it."""
        try:
            return (self._folder / "serve.lock").stat().st_ino == os.fstat(self._lock).st_ino
        except FileNotFoundError:
            return False

    # -- answering

    def _answer(self, request: HttpRequest) -> HttpResponse:
        """Everything on the main port: control, and all of Google."""
        if request.path.startswith("/sandbox/"):
            try:
                return self._control(request)
            except Exception:
                return self._internal()
        return self._faulty(self._google.service_of(request.path), request, self._answer_google)

    def _answer_google(self, request: HttpRequest) -> HttpResponse:
        started = self._begin()
        try:
            self._clock.settle()
            with self._store.transaction():
                service, caller, response = self._google.answer(request)
        except Exception:
            service, caller, response = "unknown", "", self._internal()
        return self._note(started, service, request, response, caller)

    def _faulty(self, service: str, request: HttpRequest, answer: Callable[[HttpRequest], HttpResponse]) -> HttpResponse:
        """The answer, unless a fault was ordered for such a request."""
        fault = self._faults.take(service, request, _query(request))
        if fault is None:
            return answer(request)
        time.sleep(fault.delay_ms / 1000)
        started = time.time()

        def refused(status: int) -> None:
            self._note(started, service, request, HttpResponse(status), "")

        return disturbed(fault, service, lambda: answer(request), refused)

    def _host(self, cluster: Mapping[str, Any]) -> Any:
        """What answers on a cluster's own port."""
        api = self._clusters.build(cluster)

        def answer(request: HttpRequest) -> HttpResponse:
            started = self._begin()
            try:
                self._clock.settle()
                caller, response = api(request)
            except Exception:
                caller, response = "", self._internal()
            return self._note(started, "kubernetes", request, response, caller)

        return lambda request: self._faulty("kubernetes", request, answer)

    def _begin(self) -> float:
        started = time.time()
        if self.latency_s:
            time.sleep(self.latency_s)
        return started

    def _note(self, started: float, service: str, request: HttpRequest, response: HttpResponse, caller: str) -> HttpResponse:
        stream = response.stream is not None
        if not stream:
            response.body = response.encoded()
        query = _query(request)
        run = request.headers.get("x-giqplan-run", "")
        size = 0 if stream else len(response.body)
        facts = (service, request.method, request.path, query, response.status, caller, size, run, stream)
        self._log.add(Entry(started, time.time(), *facts))
        return response

    def _internal(self) -> HttpResponse:
        traceback.print_exc(file=sys.stderr)
        self._failures += 1
        return HttpResponse(500, {"error": {"code": 500, "message": "Internal error encountered.", "status": "INTERNAL"}})

    # -- control

    def _control(self, request: HttpRequest) -> HttpResponse:
        name = request.path.removeprefix("/sandbox/")
        if name == "instance" and request.method == "GET":
            return HttpResponse(200, {"instance_id": self._instance["instance_id"]})
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(token.encode(), self._control_token.encode()):
            return HttpResponse(401, {"error": "this needs the control token of connection.json"})
        body = request.json() or {}
        match request.method, name:
            case "GET", "status":
                return HttpResponse(200, self._status())
            case "GET", "log":
                return HttpResponse(200, {"requests": [vars(e) for e in self._log.entries(request.first("run"))]})
            case "POST", "advance":
                self._clock.advance(float(body["seconds"]))
                return HttpResponse(200, {"now": self._clock.timestamp()})
            case "POST", "latency":
                self.latency_s = float(body["milliseconds"]) / 1000
                return HttpResponse(200, {})
            case "POST", "fault":
                self._faults.add(Fault(**body))
                return HttpResponse(200, {})
            case "GET", "faults":
                return HttpResponse(200, {"faults": [vars(fault) for fault in self._faults.all()]})
            case "POST", "clear-faults":
                self._faults.clear()
                return HttpResponse(200, {})
            case "POST", "clear-log":
                self._log.clear()
                return HttpResponse(200, {})
            case "POST", "stop":
                self._stopping.set()
                return HttpResponse(200, {})
        return HttpResponse(404, {"error": f"no such control: {name}"})

    def _status(self) -> dict[str, Any]:
        clusters = [{"name": key, "status": c["status"], "endpoint": c.get("endpoint", "")} for key, c in self._documents.under("cluster")]
        return {
            "instance_id": self._instance["instance_id"],
            "version": __version__,
            "pid": os.getpid(),
            "now": self._clock.timestamp(),
            "speed": self._clock.speed,
            "controllers": self._instance["controllers"],
            "failures": self._clock.failures + self._failures,
            "projects": [key for key, _ in self._documents.under("project")],
            "callers": sorted(self._oauth.refresh_tokens()),
            "clusters": clusters,
            "world": self._instance["world"],
        }

    def _write_connection(self) -> None:
        """Written last, and whole: who can read it may use the sandbox."""
        connection = {
            "version": __version__,
            "pid": os.getpid(),
            "port": self._listener.port,
            "instance_id": self._instance["instance_id"],
            "speed": self._clock.speed,
            "controllers": self._instance["controllers"],
            "control_token": self._control_token,
            "admin_token": self._oauth.admin_token,
            "client_id": oauth.CLIENT_ID,
            "client_secret": self._oauth.client_secret,
            "callers": dict(self._oauth.refresh_tokens()),
        }
        tls.write_private(self._folder / "connection.json", json.dumps(connection, indent=1).encode())


def _query(request: HttpRequest) -> str:
    return urlencode([(key, value) for key, values in request.query.items() for value in values])


def _create_world(spec: WorldSpec, projects: Projects, iam: Iam, tokens: oauth.OAuth, quotas: CloudQuotas, storage: Storage) -> None:
    for caller in spec.callers:
        tokens.add_caller(caller.name, caller.member)
    for wanted in spec.projects:
        projects.add(wanted.id, wanted.number, list(wanted.apis))
        resource = f"projects/{wanted.id}"
        for caller in spec.callers:
            for role in caller.roles:
                iam.grant(resource, role, (caller.member,))
        for role, members in wanted.iam:
            iam.grant(resource, role, members)
        for quota in wanted.quotas:
            quotas.set_limit(wanted.id, quota.quota, quota.dimensions, quota.limit)
        project = projects.find(wanted.id)
        assert project is not None
        for bucket in wanted.buckets:
            access = {"iamConfiguration": {"uniformBucketLevelAccess": {"enabled": bucket.uniform_access}}}
            storage.add_bucket(project, bucket.name, bucket.location, access)
            for name, size in bucket.objects:
                storage.add_object(bucket.name, name, size)
            for role, members in bucket.iam:
                iam.grant(f"buckets/{bucket.name}", role, members)


def _only_one(folder: Path) -> int:
    """The lock that says this process serves the folder; SandboxError when another does."""
    descriptor = os.open(folder / "serve.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise SandboxError("GIQ2001", f"another process serves {folder}", "Use that one, or stop it first.") from None
    return descriptor
