"""The peers: the same list and item by other means; each a module of its own, run from this folder."""
