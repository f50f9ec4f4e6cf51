"""Token files of other programs: what is found in them, and what is said about the rest."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from calendar_sync.errors import CalendarSyncError, ConsentNeeded, DamagedInput, WrongUsage
from calendar_sync.grants.scopes import READ_WRITE, READONLY, is_sufficient
from calendar_sync.legacy.kinds import LARGEST
from calendar_sync.legacy.reading import (
    FoundGrant,
    Kind,
    accounts_in,
    read_grant,
    recognise,
)

TOKENS = Path(__file__).parent / "data" / "tokens"
SAMPLES = json.loads((TOKENS / "MANIFEST.json").read_text())["samples"]
AUTH = "https://www.googleapis.com/auth/"
CLIENT = "000000000000-invented.apps.googleusercontent.com"
SECRETS = ("ya29.invented-access", "1//0invented-refresh", "GOCSPX-invented", "d-invented")

# What each verdict of the manifest means here: an error, or None for a grant.
VERDICTS: dict[str, type[CalendarSyncError] | None] = {
    "migrate": None,
    "migrate-force-refresh": None,  # every migration refreshes first
    "migrate-loopback-only": None,  # the caller judges token_uri
    "migrate-scope-unknown": None,
    "needs-client": None,  # the caller asks for --with-client
    "migrate-after-choice": WrongUsage,
    "needs-consent": ConsentNeeded,
    "refuse": DamagedInput,
    "refuse-as-token": DamagedInput,
    "refuse-by-default": DamagedInput,
    "refuse-corrupt": DamagedInput,
    "refuse-unknown": DamagedInput,
    "use-as-client": DamagedInput,
    "use-as-client-loopback-only": DamagedInput,
    "use-as-client-with-warning": DamagedInput,
}

# The manifest's words for kinds; damaged and empty files are kinds of their own to us.
KINDS = {
    "authorized-user-min": {Kind.AUTHORIZED_USER},
    "client-secrets": {Kind.CLIENT_SECRETS, Kind.CLIENT_SECRETS_FLAT},
    "gcloud-adc": {Kind.GCLOUD},
    "go-oauth2-token": {Kind.GO},
    "google-auth-json": {Kind.GOOGLE_AUTH},
    "google-auth-pickle": {Kind.PICKLE},
    "hostile-pickle": {Kind.PICKLE},
    "oauth2client-file": {
        Kind.OAUTH2CLIENT,
        Kind.OAUTH2CLIENT_OTHER,
        Kind.EMPTY,
        Kind.DAMAGED,
    },
    "oauth2client-multiprocess": {Kind.MULTIPROCESS},
    "oauth2client-multistore": {Kind.MULTISTORE},
    "oauthlib-token": {Kind.OAUTHLIB},
    "rclone-config": {Kind.RCLONE},
    "service-account": {Kind.SERVICE_ACCOUNT},
    "unknown": {Kind.UNKNOWN},
}


def sample(name: str) -> bytes:
    return (TOKENS / name).read_bytes()


def calendar_dat(**changes: object) -> dict[str, Any]:
    """Return the fields of a genuine calendar.dat, changed; `...` takes a key away."""
    fields = json.loads(sample("o2c-4.1.3-calendar.dat")) | changes
    return {key: value for key, value in fields.items() if value is not ...}


def as_bytes(value: object) -> bytes:
    return json.dumps(value).encode()


def refused(data: bytes, **options: Any) -> CalendarSyncError:
    with pytest.raises(CalendarSyncError) as caught:
        read_grant(data, **options)
    return caught.value


def outcome(data: bytes, **options: Any) -> FoundGrant | CalendarSyncError:
    """Return what `read_grant` returns or, if it is ours, what it raises."""
    try:
        return read_grant(data, **options)
    except CalendarSyncError as error:
        return error


def everything_said(result: FoundGrant | CalendarSyncError) -> str:
    """Return all text of a grant's repr, or of an error and the error behind it."""
    if isinstance(result, FoundGrant):
        return repr(result)
    said = f"{result!r} {result.message} {result.hint}"
    behind = result.__cause__ or result.__context__
    return f"{said} {behind!r} {getattr(behind, 'doc', '')}"


