// The queue's keys j, k and c, and what others do meanwhile. Without this file everything works by click and tab.

const typing = (target) => target.closest?.("input, select, textarea, [contenteditable]");
const rows = () => [...document.querySelectorAll("tr[data-item]")];

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  const all = rows();
  const at = all.findIndex((row) => row.contains(document.activeElement));
  const step = { j: 1, k: -1 }[event.key];
  if (step) all[Math.max(0, Math.min(all.length - 1, at + step))]?.querySelector("a").focus();
  else if (event.key === "c" && at >= 0) all[at].querySelector(".act button")?.click();
});

const words = (seconds) => {
  const minutes = Math.floor(Math.abs(seconds) / 60);
  if (minutes < 1) return seconds < 0 ? "now" : `in ${Math.floor(seconds)} s`;
  const hours = Math.floor(minutes / 60);
  const rest = String(minutes % 60).padStart(2, "0");
  const span = minutes < 60 ? `${minutes} min` : hours < 48 ? `${hours} h ${rest}` : `${Math.floor(hours / 24)} days`;
  return seconds > 0 ? `in ${span}` : `${span} ago`;
};

const tick = () => {
  for (const due of document.querySelectorAll("[data-due]")) {
    const left = Number(due.dataset.due) - Date.now() / 1000;
    due.querySelector("time").textContent = (left < 0 && !due.closest(".countdown.bad") ? "overdue, " : "") + words(left);
  }
};

setInterval(tick, 1000);

const part = document.querySelector("[data-refresh]");

const refresh = async () => {
  if (document.hidden) return;
  const answer = await fetch(part.dataset.refresh, { redirect: "error" }).catch(() => null);
  if (!answer?.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  part.replaceChildren(...fresh.body.childNodes);
  for (const hand of part.querySelectorAll("[data-item]")) {
    const row = document.querySelector(`tr[data-item="${CSS.escape(hand.dataset.item)}"]`);
    if (!row || row.classList.contains("taken")) continue;
    row.classList.add("taken");
    const told = document.createElement("span");
    told.className = "muted small";
    told.textContent = hand.querySelector("strong").textContent + " was faster";
    row.querySelector(".act").replaceChildren(told);
  }
};

if (part) setInterval(refresh, 5000);
