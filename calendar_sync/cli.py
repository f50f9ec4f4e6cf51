"""Commands and options; an error becomes one message and one exit code.

Nothing heavy is imported here: `--help` and `status` load no Google, no rich, no APScheduler.
"""

from __future__ import annotations

import functools
import gc
import importlib
import io
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from calendar_sync import __version__
from calendar_sync.app import App
from calendar_sync.errors import (
    NO_ROOM,
    CalendarSyncError,
    ExitCode,
    WrongConfiguration,
    cannot_write,
)
from calendar_sync.terminal import silence
from calendar_sync.verbs import COMMANDS

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_C = TypeVar("_C", bound=click.Command)


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Collect the global options, wherever they stood; the last one given wins."""
    app = context.find_root().ensure_object(App)
    if value not in (None, False, 0) and parameter.name:
        app.options[parameter.name] = value
    return value


class NamedPath(click.Path):
    """A path. An empty one is a variable that was not set, and not the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the path."""
        if value == "":
            self.fail("it is empty.", param, ctx)
        return super().convert(value, param, ctx)


_PATH = NamedPath(path_type=Path, readable=False)  # "not readable" is no wrong usage
_GLOBAL: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--home",), {"type": _PATH, "metavar": "DIR", "help": "The home folder."}),
    (("--config",), {"type": _PATH, "metavar": "FILE", "help": "Another calendar-sync.toml."}),
    (("--account",), {"metavar": "NAME", "help": "One of several accounts."}),
    (("-v", "--verbose"), {"count": True, "help": "Say more; -vv says where errors came from."}),
    (("-q", "--quiet"), {"is_flag": True, "help": "Say only what went wrong."}),
    (("--json", "as_json"), {"is_flag": True, "help": "Print data as JSON."}),
    (
        ("--log-format",),
        {"type": click.Choice(["human", "logfmt", "json"]), "help": "How stderr is written."},
    ),
    (("--log-file",), {"type": _PATH, "metavar": "FILE", "help": "Log there, too."}),
)


class Option(click.Option):
    """Has a tidy help: click would tidy it by `inspect`, whose import is a tenth of `status`."""

    def __init__(self, names: Sequence[str], *, help: str, **settings: Any) -> None:
        super().__init__(names, **settings)
        self.help = help


def _exits_saying(
    names: Sequence[str], text_of: Callable[[click.Context], str], what: str
) -> Option:
    """Make an option that is all a command line asks for."""

    def say(context: click.Context, _: click.Parameter, is_asked: bool) -> None:
        if is_asked and not context.resilient_parsing:
            click.echo(text_of(context), color=context.color)
            context.exit()

    return Option(names, help=what, callback=say, is_flag=True, is_eager=True, expose_value=False)


_VERSION = _exits_saying(
    ["--version"], lambda _: f"calendar-sync, version {__version__}", "Show the version and exit."
)
_HELP = _exits_saying(["-h", "--help"], click.Context.get_help, "Show this message and exit.")


def global_options(command: _C) -> _C:
    """Add the options that work before and after the verb, but for those the verb has itself."""
    own = {option for parameter in command.params for option in parameter.opts}
    for names, settings in _GLOBAL:
        if names[0] not in own:
            option = Option(names, callback=_remember, expose_value=False, **settings)
            command.params.append(option)
    return command


def command(name: str, **settings: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """Declare a verb: its function is given the App first."""

    def declare(function: Callable[..., Any]) -> click.Command:
        @functools.wraps(function)
        def start(**options: Any) -> Any:
            app = click.get_current_context().find_object(App)
            assert app is not None
            app.set_up_logging()
            return function(app, **options)

        declared = click.command(name, cls=_Verb, **settings)(start)
        return global_options(declared)

    return declare


class _Verb(click.Command):
    """A command line's own verb, or all of them."""

    def get_help_option(self, ctx: click.Context) -> click.Option | None:  # noqa: ARG002
        return _HELP


