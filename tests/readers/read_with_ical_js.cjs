// Read ICS files with ical.js, the engine of Thunderbird, through the files' own VTIMEZONEs.
//
//   node read_with_ical_js.cjs FROM TO FILE…   (seconds since 1970)
//
// Prints one JSON object by file: a list of VEVENTs with the dates that DTSTART, RRULE, RDATE and
// EXDATE give in [FROM, TO). Times are seconds since 1970, dates `2026-03-01`.
"use strict";
const fs = require("node:fs");
const ICAL = require("ical.js");

const [from, to, ...paths] = process.argv.slice(2);
const window = [Number(from), Number(to)];
const day = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 10);

function told(time) {
  if (!time) return null;
  return time.isDate ? time.toString().padStart(10, "0") : time.toUnixTime();
}

function isWithin(value) {
  const bounds = typeof value === "number" ? window : window.map(day);
  return value >= bounds[0] && value < bounds[1];
}

function dates(event) {
  if (!event.isRecurring()) return [told(event.startDate)].filter(isWithin);
  const found = [];
  const dates = event.iterator();
  for (let next = dates.next(); next; next = dates.next()) {
    const value = told(next);
    if (isWithin(value)) found.push(value);
    else if (value >= (typeof value === "number" ? window[1] : day(window[1]))) break;
  }
  return found;
}

function read(path) {
  const calendar = new ICAL.Component(ICAL.parse(fs.readFileSync(path, "utf8")));
  ICAL.TimezoneService.reset();
  for (const zone of calendar.getAllSubcomponents("vtimezone")) {
    ICAL.TimezoneService.register(new ICAL.Timezone(zone));
  }
  return calendar.getAllSubcomponents("vevent").map((component) => {
    const event = new ICAL.Event(component, { exceptions: [] });
    const hasEnd = component.hasProperty("dtend") || component.hasProperty("duration");
    return {
      id: component.getFirstPropertyValue("x-google-event-id"),
      uid: event.uid,
      original: told(event.recurrenceId),
      start: told(event.startDate),
      end: hasEnd ? told(event.endDate) : null,
      dates: dates(event),
      summary: event.summary ?? "",
      description: event.description ?? "",
      location: event.location ?? "",
    };
  });
}

for (const path of paths) console.log(JSON.stringify(read(path)));
