// What a browser can add, and nothing depends on: times in the reader's zone with UTC on the pointer, what a chart's
// marks say under the pointer or by the arrow keys, and pages that refresh themselves.
"use strict";
(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const local = !zone || zone === "UTC" ? null : new Intl.DateTimeFormat(undefined, {
    year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
  });

  function localise(root) {
    if (!local) return;
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.valueOf())) continue;
      time.title = time.textContent;
      time.textContent = local.format(at);
    }
  }

  // Charts: each mark has a <title>, which is what the read-out shows.
  const MARKS = ".point, .bin, .group, .span, .share-bar, .cell, .mark";
  const said = new WeakMap();
  const box = Object.assign(document.createElement("p"), { className: "read-out", hidden: true });
  box.setAttribute("role", "status");
  let pointed = null;

  function words(mark) {
    const title = mark.querySelector(":scope > title");
    if (title) { // else the browser shows it a second time
      said.set(mark, title.textContent);
      title.remove();
    }
    return said.get(mark) || "";
  }

  function hide() {
    if (pointed) pointed.classList.remove("pointed");
    pointed = null;
    box.hidden = true;
  }

  function show(mark) {
    if (mark === pointed) return;
    hide();
    if (!mark || !words(mark)) return;
    pointed = mark;
    mark.classList.add("pointed");
    box.textContent = words(mark);
    box.hidden = false;
    const at = mark.getBoundingClientRect();
    const room = document.documentElement.clientWidth - box.offsetWidth - 8;
    const above = at.top - box.offsetHeight - 8;
    box.style.left = `${Math.max(8, Math.min(at.left + at.width / 2 - box.offsetWidth / 2, room)) + scrollX}px`;
    box.style.top = `${(above > 0 ? above : at.bottom + 8) + scrollY}px`;
  }

  function nearest(chart, x) { // of a line: the moment under the pointer, wherever its value lies
    let found = null, least = Infinity;
    for (const point of chart.querySelectorAll(".point")) {
      const at = point.getBoundingClientRect();
      const off = Math.abs(at.left + at.width / 2 - x);
      if (off < least) [found, least] = [point, off];
    }
    return found;
  }

  function step(chart, key) {
    const marks = [...chart.querySelectorAll(MARKS)];
    const now = marks.indexOf(pointed);
    const places = { ArrowRight: now + 1, ArrowDown: now + 1, ArrowLeft: now - 1, ArrowUp: now - 1, Home: 0, End: marks.length - 1 };
    if (!(key in places) || !marks.length) return false;
    show(marks[Math.max(0, Math.min(places[key], marks.length - 1))]);
    return true;
  }

  function readable(root) {
    for (const chart of root.querySelectorAll("svg.chart")) chart.tabIndex = 0;
  }

  document.addEventListener("pointermove", (event) => {
    const chart = event.target.closest?.("svg.chart");
    if (chart) show(event.target.closest(MARKS) || nearest(chart, event.clientX));
    else if (pointed && !pointed.ownerSVGElement.matches(":focus")) hide();
  });
  document.addEventListener("keydown", (event) => {
    const chart = event.target.closest?.("svg.chart");
    if (event.key === "Escape") hide();
    else if (chart && step(chart, event.key)) event.preventDefault();
  });
  document.addEventListener("focusout", (event) => { if (event.target.matches?.("svg.chart")) hide(); });

  // Live pages: what is marked `data-live` is fetched anew every so many seconds, while somebody can see it.
  const LIVE = "modelspan.paused";
  const regions = () => [...document.querySelectorAll("[data-live]")];
  let paused = false, due = 0, busy = false, button = null, note = null;

  function stored(value) { // a browser may forbid it
    try {
      if (value !== undefined) sessionStorage.setItem(LIVE, value ? "1" : "");
      return Boolean(sessionStorage.getItem(LIVE));
    } catch { return Boolean(value); }
  }

  function label(element) {
    return element.id || element.getAttribute("href") || element.getAttribute("aria-label") || element.textContent.trim();
  }

  function swap(old, fresh) { // with the focus, the scrolled tables and what was opened
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    const opened = new Set([...old.querySelectorAll("details[open] > summary")].map(label));
    const scrolled = [...old.querySelectorAll(".scroll")].map((each) => [each.scrollLeft, each.scrollTop]);
    const same = focused && [...old.querySelectorAll(focused.tagName)].filter((each) => label(each) === label(focused)).indexOf(focused);
    old.replaceChildren(...fresh.childNodes);
    for (const each of old.querySelectorAll("details > summary")) if (opened.has(label(each))) each.parentElement.open = true;
    [...old.querySelectorAll(".scroll")].forEach((each, place) => scrolled[place] && each.scrollTo(...scrolled[place]));
    if (focused) {
      const again = [...old.querySelectorAll(focused.tagName)].filter((each) => label(each) === label(focused))[same];
      (again || document.getElementById("content")).focus({ preventScroll: true });
    }
    localise(old);
    readable(old);
  }

  async function refresh() {
    busy = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "error" });
      if (!answer.ok) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = regions().map((old) => page.getElementById(old.id));
      if (fresh.includes(null)) throw new Error("another page");
      if (!paused) regions().forEach((old, place) => {
        if (old.dataset.told !== fresh[place].innerHTML) { // nothing is touched where nothing changed
          old.dataset.told = fresh[place].innerHTML;
          hide();
          swap(old, document.adoptNode(fresh[place]));
        }
      });
      note.textContent = "";
    } catch {
      note.textContent = " it does not answer; shown is what was last there";
    }
    busy = false;
  }

  function tick() {
    if (paused || busy || document.visibilityState !== "visible" || Date.now() < due) return;
    due = Date.now() + 1000 * Number(regions()[0].dataset.live);
    refresh();
  }

  function live() {
    if (!regions().length) return;
    paused = stored();
    due = Date.now() + 1000 * Number(regions()[0].dataset.live);
    for (const each of regions()) each.dataset.told = each.innerHTML;
    button = Object.assign(document.createElement("button"), { type: "button", className: "quiet" });
    note = Object.assign(document.createElement("span"), { className: "muted small" });
    note.setAttribute("role", "status");
    const named = () => { button.textContent = paused ? "Refresh again" : "Pause refreshing"; };
    button.addEventListener("click", () => {
      paused = stored(!paused);
      due = paused ? due : 0;
      named();
      tick();
    });
    named();
    const place = Object.assign(document.createElement("p"), { className: "live" });
    place.append(button, note);
    regions().at(-1).after(place);
    setInterval(tick, 1000);
    document.addEventListener("visibilitychange", tick);
  }

  live();
  localise(document);
  readable(document);
  document.body.append(box);
  if (local) for (const text of document.querySelectorAll(".zone-note")) {
    text.textContent = ` under the pointer, and as text in ${zone}`;
  }
})();