class _Verbs(_Verb, click.Group):
    """Finds a verb's module only when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"calendar_sync.commands.{COMMANDS[cmd_name][0]}")
        found: click.Command = getattr(module, cmd_name)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the verb that was meant, when it is near."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib  # a hundredth of a second, for those who mistype

            near = difflib.get_close_matches(args[0], COMMANDS, 1)
            meant = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"No such command {args[0]!r}.{meant}")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Name the verbs without importing them: somebody waits for it at a prompt."""
        from click.shell_completion import CompletionItem

        verbs = [
            CompletionItem(name, help=text)
            for name, (_, text) in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*verbs, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


_EPILOG = "\b\nExit codes:\n" + "\n".join(f"  {code.value:>3}  {code.meaning}" for code in ExitCode)


@global_options
@click.group(
    cls=_Verbs,
    epilog=_EPILOG,
    params=[_VERSION],
    context_settings={"help_option_names": ["-h", "--help"]},  # of the groups below, too
)
@click.pass_context
def cli(context: click.Context) -> None:
    """Google Calendar to CSV and ICS from cron: consent once, then exact exports for years."""
    context.ensure_object(App)


def main(arguments: list[str] | None = None) -> None:
    """Run the program and exit the process with one of `ExitCode`."""
    if not sys.warnoptions:  # Google's packages warn of Pythons that age: a mail for every run
        warnings.simplefilter("ignore", FutureWarning)
    app = App()
    code = run(app, sys.argv[1:] if arguments is None else arguments)
    gc.freeze()  # the search for garbage at the end would be a quarter of a run without changes
    sys.exit(code)


_WHOSE = "Is this the user that the job runs as? Look at: calendar-sync doctor --offline"


def run(app: App, arguments: list[str]) -> int:
    """Run one command line; return the exit code. Every error has been told by then."""
    try:
        result = cli.main(arguments, prog_name="calendar-sync", obj=app, standalone_mode=False)
        return int(result or 0)
    except CalendarSyncError as error:
        _tell(app, error.message, error.hint)
        _maybe_traceback(app, error)
        return int(error.exit_code)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        _show_usage(app, error)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return int(ExitCode.INTERRUPTED)
    except (BrokenPipeError, SystemExit):  # click makes the second one of the first
        silence(sys.stdout)  # whoever read us has seen enough
        return int(ExitCode.DONE)
    except Exception as error:
        known = _in_our_words(error)
        _tell(app, known.message, known.hint)
        _maybe_traceback(app, error)
        return int(known.exit_code)


def _in_our_words(error: Exception) -> CalendarSyncError:
    """Say what nobody has caught: another user's file, a full disk, else a bug of ours."""
    if isinstance(error, PermissionError):  # of reading: writing tells where it is tried
        what = error.filename or "what it needs"
        return WrongConfiguration(f"Cannot read {what}: permission denied.", _WHOSE)
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        silence(sys.stdout)
        return cannot_write(Path(error.filename or "standard output"), error)
    return CalendarSyncError(
        f"This is a bug in calendar-sync {__version__} ({type(error).__name__}).",
        "Please report it with what the same command says with -vv.",
    )


def _tell(app: App, message: str, hint: str) -> None:
    app.terminal.error(f"calendar-sync: {message}\n{hint}".rstrip("\n"))


def _show_usage(app: App, error: click.ClickException) -> None:
    """Let click say what is wrong with the command line, but write it as everything else."""
    text = io.StringIO()
    error.show(text)
    app.terminal.error(text.getvalue().rstrip("\n"))


def _maybe_traceback(app: App, error: BaseException) -> None:
    """Show where it happened, at -vv. The texts of foreign errors may hold what servers sent."""
    cause: BaseException | None = error
    while cause is not None and app.terminal.verbosity > 1:
        where = "".join(traceback.format_tb(cause.__traceback__))
        app.terminal.error(f"{type(cause).__module__}.{type(cause).__qualname__}\n{where}")
        cause = cause.__cause__ or cause.__context__
