// How the labeling page speaks to the desk: one form a request, and what came of it.
//
// What belongs here: sending a form, telling what is refused from what may pass, and a session that
// began anew. What does not: which answers are sent when (label.js).
"use strict";

window.burnishTalk = (base) => {
  const PATIENCE = 15_000; // an answer that takes longer is sent again
  let csrf = document.querySelector("meta[name=csrf]").content;

  /** The desk said no: sending the same again would change nothing. */
  class Refused extends Error {
    constructor(status, told) {
      super(told.found || "the desk refused it");
      this.status = status;
      this.told = told;
    }
  }

  async function toldBy(response) {
    const told = await response.json();
    if (!response.ok) throw new Refused(response.status, told.error || {});
    return told;
  }

  /** Whoever signed in again in another tab has a new session, with a secret of its own. */
  async function newSession() {
    const headers = { Accept: "application/json" };
    const told = await toldBy(await fetch(base + "/session", { headers, redirect: "error" }));
    const changed = told.csrf !== csrf;
    csrf = told.csrf;
    return changed;
  }

  /** POST a form; the answer's JSON. Raises Refused for 4xx, another error where it may pass. */
  async function post(path, fields, again = true) {
    const response = await fetch(base + path, {
      method: "POST",
      body: new URLSearchParams(fields),
      headers: { Accept: "application/json", "X-CSRF-Token": csrf },
      credentials: "same-origin",
      keepalive: true, // an answer on its way arrives even if the tab is closed
      redirect: "error",
      signal: AbortSignal.timeout(PATIENCE),
    });
    if (response.status >= 500 || response.status === 429) {
      throw Object.assign(new Error(`the desk answered ${response.status}`), { answered: true });
    }
    if (response.status === 403 && again && (await newSession())) return post(path, fields, false);
    return toldBy(response);
  }

  /** Say goodbye while the page is taken away; nobody hears what comes of it. */
  const beacon = (path, fields) =>
    navigator.sendBeacon(base + path, new URLSearchParams([["csrf", csrf], ...fields]));

  return { Refused, newSession, post, beacon };
};
