"""A local Google: OAuth and the read side of Calendar API v3, over real HTTP, on this machine.

For the demo, for trying things, and for tests. It imports nothing of the rest of calendar_sync, so
it cannot share its bugs; what it does follows Google's documents and captured traffic, and each
rule has a numbered test.

- `local_google`: all of it in one object; `command`: `calendar-sync emulator`;
  `remote_control`: `POST /_control/<action>` for other processes; `person`: plays the click.
- HTTP: `server` (connections), `routes` (which path), `wire` (bytes), `fields` (partial answers),
  `request_log`, `faults` (when), `catalogue` (which), `breakage` (how bytes are spoiled).
- OAuth: `grants` (things), `oauth` (memory), `token_endpoint`, `assertions`, `authorization`,
  `pages`, `scopes`; `gate` says who may call the API and how often.
- `directory`: the Admin SDK's list of users, for administrators.
- Calendars: `world` and below it, behind the seam of `api`.

It is no model of Google's security: whoever reaches its port may have every calendar in it.
"""
