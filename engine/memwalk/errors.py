# SPDX-License-Identifier: Apache-2.0
"""The error tree.

::

    MemwalkError
    ├── UsageError                  what the caller did
    │   ├── ConfigurationError      a setting has no meaning
    │   ├── InvalidArgument         an argument has no meaning
    │   ├── SourceError             a file or folder to add
    │   │   ├── SourceNotFound
    │   │   ├── SourceNotReadable   no access
    │   │   ├── SourceNotText       binary, or not UTF-8
    │   │   ├── SourceEmpty
    │   │   └── SourceMalformed     the format promises something else
    │   ├── UnknownPrincipal
    │   ├── NotFound                does not exist, or may not be read: the same
    │   ├── AlreadyExists
    │   ├── CyclicGroup             a group would be in itself
    │   ├── StaleVersion            another writer was faster: read it again
    │   ├── WrongState              the unit's lifecycle does not allow the act
    │   ├── NotInstalled            a package that comes with an extra only
    │   ├── NotPermitted            readable, but the role does not allow the act
    │   └── LocalOnly               a unit of a local-only space on its way to a remote model
    ├── StoreError                  what the store did
    │   ├── StoreUnavailable        (retryable) no server answers
    │   ├── StoreBusy               (retryable) a lock or a transient failure
    │   ├── AuthenticationFailed
    │   ├── ForeignData             somebody else's data under our labels
    │   ├── SchemaMismatch          newer than the code, or a changed migration
    │   ├── QueryFailed             the server refused a query
    │   ├── ServerFailed            the local Neo4j did not start or stop
    │   ├── DownloadFailed          (retryable) jars or packages could not be fetched
    │   ├── StorageFull
    │   ├── AuditFailed             the log of reads cannot be used, so nothing is read
    │   ├── ArchiveError            a file to load or import
    │   │   ├── ArchiveConflict     it says otherwise than the store it would go into
    │   │   ├── ArchiveCorrupt      truncated, tampered with, or no archive at all
    │   │   └── ArchiveMismatch     whole, but made for another memwalk or a newer Neo4j
    │   └── PayloadError
    │       ├── PayloadMissing
    │       ├── PayloadCorrupt
    │       └── PayloadMalformed    not the tensors its format promises
    └── ModelError                  what a model did
        ├── ModelUnavailable        nowhere to get it from
        ├── ModelCorrupt            a file's sha256 is not the pinned one
        ├── FingerprintMismatch     computed under another model, tokenizer or adapter set
        ├── StaleUnit               a source changed since the unit was built
        └── EndpointFailed          (retryable) a remote model did not answer
            └── EndpointRefused     it answered that it never will

Each class names an outcome, carries its data as attributes, and answers
`is_retryable`: the same call may succeed later without anybody changing anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = [
    "AlreadyExists",
    "ArchiveConflict",
    "ArchiveCorrupt",
    "ArchiveError",
    "ArchiveMismatch",
    "AuditFailed",
    "AuthenticationFailed",
    "ConfigurationError",
    "CyclicGroup",
    "DownloadFailed",
    "EndpointFailed",
    "EndpointRefused",
    "FingerprintMismatch",
    "ForeignData",
    "InvalidArgument",
    "LocalOnly",
    "MemwalkError",
    "ModelCorrupt",
    "ModelError",
    "ModelUnavailable",
    "NotFound",
    "NotInstalled",
    "NotPermitted",
    "PayloadCorrupt",
    "PayloadError",
    "PayloadMalformed",
    "PayloadMissing",
    "QueryFailed",
    "SchemaMismatch",
    "ServerFailed",
    "SourceEmpty",
    "SourceError",
    "SourceMalformed",
    "SourceNotFound",
    "SourceNotReadable",
    "SourceNotText",
    "StaleUnit",
    "StaleVersion",
    "StorageFull",
    "StoreBusy",
    "StoreError",
    "StoreUnavailable",
    "UnknownPrincipal",
    "UsageError",
    "WrongState",
]


class MemwalkError(Exception):
    """Base of every error memwalk raises on purpose."""

    @classmethod
    def is_retryable(cls) -> bool:
        """Whether the same call may succeed later without anybody changing anything."""
        return False


# --- what the caller did -------------------------------------------------------------------------


class UsageError(MemwalkError):
    """The caller asked for something that cannot be done as asked."""


class ConfigurationError(UsageError):
    """A setting has no meaning."""

    def __init__(self, setting: str, value: object, expected: str) -> None:
        super().__init__(f"{setting}={value!r}: expected {expected}")
        self.setting = setting
        self.value = value
        self.expected = expected


class InvalidArgument(UsageError, ValueError):
    """An argument has no meaning."""

    def __init__(self, argument: str, value: object, expected: str) -> None:
        super().__init__(f"{argument}={value!r}: expected {expected}")
        self.argument = argument
        self.value = value
        self.expected = expected


class SourceError(UsageError):
    """A file or folder could not be read as a source. Nothing of it was stored."""

    reason = "cannot be read"

    def __init__(self, path: str | Path, detail: str = "") -> None:
        super().__init__(f"{path}: {self.reason}" + (f" ({detail})" if detail else ""))
        self.path = str(path)
        self.detail = detail


class SourceNotFound(SourceError):
    """No such file or folder."""

    reason = "no such file or folder"


class SourceNotReadable(SourceError):
    """The file system refuses access."""

    reason = "no permission to read it"


class SourceNotText(SourceError):
    """The content is binary, or text in another encoding than UTF-8."""

    reason = "not UTF-8 text"


class SourceEmpty(SourceError):
    """There is nothing in it."""

    reason = "empty: nothing to remember"


class SourceMalformed(SourceError):
    """The format promises something the content does not hold."""

    reason = "malformed"


class UnknownPrincipal(UsageError):
    """Nobody of that name is known to the store."""

    def __init__(self, principal: str) -> None:
        super().__init__(
            f"unknown principal {principal!r}: an administrator can create it with `memwalk principal add`"
        )
        self.principal = principal


class NotFound(UsageError, LookupError):
    """There is no such thing, or the principal may not read it: the same error, by the same steps."""

    def __init__(self, what: str, name: str) -> None:
        super().__init__(f"no {what} {name!r}")
        self.what = what
        self.name = name


class AlreadyExists(UsageError):
    """Something of that name is there already."""

    def __init__(self, what: str, name: str) -> None:
        super().__init__(f"{what} {name!r} exists already")
        self.what = what
        self.name = name


class CyclicGroup(UsageError):
    """A membership would put a group into itself. Nothing was written."""

    def __init__(self, member: str, group: str) -> None:
        super().__init__(
            f"{member!r} cannot be a member of {group!r}, which is in it: take {group!r} out of that group first"
            if member != group
            else f"{member!r} cannot be a member of itself"
        )
        self.member = member
        self.group = group


class StaleVersion(UsageError):
    """The unit's head is no longer the version the writer had read. Nothing was written."""

    def __init__(self, unit_id: str, expected: int, actual: int) -> None:
        super().__init__(
            f"unit {unit_id} is at version {actual}, not {expected}: read it again, then update that version"
        )
        self.unit_id = unit_id
        self.expected = expected
        self.actual = actual


