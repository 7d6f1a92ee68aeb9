"""Tests of accounts: passwords, users, tokens."""
