"""A reader of pickled google-auth credentials that constructs nothing.

Unpickling runs whatever the file names. This reads the same bytes as a list of stack operations
and only writes down what would have been built: no name is looked up, nothing is called or
imported, so a hostile file can do no more than be refused. Two more gains over a restricted
`pickle.Unpickler`: a pickle from any version of google-auth or Python is read alike, and a memo
index of two billion costs one dictionary entry instead of 16 GB.
"""

from __future__ import annotations

import io
import pickletools
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from calendar_sync.errors import DamagedInput

CREDENTIALS = "google.oauth2.credentials.Credentials"

# All that genuine pickles name, google-auth 1.6 to 2.62, Python 2 and 3. They stay words.
_HARMLESS = {
    CREDENTIALS,
    "datetime.datetime",
    "datetime.timedelta",
    "datetime.timezone",
    "copy_reg._reconstructor",
    "copyreg._reconstructor",
    "__builtin__.object",
    "builtins.object",
    "_codecs.encode",
}
# What Python 2's repr of a str escapes; \\u and octal are not among it.
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|([\\'\"nrt]))")
_BY_CODE = {operation.code: operation for operation in pickletools.opcodes}
_HARMLESS_MODULE = "google.auth._regional_access_boundary_utils."


@dataclass(frozen=True)
class Name:
    """A class or function that the pickle asks for."""

    name: str


@dataclass
class Built:
    """What would have been built: by which name, and the state it was given."""

    name: str
    state: object = None


class _NotOurs(Exception):
    """The pickle asks for something that credentials do not need; the argument is the name."""


class _Broken(Exception):
    """The bytes are not a whole pickle."""


def read_pickle(data: bytes, name: str = "the file") -> dict[str, object]:
    """Return the attributes of the google-auth credentials pickled in `data`.

    Raises DamagedInput for anything else; `name` is the file's, for the message.
    """
    built, problem = _attempt(data)
    if problem:
        raise DamagedInput(
            f"Cannot use {name}: {problem}. Nothing in it was run.",
            "Do not open it with Python's pickle. Run: calendar-sync consent",
        )
    if not (isinstance(built, Built) and built.name == CREDENTIALS):
        raise DamagedInput(
            f"Cannot use {name}: it is a Python pickle, but not of google-auth credentials.",
            "Run: calendar-sync consent",
        )
    state = built.state if isinstance(built.state, dict) else {}
    return {key: value for key, value in state.items() if isinstance(key, str)}


def _attempt(data: bytes) -> tuple[object, str]:
    """Read `data`; return what it builds and, if it cannot be read, why.

    The error is raised elsewhere: with one of these exceptions as its context it would carry
    pieces of the file.
    """
    try:
        return _Machine(data).run(), ""
    except _NotOurs as error:
        return None, f"it is a pickle that asks for {error}, which no token needs"
    except (_Broken, ValueError, IndexError, KeyError, TypeError, struct.error):
        return None, "it is a damaged Python pickle"


def _operations(stream: io.BytesIO) -> Iterator[tuple[str, object]]:
    """Read one operation after the other: its name and its argument."""
    while code := stream.read(1):
        operation = _BY_CODE.get(code.decode("latin-1"))
        if operation is None:
            raise _Broken
        if operation.name == "STRING":
            # pickletools expects ASCII here; Python 2 wrote datetimes as Latin-1.
            yield operation.name, _python2_string(stream.readline())
        else:
            yield operation.name, operation.arg and operation.arg.reader(stream)


def _python2_string(line: bytes) -> str:
    text = line.strip()
    if len(text) < 2 or text[:1] not in b"'\"" or text[:1] != text[-1:]:
        raise _Broken
    return _ESCAPE.sub(_unescaped, text[1:-1].decode("latin-1"))


def _unescaped(match: re.Match[str]) -> str:
    code, letter = match.groups()
    return chr(int(code, 16)) if code else {"n": "\n", "r": "\r", "t": "\t"}.get(letter, letter)


class _Machine:
    """The pickle machine's stack, marks and memo, holding plain values, `Name`s and `Built`s."""

    def __init__(self, data: bytes) -> None:
        self.stream = io.BytesIO(data)
        self.stack: list[object] = []
        self.below: list[list[object]] = []
        self.memo: dict[int, object] = {}

    def run(self) -> object:
        """Follow the operations to the end; return what is on top then."""
        for operation, argument in _operations(self.stream):
            if operation == "STOP":
                if self.stream.read(1):
                    raise _Broken
                return self.stack.pop()
            self.follow(operation, argument)
        raise _Broken

    def follow(self, operation: str, argument: object) -> None:
        """Do one operation."""
        match operation:
            case "PROTO" | "FRAME":
                pass
            case "MARK":
                self.below.append(self.stack)
                self.stack = []
            case "POP":
                self.stack.pop()
            case "POP_MARK":
                self.since_mark()
            case "DUP":
                self.stack.append(self.stack[-1])
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                self.memo[int(str(argument))] = self.stack[-1]
            case "MEMOIZE":
                self.memo[len(self.memo)] = self.stack[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                self.stack.append(self.memo[int(str(argument))])
            case "GLOBAL" | "STACK_GLOBAL" | "REDUCE" | "NEWOBJ" | "NEWOBJ_EX" | "BUILD":
                self.follow_object(operation, argument)
            case "APPEND" | "APPENDS" | "ADDITEMS" | "SETITEM" | "SETITEMS":
                self.follow_filling(operation)
            case _:
                value = self.value(operation, argument)  # may replace self.stack
                self.stack.append(value)

    def follow_object(self, operation: str, argument: object) -> None:
        """Write down a name, what it would have built, or the state of that."""
        match operation:
            case "GLOBAL":
                self.stack.append(_allowed(str(argument).replace(" ", ".", 1)))
            case "STACK_GLOBAL":
                module, name = self.take(2)
                if not (isinstance(module, str) and isinstance(name, str)):
                    raise _Broken
                self.stack.append(_allowed(f"{module}.{name}"))
            case "REDUCE" | "NEWOBJ":
                self.stack.append(_built(*self.take(2)))
            case "NEWOBJ_EX":
                self.stack.append(_built(*self.take(3)[:2]))
            case "BUILD":
                target, state = self.take(2)
                if not isinstance(target, Built):
                    raise _Broken
                target.state = state
                self.stack.append(target)

    def follow_filling(self, operation: str) -> None:
        """Put items into the list, set (kept as a list) or dictionary below them."""
        many = operation in ("APPENDS", "ADDITEMS", "SETITEMS")
        items = self.since_mark() if many else self.take(2 if operation == "SETITEM" else 1)
        target = self.stack[-1]
        if operation in ("SETITEM", "SETITEMS") and isinstance(target, dict):
            target.update(_pairs(items))
        elif operation in ("APPEND", "APPENDS", "ADDITEMS") and isinstance(target, list):
            target.extend(items)
        else:
            raise _Broken

    def value(self, operation: str, argument: object) -> object:
        """Return the plain value that `operation` stands for."""
        match operation:
            case "NONE":
                return None
            case "NEWTRUE" | "NEWFALSE":
                return operation == "NEWTRUE"
            case "EMPTY_TUPLE":
                return ()
            case "EMPTY_LIST" | "EMPTY_SET":
                return []
            case "EMPTY_DICT":
                return {}
            case "TUPLE":
                return tuple(self.since_mark())
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                return tuple(self.take(int(operation[-1])))
            case "LIST" | "FROZENSET":
                return self.since_mark()
            case "DICT":
                return _pairs(self.since_mark())
        if not isinstance(argument, str | bytes | int | float):
            raise _Broken  # buffers, persistent ids, extension codes: not in credentials
        if operation in ("PERSID", "EXT1", "EXT2", "EXT4", "INST"):
            raise _Broken
        return argument

    def take(self, count: int) -> list[object]:
        """Remove and return the topmost `count` values, lowest first."""
        if len(self.stack) < count:
            raise _Broken
        taken = self.stack[-count:]
        del self.stack[-count:]
        return taken

    def since_mark(self) -> list[object]:
        """Remove and return what was put on the stack since the last mark."""
        taken, self.stack = self.stack, self.below.pop()
        return taken


def _allowed(name: str) -> Name:
    if name in _HARMLESS or name.startswith(_HARMLESS_MODULE):
        return Name(name)
    is_plain = len(name) <= 60 and name.replace(".", "").replace("_", "").isalnum()
    raise _NotOurs(name if is_plain and name.isascii() else "something without a plain name")


def _built(callee: object, arguments: object) -> Built:
    if not isinstance(callee, Name):
        raise _Broken
    if callee.name.endswith("._reconstructor") and isinstance(arguments, tuple):
        return _built(arguments[0], ())
    return Built(callee.name)


def _pairs(items: list[object]) -> dict[str, object]:
    keys, values = items[::2], items[1::2]
    if len(items) % 2:
        raise _Broken
    return {key: value for key, value in zip(keys, values, strict=True) if isinstance(key, str)}
