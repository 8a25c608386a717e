"""What all silver jobs share: bronze rows -> typed, unique rows of silver.<dataset>, and quarantine for those that break their contract."""

from lakehouse.silver.load import load
from lakehouse.silver.replay import replay

__all__ = ["load", "replay"]
