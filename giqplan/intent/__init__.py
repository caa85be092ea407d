"""The inference.yaml model: loading with line numbers, overlays, validation."""
