"""Tests of `v1`."""
