"""Kubernetes objects of a recommendation: servers, storage, autoscaling, monitoring."""
