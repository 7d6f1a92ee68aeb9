"""The printed examples, executed."""
