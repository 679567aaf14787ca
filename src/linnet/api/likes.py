"""Likes, pins, and who liked what."""

from linnet.api.endpoints import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = ()
