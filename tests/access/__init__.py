"""Tests of who may: tokens attacked, roles against routes."""
