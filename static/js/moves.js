// Keeps the progress of a move fresh, and shows the whole page anew when it is over. Without this file one looks again.

const part = document.querySelector("[data-under-way]");

const refresh = async () => {
  const answer = document.hidden ? null : await fetch(location.href, { redirect: "error" }).catch(() => null);
  if (!answer?.ok) return setTimeout(refresh, 3000);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("[data-under-way]");
  if (!fresh) return location.reload();
  part.replaceChildren(...fresh.childNodes);
  setTimeout(refresh, 2000);
};

if (part) setTimeout(refresh, 2000);