class WrongState(UsageError):
    """The unit's lifecycle does not allow the act."""

    def __init__(self, unit_id: str, state: str, act: str, allowed: Sequence[str]) -> None:
        super().__init__(f"unit {unit_id} is {state}: {act} needs one that is {' or '.join(allowed)}")
        self.unit_id = unit_id
        self.state = state
        self.act = act
        self.allowed = tuple(allowed)


class NotInstalled(UsageError, ImportError):
    """A package that comes with an extra only is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"this needs {package}, which is not installed: pip install 'memwalk[{extra}]'")
        self.package = package
        self.extra = extra


class NotPermitted(UsageError):
    """The principal may read this, but its role does not allow the act."""

    def __init__(self, principal: str, action: str, target: str) -> None:
        super().__init__(f"{principal!r} may not {action} {target}")
        self.principal = principal
        self.action = action
        self.target = target


class LocalOnly(UsageError):
    """A unit of a local-only space, or made of one, was about to reach a remote model."""

    def __init__(self, units: Sequence[str] = (), *, space: str = "") -> None:
        super().__init__(
            f"space {space!r} is local-only: nothing of it is sent to an endpoint; add with the spaCy extractor"
            if space
            else f"of a local-only space, or made of such, and never sent to a remote model: {', '.join(units)}; "
            "plan with remote=True to leave them out, or use the local model"
        )
        self.units = tuple(units)
        self.space = space


# --- what the store did --------------------------------------------------------------------------


class StoreError(MemwalkError):
    """The store could not do what it was asked."""


class StoreUnavailable(StoreError):
    """No Neo4j answers at that address."""

    def __init__(self, uri: str, detail: str = "") -> None:
        super().__init__(f"no Neo4j answers at {uri}" + (f": {detail}" if detail else ""))
        self.uri = uri
        self.detail = detail

    @classmethod
    def is_retryable(cls) -> bool:
        """A server can come back."""
        return True


class StoreBusy(StoreError):
    """A lock or another transient failure stood in the way until the retries ran out."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    @classmethod
    def is_retryable(cls) -> bool:
        """Locks are released."""
        return True


