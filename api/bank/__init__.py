"""The bank of questions: loading, importing, searching, listing. The domain; no HTTP here."""