class TestSamples:
    """Every collected file gets the verdict that was written down for it."""

    @pytest.mark.parametrize("entry", SAMPLES, ids=lambda entry: entry["file"])
    def test_a_sample_gets_its_verdict(self, entry: dict[str, str]) -> None:
        data, verdict = sample(entry["file"]), VERDICTS[entry["expected"]]
        assert recognise(data) in KINDS[entry["kind"]]
        if verdict is None:
            assert read_grant(data).refresh_token == "1//0invented-refresh"
        else:
            assert type(refused(data)) is verdict

    @pytest.mark.parametrize("entry", SAMPLES, ids=lambda entry: entry["file"])
    def test_what_is_said_about_a_sample_holds_no_secret(self, entry: dict[str, str]) -> None:
        said = everything_said(outcome(sample(entry["file"]), from_pickle=True))
        assert not [secret for secret in SECRETS if secret in said]

    def test_every_sample_is_in_the_manifest_and_none_is_modified(self) -> None:
        before = {path: hashlib.sha256(path.read_bytes()).digest() for path in TOKENS.iterdir()}
        for path in before:
            outcome(path.read_bytes(), from_pickle=True)
        after = {path: hashlib.sha256(path.read_bytes()).digest() for path in TOKENS.iterdir()}
        assert before == after
        listed = {entry["file"] for entry in SAMPLES} | {"MANIFEST.json"}
        assert listed == {path.name for path in before}

    def test_a_token_without_its_client_says_so(self) -> None:
        for name in ("go-quickstart-token.json", "vdirsyncer-google-token"):
            assert read_grant(sample(name)).client_id is None
        without_secret = read_grant(sample("broken-client_secret-absent.dat"))
        assert (without_secret.client_id, without_secret.has_client) == (CLIENT, False)
        assert read_grant(sample("o2c-1.2-calendar.dat")).has_client

    def test_a_file_that_names_a_module_imports_nothing(self) -> None:
        data = as_bytes(calendar_dat(_module="antigravity", _class="fly"))
        assert isinstance(refused(data), DamagedInput)
        assert "antigravity" not in sys.modules


