"""The embedded local Google Cloud and Kubernetes: one process, one SQLite file."""
