"""The pure model of Kubernetes objects: schema, list keys, quantities, defaults, server-side apply and ownership."""
