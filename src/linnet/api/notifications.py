"""What others did that concerns one."""

from linnet.api.endpoints import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = ()
