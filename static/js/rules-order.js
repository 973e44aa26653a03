// Drags a rule to another place of the path, and moves the focused one with Alt and an arrow. Both send the forms that
// the page has anyway; without this file the buttons do.

const path = document.querySelector("[data-editing]");
const form = document.querySelector("#place-form");
const said = document.querySelector("#place-said");
let dragged = null;

const clear = () => {
  for (const row of path.querySelectorAll(".is-before, .is-end")) row.classList.remove("is-before", "is-end");
};

const goal = (event) => {
  const list = event.target.closest("[data-step]")?.querySelector("[data-rules]");
  if (!list) return null;
  const rows = [...list.querySelectorAll("[data-rule]")].filter((row) => row !== dragged);
  const before = rows.find((row) => {
    const box = row.getBoundingClientRect();
    return event.clientY < box.top + box.height / 2;
  });
  return { list, before };
};

const send = (rule, step, before) => {
  form.elements.rule.value = rule;
  form.elements.step.value = step;
  form.elements.before.value = before ?? "";
  said.textContent = "Moving the rule.";
  form.requestSubmit();
};

if (path) {
  path.classList.add("can-drag");
  for (const grip of path.querySelectorAll("[data-grip]")) {
    grip.addEventListener("pointerdown", () => { grip.closest("[data-rule]").draggable = true; });
    grip.addEventListener("pointerup", () => { grip.closest("[data-rule]").draggable = false; });
  }
  path.addEventListener("dragstart", (event) => {
    dragged = event.target.closest?.("[data-rule]");
    if (!dragged?.draggable) return;
    dragged.classList.add("is-dragged");
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged.dataset.rule);
  });
  path.addEventListener("dragover", (event) => {
    const at = dragged && goal(event);
    if (!at) return;
    event.preventDefault();
    clear();
    if (at.before) at.before.classList.add("is-before");
    else at.list.classList.add("is-end");
  });
  path.addEventListener("drop", (event) => {
    const at = dragged && goal(event);
    if (!at) return;
    event.preventDefault();
    send(dragged.dataset.rule, at.list.closest("[data-step]").dataset.step, at.before?.dataset.rule);
  });
  path.addEventListener("dragend", () => {
    clear();
    dragged?.classList.remove("is-dragged");
    if (dragged) dragged.draggable = false;
    dragged = null;
  });
  path.addEventListener("keydown", (event) => {
    const button = event.altKey && { ArrowUp: "[data-up]", ArrowDown: "[data-down]" }[event.key];
    const rule = button && event.target.closest("[data-rule]");
    if (!rule) return;
    event.preventDefault();
    rule.querySelector(button)?.click();
  });
  const back = location.hash.startsWith("#rule-") && document.querySelector(location.hash);
  if (back) back.focus({ preventScroll: true });
}
