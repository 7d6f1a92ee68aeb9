"""Benchmarks: the application beside its peers, on the same database, payload, cores and minute."""
