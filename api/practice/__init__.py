"""Practice rounds: drawing cards, revealing, grading, scoring. The domain; no HTTP."""
