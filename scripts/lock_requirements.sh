#!/usr/bin/env bash
# Resolve pyproject.toml into the two hashed requirements files (needs pip-tools; no registry host is written).
set -euo pipefail
cd "$(dirname "$0")/.."
lock() { pip-compile --quiet --generate-hashes --allow-unsafe --no-strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links "$@" pyproject.toml; }
lock -o requirements.txt
lock --extra dev -o requirements-dev.txt
