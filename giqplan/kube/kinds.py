"""Kinds of Kubernetes objects and their URL paths.

Source of the built-in table: the discovery documents of kube-apiserver 1.33 and its OpenAPI document (Apache-2.0). ``has_generation``
follows what that server was seen to do (``metadata.generation`` is absent from ConfigMap, Service, HorizontalPodAutoscaler ...).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class KindInfo:
    """One kind in one group version. ``plural`` is the name in URLs; ``has_generation``: metadata.generation counts changes of spec."""

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    namespaced: bool
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    has_status: bool = False
    has_scale: bool = False
    has_generation: bool = False

    @property
    def api_version(self) -> str:
        """``apps/v1``, or ``v1`` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version


# group version | kind plural flags short-names | ... Flags: N namespaced, C cluster-scoped, s status, x scale, g generation, a category all
_TABLE = """
v1: ConfigMap configmaps N cm
v1: Endpoints endpoints N ep
v1: Event events N ev
v1: LimitRange limitranges N limits
v1: Namespace namespaces Cs ns
v1: Node nodes Cs no
v1: PersistentVolume persistentvolumes Cs pv
v1: PersistentVolumeClaim persistentvolumeclaims Ns pvc
v1: Pod pods Nsga po
v1: PodTemplate podtemplates Ng
v1: ReplicationController replicationcontrollers Nsxga rc
v1: ResourceQuota resourcequotas Ns quota
v1: Secret secrets N
v1: Service services Nsa svc
v1: ServiceAccount serviceaccounts N sa
admissionregistration.k8s.io/v1: MutatingWebhookConfiguration mutatingwebhookconfigurations Cg
admissionregistration.k8s.io/v1: ValidatingAdmissionPolicy validatingadmissionpolicies Csg
admissionregistration.k8s.io/v1: ValidatingAdmissionPolicyBinding validatingadmissionpolicybindings Cg
admissionregistration.k8s.io/v1: ValidatingWebhookConfiguration validatingwebhookconfigurations Cg
apiextensions.k8s.io/v1: CustomResourceDefinition customresourcedefinitions Csg crd crds
apiregistration.k8s.io/v1: APIService apiservices Cs
apps/v1: ControllerRevision controllerrevisions N
apps/v1: DaemonSet daemonsets Nsga ds
apps/v1: Deployment deployments Nsxga deploy
apps/v1: ReplicaSet replicasets Nsxga rs
apps/v1: StatefulSet statefulsets Nsxga sts
authentication.k8s.io/v1: SelfSubjectReview selfsubjectreviews C
authentication.k8s.io/v1: TokenReview tokenreviews C
authorization.k8s.io/v1: LocalSubjectAccessReview localsubjectaccessreviews N
authorization.k8s.io/v1: SelfSubjectAccessReview selfsubjectaccessreviews C
authorization.k8s.io/v1: SelfSubjectRulesReview selfsubjectrulesreviews C
authorization.k8s.io/v1: SubjectAccessReview subjectaccessreviews C
autoscaling/v1: HorizontalPodAutoscaler horizontalpodautoscalers Nsa hpa
autoscaling/v1: Scale scales N
autoscaling/v2: HorizontalPodAutoscaler horizontalpodautoscalers Nsa hpa
batch/v1: CronJob cronjobs Nsga cj
batch/v1: Job jobs Nsga
certificates.k8s.io/v1: CertificateSigningRequest certificatesigningrequests Cs csr
coordination.k8s.io/v1: Lease leases N
discovery.k8s.io/v1: EndpointSlice endpointslices Ng
events.k8s.io/v1: Event events N ev
flowcontrol.apiserver.k8s.io/v1: FlowSchema flowschemas Csg
flowcontrol.apiserver.k8s.io/v1: PriorityLevelConfiguration prioritylevelconfigurations Csg
networking.k8s.io/v1: Ingress ingresses Nsg ing
networking.k8s.io/v1: IngressClass ingressclasses Cg
networking.k8s.io/v1: NetworkPolicy networkpolicies Ng netpol
node.k8s.io/v1: RuntimeClass runtimeclasses C
policy/v1: PodDisruptionBudget poddisruptionbudgets Nsg pdb
rbac.authorization.k8s.io/v1: ClusterRole clusterroles C
rbac.authorization.k8s.io/v1: ClusterRoleBinding clusterrolebindings C
rbac.authorization.k8s.io/v1: Role roles N
rbac.authorization.k8s.io/v1: RoleBinding rolebindings N
scheduling.k8s.io/v1: PriorityClass priorityclasses Cg pc
storage.k8s.io/v1: CSIDriver csidrivers C
storage.k8s.io/v1: CSINode csinodes C
storage.k8s.io/v1: CSIStorageCapacity csistoragecapacities N
storage.k8s.io/v1: StorageClass storageclasses C sc
storage.k8s.io/v1: VolumeAttachment volumeattachments Cs
monitoring.googleapis.com/v1: PodMonitoring podmonitorings Nsg
"""


def _row(line: str) -> KindInfo:
    api_version, _, rest = line.partition(": ")
    kind, plural, flags, *short = rest.split()
    group, _, version = api_version.rpartition("/")
    return KindInfo(
        group=group,
        version=version,
        kind=kind,
        plural=plural,
        singular=kind.lower(),
        namespaced="N" in flags,
        short_names=tuple(short),
        categories=("all",) if "a" in flags else (),
        has_status="s" in flags,
        has_scale="x" in flags,
        has_generation="g" in flags,
    )


#: Every kind known without asking a server: the built-in ones, and the custom ones that giqplan writes.
BUILTIN: tuple[KindInfo, ...] = tuple(_row(line) for line in _TABLE.strip().splitlines())


@cache
def _by_kind() -> Mapping[tuple[str, str], KindInfo]:
    return {(info.api_version, info.kind): info for info in BUILTIN}


@cache
def _by_plural() -> Mapping[tuple[str, str, str], KindInfo]:
    return {(info.group, info.version, info.plural): info for info in BUILTIN}


def kind_of(api_version: str, kind: str) -> KindInfo:
    """The entry of ``kind``; KeyError when the table lacks it."""
    return _by_kind()[api_version, kind]


def by_plural(group: str, version: str, plural: str) -> KindInfo:
    """The entry of a resource name in a URL; KeyError when the table lacks it."""
    return _by_plural()[group, version, plural]


def collection_path(info: KindInfo, namespace: str | None = None) -> str:
    """The URL path of the collection: of one namespace, or (None) of all namespaces or of a cluster-scoped kind."""
    root = f"/apis/{info.group}/{info.version}" if info.group else f"/api/{info.version}"
    return f"{root}/namespaces/{namespace}/{info.plural}" if info.namespaced and namespace else f"{root}/{info.plural}"


def object_path(info: KindInfo, namespace: str | None, name: str) -> str:
    """The URL path of one object; ``namespace`` counts only for namespaced kinds."""
    return f"{collection_path(info, namespace)}/{name}"
