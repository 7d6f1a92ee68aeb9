"""Attachments of questions: bytes judged, written anew, kept, handed back. The domain; no HTTP."""
