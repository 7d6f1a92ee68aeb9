"""What every endpoint shares: problem details, parsing, pagination, preconditions, caching, limits."""
