"""The suite: real requests against the real application, on SQLite and on PostgreSQL."""
