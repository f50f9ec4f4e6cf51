"""The Admin SDK's users.list, asked by Google's own client as an administrator would."""

from __future__ import annotations

import google_auth_httplib2
import httplib2
import pytest
from google_steps import pages, refusal
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

SCOPE = "https://www.googleapis.com/auth/admin.directory.user.readonly"
ADMIN = "admin@example.com"


@pytest.fixture
def users(google, credentials_for):
    """Lend users() of an account and its scopes."""

    def make(account=ADMIN, scopes=(SCOPE,)):
        http = google_auth_httplib2.AuthorizedHttp(
            credentials_for(google, account, scopes), http=httplib2.Http(timeout=20)
        )
        options = {"api_endpoint": google.url + "/"}
        return build("admin", "directory_v1", http=http, client_options=options).users()

    return make


def emails(method, **parameters):
    found = []
    for page in pages(method, customer="my_customer", **parameters):
        assert page["kind"] == "admin#directory#users"
        found += [user["primaryEmail"] for user in page["users"]]
    return found


def test_an_administrator_sees_the_domain_in_pages(control, users):
    """100 a page unless asked, 500 at most; of the administrator's domain only."""
    for number in range(620):
        control("add_account", account=f"u{number:03}@example.com")
    control("add_account", account="guest@elsewhere.example")
    first = users().list(customer="my_customer").execute()
    assert len(first["users"]) == 100
    assert len(users().list(customer="my_customer", maxResults=9999).execute()["users"]) == 500
    found = emails(users().list, maxResults=500)
    assert found == sorted(found)
    assert {"ada@example.com", ADMIN, "u619@example.com"} <= set(found)
    assert "guest@elsewhere.example" not in found


def test_it_marks_suspended_and_archived_users(control, users):
    """They are listed; the token endpoint has nothing for a suspended one."""
    control("oauth", suspended=["gone@example.com"])
    control("directory", archived=["ada@example.com"])
    listed = users().list(customer="my_customer").execute()["users"]
    by_email = {user["primaryEmail"]: user for user in listed}
    assert by_email["gone@example.com"]["suspended"] is True
    assert by_email["ada@example.com"]["archived"] is True
    assert by_email[ADMIN]["suspended"] is by_email[ADMIN]["archived"] is False


def test_it_refuses_as_google_does(control, users):
    """No administrator, no scope, no customer, a bad page token, a project without the API."""
    with pytest.raises(HttpError) as refused:
        users(scopes=("https://www.googleapis.com/auth/calendar.readonly",)).list(
            customer="my_customer"
        ).execute()
    assert refused.value.status_code == 403
    assert refusal(users("ada@example.com").list, customer="my_customer")[0] == 403
    assert refusal(users().list)[0] == 400
    assert refusal(users().list, customer="my_customer", pageToken="nonsense")[0] == 400
    control("directory", disabled=True)
    with pytest.raises(HttpError) as refused:
        users().list(customer="my_customer").execute()
    assert b"SERVICE_DISABLED" in refused.value.content


def test_an_account_may_have_no_calendar(control, google, service):
    """Its licence says so; Google's word is notACalendarUser."""
    control("api", without_calendar=["ada@example.com"])
    status, error = refusal(service(google).calendarList().list)
    assert (status, error["reason"]) == (403, "notACalendarUser")
