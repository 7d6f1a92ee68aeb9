"""marshmallow schemas: what goes in and what comes out."""
