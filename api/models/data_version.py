"""A version number per scope of data, raised by database triggers in the writing transaction.

Whoever changes a row, by whatever program, raises it; a cache that keys on it cannot go stale.
"""

from sqlalchemy import BigInteger, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from api.extensions import Base


class DataVersion(Base):
    """The current version of one scope: `bank`, `scratch`, or `events` (the newest one's position)."""

    __tablename__ = "data_versions"

    scope: Mapped[str] = mapped_column(String(20), primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), default=1)
