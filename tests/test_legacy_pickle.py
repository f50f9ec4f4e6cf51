"""Pickled credentials are read by a machine that can build nothing."""

from __future__ import annotations

import copyreg
import datetime as dt
import pickle
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_sync.errors import CalendarSyncError, DamagedInput
from calendar_sync.legacy.kinds import Kind
from calendar_sync.legacy.pickles import CREDENTIALS, Built, read_pickle
from calendar_sync.legacy.reading import read_grant, recognise

TOKENS = Path(__file__).parent / "data" / "tokens"
GENUINE = sorted(TOKENS.glob("google-auth-*.pickle"))
READONLY = "https://www.googleapis.com/auth/calendar.readonly"


class Credentials:
    """Stands for google-auth's class in pickles written here."""


Credentials.__module__, Credentials.__qualname__ = CREDENTIALS.rsplit(".", 1)


def pickled(protocol: int, **state: object) -> bytes:
    """Pickle credentials with `state`, as google-auth's users did."""
    credentials = Credentials()
    credentials.__dict__.update(state)
    module = types.ModuleType(Credentials.__module__)
    module.Credentials = Credentials  # type: ignore[attr-defined]
    kept = sys.modules.get(module.__name__)
    sys.modules[module.__name__] = module
    try:
        return pickle.dumps(credentials, protocol, fix_imports=True)
    finally:
        if kept is None:
            del sys.modules[module.__name__]
        else:
            sys.modules[module.__name__] = kept


def problem_of(read: Callable[[], object]) -> str:
    """Return what our error says, if `read` raises one; it must not carry another error along."""
    try:
        read()
    except CalendarSyncError as error:
        return f"{error.message} {error.hint} {error.__context__ or ''}"
    return ""


@pytest.mark.parametrize("path", GENUINE, ids=lambda path: path.name)
def test_every_genuine_pickle_is_read(path: Path) -> None:
    """Python 2 and 3, google-auth 1.6 to 2.62, with the private classes of the newest."""
    found = read_grant(path.read_bytes(), from_pickle=True)
    assert found.refresh_token == "1//0invented-refresh"
    assert found.client_secret == "GOCSPX-invented"
    assert found.client_id == "000000000000-invented.apps.googleusercontent.com"
    assert found.token_uri == "https://oauth2.googleapis.com/token"
    assert found.scopes == (READONLY,)
    assert "expiry" not in " ".join(found.notes)


def test_there_are_genuine_pickles() -> None:
    assert len(GENUINE) >= 5


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("scopes", [[READONLY], (READONLY,), {READONLY}, frozenset({READONLY})])
def test_every_protocol_is_read(protocol: int, scopes: object) -> None:
    expiry = dt.datetime(2024, 8, 19, 10, 30, 57, tzinfo=dt.UTC)
    data = pickled(protocol, token="t", expiry=expiry, _refresh_token="r", _scopes=[scopes])
    # Sets pickle through builtins below protocol 4; credentials hold a list or a tuple there.
    if protocol < 4 and isinstance(scopes, set | frozenset):
        with pytest.raises(DamagedInput, match="asks for"):
            read_pickle(data)
        return
    assert recognise(data) is Kind.PICKLE
    state = read_pickle(data)
    assert state["_refresh_token"] == "r"
    (read,) = state["_scopes"]  # type: ignore[misc]
    assert list(read) == [READONLY]
    assert state["expiry"] == Built("datetime.datetime")


def test_sets_of_scopes_become_scopes() -> None:
    data = pickled(4, _refresh_token="r", _scopes={READONLY}, _client_id="c", _client_secret="s")
    assert read_grant(data, from_pickle=True).scopes == (READONLY,)


def test_a_hostile_pickle_prints_nothing_and_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = (TOKENS / "evil-token.pickle").read_bytes()
    for from_pickle in (False, True):
        with pytest.raises(DamagedInput) as caught:
            read_grant(data, from_pickle=from_pickle, name="evil")
        assert caught.value.__context__ is None
    assert "builtins.print" in caught.value.message
    assert capsys.readouterr() == ("", "")


