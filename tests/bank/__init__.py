"""Tests of `bank`."""
