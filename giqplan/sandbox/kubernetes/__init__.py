"""The Kubernetes API of the sandbox. Its door is ``KubernetesApi``; its file list reads: path -> access -> body -> write -> storage."""

from giqplan.sandbox.kubernetes.api import KubernetesApi
from giqplan.sandbox.kubernetes.hooks import Hooks

__all__ = ["Hooks", "KubernetesApi"]
