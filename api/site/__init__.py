"""The HTML side: pages for people who look before they call."""

from api.site.pages import blueprint

__all__ = ["blueprint"]
