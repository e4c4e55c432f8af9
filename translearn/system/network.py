"""Whether the network is there."""

import urllib.error
import urllib.request


def reachable(url: str, seconds: float = 3.0) -> bool:
    """Whether the server of ``url`` answers: asked first, because loaders retry for a minute."""
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=seconds).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
