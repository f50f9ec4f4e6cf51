#!/bin/sh
# Open an ICS file in Thunderbird, in a profile of its own: open_in_thunderbird.sh FILE.ics [ZONE]
# Without a screen: `Xvfb :77 -screen 0 1400x1000x24 &`, DISPLAY=:77, and `import -window root look.png`.
set -eu
file=$(realpath "$1")
zone=${2:-Europe/Paris}
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT
calendar=calendar.registry.aaaa1111-0000-4000-8000-000000000001
cat >"$profile/user.js" <<END
user_pref("$calendar.type", "ics");
user_pref("$calendar.uri", "file://$file");
user_pref("$calendar.name", "Exported");
user_pref("$calendar.readOnly", true);
user_pref("$calendar.cache.enabled", false);
user_pref("$calendar.calendar-main-in-composite", true);
user_pref("calendar.timezone.local", "$zone");
user_pref("calendar.timezone.useSystemTimezone", false);
user_pref("mail.provider.suppress_dialog_on_startup", true);
user_pref("mail.accounthub.enabled", false);
user_pref("mail.shell.checkDefaultClient", false);
user_pref("mail.rights.version", 1);
END
TZ=$zone thunderbird --profile "$profile" --no-remote -calendar
