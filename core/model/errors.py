"""The error tree, classed by what to do next. Each error carries the one sentence that the user sees.

QuantMatrixError
├── OperatorError         the operator must act: configuration, credentials, disk, a version that does not fit
│   ├── SettingsError     one or more mistakes in the settings, all listed
│   ├── NewerDatabaseError
│   └── AlreadyRunningError
├── RetryError            try again later: time-outs, 5xx on reads, rate limits
├── RefusedError          proven refusal: the counterparty or a gate said no, nothing happened
│   ├── BadDataError      NaN, crossed, negative, malformed: refused at the door
│   ├── UnknownSymbolError
│   └── NotClaimedError   an approval could not be turned into an order; `state` says where the proposal went
├── OutcomeUnknownError   the request may have had an effect; look it up, never send it again
├── NotAllowedError       this person or this switch may not do that
└── IllegalEventError     an event that the transition table does not know; stop and look
"""


class QuantMatrixError(Exception):
    """Root of the tree; `str(error)` is the sentence for the user."""


class OperatorError(QuantMatrixError):
    """The operator must act before this can work."""


class SettingsError(OperatorError):
    """Mistakes in the settings: one line each in `mistakes`, naming field, value and remedy."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class NewerDatabaseError(OperatorError):
    """The database was written by a newer version of this program."""


class AlreadyRunningError(OperatorError):
    """Another process uses the same journal, or the same ledger."""


class RetryError(QuantMatrixError):
    """Temporary: the same question may be asked again later."""


class RefusedError(QuantMatrixError):
    """Proven refusal: nothing happened on the other side."""


class BadDataError(RefusedError):
    """Data that must not reach sizing or an order."""


class UnknownSymbolError(RefusedError):
    """No such symbol in the universe."""


class NotClaimedError(RefusedError):
    """The claim of an approval failed; `state` is the state that the proposal went to (or is in)."""

    def __init__(self, sentence: str, state: str) -> None:
        super().__init__(sentence)
        self.state = state


class OutcomeUnknownError(QuantMatrixError):
    """The request may have had its effect. Look it up by its key; never send it again."""


class NotAllowedError(QuantMatrixError):
    """This person or this switch may not do that."""


class IllegalEventError(QuantMatrixError):
    """An event that has no place in the transition table; the account stops until somebody looked."""
