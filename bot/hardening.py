"""What the process does so that other users of the machine learn no secrets: no core dumps, no look into its memory or start."""

import ctypes
import logging
import resource
import sys
from collections.abc import Iterable, MutableMapping

from core.model.secrets import Secret

LOG = logging.getLogger(__name__)
_PR_SET_DUMPABLE = 4


def harden() -> bool:
    """Switch core dumps off and, on Linux, keep other processes of the same user out; False: the machine does not let us."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not sys.platform.startswith("linux"):
        return True
    try:
        done = bool(ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        done = False
    if not done:
        LOG.warning("Other processes of this user may look into the memory of the desk; run it as a user of its own")
    return done


def forget(environment: MutableMapping[str, str], secrets: Iterable[Secret]) -> None:
    """Take secrets that were read out of the environment, so that no child process is handed them."""
    known = {secret.reveal() for secret in secrets}
    for name in [name for name, value in environment.items() if value.strip() in known]:
        del environment[name]
