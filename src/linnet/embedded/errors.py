"""What can keep the bundled servers from running, always as one sentence for the person who started linnet."""

from linnet.errors import LinnetError


class EmbeddedError(LinnetError):
    """The bundled servers cannot run."""

    kind = "unavailable"
    code = "embedded_servers"
