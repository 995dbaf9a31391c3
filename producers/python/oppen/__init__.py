"""Submits training jobs to Oppen and follows what becomes of them and what they cost. Begin with Client."""

from .client import Client
from .errors import Fault, InvalidInput, Unacknowledged
from .events import Event

__all__ = ["Client", "Event", "Fault", "InvalidInput", "Unacknowledged"]