class AuthenticationFailed(StoreError):
    """The server is there and refuses the user name or password."""

    def __init__(self, uri: str, username: str) -> None:
        super().__init__(
            f"{uri} refuses user {username!r}: wrong user name or password (NEO4J_USERNAME, NEO4J_PASSWORD)"
        )
        self.uri = uri
        self.username = username


class ForeignData(StoreError):
    """The database holds somebody else's data under our labels; memwalk never mixes."""

    def __init__(self, uri: str, labels: Sequence[str]) -> None:
        super().__init__(
            f"{uri} holds data that memwalk did not write ({', '.join(labels)}): "
            "use another database (NEO4J_DATABASE) or an empty one"
        )
        self.uri = uri
        self.labels = tuple(labels)


class SchemaMismatch(StoreError):
    """The graph's schema is not one this memwalk can work on."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class QueryFailed(StoreError):
    """The server refused a query."""

    def __init__(self, query: str, code: str, detail: str) -> None:
        super().__init__(f"{query}: {detail} [{code}]")
        self.query = query
        self.code = code
        self.detail = detail


class ServerFailed(StoreError):
    """The local Neo4j did not start, or did not stop."""

    def __init__(self, detail: str, log: Path | None = None) -> None:
        super().__init__(detail + (f"; its log is {log}" if log else ""))
        self.detail = detail
        self.log = log


class DownloadFailed(StoreError):
    """A file could not be fetched, or is not the pinned one."""

    def __init__(self, what: str, detail: str) -> None:
        super().__init__(f"could not fetch {what}: {detail}")
        self.what = what
        self.detail = detail

    @classmethod
    def is_retryable(cls) -> bool:
        """Networks come back."""
        return True


class StorageFull(StoreError):
    """The disk is full. What was being written is not there in part; `detail` may say that it can be there in whole."""

    def __init__(self, path: str | Path, detail: str = "") -> None:
        super().__init__(
            f"no space left on the disk of {path}" + (f": {detail}" if detail else "") + "; free some and try again"
        )
        self.path = str(path)
        self.detail = detail


class AuditFailed(StoreError):
    """The log of reads cannot be read or written. What cannot be logged is not read."""

    def __init__(self, path: str | Path, detail: str) -> None:
        super().__init__(f"the log of reads cannot be used ({path}: {detail}), and what cannot be logged is not read")
        self.path = str(path)
        self.detail = detail


class ArchiveError(StoreError):
    """A file to load or import cannot be used. Nothing of it was taken, nothing was changed."""

    reason = "cannot be loaded"

    def __init__(self, path: str | Path, detail: str) -> None:
        super().__init__(f"{path}: {self.reason}: {detail}")
        self.path = str(path)
        self.detail = detail


class ArchiveConflict(ArchiveError):
    """Something in it is in the store already, and not the same."""

    reason = "says otherwise than the store"

    def __init__(self, path: str | Path, what: str, name: str, difference: str) -> None:
        super().__init__(path, f"{what} {name!r} {difference}")
        self.what = what
        self.name = name
        self.difference = difference


class ArchiveCorrupt(ArchiveError):
    """It is truncated, was changed since it was made, or was never made by memwalk."""

    reason = "truncated or tampered with"


class ArchiveMismatch(ArchiveError):
    """It is whole, and made for another memwalk or a newer Neo4j; the detail says what to do."""

    reason = "made for another version"


class PayloadError(StoreError):
    """A payload is not what the version says."""


class PayloadMissing(PayloadError):
    """The payload named by a version is not in the payload store."""

    def __init__(self, sha256: str) -> None:
        super().__init__(f"payload {sha256} is missing from the payload store")
        self.sha256 = sha256


class PayloadCorrupt(PayloadError):
    """The payload's bytes are not those that were stored."""

    def __init__(self, sha256: str, actual: str) -> None:
        super().__init__(f"payload {sha256} holds other bytes (sha256 {actual})")
        self.sha256 = sha256
        self.actual = actual


