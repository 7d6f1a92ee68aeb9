"""Tests of practice rounds, without HTTP."""