HOSTILE = {
    "call": b"cos\nsystem\n(S'touch hit'\ntR.",
    "new object": b"\x80\x02cos\nsystem\nX\x09\x00\x00\x00touch hit\x85\x81.",
    "stacked name": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x09touch hit\x85R.",
    "instance": b"(S'touch hit'\nios\nsystem\n.",
    "object": b"(cos\nsystem\nS'touch hit'\no.",
    "extension": b"\x80\x02\x82\x01.",
    "persistent": b"\x80\x02Phit\n.",
    "importing a name": b"\x80\x04\x8c\x0bantigravity\x8c\x03fly\x93.",
    "dotted way out": b"\x80\x04\x8c\x08datetime\x8c\x14datetime.__class__.x\x93.",
    "reconstructed": b"ccopy_reg\n_reconstructor\n(cos\nsystem\nc__builtin__\nobject\nNtR.",
    "state for a class": b"\x80\x02cgoogle.oauth2.credentials\nCredentials\n}b.",
    "call of a value": b"\x80\x02X\x01\x00\x00\x00a)R.",
    "memo bomb": b"\x80\x02}r\xff\xff\xff\x7f0j\xff\xff\xff\x7f.",
    "name from a nested value": b"\x80\x04" + b"\x88" + b"2\x86" * 200 + b"2\x93.",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_way_into_the_interpreter(
    data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    with pytest.raises(DamagedInput, match="Cannot use it: "):
        read_pickle(data, "it")
    assert set(sys.modules) == before
    assert list(tmp_path.iterdir()) == []


def test_the_extension_registry_is_not_asked() -> None:
    copyreg.add_extension("builtins", "print", 241)
    try:
        with pytest.raises(DamagedInput):
            read_pickle(b"\x80\x02\x82\xf1.")
    finally:
        copyreg.remove_extension("builtins", "print", 241)


@pytest.mark.parametrize(
    "value", [{}, [], "text", 7, None, dt.datetime(2024, 1, 1, tzinfo=dt.UTC)], ids=repr
)
def test_a_pickle_of_something_else_is_named(value: object) -> None:
    with pytest.raises(DamagedInput, match="not of google-auth credentials"):
        read_pickle(pickle.dumps(value))


def test_credentials_without_a_state_hold_nothing() -> None:
    assert read_pickle(b"\x80\x02cgoogle.oauth2.credentials\nCredentials\n)\x81.") == {}


def test_python_2_strings_are_read_as_python_2_wrote_them() -> None:
    """As `repr` of a str: the codec in the standard library warns on anything else."""
    state = rb"""(dS'_refresh_token'
S"it's\\ \x41\xe9\n\t\'\u0041"
sb."""
    new = b"\x80\x02cgoogle.oauth2.credentials\nCredentials\n)\x81"
    read = read_pickle(new + state)["_refresh_token"]
    assert read == "it's\\ A\u00e9\n\t'\\u0041"


@pytest.mark.parametrize("quoted", [b"'", b"", b"'a\"", b"a", b"a'"])
def test_a_string_without_its_quotes_is_damage(quoted: bytes) -> None:
    with pytest.raises(DamagedInput, match="damaged"):
        read_pickle(b"\x80\x02S" + quoted + b"\n.")


def test_rare_operations_are_followed_too() -> None:
    """DUP, POP, POP_MARK, NEWOBJ_EX, a DICT of pairs, and a state with slots, which is none."""
    new = b"\x80\x04cgoogle.oauth2.credentials\nCredentials\n)}\x92"
    state = b"(\x8c\x0e_refresh_token\x8c\x01r"
    assert read_pickle(new + state + b"db2(N1200.") == {"_refresh_token": "r"}
    assert read_pickle(new + b"N}\x86b.") == {}


@pytest.mark.parametrize("path", GENUINE, ids=lambda path: path.name)
def test_a_cut_or_doubled_pickle_is_damaged(path: Path) -> None:
    data = path.read_bytes()
    for length in range(len(data)):
        with pytest.raises(DamagedInput):
            read_pickle(data[:length])
    with pytest.raises(DamagedInput):
        read_pickle(data * 2)


@given(st.sampled_from(GENUINE), st.data())
def test_a_mutated_pickle_gives_a_grant_or_one_of_our_errors(
    path: Path, data: st.DataObject
) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    said = problem_of(lambda: read_grant(bytes(content), from_pickle=True))
    assert "invented-refresh" not in said


OPCODES = st.sampled_from([bytes([code]) for code in range(256)])


@given(st.lists(OPCODES | st.binary(max_size=3) | st.just(b"0\n"), max_size=60).map(b"".join))
def test_any_operations_give_a_state_or_one_of_our_errors(data: bytes) -> None:
    problem_of(lambda: read_pickle(b"\x80\x04" + data + b"."))


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=15,
)


@given(JSON_LIKE, st.integers(0, 5))
def test_plain_values_are_read_as_python_reads_them(value: object, protocol: int) -> None:
    """Python's own pickler is the judge, for values that need no class."""
    assert read_pickle(pickled(protocol, value=value))["value"] == value
