"""Every error this program raises on purpose, and the exit code it stands for.

ExpandError
├── UsageError                 2   wrong use or configuration
│   ├── ConfigError                a key or value in config.toml or plan.toml
│   ├── NotUtf8                    a file that is not UTF-8, with the offset of the first bad byte
│   ├── RegionError                markers that cannot be read, or marker text in a source
│   ├── NothingToExpand            an article without text
│   ├── PathEscape                 a path that leaves the workspace
│   ├── PromptError                a template that cannot be rendered
│   ├── ClusterError               no scheduler at the address, or workers that cannot take part
│   └── LedgerError                a file that is no ledger, or one of a newer version
├── ModelError                 3   the model or its service failed
│   ├── Unavailable                could not be reached, or kept failing (429, 5xx, resets, stalls)
│   ├── NotConfigured              no key, nothing that could answer, a folder that cannot be used
│   │   └── UnusableSpec       2       a model SPEC that names nothing here: vendor, file, program or extra
│   ├── Rejected                   the service will not take the request (400, 401, 403, 404)
│   ├── ContextOverflow            the prompt does not fit the context window
│   ├── NotRecorded                a replay has no answer for this call
│   └── BadReply                   a reply arrived and cannot be used
│       ├── CutOff                     it stopped at the length limit
│       ├── EmptyReply                 it holds no text
│       ├── Refused                    the model or a filter declined
│       └── Malformed                  it is not in the form that was asked for
├── BudgetReached              4   the next call could break the cap
├── Interrupted              130   a person stopped the run; what was under way is stored
├── Locked                     5   another process holds the workspace or the article
├── SourceChanged              5   the source is not the one the draft was made from
├── NotRun                     1   a text rests on an experiment that did not run
└── SandboxUnavailable         1   nothing here can confine generated code

Vendor exceptions never leave ``agent.llm``: each vendor's file maps them onto this tree, and a test fails
when one is left unmapped.
"""

from __future__ import annotations


class ExpandError(Exception):
    """Base of all errors that are shown to a person without a traceback."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        """What to do about it; shown on a line of its own."""


class UsageError(ExpandError):
    exit_code = 2


class ConfigError(UsageError):
    pass


class NotUtf8(UsageError):
    def __init__(self, file: str, offset: int) -> None:
        super().__init__(
            f"{file}: not UTF-8 at byte {offset}",
            hint="convert the file to UTF-8 (for example with iconv -f gb18030 -t utf-8) and try again",
        )
        self.file = file
        self.offset = offset

    def __reduce__(self) -> tuple[type[NotUtf8], tuple[str, int]]:
        return type(self), (self.file, self.offset)


class RegionError(UsageError):
    def __init__(self, message: str, *, line: int = 0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.line = line


class NothingToExpand(UsageError):
    pass


class PathEscape(UsageError):
    pass


class PromptError(UsageError):
    pass


class ClusterError(UsageError):
    pass


class LedgerError(UsageError):
    pass


class ModelError(ExpandError):
    exit_code = 3


class Unavailable(ModelError):
    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        limited: bool = False,
        local: bool = False,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after
        """Seconds the service asked us to wait, if it said so."""
        self.limited = limited
        """True where it is there and wants fewer requests (429)."""
        self.local = local
        """True for a program of this machine, which does not come back by itself."""


class NotConfigured(ModelError):
    pass


class UnusableSpec(NotConfigured):
    exit_code = 2
    """What a person wrote has to be mended, not a service."""


class Rejected(ModelError):
    def __init__(self, message: str, *, of_call: bool = False, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.of_call = of_call
        """True where this one call is at fault; others, by the same key and the same model, may be taken."""


class ContextOverflow(ModelError):
    pass


class NotRecorded(ModelError):
    pass


class BadReply(ModelError):
    """A reply arrived, was stored as rejected, and is never used as text. Of `Refused` there may be none: some services
    answer what a filter declines with an error."""

    def __init__(self, message: str, *, hint: str = "", call: str = "", next_attempt: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.call = call
        """Name of the call whose attempts are used up; empty while there are some left."""
        self.next_attempt = next_attempt
        """First attempt number of a later run of that call."""


class CutOff(BadReply):
    pass


class EmptyReply(BadReply):
    pass


class Refused(BadReply):
    pass


class Malformed(BadReply):
    pass


class BudgetReached(ExpandError):
    exit_code = 4

    def __init__(self, message: str, *, article: bool = False, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.article = article
        """True for the cap of one article; others may go on."""


class Interrupted(ExpandError):
    exit_code = 130


class Locked(ExpandError):
    exit_code = 5


class SourceChanged(ExpandError):
    exit_code = 5


class NotRun(ExpandError):
    exit_code = 1


class SandboxUnavailable(ExpandError):
    exit_code = 1
