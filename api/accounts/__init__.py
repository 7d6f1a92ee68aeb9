"""Users, passwords, tokens, roles and permissions. The domain; no HTTP here."""
