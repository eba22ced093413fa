// The labeling page made quick: one key an answer, the next example already there.
//
// What belongs here: keys, swapping cards, and sending answers in order until each is acknowledged.
// What does not: a request (label_talk.js), a notice (label_notice.js), finding one of many classes
// (label_find.js), the guide and flags (label_guide.js), what a card shows
// (templates/label_card.html), or whether an answer is taken (the server alone says so).
// Without these files the page works as plain forms.
//
// An answer is shown as saved only when the server said so. Until then it is kept here with its
// lease's token, and sent again with the same token, which the server takes once.
"use strict";

(() => {
  const desk = document.getElementById("desk");
  const work = document.getElementById("work");
  if (!desk || !work) return;

  const LOADED_AHEAD = 2; // items held at once: the one on screen and the next
  const MOST_UNSENT = 20, MOST_OFFLINE = 5; // more would be too much to lose with the tab
  const LONGEST_SECONDS = 600; // nobody looks at one example for longer; they went away
  const RENEW_EVERY = 60_000;

  const base = desk.dataset.base;
  const { Refused, newSession, post, beacon } = window.burnishTalk(base);
  const { tell, hush, tellRefusal, button } = window.burnishNotice(document.getElementById("notice"));
  const at = (id) => document.getElementById(id);
  const stage = at("stage"), ahead = at("ahead"), form = at("answer"), comment = at("comment");
  const notice = at("notice"), said = at("said"), state = at("state"), help = at("help");
  const filter = at("filter");
  const keep = form.querySelector(".label-keep");

  /** Items held, the one on screen first: {token, node, comment, seconds, refused, dies}. */
  const held = [];
  /** Answers not acknowledged yet, oldest first: {item, fields, words, tries, answered}. */
  const outbox = [];
  /** Tokens that other tabs of this browser hold, by tab. */
  const elsewhere = new Map();
  let sending = false, loading = false, dry = false, undoing = false, leaving = false;
  let coming = Promise.resolve(); // the item that was asked for last
  let sticky = false; // the last class was found by the filter, so the next one may be too

  const guide = window.burnishGuide({
    base, Refused, post, onScreen: () => held[0], tell: (text) => { said.textContent = text; }, leave: () => leaveField(),
  });

  // ---- Talking to the server ---------------------------------------------------------------

  const tokens = () => [...outbox.map((job) => job.item), ...held].map((item) => ["token", item.token]);

  /** Wait, but not once there is a connection again. */
  const pause = (milliseconds) => new Promise((done) => {
    const woken = () => { clearTimeout(timer); window.removeEventListener("online", woken); done(); };
    const timer = setTimeout(woken, milliseconds);
    window.addEventListener("online", woken);
  });

  // ---- What the page says ------------------------------------------------------------------

  function showState() {
    const waiting = outbox.length;
    const tried = waiting && outbox[0].tries > 0;
    const refusal = !waiting && held[0]?.refused; // it is told of beside, and waits for a Go on
    const kind = tried || refusal ? "unsaved" : waiting ? "saving" : "saved";
    const count = waiting === 1 ? "1 answer" : `${waiting} answers`;
    const reached = tried && outbox[0].answered; // it is there, but its database is not, say
    const unsaved = refusal ? "not saved" : `${reached ? "" : "no connection: "}${count} not saved yet`;
    state.dataset.state = kind;
    state.textContent = { saved: "saved", saving: "saving …", unsaved }[kind];
    if (tried) tell(`The desk cannot ${reached ? "save anything just now" : "be reached"}. Until it can, this tab keeps ${count} and tries again; do not close it.`, "unsaved");
    else if (notice.dataset.kind === "unsaved") hush();
  }

  /** A way on, where the session has ended: answers wait in this tab meanwhile. */
  function tellSignIn() {
    tell("Your session has ended. Answers wait in this tab. ", "sign-in");
    const link = document.createElement("a");
    link.href = "/sign-in";
    link.target = "_blank";
    link.rel = "noopener";
    link.textContent = "Sign in in another tab";
    notice.append(link, ", then press ", button("Try again", signedInAgain));
  }

  async function signedInAgain() {
    try {
      await newSession();
    } catch {
      return;
    }
    hush();
    sending = dry = false;
    await send();
    load();
  }

  // ---- Items -------------------------------------------------------------------------------

  function itemOf(html) {
    ahead.innerHTML = html; // rendered and escaped by the server; the page's policy runs no script
    const node = ahead.firstElementChild;
    return itemFrom(node);
  }

  function itemFrom(node) {
    for (const picture of node.querySelectorAll("img.label-picture")) {
      const sharpen = () => picture.classList.toggle("label-crisp", picture.naturalWidth <= 128);
      if (picture.complete && picture.naturalWidth) sharpen();
      else picture.addEventListener("load", sharpen, { once: true });
      picture.addEventListener("error", () => {
        const words = document.createElement("p");
        words.className = "notice";
        words.textContent = `${picture.alt}: the picture cannot be shown.`;
        picture.replaceWith(words);
      }, { once: true });
      picture.decode?.().catch(() => {});
    }
    return {
      token: node.dataset.token,
      node,
      comment: "",
      seconds: 0,
      refused: false,
      until: node.dataset.until,
      dies: performance.now() + 1000 * Number(node.dataset.lasts),
    };
  }

  function show() {
    const item = held[0];
    stage.replaceChildren(item ? item.node : waitingWords());
    at("token").value = item ? item.token : "";
    comment.value = item ? item.comment : "";
    keep.value = item ? item.node.dataset.keep : "";
    keep.hidden = !keep.value;
    form.classList.toggle("label-idle", !item);
    guide.changed(item);
    watch.start();
    if (!item) return;
    if (stage.getBoundingClientRect().top < 0) stage.scrollIntoView({ block: "start" });
    if (sticky && filter && document.activeElement === filter) find.reset();
    else item.node.querySelector(".label-name").focus({ preventScroll: true });
  }

  /** Keep what belongs to the item on screen before another one takes its place. */
  function setAside() {
    if (!held[0]) return;
    held[0].comment = comment.value;
    watch.stop(held[0]);
  }

  function waitingWords() {
    const words = document.createElement("p");
    words.className = "card label-waiting";
    words.textContent = "The next example is on its way …";
    return words;
  }

  /** Load the next item until enough are held; where none is left, let the server say what now. */
  async function load() {
    if (loading || dry || leaving || undoing) return;
    loading = true;
    try {
      for (let pauses = 0; held.length < LOADED_AHEAD && !dry && !leaving && !undoing;) {
        try {
          const told = await (coming = post("/next", tokens()));
          if (notice.dataset.kind === "loading") hush();
          pauses = 0;
          if (told.card === null || holds(told.token)) dry = true;
          else take(itemOf(told.card));
        } catch (error) {
          if (error instanceof Refused) { refusedToLoad(error); break; }
          if (!held.length && !outbox.length) tell("The desk cannot be reached, so the next example cannot be loaded. Trying again …", "loading");
          await pause(Math.min(8000, 500 * 2 ** pauses++));
        }
      }
    } finally {
      loading = false;
    }
    finish();
  }

  const holds = (token) => held.some((item) => item.token === token) || outbox.some((job) => job.item.token === token);

  function take(item) {
    held.push(item);
    announceTokens();
    if (held.length === 1) show();
  }

  function refusedToLoad(error) {
    dry = true;
    if (error.status === 401) tellSignIn();
    // What became of an answer is not talked over: somebody would believe that it was saved.
    else if (held[0]?.refused) return;
    // The batch is closed: the server's page says so. What is still held or unsent is told of first.
    else if (error.status === 404) hush();
    else tellRefusal(error.told);
  }

  /** Nothing left to show and nothing left to send: the server's page says what comes next. */
  function finish() {
    if (held.length || outbox.length || !dry || leaving || undoing) return;
    if (["refused", "sign-in"].includes(notice.dataset.kind)) return;
    leaving = true;
    location.assign(base);
  }

  function drop(token, why) {
    const place = held.findIndex((item) => item.token === token);
    if (place < 0) return;
    held.splice(place, 1);
    dry = false;
    if (place === 0) { if (why) tell(why, "gone"); show(); }
    load();
  }

  // ---- Answers -----------------------------------------------------------------------------

  /** Send what `pressed` stands for, and show the next item at once. */
  function answer(pressed) {
    const start = performance.now();
    const item = held[0];
    if (!item || item.refused || pressed.hidden) return;
    if (outbox.length >= (outbox[0]?.tries ? MOST_OFFLINE : MOST_UNSENT)) {
      tell(`${outbox.length} answers are not saved yet. Wait until the desk can be reached.`, "unsaved");
      return;
    }
    if (notice.dataset.kind !== "unsaved" && notice.dataset.kind !== "sign-in") hush();
    const fields = [
      ["token", item.token],
      [pressed.name, pressed.value],
      ["comment", comment.value.trim()],
      ["seconds", watch.stop(item).toFixed(1)],
      ...guide.fields(),
    ];
    item.comment = comment.value;
    held.shift();
    outbox.push({ item, fields, words: pressed.querySelector("span").textContent, tries: 0 });
    show();
    requestAnimationFrame(() => setTimeout(() => performance.measure("burnish-swap", { start, end: performance.now() })));
    showState();
    send();
    load();
  }

  /** Send the oldest answer until it is acknowledged or refused, then the next. */
  async function send() {
    if (sending) return;
    sending = true;
    while (outbox.length) {
      const job = outbox[0];
      try {
        const told = await post("/answer", job.fields);
        outbox.shift();
        saved(job, told);
      } catch (error) {
        if (error instanceof Refused && error.status === 401) { showState(); tellSignIn(); return; }
        if (error instanceof Refused) { outbox.shift(); refused(job, error); }
        else { job.tries++; job.answered = Boolean(error.answered); showState(); await pause(Math.min(15_000, 500 * 2 ** Math.min(job.tries, 5))); }
      }
    }
    sending = false;
    showState();
    finish();
  }

  function saved(job, told) {
    showState();
    said.textContent = `Saved: ${job.words}. ${told.done} of ${told.total} ${told.word}.`;
    showPast(told);
    channel?.postMessage({ tab, answered: job.item.token });
  }

  function showPast(told) {
    at("past-list").innerHTML = told.past; // rendered and escaped by the server
    at("count-done").textContent = told.done;
    at("count-total").textContent = told.total;
    at("count-mine").textContent = told.mine;
    at("progress").max = told.total || 1;
    at("progress").value = told.done;
    at("undo").hidden = !undoForm();
    guide.noted(told.guide);
  }

  /** The item comes back with what happened, so that nobody believes that it was saved. */
  function refused(job, error) {
    job.item.refused = true;
    setAside();
    held.unshift(job.item);
    show();
    tellRefusal(error.told, `“${job.words}” for ${job.item.node.dataset.example} was not saved`);
    const on = button("Go on", () => {
      hush();
      held.splice(held.indexOf(job.item), 1);
      dry = false;
      showState();
      show();
      load();
    });
    notice.append(" ", on);
    on.focus();
  }

  // ---- Undo --------------------------------------------------------------------------------

  const undoForm = () => at("past-list").querySelector("form.label-undo");

  async function undo(seq) {
    if (undoing) return;
    const unsent = outbox.at(-1);
    if (!seq && unsent && unsent.tries === 0 && outbox.length > 1) {
      // It never left this tab.
      outbox.pop();
      held.unshift(unsent.item);
      show();
      showState();
      return;
    }
    if (outbox.length) { tell("Your last answer is still being saved; undo it in a moment.", "undo"); return; }
    undoing = true;
    try {
      // What is on its way has a lease that the page does not know of yet.
      await coming.catch(() => {});
      const told = await post("/undo", [...(seq ? [["seq", seq]] : []), ...tokens()]);
      hush();
      showPast(told);
      said.textContent = told.message;
      if (told.card && !holds(told.token)) {
        setAside();
        held.unshift(itemOf(told.card));
        announceTokens();
        show();
      }
    } catch (error) {
      if (error instanceof Refused && error.status === 401) tellSignIn();
      else if (error instanceof Refused) tellRefusal(error.told);
      else tell("The desk cannot be reached, so nothing was undone. Try again.", "undo");
    } finally {
      undoing = false;
      load();
    }
  }

  // ---- Time on screen, and leases ----------------------------------------------------------

  const watch = {
    since: null,
    start() { this.since = document.hidden ? null : performance.now(); },
    stop(item) {
      if (this.since !== null) item.seconds += (performance.now() - this.since) / 1000;
      this.since = null;
      return Math.min(item.seconds, LONGEST_SECONDS);
    },
  };

  async function renew() {
    if (document.hidden || leaving || !(held.length || outbox.length)) return;
    try {
      const told = await post("/renew", tokens());
      for (const [token, { until, lasts }] of Object.entries(told.renewed)) {
        const item = held.find((one) => one.token === token);
        if (item) Object.assign(item, { until, dies: performance.now() + 1000 * lasts });
      }
      for (const [token, why] of Object.entries(told.gone)) drop(token, why);
      guide.noted(told.guide);
    } catch (error) {
      if (error instanceof Refused && error.status === 401) tellSignIn();
    }
  }

  function warnOfExpiry() {
    const item = held[0];
    if (!item || document.hidden || performance.now() < item.dies || notice.dataset.kind) return;
    tell("The time for this item has run out. Your answer is still taken, unless somebody else has been given the item meanwhile.", "expired");
  }

  /** Give back what this tab alone holds. `until` tells the server of which lease it speaks: a page
   * loaded meanwhile (this one again, say) has prolonged it, and keeps it. */
  function giveBack() {
    const others = new Set([...elsewhere.values()].flat());
    const mine = held.filter((item) => !others.has(item.token));
    channel?.postMessage({ tab, tokens: [] });
    if (!mine.length) return;
    const pairs = mine.flatMap((item) => [["token", item.token], ["until", item.until]]);
    beacon("/give-back", pairs);
  }

  // Tabs of one browser tell each other what they hold: closing one leaves the other its item, and
  // what one answered is not asked in the other.
  const tab = crypto.getRandomValues(new Uint32Array(2)).join("-");
  const channel = "BroadcastChannel" in window ? new BroadcastChannel(`burnish${base}`) : null;
  const announceTokens = () => channel?.postMessage({ tab, tokens: held.map((item) => item.token) });
  channel?.addEventListener("message", ({ data }) => {
    if (data.hello) announceTokens();
    if (data.tokens) elsewhere.set(data.tab, data.tokens);
    if (data.answered) drop(data.answered, "You answered that one in another tab.");
  });

  // ---- Keys --------------------------------------------------------------------------------

  const keysOn = at("keys-on");
  keysOn.checked = localStorage.getItem("burnish-keys") !== "off";
  keysOn.addEventListener("change", () => localStorage.setItem("burnish-keys", keysOn.checked ? "on" : "off"));

  /** The key as on a Latin keyboard: who writes Russian or Arabic presses the same places. */
  function keyOf(event) {
    if (/^[a-z]$/i.test(event.key)) return event.key.toLowerCase();
    if (event.key.length === 1 && event.key > "\u007f") {
      return (/^Key([A-Z])$/.exec(event.code)?.[1] || /^Digit(\d)$/.exec(event.code)?.[1] || event.key).toLowerCase();
    }
    return event.key;
  }

  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || help.open) return;
    const writing = event.target.closest("textarea, input:not([type=checkbox]), select, #flag-box");
    if (event.key === "Escape") { if (writing) leaveField(); return; }
    if (writing || !keysOn.checked) return;
    const key = keyOf(event);
    const action = ACTIONS[key] || (() => {
      const match = form.querySelector(`button[data-key="${CSS.escape(key)}"]:not([hidden])`);
      return match ? () => answer(match) : null;
    })();
    // Of classes that are numbers and have no keys, the digits are typed into the field.
    if (!action && filter && /^\d$/.test(key) && !form.querySelector("button[data-key='1'], button[data-key='0']")) filter.focus();
    if (!action) return;
    event.preventDefault();
    if (!event.repeat) action(); // a key held down answers once
  }

  const ACTIONS = {
    z: () => undo(),
    Backspace: () => undo(),
    c: () => comment.focus(),
    "/": () => filter?.focus(),
    "?": () => help.showModal(),
    ...guide.actions,
  };

  function leaveField() {
    sticky = false;
    find?.reset();
    (stage.querySelector(".label-name") || stage).focus({ preventScroll: true });
  }

  // ---- Finding one of many classes ---------------------------------------------------------

  const find = filter && window.burnishFind(filter, at("choices"), at("filter-found"), (choice) => {
    sticky = true;
    answer(choice);
  });

  // ---- Beginning ---------------------------------------------------------------------------

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (event.submitter?.name) answer(event.submitter);
  });
  // The second click of a double click would answer the example that has come up meanwhile.
  form.addEventListener("click", (event) => {
    if (event.detail > 1 && event.target.closest("button[name]")) event.preventDefault();
  });
  at("past").addEventListener("submit", (event) => {
    if (!event.target.matches("form.label-undo")) return;
    event.preventDefault();
    undo(event.target.elements.seq.value);
  });
  at("undo").addEventListener("click", () => undo());
  at("help-open").addEventListener("click", () => help.showModal());
  document.addEventListener("keydown", pressed);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { if (held[0]) watch.stop(held[0]); return; }
    watch.start();
    renew();
  });
  window.addEventListener("beforeunload", (event) => {
    if (outbox.length) event.preventDefault();
  });
  window.addEventListener("pagehide", giveBack);
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  window.addEventListener("offline", () => tell("There is no connection. Answers wait in this tab until there is one.", "unsaved"));
  window.addEventListener("online", () => { if (!outbox.length && notice.dataset.kind === "unsaved") hush(); });
  setInterval(renew, RENEW_EVERY);
  setInterval(warnOfExpiry, 5000);

  if (filter) at("filter-box").hidden = false;
  at("help-open").hidden = false;
  at("undo").hidden = !undoForm();
  held.push(itemFrom(stage.querySelector(".label-card")));
  channel?.postMessage({ tab, hello: true });
  announceTokens();
  show();
  load();
})();
