"""Tags: what is talked about, and the tweets that carry one."""

from linnet.api.endpoints import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = ()