class TestGrants:
    """What is read is what the other program wrote, and what a person should know about it."""

    def test_a_calendar_dat_is_read_whole(self) -> None:
        found = read_grant(sample("o2c-4.1.3-id-token-two-scopes.dat"))
        assert found == FoundGrant(
            kind="an oauth2client file (calendar.dat)",
            refresh_token="1//0invented-refresh",
            client_id=CLIENT,
            client_secret="GOCSPX-invented",
            token_uri="https://oauth2.googleapis.com/token",
            scopes=("openid", READONLY),
            granted_scopes=(READONLY, "openid"),
            account="invented@example.com",
            notes=("The stored access token is dropped; the first refresh brings a new one.",),
        )

    def test_token_uris_are_handed_over_as_stored(self) -> None:
        found = read_grant(sample("google-auth-token-local-token_uri.json"))
        assert found.token_uri == "http://127.0.0.1:4010/token"
        found = read_grant(as_bytes(calendar_dat(token_uri="https://evil.example/token")))
        assert found.token_uri == "https://evil.example/token"

    def test_an_oauth2client_file_of_1_2_knows_its_scope_only_from_the_reply(self) -> None:
        found = read_grant(sample("o2c-1.2-calendar.dat"))
        assert (found.scopes, found.granted_scopes) == (None, (READONLY,))

    @pytest.mark.parametrize("scopes", [f"{READONLY} openid", [f"{READONLY} openid"]])
    def test_scopes_may_be_one_text(self, scopes: object) -> None:
        found = read_grant(as_bytes(calendar_dat(scopes=scopes)))
        assert found.scopes == (READONLY, "openid")

    def test_unknown_scopes_are_none_and_noted(self) -> None:
        for name in ("node-quickstart-token.json", "o2c-4.1.3-GoogleCredentials.dat"):
            found = read_grant(sample(name))
            assert (found.scopes, found.granted_scopes) == (None, None)
            assert "does not say what the grant covers" in " ".join(found.notes)

    def test_a_broader_scope_is_kept_with_the_way_to_narrow_it(self) -> None:
        found = read_grant(sample("o2c-4.1.3-broader-scope.dat"))
        assert found.scopes == (READ_WRITE,)
        assert "calendar-sync consent" in found.notes[-1]

    def test_what_was_granted_counts_more_than_what_was_asked(self) -> None:
        """A user may untick the calendar on the consent screen."""
        reply = {"scope": f"{AUTH}drive.file openid"}
        error = refused(as_bytes(calendar_dat(token_response=reply)), name="a.dat")
        assert isinstance(error, ConsentNeeded)
        assert "a.dat" in error.message
        assert "drive.file, openid" in error.message

    @pytest.mark.parametrize("expiry", ["tomorrow", True, [], {}, float("inf"), "2024-13-01"])
    def test_an_unreadable_expiry_is_noted_and_does_no_harm(self, expiry: object) -> None:
        found = read_grant(as_bytes(calendar_dat(token_expiry=expiry)))
        assert "expiry cannot be read" in " ".join(found.notes)

    @pytest.mark.parametrize("expiry", [None, "2024-08-19T10:30:57.123456789+08:00", 1.5, 10**400])
    def test_any_form_of_time_is_readable(self, expiry: object) -> None:
        found = read_grant(as_bytes(calendar_dat(token_expiry=expiry)))
        assert "expiry" not in " ".join(found.notes)

    def test_our_own_token_json_is_read_too(self) -> None:
        fields = json.loads(sample("google-auth-2.62.2-token.json"))
        fields |= {"granted_scopes": [READONLY], "account": "me@example.com", "version": 1}
        found = read_grant(as_bytes(fields))
        assert (found.granted_scopes, found.account) == ((READONLY,), "me@example.com")

    def test_the_three_fields_people_type_by_hand_are_enough(self) -> None:
        by_hand = {"client_id": CLIENT, "client_secret": "s", "refresh_token": "1//x"}
        assert read_grant(as_bytes(by_hand)).has_client

    @pytest.mark.parametrize(
        ("fields", "kind"),
        [
            ({"expiry_date": 1724063457123, "scope": READONLY}, Kind.NODE),
            ({"created": 1724059857, "expires_in": 3599, "scope": READONLY}, Kind.PHP),
            ({"expires_at": 1724063457.5, "scope": [READONLY]}, Kind.OAUTHLIB),
            ({"expires_in": 3599, "scope": READONLY}, Kind.TOKEN_RESPONSE),
        ],
    )
    def test_other_languages_tokens_carry_their_scope_but_no_client(
        self, fields: dict[str, object], kind: Kind
    ) -> None:
        token = {"access_token": "a", "refresh_token": "r", "token_type": "Bearer"}
        found = read_grant(as_bytes(token | fields))
        assert recognise(as_bytes(token | fields)) is kind
        assert (found.scopes, found.granted_scopes) == ((READONLY,), (READONLY,))
        assert (found.kind, found.client_id) == (kind.value, None)

    def test_a_token_that_names_its_client_keeps_it(self) -> None:
        token = {"access_token": "a", "refresh_token": "r", "client_id": "c", "client_secret": "s"}
        assert read_grant(as_bytes(token)).has_client

    def test_blanks_around_a_value_are_an_editors(self) -> None:
        found = read_grant(as_bytes(calendar_dat(refresh_token=" 1//x\n", client_secret="  ")))
        assert (found.refresh_token, found.client_secret) == ("1//x", None)

    def test_the_account_of_a_single_grant_is_checked(self) -> None:
        data = sample("o2c-4.1.3-id-token-two-scopes.dat")
        assert read_grant(data, account="invented@example.com").account == "invented@example.com"
        assert isinstance(refused(data, account="other@example.com"), WrongUsage)
        found = read_grant(sample("o2c-4.1.3-calendar.dat"), account="me@example.com")
        assert "--account could not be checked" in found.notes[0]

    def test_a_repr_hides_the_secrets(self) -> None:
        said = repr(read_grant(sample("o2c-4.1.3-calendar.dat")))
        assert CLIENT in said
        assert not [secret for secret in SECRETS if secret in said]


