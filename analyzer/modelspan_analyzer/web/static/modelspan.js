// What a browser can add and nothing depends on: times in the reader's zone, with UTC on the pointer.
"use strict";
(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!zone || zone === "UTC") return;
  const shown = new Intl.DateTimeFormat(undefined, {
    year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
  });
  for (const time of document.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.valueOf())) continue;
    time.title = time.textContent;
    time.textContent = shown.format(at);
  }
  for (const note of document.querySelectorAll(".zone-note")) {
    note.textContent = ` under the pointer, and as text in ${zone}`;
  }
})();
