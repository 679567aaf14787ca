"""Searching tweets, people and tags."""

from linnet.api.endpoints import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = ()
