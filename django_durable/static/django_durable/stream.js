// Streams of workflows in the browser: the element <durable-stream> shows one. Code that
// renders by itself: for await (const entry of new DurableStream({ workflow, key, token })) …

// Close codes. Those below 4000 are not the server's own word.
const [LOST, NO_TOKEN, TOO_MANY] = [1006, 4401, [4429, 4503]];
// After these, asking again would get the same answer. An HTTP status counts as 4000 more.
const FINAL = {
  4400: "bad_request", 4401: "token", 4403: "forbidden", 4404: "not_found", 4501: "unsupported",
};
const REFUSALS = { token_expired: NO_TOKEN, forbidden: 4403 };

// Milliseconds of silence before the welcome, of a connection that has lasted, and of pauses.
const [WELCOME_PATIENCE, STEADY, LONGEST_PAUSE, PAUSE_OF_TOO_MANY] = [15e3, 10e3, 30e3, 10e3];

/** The entries of one stream, in order, each once, through any number of connections. */
export class DurableStream extends EventTarget {
  #life = null; // Aborted to disconnect.
  #way = null; // "ws" or "sse", when one has worked.
  #reply = null; // Sends a message, while there is a socket.
  #waiting = []; // [entry, weight] of what was received and not taken.
  #received; // The offset that follows what was received.
  #unacknowledged = 0; // The weight of what was taken since.
  #timer = null; // Of an acknowledgement that is due.
  #patience = WELCOME_PATIENCE;
  #welcome = null;
  #end = null;
  #hasAskedForToken = false;
  #losses = 0; // Connections in a row that were soon lost, without an entry.

  /**
   * Without a key: the news of the workflow, as events "status", "step" and "event".
   * `from`: the first offset wanted, -1: only new entries. `offset`: that of the next entry
   * to be taken. `state`: idle, connecting, open (catching up), live, waiting (to reconnect),
   * paused, ended or failed; `reason` tells why. `status`: the workflow's.
   */
  constructor({ workflow, key = "", src = "/durable/streams/", token = "", from = 0 }) {
    super();
    Object.assign(this, { workflow, key, src, token, offset: from, state: "idle", status: "" });
  }

