"""Cloud Storage's JSON API: buckets, objects and bucket IAM, with etags and preconditions.

Shapes: k8s-config-connector's recorded bucket insert and get (commit cdb85ecf, Apache-2.0) and the API's reference.
Objects that world.yaml declares have a size and no content; reading their bytes gives zeros.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from email.parser import BytesParser
from typing import Any
from urllib.parse import unquote

from giqplan.sandbox.clock import Clock
from giqplan.sandbox.documents import Documents
from giqplan.sandbox.google.errors import ApiError, invalid
from giqplan.sandbox.google.iam import Iam, etag_of
from giqplan.sandbox.google.paging import whole_number
from giqplan.sandbox.google.projects import Project, Projects
from giqplan.sandbox.wire import Caller, HttpRequest, HttpResponse

PATH = re.compile(
    r"(?P<kind>/upload|/download)?/storage/v1/b(?:/(?P<bucket>[^/]+)(?:/(?P<rest>o(?:/(?P<object>[^/]+))?|iam(?:/testPermissions)?))?)?"
)
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")
_MULTI_REGIONS = ("US", "EU", "ASIA")
_PAGE = 1000
_MOST_CONTENT_BYTES = 8 * 2**20


class Storage:
    """Buckets by name, objects under ``<bucket>/<object>``."""

    def __init__(self, documents: Documents, clock: Clock, projects: Projects, iam: Iam) -> None:
        self._documents = documents
        self._clock = clock
        self._projects = projects
        self._iam = iam

    def answer(self, request: HttpRequest, caller: Caller, match: re.Match[str]) -> Any:
        """Route one request."""
        bucket, rest = unquote(match["bucket"] or ""), match["rest"] or ""
        name = unquote(match["object"] or "")
        if match["kind"] == "/upload":
            return self._upload(request, caller, bucket)
        if not bucket:
            return self._buckets(request, caller)
        if name:
            return self._object(request, caller, bucket, name, media=match["kind"] == "/download")
        match request.method, rest:
            case "GET", "":
                return self._bucket(caller, bucket, "storage.buckets.get")
            case "PATCH", "":
                return self._patch(request, caller, bucket)
            case "DELETE", "":
                return self._delete_bucket(caller, bucket)
            case "GET", "o":
                return self._list_objects(request, caller, bucket)
            case "GET", "iam":
                return self._policy(request, caller, bucket)
            case "PUT", "iam":
                return self._set_policy(request, caller, bucket)
            case "GET", "iam/testPermissions":
                return self._test(request, caller, bucket)
        raise ApiError(405, f"The sandbox does not know {request.method} {request.path}.")

    # -- world.yaml's way in

    def add_bucket(self, project: Project, name: str, location: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """A new bucket with the policy that every new bucket has."""
        now = self._clock.timestamp(fraction=True)
        whole = {
            "kind": "storage#bucket",
            "id": name,
            "selfLink": f"https://www.googleapis.com/storage/v1/b/{name}",
            "projectNumber": project.number,
            "name": name,
            "location": location.upper(),
            "locationType": "multi-region" if location.upper() in _MULTI_REGIONS else "region",
            "storageClass": body.get("storageClass", "STANDARD"),
            "metageneration": "1",
            "generation": str(int(self._clock.now() * 1e6)),
            "timeCreated": now,
            "updated": now,
            "softDeletePolicy": {"effectiveTime": now, "retentionDurationSeconds": "604800"},
            "iamConfiguration": _iam_configuration(body, now),
        }
        if body.get("labels"):
            whole["labels"] = dict(body["labels"])
        self._documents.put("bucket", name, whole)
        # Google grants these to every new bucket (Cloud Storage: IAM roles, "basic roles" convenience values).
        owners = (f"projectOwner:{project.id}", f"projectEditor:{project.id}")
        self._iam.grant(f"buckets/{name}", "roles/storage.legacyBucketOwner", owners)
        self._iam.grant(f"buckets/{name}", "roles/storage.legacyBucketReader", (f"projectViewer:{project.id}",))
        self._iam.grant(f"buckets/{name}", "roles/storage.legacyObjectOwner", owners)
        self._iam.grant(f"buckets/{name}", "roles/storage.legacyObjectReader", (f"projectViewer:{project.id}",))
        return _with_etag(whole)

    def add_object(self, bucket: str, name: str, size: int, content: bytes | None = None, content_type: str = "") -> dict[str, Any]:
        """A new object, or a new generation of it."""
        now = self._clock.timestamp(fraction=True)
        generation = str(int(self._clock.now() * 1e6))
        body: dict[str, Any] = {
            "kind": "storage#object",
            "id": f"{bucket}/{name}/{generation}",
            "selfLink": f"https://www.googleapis.com/storage/v1/b/{bucket}/o/{name}",
            "name": name,
            "bucket": bucket,
            "generation": generation,
            "metageneration": "1",
            "contentType": content_type or "application/octet-stream",
            "storageClass": "STANDARD",
            "size": str(size),
            "timeCreated": now,
            "updated": now,
        }
        if content is not None:
            body["_content"] = base64.b64encode(content).decode()
            body["md5Hash"] = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
        body["etag"] = etag_of(body)
        self._documents.put("object", f"{bucket}/{name}", body)
        return body

    # -- buckets

    def _buckets(self, request: HttpRequest, caller: Caller) -> dict[str, Any]:
        if request.method == "GET":
            project = self._admit_project(caller, request.first("project"), "storage.buckets.list")
            rows = [b for _, b in self._documents.under("bucket", request.first("prefix")) if b["projectNumber"] == project.number]
            return {"kind": "storage#buckets"} | ({"items": [_with_etag(b) for b in rows]} if rows else {})
        if request.method != "POST":
            raise ApiError(405, f"The sandbox does not know {request.method} {request.path}.")
        project = self._admit_project(caller, request.first("project"), "storage.buckets.create")
        body = request.json() or {}
        name = body.get("name", "")
        if not _NAME.fullmatch(name):
            raise ApiError(400, f"Invalid bucket name: '{name}'", legacy="invalid")
        if self._documents.get("bucket", name) is not None:
            text = "Your previous request to create the named bucket succeeded and you already own it."
            raise ApiError(409, text, legacy="conflict")
        return self.add_bucket(project, name, body.get("location") or "US", body)

    def _bucket(self, caller: Caller, name: str, permission: str) -> dict[str, Any]:
        """The bucket, if it exists and the caller has the permission on it."""
        body = self._documents.get("bucket", name)
        if body is None:
            raise ApiError(404, "The specified bucket does not exist.")
        project = self._projects.find(body["projectNumber"])
        assert project is not None
        if not self._iam.allows(caller.member, permission, project.id, name):
            raise _refused(caller, permission, "bucket")
        return _with_etag(body)

    def _patch(self, request: HttpRequest, caller: Caller, name: str) -> dict[str, Any]:
        body = self._bucket(caller, name, "storage.buckets.update")
        body.pop("etag")
        _precondition(request, "ifMetagenerationMatch", body["metageneration"])
        change = request.json() or {}
        unknown = set(change) - {"labels", "storageClass", "iamConfiguration"}
        if unknown:
            raise ApiError(405, f"The sandbox does not change a bucket's {', '.join(sorted(unknown))}.")
        now = self._clock.timestamp(fraction=True)
        if "labels" in change:
            labels = {k: v for k, v in {**body.get("labels", {}), **(change["labels"] or {})}.items() if v is not None}
            body["labels"] = labels
        if "storageClass" in change:
            body["storageClass"] = change["storageClass"]
        if "iamConfiguration" in change:
            body["iamConfiguration"] = _iam_configuration(change, now)
        body |= {"metageneration": str(int(body["metageneration"]) + 1), "updated": now}
        self._documents.put("bucket", name, body)
        return _with_etag(body)

    def _delete_bucket(self, caller: Caller, name: str) -> HttpResponse:
        self._bucket(caller, name, "storage.buckets.delete")
        if next(self._documents.under("object", f"{name}/"), None) is not None:
            raise ApiError(409, "The bucket you tried to delete is not empty.", legacy="conflict")
        self._documents.delete("bucket", name)
        self._iam.forget(f"buckets/{name}")
        return HttpResponse(204)

    # -- policy

    def _policy(self, request: HttpRequest, caller: Caller, name: str) -> dict[str, Any]:
        self._bucket(caller, name, "storage.buckets.getIamPolicy")
        version = whole_number(request.first("optionsRequestedPolicyVersion"), "optionsRequestedPolicyVersion") or 1
        if version not in (1, 3):
            raise ApiError(400, f"Invalid requested policy version: {version}.", legacy="invalid")
        return _bucket_policy(name, self._iam.policy(f"buckets/{name}", version))

    def _set_policy(self, request: HttpRequest, caller: Caller, name: str) -> dict[str, Any]:
        bucket = self._bucket(caller, name, "storage.buckets.setIamPolicy")
        policy = request.json() or {}
        conditional = any("condition" in b for b in policy.get("bindings") or ())
        if conditional and not bucket["iamConfiguration"]["uniformBucketLevelAccess"]["enabled"]:
            raise ApiError(412, "Conditional IAM policies need uniform bucket-level access.", legacy="conditionNotMet")
        conflict = ApiError(412, "At least one of the pre-conditions you specified did not hold.", legacy="conditionNotMet")
        return _bucket_policy(name, self._iam.set_policy(f"buckets/{name}", policy, conflict))

    def _test(self, request: HttpRequest, caller: Caller, name: str) -> dict[str, Any]:
        body = self._documents.get("bucket", name)
        if body is None:
            raise ApiError(404, "The specified bucket does not exist.")
        project = self._projects.find(body["projectNumber"])
        assert project is not None
        asked = request.query.get("permissions", ())
        for permission in asked:
            if not permission.startswith("storage."):
                raise ApiError(400, f"Invalid argument: permission {permission}", legacy="invalid")
        held = [p for p in asked if self._iam.allows(caller.member, p, project.id, name)]
        return {"kind": "storage#testIamPermissionsResponse"} | ({"permissions": held} if held else {})

    # -- objects

    def _list_objects(self, request: HttpRequest, caller: Caller, bucket: str) -> dict[str, Any]:
        self._bucket(caller, bucket, "storage.objects.list")
        prefix, delimiter = request.first("prefix"), request.first("delimiter")
        size = min(whole_number(request.first("maxResults"), "maxResults") or _PAGE, _PAGE)
        after = _token(request.first("pageToken"))
        items: list[dict[str, Any]] = []
        prefixes: list[str] = []
        last, more = "", False
        for key, body in self._documents.under("object", f"{bucket}/{prefix}"):
            name = key[len(bucket) + 1 :]
            cut = name.find(delimiter, len(prefix)) if delimiter else -1
            group = name[: cut + len(delimiter)] if cut >= 0 else ""
            if (group or name) <= after or (prefixes and group == prefixes[-1]):
                continue
            if len(items) + len(prefixes) == size:
                more = True
                break
            last = group or name
            if group:
                prefixes.append(group)
            else:
                items.append(_object(body))
        answer: dict[str, Any] = {"kind": "storage#objects"}
        if more:
            answer["nextPageToken"] = base64.urlsafe_b64encode(last.encode()).decode()
        return answer | ({"items": items} if items else {}) | ({"prefixes": prefixes} if prefixes else {})

    def _object(self, request: HttpRequest, caller: Caller, bucket: str, name: str, media: bool) -> Any:
        verb = {"GET": "get", "HEAD": "get", "DELETE": "delete"}.get(request.method)
        if verb is None:
            raise ApiError(405, f"The sandbox does not know {request.method} {request.path}.")
        self._bucket(caller, bucket, f"storage.objects.{verb}")
        body = self._documents.get("object", f"{bucket}/{name}")
        if body is None:
            raise ApiError(404, f"No such object: {bucket}/{name}")
        _precondition(request, "ifGenerationMatch", body["generation"])
        if verb == "delete":
            self._documents.delete("object", f"{bucket}/{name}")
            return HttpResponse(204)
        return _content(request, body) if media or request.first("alt") == "media" else _object(body)

    def _upload(self, request: HttpRequest, caller: Caller, bucket: str) -> dict[str, Any]:
        self._bucket(caller, bucket, "storage.objects.create")
        kind = request.first("uploadType")
        if request.method != "POST" or kind not in ("multipart", "media"):
            raise ApiError(405, "The sandbox takes multipart and media uploads only, not resumable ones.")
        metadata: dict[str, Any] = {}
        content, content_type = request.body, request.headers.get("content-type", "")
        if kind == "multipart":
            metadata, content, content_type = _parts(request)
        name = metadata.get("name") or request.first("name")
        if not name:
            raise ApiError(400, "Required", legacy="required")
        if len(content) > _MOST_CONTENT_BYTES:
            raise invalid(f"The sandbox keeps objects of at most {_MOST_CONTENT_BYTES} bytes; declare larger ones in world.yaml.")
        before = self._documents.get("object", f"{bucket}/{name}")
        _precondition(request, "ifGenerationMatch", before["generation"] if before else "0")
        if before is not None and not self._may(caller, bucket, "storage.objects.delete"):
            raise _refused(caller, "storage.objects.delete", "object")
        return _object(self.add_object(bucket, name, len(content), content, metadata.get("contentType") or content_type))

    def _may(self, caller: Caller, bucket: str, permission: str) -> bool:
        try:
            self._bucket(caller, bucket, permission)
        except ApiError:
            return False
        return True

    def _admit_project(self, caller: Caller, name: str, permission: str) -> Project:
        project = self._projects.find(name)
        if project is None:
            raise ApiError(400, f"Invalid argument: project {name!r}", legacy="invalid")
        if not self._iam.allows(caller.member, permission, project.id):
            raise _refused(caller, permission, "project")
        return project


def _with_etag(body: dict[str, Any]) -> dict[str, Any]:
    return body | {"etag": base64.b64encode(f"m{body['metageneration']}".encode()).decode()}


def _iam_configuration(body: Mapping[str, Any], now: str) -> dict[str, Any]:
    asked = body.get("iamConfiguration") or {}
    uniform = bool((asked.get("uniformBucketLevelAccess") or {}).get("enabled"))
    access = {"enabled": True, "lockedTime": now} if uniform else {"enabled": False}
    prevention = asked.get("publicAccessPrevention", "inherited")
    return {"bucketPolicyOnly": access, "publicAccessPrevention": prevention, "uniformBucketLevelAccess": access}


def _bucket_policy(name: str, policy: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "storage#policy", "resourceId": f"projects/_/buckets/{name}", **policy}


def _refused(caller: Caller, permission: str, what: str) -> ApiError:
    who = caller.member.partition(":")[2] or caller.member
    thing = {"bucket": "bucket", "object": "object", "project": "project"}[what]
    text = (
        f"{who} does not have {permission} access to the Google Cloud {'' if what == 'project' else 'Storage '}{thing}. "
        f"Permission '{permission}' denied on resource (or it may not exist)."
    )
    return ApiError(403, text)


def _precondition(request: HttpRequest, key: str, value: str) -> None:
    wanted = request.first(key)
    if wanted and wanted != value:
        raise ApiError(412, "At least one of the pre-conditions you specified did not hold.", legacy="conditionNotMet")


def _object(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if not key.startswith("_")}


def _content(request: HttpRequest, body: Mapping[str, Any]) -> HttpResponse:
    kept = body.get("_content")
    size = int(body["size"])
    first, last = 0, size - 1
    wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    if wanted:
        first, last = int(wanted[1]), min(int(wanted[2] or last), last)
    if last - first + 1 > _MOST_CONTENT_BYTES:
        raise invalid(f"The sandbox gives at most {_MOST_CONTENT_BYTES} bytes at a time; ask for a range.")
    if first > last and size:
        return HttpResponse(416, None)
    data = base64.b64decode(kept)[first : last + 1] if kept is not None else bytes(last - first + 1)
    headers = {"Content-Type": body["contentType"], "X-Goog-Generation": body["generation"], "ETag": body["etag"]}
    if "md5Hash" in body:
        headers["X-Goog-Hash"] = f"md5={body['md5Hash']}"
    if wanted:
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return HttpResponse(206 if wanted else 200, data, headers)


def _parts(request: HttpRequest) -> tuple[dict[str, Any], bytes, str]:
    """Metadata, content and its type of a ``multipart/related`` upload."""
    head = f"Content-Type: {request.headers.get('content-type', '')}\r\n\r\n".encode()
    message = BytesParser().parsebytes(head + request.body)
    parts = message.get_payload() if message.is_multipart() else []
    if not isinstance(parts, list) or len(parts) != 2:
        raise invalid("A multipart upload has two parts: metadata and content.")
    raw = [part.get_payload(decode=True) for part in parts if not isinstance(part, str)]
    metadata = json.loads(raw[0]) if isinstance(raw[0], bytes) else {}
    content = raw[1] if isinstance(raw[1], bytes) else b""
    return metadata, content, parts[1].get_content_type() if not isinstance(parts[1], str) else ""


def _token(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except ValueError:
        raise ApiError(400, "Invalid argument: pageToken", legacy="invalid") from None