class TestRefusals:
    """A file that holds no grant for us is named, with what to do."""

    @pytest.mark.parametrize(
        ("data", "kind", "advice"),
        [
            (b"\xac\xed\x00\x05sr\x00\x11java.util.HashMap", Kind.JAVA, "consent"),
            (b'---\nme@x.org: \'{"refresh_token":"1//x"}\'\n', Kind.RUBY, "JSON inside the quot"),
            (b'default: \'{"access_token":"a"}\'\n', Kind.RUBY, "JSON inside"),
            (b"# Encrypted rclone\n\nRCLONE_ENCRYPT_V0:\nAAAA", Kind.RCLONE_ENCRYPTED, "Drive"),
            (b'[g]\r\ntype = drive\r\ntoken = {"a":1}\r\n', Kind.RCLONE, "Drive"),
            (as_bytes({"type": "external_account", "audience": "x"}), Kind.MACHINE_ACCOUNT, "As"),
            (as_bytes({"type": "impersonated_service_account"}), Kind.MACHINE_ACCOUNT, "As"),
            (as_bytes({"web": {}}), Kind.CLIENT_SECRETS, "credentials/client_secrets.json"),
            (sample("client_secrets-flat.json"), Kind.CLIENT_SECRETS_FLAT, "installed"),
            (sample("service-account-key.json"), Kind.SERVICE_ACCOUNT, "Share"),
            (sample("gcloud-adc-authorized_user.json"), Kind.GCLOUD, "gcloud"),
            (b"[section]\nvalue = 1\n", Kind.UNKNOWN, "oauth2client"),
            (b"{}", Kind.UNKNOWN, "oauth2client"),
            (b'{"access": 1}', Kind.UNKNOWN, "oauth2client"),
            (as_bytes({"client_id": "c"}), Kind.UNKNOWN, "oauth2client"),
            (b'"text"', Kind.UNKNOWN, "oauth2client"),
            (b"12", Kind.UNKNOWN, "oauth2client"),
            (b"config\nnot a pickle\n", Kind.UNKNOWN, "oauth2client"),
            (b"\0" * 300, Kind.DAMAGED, "backup"),
            (sample("o2c-4.1.3-calendar.dat") * 2, Kind.DAMAGED, "backup"),
            (sample("o2c-4.1.3-calendar.dat") + b"}", Kind.DAMAGED, "backup"),
            (sample("o2c-4.1.3-calendar.dat").decode().encode("utf-16"), Kind.DAMAGED, "backup"),
            (b'{"a":' * 9000, Kind.DAMAGED, "backup"),
            (b'{"a":' + b"9" * 5000 + b"}", Kind.DAMAGED, "backup"),
        ],
    )
    def test_the_kind_is_named_with_advice(self, data: bytes, kind: Kind, advice: str) -> None:
        error = refused(data, name="old/token")
        assert recognise(data) is kind
        assert isinstance(error, DamagedInput)
        assert f"old/token: it is {kind.value}" in error.message
        assert advice in error.hint
        assert "calendar-sync consent" in error.hint

    @pytest.mark.parametrize(
        ("module", "name", "kind"),
        [
            ("oauth2client.client", "SignedJwtAssertionCredentials", Kind.SERVICE_ACCOUNT),
            ("oauth2client.service_account", "ServiceAccountCredentials", Kind.SERVICE_ACCOUNT),
            ("oauth2client.service_account", "_JWTAccessCredentials", Kind.SERVICE_ACCOUNT),
            ("oauth2client.contrib.gce", "AppAssertionCredentials", Kind.MACHINE_ACCOUNT),
            ("oauth2client.devshell", "DevshellCredentials", Kind.MACHINE_ACCOUNT),
            ("oauth2client.client", "Unheard", Kind.OAUTH2CLIENT_OTHER),
            ("oauth2client.googleapiclient.client", "OAuth2Credentials", Kind.OAUTH2CLIENT_OTHER),
            ("evil.client", "OAuth2Credentials", Kind.OAUTH2CLIENT_OTHER),
            (["oauth2client.client"], "OAuth2Credentials", Kind.OAUTH2CLIENT_OTHER),
            ("oauth2client.client", None, Kind.OAUTH2CLIENT_OTHER),
        ],
    )
    def test_only_the_two_classes_with_a_grant_are_taken(
        self, module: object, name: object, kind: Kind
    ) -> None:
        data = as_bytes(calendar_dat(_module=module, _class=name))
        assert recognise(data) is kind
        assert isinstance(refused(data), DamagedInput)

    @pytest.mark.parametrize("empty", [b"", b" \r\n\t", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
    def test_an_empty_file_needs_consent(self, empty: bytes) -> None:
        error = refused(empty)
        assert isinstance(error, ConsentNeeded)
        assert "empty" in error.message

    @pytest.mark.parametrize("key", ["refresh_token", "client_id", "client_secret", "token_uri"])
    @pytest.mark.parametrize("value", [1, True, ["x"], {"a": 1}, "naïve", "a\nb", "\ud800"])
    def test_a_value_that_cannot_be_one_is_damage(self, key: str, value: object) -> None:
        error = refused(as_bytes(calendar_dat(**{key: value})))
        assert isinstance(error, DamagedInput)
        assert key in error.message

    @pytest.mark.parametrize("scopes", [1, {"a": 1}, [1], [None], "café"])
    def test_scopes_that_cannot_be_scopes_are_damage(self, scopes: object) -> None:
        assert isinstance(refused(as_bytes(calendar_dat(scopes=scopes))), DamagedInput)

    def test_a_grant_of_another_universe_is_refused(self) -> None:
        fields = json.loads(sample("google-auth-2.62.2-token.json"))
        error = refused(as_bytes(fields | {"universe_domain": "cloud.example"}))
        assert isinstance(error, DamagedInput)
        assert "another cloud" in error.message

    def test_64_kib_is_the_limit(self) -> None:
        data = sample("o2c-4.1.3-calendar.dat")
        assert recognise(data.ljust(LARGEST)) is Kind.OAUTH2CLIENT
        assert recognise(data.ljust(LARGEST + 1)) is Kind.TOO_LARGE
        assert isinstance(refused(data.ljust(LARGEST + 1)), DamagedInput)

    def test_a_pickle_is_not_opened_unasked(self) -> None:
        error = refused(sample("google-auth-2.17.3-py310-token.pickle"), name="my token.pickle")
        assert isinstance(error, DamagedInput)
        assert "calendar-sync migrate 'my token.pickle' --from-pickle" in error.hint


class TestStores:
    """A file of several accounts is never guessed from."""

    def store(self, *credentials: object) -> bytes:
        entries = [{"key": {"key": f"k{i}"}, "credential": c} for i, c in enumerate(credentials)]
        return as_bytes({"file_version": 1, "data": entries})

    def processes(self, **credentials: object) -> bytes:
        encoded = {key: base64.b64encode(as_bytes(c)).decode() for key, c in credentials.items()}
        return as_bytes({"file_version": 2, "credentials": encoded})

    def test_the_accounts_are_listed(self) -> None:
        data = sample("o2c-1.5.2-multistore_file.json")
        assert accounts_in(data) == (f"{CLIENT} (calendar.readonly)", "my-key")
        error = refused(data, name="store")
        assert isinstance(error, WrongUsage)
        assert all(name in error.message for name in accounts_in(data))
        assert f"--account '{CLIENT} (calendar.readonly)'" in error.hint

    def test_a_single_grant_has_no_accounts_to_choose_from(self) -> None:
        assert accounts_in(sample("o2c-4.1.3-calendar.dat")) == ()
        assert accounts_in(b"") == ()

    @pytest.mark.parametrize(
        "name", ["o2c-1.2-multistore_file.json", "o2c-4.1.3-multiprocess_file_storage.json"]
    )
    def test_each_listed_name_chooses(self, name: str) -> None:
        for account in accounts_in(sample(name)):
            found = read_grant(sample(name), account=account)
            assert found.refresh_token == "1//0invented-refresh"
            assert found.kind in (Kind.MULTISTORE.value, Kind.MULTIPROCESS.value)
            assert "other accounts (1)" in found.notes[-1]

    def test_a_part_that_only_one_name_has_is_enough(self) -> None:
        data = self.processes(
            alice=calendar_dat(refresh_token="a"), bob=calendar_dat(refresh_token="b")
        )
        assert read_grant(data, account="bo").refresh_token == "b"
        assert "holds several accounts" in refused(data).message
        assert "no account 'carol'" in refused(data, account="carol").message

    def test_a_part_that_several_names_have_is_not(self) -> None:
        data = sample("o2c-4.1.3-multiprocess_file_storage.json")
        error = refused(data, account="example.com")
        assert isinstance(error, WrongUsage)
        assert "several accounts like" in error.message

    def test_the_only_account_needs_no_choice(self) -> None:
        data = self.store(calendar_dat())
        assert read_grant(data).has_client
        assert "other accounts" not in " ".join(read_grant(data).notes)
        assert isinstance(refused(data, account="another"), WrongUsage)

    def test_a_store_without_accounts_needs_consent(self) -> None:
        assert isinstance(refused(self.store()), ConsentNeeded)
        assert isinstance(refused(self.processes()), ConsentNeeded)

    def test_names_are_different_and_printable(self) -> None:
        key = {"clientId": "c\x1b[2J", "userAgent": "u", "scope": READONLY}
        entries = [{"key": key, "credential": calendar_dat()}] * 3 + [{}, 7, {"key": {"key": 1}}]
        names = accounts_in(as_bytes({"file_version": 1, "data": entries}))
        assert names[0] == "c?[2J (calendar.readonly)"
        assert len(set(names)) == 6
        assert all(name.isprintable() for name in names)

    def test_names_stay_different_where_an_old_program_numbered_them(self) -> None:
        entries = [{"key": {"key": name}} for name in ("a", "a #2", "a", "a")]
        names = accounts_in(as_bytes({"file_version": 1, "data": entries}))
        assert names == ("a", "a #2", "a #3", "a #4")

    def test_a_very_long_list_is_cut(self) -> None:
        error = refused(as_bytes({"file_version": 1, "data": [0] * 20_000}))
        assert "unnamed #50\n  and 19950 more" in error.message

    def test_the_address_in_the_id_token_names_an_account(self) -> None:
        entries = [
            {"key": {"clientId": "c"}, "credential": calendar_dat(id_token={"email": address})}
            for address in ("a@x.org", "b@x.org")
        ]
        data = as_bytes({"file_version": 1, "data": entries})
        assert accounts_in(data) == ("a@x.org", "b@x.org")
        assert read_grant(data, account="b@x.org").account == "b@x.org"

    @pytest.mark.parametrize("entry", ["!", "e30=", "WzFd", 5, None, {}, "/w=="])
    def test_a_damaged_entry_spoils_only_itself(self, entry: object) -> None:
        good = base64.b64encode(as_bytes(calendar_dat())).decode()
        store = {"file_version": 2, "credentials": {"good": good, "bad": entry}}
        assert read_grant(as_bytes(store), account="good").has_client
        assert isinstance(refused(as_bytes(store), account="bad"), DamagedInput)

    def test_an_entry_is_judged_like_a_file(self) -> None:
        data = self.processes(dead=calendar_dat(invalid=True), evil=calendar_dat(_module="os"))
        assert isinstance(refused(data, account="dead"), ConsentNeeded)
        assert isinstance(refused(data, account="evil"), DamagedInput)


# Arbitrary values behind the very keys we look at, so that every branch is reached.
SECRET_KEYS = ("refresh_token", "access_token", "token", "client_secret", "private_key")
KEYS = (
    *SECRET_KEYS,
    *("_module", "_class", "type", "installed", "file_version", "data", "credentials"),
    *("client_id", "token_uri", "auth_uri", "scopes", "scope", "granted_scopes", "account"),
    *("token_response", "id_token", "email", "key", "credential", "clientId", "invalid"),
    *("expiry", "token_expiry", "expiry_date", "created", "expires_at", "universe_domain"),
)
PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        [READONLY, "oauth2client.client", "OAuth2Credentials", "authorized_user", 1, 2]
    ),
)
JSON = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner, max_size=12)
    ),
    max_leaves=25,
)