  /** Connect, and stay connected until the end, a refusal or close(). */
  open() {
    if (this.#life) return;
    this.#life = new AbortController();
    this.#run(this.#life.signal);
  }

  /** Disconnect; open() goes on at `offset`. */
  close() {
    if (this.#life) this.#become("paused");
  }

  /** Return what has arrived, at most `limit` entries, and let more come. */
  take(limit = Infinity) {
    const taken = this.#waiting.splice(0, limit);
    this.#settle(taken.reduce((sum, [, weight]) => sum + weight, 0));
    return taken.map(([entry]) => entry);
  }

  /** Open, and iterate over the entries until the end; throw at a refusal. */
  async *[Symbol.asyncIterator]() {
    this.open();
    try {
      for (;;) {
        const [entry] = this.take(1);
        if (entry) yield entry;
        else if (this.state === "failed") throw new Error(`Stream refused: ${this.reason}`);
        else if (!this.#life) return;
        else await Promise.race(["data", "state"].map((name) => next(this, name)));
      }
    } finally {
      this.close();
    }
  }

  async #run(signal) {
    for (this.#losses = 0; !signal.aborted; this.#losses++) {
      // What was not taken is asked for again.
      [this.#waiting, this.#received, this.#unacknowledged] = [[], this.offset, 0];
      [this.#welcome, this.#end] = [null, null];
      this.#become("connecting");
      const [began, code] = [Date.now(), await this.#connect(signal)];
      if (this.#welcome && Date.now() - began >= STEADY) this.#losses = 0;
      if (signal.aborted || this.#end) return;
      if (code === NO_TOKEN && (await this.#renewToken())) continue;
      if (signal.aborted) return;
      const fatal = code in FINAL;
      this.#become(fatal ? "failed" : "waiting", { code, fatal, reason: FINAL[code] ?? "lost" });
      const jitter = Math.random() * Math.min(LONGEST_PAUSE, 500 * 2 ** this.#losses);
      const pause = jitter + (TOO_MANY.includes(code) && PAUSE_OF_TOO_MANY);
      const time = new Promise((resolve) => setTimeout(resolve, pause));
      await Promise.race([time, next(window, "online"), next(signal, "abort")]);
    }
  }

  /** Return the close code of a connection that has come to its end. */
  async #connect(signal) {
    for (const way of this.#way ? [this.#way] : ["ws", "sse"]) {
      const code = await (way === "ws" ? this.#overSocket(signal) : this.#overFetch(signal));
      if (this.#welcome) this.#way = way;
      if (this.#welcome || code >= 4000 || signal.aborted) return code;
    }
    return LOST;
  }

  #overSocket(signal) {
    return new Promise((resolve) => {
      const socket = new WebSocket(this.#address("ws"), "durable-stream.v1");
      let work = Promise.resolve(); // Message after message: a value may have to be fetched.
      const quit = (code) => {
        if (!socket.onmessage) return; // It was quit before.
        silence.stop();
        this.#reply = socket.onopen = socket.onmessage = socket.onclose = null;
        socket.close();
        resolve(code);
      };
      const silence = alarm(WELCOME_PATIENCE, () => quit(LOST));
      signal.addEventListener("abort", quit, { once: true });
      socket.onopen = () => {
        this.#reply = (message) => socket.send(JSON.stringify(message));
        if (this.token) this.#reply({ t: "hello", token: this.token });
      };
      socket.onclose = ({ code }) => work.then(() => quit(code));
      socket.onmessage = ({ data }) => {
        work = work.then(() => socket.onmessage && this.#receive(data)).catch(() => LOST);
        work = work.then((code) => (code ? quit(code) : silence.restart(this.#patience)));
      };
    });
  }

  async #overFetch(signal) {
    const cut = new AbortController();
    const silence = alarm(WELCOME_PATIENCE, () => cut.abort());
    signal.addEventListener("abort", () => cut.abort(), { once: true });
    try {
      const response = await this.#fetch(this.#address("sse"), cut.signal);
      if (!response.ok) return 4000 + response.status;
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let events = [""]; ; silence.restart(this.#patience)) {
        const { done, value } = await reader.read();
        if (done) return LOST;
        events = (events.pop() + value).split("\n\n");
        for (const event of events.slice(0, -1)) {
          const code = await this.#receive(event.match(/^data: ?(.*)$/m)?.[1] ?? "{}");
          if (code) return code;
        }
      }
    } catch {
      return LOST;
    } finally {
      silence.stop();
      cut.abort();
    }
  }

  #fetch(address, signal) {
    const headers = this.token ? { Authorization: `Bearer ${this.token}` } : {};
    return fetch(address, { headers, signal, cache: "no-store" });
  }

  #address(way) {
    const url = new URL(this.src, document.baseURI);
    const { workflow, key, offset: from } = this;
    url.search = new URLSearchParams({ workflow, key, from, live: way });
    if (way === "sse") return url;
    url.protocol = url.protocol.replace("http", "ws");
    const place = `ws/durable/${key ? "streams" : "workflows"}/`;
    url.pathname = url.pathname.replace(/[^/]+\/[^/]+\/$/, place);
    return url;
  }

  /** Take in a message; return a close code after the last one. */
  async #receive(text) {
    const message = JSON.parse(text);
    if (message.t === "data") await this.#keep(message.entries, text.length);
    if (message.t === "end" && message.reason in REFUSALS) return REFUSALS[message.reason];
    if (message.t === "end") this.#end = message;
    else if (message.t === "welcome") this.#greet(message);
    else if (message.t === "gap") this.#received = message.to + 1;
    else if (message.t === "live") this.#become("live");
    else if (message.t === "status") this.status = message.status;
    else if (message.t === "hb") this.#acknowledge();
    if (!this.key) this.#received = message.next ?? this.#received;
    this.#settle(this.key ? 0 : text.length);
    if (this.#end) return 1000;
    tell(this, message.t === "welcome" ? "open" : message.t, message);
    return 0;
  }

  #greet(message) {
    [this.#welcome, this.status, this.#hasAskedForToken] = [message, message.status, false];
    if (message.heartbeat) this.#patience = 2500 * message.heartbeat;
    if (this.#received < 0) this.#received = message.next;
    this.#become("open");
  }

  /** Keep entries that are new, whatever connection they came by. */
  async #keep(entries, size) {
    for (const { o: offset, v, link, ...writer } of entries) {
      if (offset < this.#received) continue;
      const value = link ? await this.#fetch(new URL(link, this.#address("sse"))).then(jsonOf) : v;
      if (offset > this.#received) throw new RangeError(`No entry ${this.#received}`);
      this.#waiting.push([{ offset, value, ...writer }, size / entries.length]);
      [this.#received, this.#losses] = [offset + 1, 0];
    }
  }

  /** Stand where the reader is, who has processed more; that may be the end. */
  #settle(weight) {
    this.offset = this.#waiting[0]?.[0].offset ?? this.#received;
    this.#unacknowledged += weight;
    if (this.#unacknowledged > this.#welcome?.window / 2) this.#acknowledge();
    else if (weight) this.#timer ??= setTimeout(() => this.#acknowledge(), 100);
    // The reader shows what it has just taken before it hears of the end.
    if (this.#end && !this.#waiting.length)
      queueMicrotask(() => this.#life && this.#become("ended", this.#end));
  }

  /** Tell the server what was processed, and that somebody is still here. */
  #acknowledge() {
    this.#reply?.(this.#unacknowledged ? { t: "ack", next: this.offset } : { t: "ping" });
    [this.#unacknowledged, this.#timer] = [0, clearTimeout(this.#timer) ?? null];
  }

  /** Ask the page for another token, once until the next welcome. */
  async #renewToken() {
    if (this.#hasAskedForToken) return false;
    this.#hasAskedForToken = true;
    const former = this.token;
    let given;
    tell(this, "token", { use: (token) => (given = token) });
    this.token = (await Promise.resolve(given).catch(() => "")) || this.token;
    return this.token !== former;
  }

  #become(state, detail = {}) {
    [this.state, this.reason] = [state, detail.reason ?? ""];
    if (["paused", "ended", "failed"].includes(state)) this.#life = this.#life.abort();
    tell(this, "state", { state });
    if (state === "ended") tell(this, "end", detail);
    if (detail.code) tell(this, "error", detail);
  }
}

/** <durable-stream>: shows a stream while it grows. Values are only ever set as text. */
export class DurableStreamElement extends HTMLElement {
  static observedAttributes = ["workflow", "key", "src", "token"];

  /** What readers are told in each state; a page may put its own language here. */
  static labels = {
    connecting: "Connecting …", waiting: "The connection is lost. Trying again …",
    paused: "Paused.", failed: "This cannot be shown to you.",
  };

  #stream;
  #output;
  #label;
  #shown = []; // { place, nodes } of each entry, oldest first.
  #tries = new Map(); // The latest try at each place, that is a step of a branch.

  get offset() { return this.#stream?.offset; }
  get state() { return this.#stream?.state; }

  connectedCallback() {
    this.#output ??= this.querySelector("[data-output]") ?? this.#add("div", "output", "log");
    this.#label ??= this.#add("p", "label", "status");
    this.#stream ??= this.#make(Number(this.getAttribute("from")));
    this.resume();
  }

  disconnectedCallback() {
    this.pause();
  }

  attributeChangedCallback(name, former, value) {
    if (!this.#stream || former === value) return;
    if (name === "token") this.#stream.token = value ?? "";
    else this.seek(Number(this.getAttribute("from")));
  }

  /** Disconnect, and keep what is shown. */
  pause() {
    this.#stream.close();
  }

  /** Go on where it was paused. */
  resume() {
    if (this.isConnected) this.#stream.open();
  }

  /** Forget what is shown, and begin at another offset. */
  seek(offset) {
    this.pause();
    this.#remove(() => true);
    this.#tries.clear();
    this.#stream = this.#make(offset);
    this.resume();
  }

  #make(from) {
    const given = Object.fromEntries([...this.attributes].map(({ name, value }) => [name, value]));
    const stream = new DurableStream({ ...given, from });
    const on = (name, act) => stream.addEventListener(name, ({ detail }) => act(detail));
    on("state", ({ state }) => this.#show(state));
    // Nobody draws frames for a page that is hidden.
    on("data", () => (document.hidden ? queueMicrotask : requestAnimationFrame)(this.#render));
    for (const name of ["open", "live", "status", "step", "event", "gap", "end", "error", "token"])
      on(name, (detail) => tell(this, `durable:${name}`, detail));
    return stream;
  }

  #show(state) {
    this.setAttribute("state", state);
    this.#label.textContent = DurableStreamElement.labels[state] ?? "";
    // What has been written before is not read out.
    this.#output.ariaBusy = String(state === "open");
  }

  #render = () => {
    const isAtEnd = () => bottomOf(this.#label) < Math.min(innerHeight, bottomOf(this)) + 48;
    const follows = this.hasAttribute("autoscroll") && isAtEnd();
    const entries = this.#stream.take().filter((entry) => this.#draw(entry));
    const excess = this.#shown.length - Number(this.getAttribute("max-entries") ?? 10_000);
    if (excess > 0) this.#remove((_, index) => index < excess);
    if (follows) this.#label.scrollIntoView({ block: "nearest" });
    for (const entry of entries) tell(this, "durable:entry", entry);
    if (entries.length) tell(this, "durable:batch", { entries });
  };

  /** Show an entry in the place of what an earlier try of its step has written. */
  #draw(entry) {
    const place = `${entry.branch ?? ""}/${entry.step}`;
    const order = (entry.claim ?? 0) * 1e6 + entry.attempt;
    const latest = this.#tries.get(place) ?? order;
    if (this.hasAttribute("dedupe") && order !== latest) {
      if (order < latest) return false;
      this.#remove((shown) => shown.place === place);
    }
    this.#tries.set(place, order);
    const nodes = this.#nodesOf(entry);
    this.#output.append(...nodes);
    return this.#shown.push({ place, nodes });
  }

  #remove(isGone) {
    for (const node of this.#shown.filter(isGone).flatMap(({ nodes }) => nodes)) node.remove();
    this.#shown = this.#shown.filter((...shown) => !isGone(...shown));
  }

  #nodesOf({ value }) {
    const mode = this.getAttribute("mode") ?? "text";
    const template = this.querySelector("template");
    if (mode === "none") return [];
    if (template) return fill(template, value);
    if (mode === "text") return [new Text(textOf(value))];
    const line = document.createElement(mode === "json" ? "pre" : "div");
    line.textContent = mode === "json" ? JSON.stringify(value, null, 2) : textOf(value);
    return [line];
  }

  #add(tag, name, role) {
    const made = Object.assign(document.createElement(tag), { className: `durable-${name}`, role });
    return this.appendChild(made);
  }
}

const next = (target, name) =>
  new Promise((resolve) => target.addEventListener(name, resolve, { once: true }));
const tell = (target, name, detail) =>
  target.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
const bottomOf = (element) => element.getBoundingClientRect().bottom;
const jsonOf = (response) =>
  response.ok ? response.json() : Promise.reject(new Error(`Status ${response.status}`));

function alarm(milliseconds, ring) {
  let timer = setTimeout(ring, milliseconds);
  const stop = () => clearTimeout(timer);
  return { stop, restart: (next) => (stop(), (timer = setTimeout(ring, next))) };
}

/** Return what stands for a value in plain text; {"$decimal": "1.50"} is 1.50. */
function textOf(value) {
  if (typeof value === "string") return value;
  const text = JSON.stringify(value) ?? "";
  return text.match(/^\{"\$\w+":"([^"\\]*)"\}$/)?.[1] ?? text;
}

/** Fill in a copy of a template: <b data-value> has the value, data-value="a.b" a part. */
function fill(template, value) {
  const copy = template.content.cloneNode(true);
  for (const element of copy.querySelectorAll("[data-value]")) {
    const path = element.dataset.value.split(".").filter(Boolean);
    element.textContent = textOf(path.reduce((part, name) => part?.[name], value) ?? "");
  }
  return [...copy.childNodes];
}

customElements.get("durable-stream") ??
  customElements.define("durable-stream", DurableStreamElement);
