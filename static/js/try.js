// Shows the steps of a decision one after the other, then keeps its plan fresh. Without this file all is there at once.

const story = document.querySelector("[data-story]");
const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
const seen = sessionStorage.getItem("try") === location.pathname;
const parts = [...story.querySelectorAll(".try-facts, .decision-reason, .walk-step, .decision > .card ~ .card")];
const first = parts.filter((part) => part.matches(".walk-step"));
const order = [...first, ...parts.filter((part) => !first.includes(part))];

const refresh = async (tries) => {
  if (!tries || !story.matches("[data-waits]")) return;
  const answer = await fetch(location.href).catch(() => null);
  const fresh = answer?.ok && new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-story]");
  if (fresh && !fresh.matches("[data-waits]")) {
    story.removeAttribute("data-waits");
    if (!story.contains(document.activeElement)) story.replaceChildren(...fresh.childNodes);
  } else setTimeout(refresh, 1500, tries - 1);
};

if (calm || seen) refresh(10);
else {
  sessionStorage.setItem("try", location.pathname);
  for (const part of order) part.classList.add("coming");
  order.forEach((part, at) => setTimeout(() => {
    part.classList.add("came");
    part.classList.remove("coming");
  }, 180 * at));
  setTimeout(refresh, 180 * order.length + 300, 10);
}
