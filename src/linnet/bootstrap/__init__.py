"""Builds a process out of its settings: the stores, what remembers things, and what runs in the background."""

from linnet.bootstrap.services import Role, Services, build_services, open_services, opened

__all__ = ["Role", "Services", "build_services", "open_services", "opened"]
