"""Tests of the bank by Flask-RESTX."""
