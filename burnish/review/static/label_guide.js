// The labeling guide beside the example, and flags of classes that are unclear.
//
// What belongs here: opening the guide, the part of the class that is looked at, a new version, and
// sending a flag. What does not: answers (label.js), or what a guide's text may hold
// (burnish.review.markdown). Without this file both work as plain markup.
//
// What is recorded with an answer is the version on this screen, be there a newer one.
"use strict";

window.burnishGuide = ({ base, Refused, post, onScreen, tell, leave }) => {
  const MOST = 3;
  const WIDE = "(min-width: 72rem)"; // as in guide.css: the guide has a column of its own
  const at = (id) => document.getElementById(id);
  const box = at("flag-box"), form = at("flag"), words = at("flag-said"), choices = at("choices");
  const ticks = [...box.querySelectorAll("input[name=unclear]")];

  const version = () => at("guide")?.dataset.version;

  // ---- The guide ---------------------------------------------------------------------------

  function beginPanel(open) {
    const panel = at("guide");
    if (!panel) return;
    panel.open = open;
    panel.addEventListener("toggle", () => {
      // On a small screen it is opened to look something up, and says nothing about the next time.
      if (matchMedia(WIDE).matches) localStorage.setItem("burnish-guide", panel.open ? "open" : "closed");
    });
  }

  function toggle() {
    const panel = at("guide");
    if (panel) panel.open = !panel.open;
  }

  /** Show the parts of these classes, if the guide has any. */
  function lookUp(labels) {
    const body = at("guide-body");
    if (!body) return;
    const parts = [...body.querySelectorAll(".guide-part")];
    for (const part of parts) part.classList.toggle("guide-current", labels.includes(part.dataset.class));
    const first = parts.find((part) => part.classList.contains("guide-current"));
    if (first) body.scrollTop += first.getBoundingClientRect().top - body.getBoundingClientRect().top - 8;
  }

  const lookedAt = (event) => {
    const choice = event.target.closest?.("button.label-class");
    if (choice) lookUp([choice.value]);
  };

  function carry(id, owner, number) {
    let field = at(id);
    if (!field) {
      field = Object.assign(document.createElement("input"), { type: "hidden", id, name: "guide" });
      at(owner).append(field);
    }
    field.value = number;
    field.disabled = !number;
  }

  /** The server told which version there is now: show that, if this one is not it. */
  async function noted(number) {
    if (number === undefined || String(number ?? "") === (version() ?? "")) return;
    try {
      const headers = { Accept: "application/json" };
      const response = await fetch(`${base}/guide`, { headers, redirect: "error" });
      if (response.ok) swap(await response.json());
    } catch { /* It is told again with the next answer. */ }
  }

  function swap(told) {
    const before = version(), panel = at("guide");
    if (String(told.guide ?? "") === (before ?? "")) return;
    const open = panel ? panel.open : matchMedia(WIDE).matches;
    const made = document.createElement("template");
    made.innerHTML = told.panel; // rendered and made safe by the server; the page's policy runs no script
    if (panel) panel.replaceWith(made.content);
    else at("stage").after(made.content);
    beginPanel(open);
    carry("guide-version", "answer", told.guide ?? "");
    carry("flag-guide", "flag", told.guide ?? "");
    if (told.guide) announce(before, told.guide);
  }

  function announce(before, after) {
    const note = document.createElement("p");
    note.className = "notice notice-warn";
    note.textContent = `Version ${after} came while you were here. `;
    if (before) {
      const link = Object.assign(document.createElement("a"), { target: "_blank", rel: "noopener" });
      link.href = `${base.replace(/\/label$/, "/guide")}?version=${after}&before=${before}`;
      link.textContent = "See what changed";
      note.append(link);
    }
    at("guide-body").prepend(note);
    const tag = Object.assign(document.createElement("span"), { className: "tag tag-warn", textContent: "new" });
    at("guide").querySelector("summary").append(" ", tag); // it may be closed
    tell(`The guide has changed: it is version ${after} now.`);
  }

  // ---- Flags -------------------------------------------------------------------------------

  const chosen = () => ticks.filter((tick) => tick.checked).map((tick) => tick.value);

  function openBox() {
    box.open = true;
    (ticks[0] || at("flag-comment")).focus();
    box.scrollIntoView({ block: "nearest" });
  }

  function closeBox() {
    box.open = false;
    leave();
  }

  function ticked(event) {
    if (chosen().length > MOST) {
      event.target.checked = false;
      words.textContent = "Three at most.";
    } else words.textContent = "";
    lookUp(chosen());
  }

  function pressed(event) {
    if (event.key === "Escape") { box.open = false; return; }
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("textarea")) return;
    const tick = ticks.find((one) => one.dataset.flagKey === event.key);
    if (tick) { event.preventDefault(); tick.click(); }
  }

  /** An item is on screen: its own flag, if this person has flagged it, is what the box holds. */
  function changed(item) {
    const flagged = item ? JSON.parse(item.node.dataset.flagged || "[]") : [];
    for (const tick of ticks) tick.checked = flagged.includes(tick.value);
    at("flag-example").value = item ? item.node.dataset.example : "";
    at("flag-comment").value = "";
    words.textContent = "";
    box.open = false;
    mark(flagged);
    lookUp([]); // what was pointed at was of the item before
  }

  function mark(flagged) {
    box.toggleAttribute("data-flagged", flagged.length > 0);
    at("flag-words").textContent = flagged.length ? `Unclear: ${flagged.join(" / ")}` : "Unclear classes";
  }

  async function send() {
    const item = onScreen();
    if (!item) return;
    const fields = [...new FormData(form).entries()].filter(([name]) => name !== "csrf");
    words.textContent = "Sending …";
    try {
      const { flagged } = await post("/flag", fields);
      item.node.dataset.flagged = JSON.stringify(flagged);
      if (onScreen() !== item) return;
      mark(flagged);
      tell(flagged.length ? `Flagged: ${flagged.join(" / ")}. The item waits for your answer.` : "The flag is taken back.");
      closeBox();
      words.textContent = "";
    } catch (error) {
      const told = error instanceof Refused && [error.told.found, error.told.expected].filter(Boolean).join("; expected: ");
      words.textContent = told || "The desk cannot be reached. Try again.";
    }
  }

  // ---- Beginning ---------------------------------------------------------------------------

  beginPanel(matchMedia(WIDE).matches && localStorage.getItem("burnish-guide") !== "closed");
  choices.addEventListener("mouseover", lookedAt);
  choices.addEventListener("focusin", lookedAt);
  box.addEventListener("keydown", pressed);
  at("unclear").addEventListener("change", ticked);
  form.addEventListener("submit", (event) => { event.preventDefault(); send(); });

  return {
    fields: () => (version() ? [["guide", version()]] : []),
    noted,
    changed,
    actions: { g: toggle, f: openBox },
  };
};
