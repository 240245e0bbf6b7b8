// Live refresh: numbers change in place, what is new is offered as a link.
// A page says where to ask: <div data-dd-live="URL" data-dd-version="…">.
//   data-dd-figure="NAME"                what figures.NAME of the answer says
//   data-dd-value="NAME"                 the same for a progress bar
//   data-dd-row="ID" data-dd-cell="NAME" what rows.ID.NAME says; a state is a badge
// An answer with "is_over" is the last: what the page is about is no longer there.
// What is new is announced in the words of the answer's "news".
// Texts of workflows are only ever text: nothing here becomes markup.

const LONGEST = 60_000;
const SLOWER = 2;
const MEMORY = "django_durable.rate";

const byData = (root, name) => [...root.querySelectorAll(`[data-${name}]`)];

function remembered() {
  try {
    return localStorage.getItem(MEMORY);
  } catch {
    return null;
  }
}

function remember(rate) {
  try {
    localStorage.setItem(MEMORY, rate);
  } catch {
    // A browser that keeps nothing asks at the usual rate next time.
  }
}

function setText(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

function setBadge(element, state) {
  const badge = document.createElement("span");
  const icon = document.createElement("span");
  badge.className = `dd-badge dd-${state.kind}`;
  icon.setAttribute("aria-hidden", "true");
  icon.textContent = state.icon;
  badge.append(icon, ` ${state.word}`);
  const old = element.querySelector(".dd-badge");
  if (!old) {
    element.prepend(" ", badge);
  } else if (old.textContent !== badge.textContent) {
    old.replaceWith(badge);
  }
}

function setLink(element, { text, address, more }) {
  if (element.textContent === `${text}${more}`) {
    return;
  }
  const link = document.createElement("a");
  link.href = new URL(address, location.origin).pathname;
  link.textContent = text;
  element.replaceChildren(link, more);
}

class Live {
  constructor(root, controls) {
    this.root = root;
    this.controls = controls;
    this.address = root.dataset.ddLive;
    this.version = root.dataset.ddVersion ?? "";
    this.isPaused = false;
    this.isOver = false;
    this.delay = 0;
    this.answeredAt = Date.now();
    this.tag = "";
    this.rate = controls.querySelector("[data-dd-rate]");
    this.pause = controls.querySelector("[data-dd-pause]");
    this.updated = controls.querySelector("[data-dd-updated]");
    this.stale = controls.querySelector("[data-dd-stale]");
    this.staleText = this.stale.textContent;
    this.pauseText = this.pause.textContent;
    const rate = remembered();
    if (rate !== null && [...this.rate.options].some((each) => each.value === rate)) {
      this.rate.value = rate;
    }
  }

  start() {
    this.controls.hidden = false;
    this.pause.addEventListener("click", () => this.toggle());
    this.rate.addEventListener("change", () => {
      remember(this.rate.value);
      this.again();
    });
    document.addEventListener("visibilitychange", () => this.again());
    addEventListener("pagehide", () => this.stop());
    addEventListener("pageshow", (event) => event.persisted && this.again());
    setInterval(() => this.tell(), 1000);
    this.schedule();
    this.tell();
  }

  get isOn() {
    return !this.isPaused && !this.isOver && !document.hidden && Number(this.rate.value) > 0;
  }

  toggle() {
    this.isPaused = !this.isPaused;
    this.pause.setAttribute("aria-pressed", String(this.isPaused));
    this.pause.textContent = this.isPaused
      ? this.pause.dataset.ddResumeText
      : this.pauseText;
    this.again();
  }

  stop() {
    clearTimeout(this.timer);
    this.asking?.abort();
    this.asking = null;
  }

  again() {
    this.stop();
    this.delay = 0;
    if (this.isOn) {
      this.ask();
    }
    this.tell();
  }

  schedule() {
    clearTimeout(this.timer);
    if (this.isOn) {
      const usual = Number(this.rate.value) * 1000;
      this.timer = setTimeout(() => this.ask(), Math.max(this.delay, usual));
    }
  }

  // Resolves when there is an answer, or none: nothing is thrown at the page.
  async ask() {
    this.stop();
    const asking = (this.asking = new AbortController());
    try {
      const response = await fetch(this.address, {
        signal: asking.signal,
        credentials: "same-origin",
        headers: this.tag ? { "If-None-Match": this.tag } : {},
        redirect: "error", // To a login: the session is over.
      });
      if (response.status !== 304) {
        const found = await response.json();
        this.isOver = found.is_over === true;
        if (!response.ok && !this.isOver) {
          throw new Error(String(response.status));
        }
        this.tag = response.headers.get("ETag") ?? "";
        this.show(found);
      }
      this.delay = 0;
      this.answeredAt = Date.now();
    } catch {
      if (asking.signal.aborted) {
        return;
      }
      const usual = Number(this.rate.value) * 1000;
      this.delay = Math.min(LONGEST, Math.max(this.delay, usual) * SLOWER);
    }
    this.tell();
    this.schedule();
  }

  show(found) {
    const figures = found.figures ?? {};
    for (const element of byData(document, "dd-figure")) {
      if (Object.hasOwn(figures, element.dataset.ddFigure)) {
        setText(element, String(figures[element.dataset.ddFigure]));
      }
    }
    for (const element of byData(document, "dd-value")) {
      if (Object.hasOwn(figures, element.dataset.ddValue)) {
        element.value = Number(figures[element.dataset.ddValue]) || 0;
      }
    }
    const rows = found.rows ?? {};
    for (const element of byData(document, "dd-cell")) {
      const { ddRow, ddCell } = element.dataset;
      const row = Object.hasOwn(rows, ddRow) ? rows[ddRow] : {};
      if (Object.hasOwn(row, ddCell)) {
        const value = row[ddCell];
        if (value?.address) {
          setLink(element, value);
        } else if (value !== null && typeof value === "object") {
          setBadge(element, value);
        } else {
          setText(element, String(value));
        }
      }
    }
    const alarm = document.querySelector("[data-dd-alarm]");
    if (alarm && found.alarm !== undefined) {
      setText(alarm, found.alarm);
      alarm.hidden = found.alarm === "";
    }
    const isStale = found.version !== undefined && this.version !== ""
      && found.version !== this.version;
    setText(this.stale, found.news || this.staleText);
    this.stale.hidden = !(isStale || found.news);
  }

  tell() {
    const seconds = Math.round((Date.now() - this.answeredAt) / 1000);
    const state = this.delay > 0 ? "lost" : this.isOn ? "live" : "paused";
    this.controls.dataset.ddState = state;
    setText(this.updated, `${seconds} s`);
  }
}

const root = document.querySelector("[data-dd-live]");
const controls = document.querySelector("[data-dd-controls]");
if (root && controls) {
  const live = new Live(root, controls);
  live.start();
  // "r" shows everything anew, "p" pauses, unless somebody is writing.
  document.addEventListener("keydown", (event) => {
    const isWriting = event.target.closest("input, textarea, select, [contenteditable]");
    if (isWriting || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    if (event.key === "r") {
      location.reload();
    } else if (event.key === "p") {
      live.toggle();
    }
  });
}
