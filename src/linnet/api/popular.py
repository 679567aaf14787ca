"""Popular tweets, catching up, and whom one might follow."""

from linnet.api.endpoints import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = ()
