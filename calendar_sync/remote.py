"""A folder elsewhere, by its URL: `s3://bucket/folder` and its like. The one user of fsspec.

https://filesystem-spec.readthedocs.io; credentials come from the environment that each store's own
programs use (for S3: AWS_PROFILE, AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, an instance's role, ...).
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from calendar_sync.errors import CalendarSyncError, CannotWrite, TryLater, WrongConfiguration
from calendar_sync.files import TEMPORARY_PREFIX

_T = TypeVar("_T")
# Here a put shows when it is whole. Elsewhere a file is put under another name, then renamed.
_WHOLE_PUTS = frozenset(["s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl"])
_MARKS = ("ETag", "etag", "md5Hash", "mtime")
_NO_CREDENTIALS = frozenset(
    ["NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "DefaultCredentialsError"]
)
_REFUSED = frozenset(
    [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG]
)


class Remote:
    """One folder elsewhere. Raises CannotWrite, TryLater, WrongConfiguration, what `pause` raises.

    `pause` is called all the time while the network is waited for; what it raises ends the waiting.
    """

    def __init__(self, url: str, pause: Callable[[], None]) -> None:
        self.url, self._pause = url, pause
        with self._in_our_words():
            self._fs, root = _open(url)
        self._root = str(root).rstrip("/")
        self._puts_whole = url.partition("://")[0] in _WHOLE_PUTS

    def list(self, folder: str = "") -> dict[str, tuple[int, str]]:
        """Return name -> (bytes, a mark of its content) of the files right in a folder."""
        try:
            found = self._do(lambda: self._fs.ls(self._path(folder), detail=True, refresh=True))
        except FileNotFoundError:
            return {}  # also a bucket that is not there: the first put says so
        names = {str(each["name"]).rpartition("/")[2]: each for each in found}
        prefix = f"{folder}/" if folder else ""
        return {f"{prefix}{n}": _mark(each) for n, each in names.items() if each["type"] == "file"}

    def read(self, name: str) -> bytes | None:
        """Return a file's content, None where there is none."""
        try:
            content: bytes = self._do(lambda: self._fs.cat_file(self._path(name)))
        except FileNotFoundError:
            return None
        return content

    def put(self, local: Path, name: str) -> tuple[int, str]:
        """Put a file under its name: who reads there has the old one or the new one, whole."""
        target = self._path(name)

        def put() -> Any:
            if self._puts_whole:
                self._fs.put_file(str(local), target)
            else:
                folder, _, base = target.rpartition("/")
                self._fs.makedirs(folder, exist_ok=True)
                part = f"{folder}/{TEMPORARY_PREFIX}{base}"
                try:
                    self._fs.put_file(str(local), part)
                    self._fs.mv(part, target)
                except BaseException:
                    with suppress(Exception):  # else the next put writes over it
                        self._fs.rm_file(part)
                    raise
            self._fs.invalidate_cache()
            return self._fs.info(target)

        with self._in_our_words():
            return _mark(self._do(put))

    def remove(self, name: str) -> None:
        """Remove a file; one that is gone already is no matter."""
        with self._in_our_words():
            try:
                self._do(lambda: self._fs.rm_file(self._path(name)))
            except FileNotFoundError:
                return

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def _do(self, work: Callable[[], _T]) -> _T:
        """Do it in a thread, so that a signal or the deadline need not wait for the network."""
        results: list[_T] = []
        errors: list[BaseException] = []

        def run() -> None:
            try:
                results.append(work())
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        while thread.is_alive():
            thread.join(0.2)
            self._pause()
        if not errors:
            return results[0]
        if isinstance(errors[0], FileNotFoundError):
            raise errors[0]
        with self._in_our_words():
            raise errors[0]

    @contextmanager
    def _in_our_words(self) -> Iterator[None]:
        """Translate every error; foreign texts are not shown: some stores' addresses are secrets."""
        try:
            yield
        except CalendarSyncError:
            raise
        except Exception as error:
            raise _explain(self.url, error) from error


def _open(url: str) -> tuple[Any, str]:
    from fsspec.core import url_to_fs

    found: tuple[Any, str] = url_to_fs(url, use_listings_cache=False, skip_instance_cache=True)
    return found


def _mark(info: dict[str, Any]) -> tuple[int, str]:
    mark = next((info[key] for key in _MARKS if info.get(key) is not None), "")
    return int(info["size"] or 0), str(mark)


def _explain(url: str, error: Exception) -> CalendarSyncError:
    name = type(error).__name__
    if isinstance(error, ImportError):
        package = error.name or "its package"
        return WrongConfiguration(
            f"The output {url} needs a package that is not installed ({package}).",
            "For s3: pip install 'calendar-sync[cloud]'; gs: gcsfs; abfs: adlfs",
        )
    if isinstance(error, ValueError):
        return WrongConfiguration(f"The output {url} is no address that fsspec knows.")
    hint = "The files are made, and put by the next run; what is there stays as it was."
    if name in _NO_CREDENTIALS:
        return CannotWrite(f"Cannot write {url}: there are no credentials for it.", hint)
    if isinstance(error, FileNotFoundError):
        return CannotWrite(f"Cannot write {url}: there is no such bucket or folder.", hint)
    if isinstance(error, PermissionError):
        return CannotWrite(f"Cannot write {url}: access is refused.", hint)
    if isinstance(error, OSError) and error.errno in _REFUSED:
        return CannotWrite(f"Cannot write {url}: {(error.strerror or name).lower()}.", hint)
    return TryLater(f"{url} could not be reached ({name}).", hint)
