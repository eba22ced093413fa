// Finding one of many classes by typing a part of its name.
//
// What belongs here: narrowing the buttons, marking one, choosing it. What does not: what a choice
// does (label.js). Without this file all classes are buttons in a list.
"use strict";

/** `choose` is called with the button that Enter stands for. */
window.burnishFind = (field, list, told, choose) => {
  const all = [...list.children];
  let marked = 0;

  const fitting = () => [...list.children].filter((choice) => !choice.hidden);

  function narrow() {
    const words = field.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    const name = (choice) => choice.value.toLocaleLowerCase();
    // Those that begin with what was typed come first.
    const late = (choice) => Number(!name(choice).startsWith(words[0]));
    list.append(...(words.length ? [...all].sort((a, b) => late(a) - late(b)) : all));
    for (const choice of all) choice.hidden = !words.every((word) => name(choice).includes(word));
    mark(0);
    const found = fitting();
    const first = found.length ? `${found.length} of ${all.length}; Enter: ${found[0].value}` : "no class fits";
    told.textContent = words.length ? first : "";
  }

  function mark(place) {
    const found = fitting();
    marked = Math.max(0, Math.min(place, found.length - 1));
    for (const choice of all) choice.classList.remove("label-marked");
    if (!field.value.trim() || !found.length) return;
    found[marked].classList.add("label-marked");
    found[marked].scrollIntoView({ block: "nearest" });
    told.textContent = `Enter: ${found[marked].value}`;
  }

  function pressed(event) {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      mark(marked + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter") {
      event.preventDefault();
      const choice = fitting()[marked];
      if (!event.repeat && field.value.trim() && choice) choose(choice);
    }
  }

  field.addEventListener("input", narrow);
  field.addEventListener("keydown", pressed);
  return {
    reset() {
      field.value = "";
      narrow();
    },
  };
};
