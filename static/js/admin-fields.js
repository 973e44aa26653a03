// Gives the names of fields to what the stock admin's widgets put in their place, for readers of the screen.

const nameFields = (root) => {
  for (const select of root.querySelectorAll("select.admin-autocomplete")) {
    const label = document.querySelector(`label[for="${CSS.escape(select.id)}"]`)?.textContent
      ?? select.closest("td[data-label]")?.dataset.label;
    const box = select.nextElementSibling;
    if (!label || !box?.classList.contains("select2")) continue;
    for (const part of box.querySelectorAll(".select2-selection, .select2-selection__rendered")) {
      part.removeAttribute("aria-labelledby");
      part.setAttribute("aria-label", label.replace(/:\s*$/, ""));
    }
  }
  for (const mark of root.querySelectorAll(".search-label-icon")) mark.setAttribute("role", "img");
};

// After the stock scripts, which wait for the document and then for the window.
window.addEventListener("load", () => setTimeout(nameFields, 0, document));
document.addEventListener("formset:added", (event) => setTimeout(nameFields, 0, event.target));