class PayloadMalformed(PayloadError):
    """The payload's bytes are those that were stored, and not what its format promises."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(f"not a {kind} payload: {detail}")
        self.kind = kind
        self.detail = detail


# --- what a model did ----------------------------------------------------------------------------


class ModelError(MemwalkError):
    """A model could not do what it was asked."""


class ModelUnavailable(ModelError):
    """The model is not on this machine and could not be fetched."""

    def __init__(self, name: str, tried: Sequence[str]) -> None:
        super().__init__(
            f"model {name!r} is not on this machine and could not be fetched. Tried: {'; '.join(tried)}. "
            "With a network, run `memwalk models pull`; without one, give the path of a folder that holds it"
        )
        self.name = name
        self.tried = tuple(tried)


class ModelCorrupt(ModelError):
    """A model file's sha256 is not the pinned one."""

    def __init__(self, path: str | Path, expected: str, actual: str) -> None:
        super().__init__(f"{path}: sha256 {actual}, expected {expected}; delete it and run `memwalk models pull`")
        self.path = str(path)
        self.expected = expected
        self.actual = actual


class FingerprintMismatch(ModelError):
    """A KV block or adapter was computed under another model, tokenizer or adapter set."""

    def __init__(self, unit_id: str, expected: str, actual: str) -> None:
        super().__init__(f"unit {unit_id} was computed under {expected}, the loaded model is {actual}; build it again")
        self.unit_id = unit_id
        self.expected = expected
        self.actual = actual


class StaleUnit(ModelError):
    """A source of a derived unit changed since it was built."""

    def __init__(self, unit_id: str) -> None:
        super().__init__(f"unit {unit_id} is stale: a source changed since it was built; build it again")
        self.unit_id = unit_id


class EndpointFailed(ModelError):
    """A remote model did not answer as asked."""

    def __init__(self, url: str, detail: str, *, status: int | None = None, body: str = "") -> None:
        super().__init__(f"{url}: {detail}" + (f": {body}" if body else ""))
        self.url = url
        self.detail = detail
        self.status = status
        self.body = body

    @classmethod
    def is_retryable(cls) -> bool:
        """Endpoints come back."""
        return True


class EndpointRefused(EndpointFailed):
    """The remote model answered that it never will: wrong key, unknown model, malformed request."""

    @classmethod
    def is_retryable(cls) -> bool:
        """The same request gets the same answer."""
        return False
