"""Which files are stale, and making them: the exporters are loaded only when there is work.

A run that finds nothing changed never imports a writer; that is most runs.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from calendar_sync.calendars import KnownCalendar, list_calendars
from calendar_sync.errors import CannotWrite
from calendar_sync.grants.grant import write_instant
from calendar_sync.mirror import Mirror
from calendar_sync.publish import publish_manifest
from calendar_sync.published import is_up_to_date, manifest_entries
from calendar_sync.views import View

if TYPE_CHECKING:
    from calendar_sync.beside import Beside
    from calendar_sync.export import Check
    from calendar_sync.merging import CheckMerged
    from calendar_sync.touched import Touched


class Publishing:
    """Brings the views' folders up to date with the mirror. In a dry run it only looks."""

    def __init__(
        self,
        mirror: Mirror,
        views: list[View],
        *,
        verify: bool = False,
        keep_deleted: bool = False,
        dry_run: bool = False,
        may_help: bool = False,
    ) -> None:
        """`may_help`: a second process may render a large calendar's first read beside us."""
        self._may_help = may_help
        self._mirror, self._views = mirror, views
        self._verify, self._keep_deleted, self._dry_run = verify, keep_deleted, dry_run
        self._early: Beside | None = None  # of the calendar that is being read
        self.pause: Callable[[], None] = lambda: None

    def close(self) -> None:
        """Give up what was begun early and is not published."""
        if self._early is not None:
            self._early.close()
            self._early = None

    def check_formats(self) -> None:
        """Tell of a format's missing package before anything is asked. Raises WrongConfiguration."""
        if any("parquet" in view.export.formats for view in self._views):
            from calendar_sync.formats.parquet_file import load_pyarrow

            load_pyarrow()

    def begin_early(self, calendar: KnownCalendar) -> Beside | None:
        """Begin the files of a calendar that is read for the first time, where that can be.

        They wait for `bring_up_to_date`, the next call; closed before, they count for nothing.
        """
        self.close()
        views = [
            view
            for view in self._views
            if view.shows(calendar) and not (view.export.merge or view.export.per_uid)
        ]
        if not views or self._dry_run:
            return None
        from calendar_sync.beside import Beside, is_core_free
        from calendar_sync.export import CalendarExport

        with suppress(CannotWrite):  # which ends no reading: it is tried again after it
            export = CalendarExport(self._mirror, calendar, views, self.pause)
            self._early = Beside(export, may_help=self._may_help and is_core_free())
        return self._early

    def bring_up_to_date(self, calendar: KnownCalendar, touched: Touched | None = None) -> bool:
        """Make the calendar's stale files anew; return whether there were any.

        `touched`: what alone has changed since the run before, where that is known.
        Raises DamagedInput when a draft, read back, is not what the mirror holds.
        """
        stale = [
            view
            for view in self._views
            if view.shows(calendar)
            and not view.export.merge
            and not is_up_to_date(self._mirror, calendar, view)
        ]
        if not stale or self._dry_run:
            return bool(stale)
        from calendar_sync.export import export_calendar

        self._publish_deleted([calendar], stale)
        early = self._early.finished() if self._early is not None else None
        if early is not None and early.views <= {*stale}:
            with early:
                early.publish(calendar, self._check())
            stale = [view for view in stale if view not in early.views]
        self.close()
        if touched is not None and not self._verify:
            from calendar_sync.patching import patch_calendar

            stale = [
                view
                for view in stale
                if not patch_calendar(self._mirror, calendar, view, touched, self.pause)
            ]
        if stale:
            export_calendar(self._mirror, calendar, stale, self._check(), self.pause)
        return True

    def bring_merged_up_to_date(self, calendars: list[KnownCalendar], view: View) -> None:
        """Make a merged export's files anew if one of its calendars has changed."""
        from calendar_sync.merging import export_merged, is_merged_up_to_date

        if calendars and not is_merged_up_to_date(self._mirror, calendars, view):
            self._publish_deleted(calendars, [view])
            export_merged(self._mirror, calendars, view, self._check_merged())

    def publish_manifests(self, run_id: str, now: dt.datetime) -> None:
        """Write each folder's manifest where it says anything new."""
        calendars = list_calendars(self._mirror)
        stamp = write_instant(now)
        for view in self._views:
            entries = manifest_entries(self._mirror, view, calendars, stamp)
            if self._keep_deleted:
                from calendar_sync.deleted import count_deleted

                kept = {each.id: count_deleted(self._mirror, each) for each in calendars}
                entries = [{**entry, "deleted": kept.get(entry["id"], 0)} for entry in entries]
            publish_manifest(view.folder, run_id, stamp, entries)

    def open_outputs(self) -> None:
        """See that outputs elsewhere can be used before anything is read."""
        if any(view.remote for view in self._views):
            from calendar_sync.outbox import open_outputs

            open_outputs(self._views, self.pause)

    def put_outputs(self) -> None:
        """Put what changed in outputs elsewhere. Raises CannotWrite, TryLater."""
        if any(view.remote for view in self._views):
            from calendar_sync.outbox import put_outputs

            put_outputs(self._mirror, self._views, self.pause)

    def _publish_deleted(self, calendars: list[KnownCalendar], views: list[View]) -> None:
        """Publish what was deleted, before the files that are remembered: a kill must repeat it."""
        if self._keep_deleted:
            from calendar_sync.deleted import publish_deleted

            for calendar in calendars:
                for view in views:
                    publish_deleted(self._mirror, calendar, view.folder)

    def _check(self) -> Check | None:
        if not self._verify:
            return None
        from calendar_sync.verify import check_drafts  # loads another parser

        return check_drafts

    def _check_merged(self) -> CheckMerged | None:
        if not self._verify:
            return None
        from calendar_sync.verify import check_merged

        return check_merged
