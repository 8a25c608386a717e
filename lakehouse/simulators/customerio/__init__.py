"""Customer.io: the Track API, versions 1 and 2, about people."""

from lakehouse.simulators.customerio.track_api import Customerio

__all__ = ["Customerio"]