@given(st.binary(max_size=300), st.booleans())
@example(b"c" * 300, True)
@example(b"(" * 300, True)
@example(b"{" * 300, False)
def test_any_bytes_give_a_grant_or_one_of_our_errors(data: bytes, from_pickle: bool) -> None:
    assert isinstance(recognise(data), Kind)
    assert isinstance(accounts_in(data), tuple)
    assert everything_said(outcome(data, from_pickle=from_pickle))


@given(JSON, st.none() | st.text(max_size=5))
def test_any_json_gives_a_grant_or_one_of_our_errors(value: object, account: str | None) -> None:
    data = as_bytes(value)
    assert len(set(accounts_in(data))) == len(accounts_in(data))
    found = outcome(data, account=account)
    if isinstance(found, FoundGrant):
        assert found.refresh_token
        assert is_sufficient(found.granted_scopes or found.scopes or [READONLY])


SECRET = st.text("ABCDEFGHJKMNPQRSTUVWXYZ23456789", min_size=16, max_size=20)


@given(
    st.sampled_from([entry["file"] for entry in SAMPLES if "pickle" not in entry["file"]]),
    st.fixed_dictionaries(dict.fromkeys(SECRET_KEYS, SECRET)),
    st.dictionaries(st.sampled_from(KEYS), PLAIN, max_size=2),
    st.integers(0, 40),
)
def test_no_error_and_no_repr_repeats_a_secret(
    name: str, secrets: dict[str, str], changes: dict[str, object], cut: int
) -> None:
    """Whatever is wrong with a file, nobody reads its secrets in a log."""
    try:
        fields = json.loads(sample(name).decode("utf-8-sig"))
    except ValueError:
        fields = {}
    fields = fields if isinstance(fields, dict) else {}
    data = as_bytes(fields | secrets | changes)
    said = everything_said(outcome(data[: len(data) - cut // 8]))
    assert not [secret for secret in secrets.values() if secret in said]


@given(st.dictionaries(st.text(max_size=6), st.just(calendar_dat()), min_size=2, max_size=5))
def test_every_account_of_a_store_can_be_chosen_by_its_name(store: dict[str, object]) -> None:
    encoded = {key: base64.b64encode(as_bytes(each)).decode() for key, each in store.items()}
    data = as_bytes({"file_version": 2, "credentials": encoded})
    names = accounts_in(data)
    assert len(set(names)) == len(store)
    for name in names:
        assert read_grant(data, account=name).has_client
