"""Handlers, a file for each part of the site."""
