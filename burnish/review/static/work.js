// Keys of the review page, and choosing all rows of the queue. Everything works without it:
// each key presses a button that is there.
"use strict";

(function () {
  function typing(target) {
    return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
  }

  function review(form) {
    const comment = form.querySelector("textarea");
    const say = form.querySelector("[data-say]");
    const seconds = form.querySelector("[data-seconds]");
    const most = 3600;
    let looked = 0;
    let since = document.hidden ? null : performance.now();

    // Only the time that the page is in front counts.
    document.addEventListener("visibilitychange", function () {
      if (document.hidden && since !== null) {
        looked += performance.now() - since;
        since = null;
      } else if (!document.hidden) {
        since = performance.now();
      }
    });

    form.addEventListener("submit", function (event) {
      const button = event.submitter;
      if (button && button.hasAttribute("data-needs-comment") && !comment.value.trim()) {
        event.preventDefault();
        say.textContent = "Write what is to be looked at again, then send it back.";
        comment.focus();
        return;
      }
      if (form.dataset.sent) {
        event.preventDefault();
        return;
      }
      form.dataset.sent = "yes";
      const now = looked + (since === null ? 0 : performance.now() - since);
      seconds.value = Math.min(most, now / 1000).toFixed(1);
    });

    // A page that comes back from the browser's memory can be sent again.
    window.addEventListener("pageshow", function () { delete form.dataset.sent; });

    document.addEventListener("keydown", function (event) {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      if (typing(event.target)) {
        if (event.key === "Escape") event.target.blur();
        return;
      }
      const key = event.key.toLowerCase();
      if (key === "c") {
        event.preventDefault();
        comment.focus();
        return;
      }
      if (key === "l" || key === "g") {
        const folded = document.querySelector(key === "l" ? "details.opinion" : "#guide");
        if (folded) folded.open = !folded.open;
        return;
      }
      for (const button of form.querySelectorAll("button[data-key]")) {
        if (button.dataset.key === key) {
          event.preventDefault();
          form.requestSubmit(button);
          return;
        }
      }
    });
  }

  function choosing(form) {
    const all = form.querySelector("[data-all]");
    if (!all) return;
    all.hidden = false;
    const boxes = Array.from(form.querySelectorAll("input[name=example_id]"));
    all.addEventListener("change", function () {
      for (const box of boxes) box.checked = all.checked;
    });
    form.addEventListener("change", function () {
      const chosen = boxes.filter(function (box) { return box.checked; }).length;
      all.checked = chosen === boxes.length;
      all.indeterminate = chosen > 0 && chosen < boxes.length;
    });
  }

  for (const form of document.querySelectorAll("form[data-review]")) review(form);
  for (const form of document.querySelectorAll("form[data-choosing]")) choosing(form);
})();
