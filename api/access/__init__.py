"""Who is calling and whether they may: two doors, one identity, one vocabulary of permissions."""
