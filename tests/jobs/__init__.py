"""Tests of jobs: leases, workers killed in the middle of them, sweeps."""
