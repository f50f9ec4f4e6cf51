// Show an ICS file in FullCalendar, as a web page of anybody's would; run inside the page.
//
// `show(ics, view, day)` draws it; `told()` lists what the list view says: date, time, title.
"use strict";

function show(ics, view, day) {
  document.body.innerHTML = '<div id="calendar"></div>';
  const url = URL.createObjectURL(new Blob([ics], { type: "text/calendar" }));
  return new Promise((resolve, reject) => {
    const calendar = new FullCalendar.Calendar(document.getElementById("calendar"), {
      initialView: view,
      initialDate: day,
      firstDay: 1,
      height: "auto",
      dayMaxEvents: false,
      eventTimeFormat: { hour: "2-digit", minute: "2-digit", hour12: false },
      displayEventEnd: true,
      events: { url, format: "ics", failure: reject },
      loading: (isLoading) => isLoading || setTimeout(resolve, 0),
    });
    calendar.render();
  });
}

function told() {
  const found = [];
  let date = "";
  for (const row of document.querySelectorAll("tr.fc-list-day, tr.fc-list-event")) {
    if (row.matches(".fc-list-day")) date = row.dataset.date;
    else {
      const text = (name) => row.querySelector(name).textContent;
      found.push([date, text(".fc-list-event-time"), text(".fc-list-event-title")]);
    }
  }
  return found;
}
