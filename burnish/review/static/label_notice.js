// What the labeling page tells beside the example: one notice at a time, with a way on.
//
// What belongs here: the words of a notice, its kind, and buttons in it. What does not: when
// something is told (label.js).
"use strict";

window.burnishNotice = (notice) => {
  function tell(text, kind = "") {
    if (notice.textContent !== text) notice.textContent = text;
    notice.dataset.kind = kind;
    notice.hidden = false;
  }

  function hush() {
    notice.hidden = true;
    notice.textContent = "";
    notice.dataset.kind = "";
  }

  function tellRefusal(told, before = "") {
    const great = (words) => words[0].toUpperCase() + words.slice(1);
    const after = [told.expected && `expected: ${told.expected}`, told.hint].filter(Boolean).map(great);
    // What was found may begin with a name, which is written as it is.
    tell([[before, told.found].filter(Boolean).join(": "), ...after].join(". ") + ".", "refused");
  }

  function button(text, action) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "button";
    made.textContent = text;
    made.addEventListener("click", action);
    return made;
  }

  return { tell, hush, tellRefusal, button };
};
