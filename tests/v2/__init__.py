"""Tests of `v2`."""
