// One rule while it is typed: operators that fit the field, fields that belong to the target, values that leads had,
// rows without a round trip, and the rule in words. Without this file the page asks the server for each.

const form = document.querySelector("#rule-form");
const fitting = JSON.parse(form.dataset.fitting);
const without = new Set(["is_true", "is_false", "is_blank", "is_not_blank"]);
const hints = {
  one_of: "several, with commas", none_of: "several, with commas", between: "from",
  before: "2026-01-31", after: "2026-01-31", in_list: "the key of a list", not_in_list: "the key of a list",
};
const known = new Map();

const offer = async (row) => {
  const field = row.querySelector("[data-field]").value;
  const operator = row.querySelector("[data-operator]").value;
  const value = row.querySelector("[data-value]");
  if (operator === "in_list" || operator === "not_in_list") return value.setAttribute("list", `lists-${field}`);
  if (!field) return value.removeAttribute("list");
  const id = `values-${field}`;
  if (!known.has(field)) {
    known.set(field, true);
    const answer = await fetch(`${form.dataset.values}?field=${encodeURIComponent(field)}`).catch(() => null);
    const { values } = answer?.ok ? await answer.json() : { values: [] };
    const list = document.createElement("datalist");
    list.id = id;
    for (const { value: word, count } of values) list.append(new Option(count ? `${count} leads` : "", word));
    form.append(list);
  }
  value.setAttribute("list", id);
};

const fit = (row) => {
  const field = row.querySelector("[data-field]").value;
  const operator = row.querySelector("[data-operator]");
  const fits = fitting[field];
  for (const option of operator.options) {
    option.hidden = option.disabled = Boolean(fits) && !fits.includes(option.value);
  }
  if (fits && !fits.includes(operator.value)) operator.value = fits[0];
  const value = row.querySelector("[data-value]");
  const between = operator.value === "between";
  row.querySelector("[data-values]").hidden = without.has(operator.value);
  row.querySelector("[data-upto]").hidden = !between;
  row.querySelector("[data-value-name]").textContent = between ? "From" : "Value";
  value.placeholder = hints[operator.value] ?? "value";
  if (without.has(operator.value)) {  // what nobody sees would be refused; it comes back with the operator
    value.dataset.kept ||= value.value;
    value.value = "";
  } else if (value.dataset.kept) {
    value.value ||= value.dataset.kept;
    delete value.dataset.kept;
  }
};

const aim = () => {
  const target = form.elements.target.value;
  for (const part of form.querySelectorAll("[data-for]")) {
    part.hidden = !part.dataset.for.split(" ").includes(target);
    // What nobody sees is not sent, or it would be refused where nobody sees why.
    for (const field of part.querySelectorAll("input, select")) field.disabled = part.hidden;
  }
  const name = (field, words) => { field.closest(".field").querySelector("label").textContent = words; };
  name(form.elements.owner, target === "review" ? "Reviewer" : "Owner");
  name(form.elements.team, target === "team" ? "Team" : "Has to be in the team");
};

// Stages are listed as “Pipeline: stage”. One of another pipeline would be refused; one that is chosen stays to be seen.
const stages = () => {
  const { pipeline, stage } = form.elements;
  const chosen = pipeline.selectedOptions[0];
  for (const option of stage.options) {
    const fits = !option.value || (chosen?.value && option.text.startsWith(`${chosen.text}: `));
    option.hidden = option.disabled = !fits && !option.selected;
  }
};

let waiting = 0;
let asked = 0;
const say = () => {
  clearTimeout(waiting);
  waiting = setTimeout(async () => {
    const mine = ++asked;
    const answer = await fetch(form.dataset.say, { method: "POST", body: new FormData(form) }).catch(() => null);
    if (answer?.ok && mine === asked) form.querySelector("[data-says]").innerHTML = await answer.text();
  }, 500);
};

const addRow = (group) => {
  const row = form.querySelector("template[data-row]").content.firstElementChild.cloneNode(true);
  row.querySelector("[name=c-group]").value = group.dataset.group;
  group.insertBefore(row, group.querySelector("[data-add-row]"));
  fit(row);
  row.querySelector("[data-field]").focus();
};

// “If” before the first alternative, “or if” before the others; without any, what that means.
const headings = () => {
  const groups = [...form.querySelectorAll("[data-group]")];
  groups.forEach((group, place) => { group.querySelector("legend").textContent = place ? "or if" : "If"; });
  form.querySelector("[data-none]").hidden = groups.length > 0;
  form.querySelector("[data-add-group]").lastChild.textContent = groups.length ? "Add an alternative" : "Add a condition";
};

const removeRow = (row) => {
  const group = row.closest("[data-group]");
  row.remove();
  if (!group.querySelector("[data-condition]")) group.remove();
  headings();
  (group.isConnected ? group.querySelector("[data-field]") : form.querySelector("[data-add-group]")).focus();
};

const addGroup = () => {
  const groups = form.querySelector("[data-groups]");
  const all = [...groups.querySelectorAll("[data-group]")];
  const group = document.createElement("fieldset");
  group.className = "rule-group";
  group.dataset.group = String(Math.max(-1, ...all.map((one) => Number(one.dataset.group))) + 1);
  const legend = document.createElement("legend");
  const more = document.createElement("button");
  more.type = "button";
  more.className = "button small";
  more.dataset.addRow = "";
  more.append(form.querySelector("[data-add-group] svg").cloneNode(true), "and…");
  group.append(legend, more);
  groups.insertBefore(group, groups.lastElementChild);
  headings();
  addRow(group);
};


if (form.querySelector("[data-add-group]")) {
  form.classList.add("has-script");
  for (const part of form.querySelectorAll("[data-with-script]")) part.hidden = false;
  form.elements.sequence.setAttribute("list", "sequences");
  for (const row of form.querySelectorAll("[data-condition]")) fit(row);
  aim();
  stages();
  if (document.querySelector(".banner[role=alert]")) say();  // what was typed came back: what does it say?
  form.addEventListener("focusin", (event) => {
    const row = event.target.matches("[data-value]") && event.target.closest("[data-condition]");
    if (row) offer(row);
  });
  form.addEventListener("change", (event) => {
    const row = event.target.closest("[data-condition]");
    if (row) fit(row);
    if (event.target.name === "target") aim();
    if (event.target.name === "pipeline") {
      form.elements.stage.value = "";
      stages();
    }
    say();
  });
  form.addEventListener("input", say);
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.matches("[data-add-row]")) { event.preventDefault(); addRow(button.closest("[data-group]")); }
    if (button.matches("[data-add-group]")) { event.preventDefault(); addGroup(); }
    if (button.matches("[data-remove]")) {
      event.preventDefault();
      removeRow(button.closest("[data-condition]"));
      say();
    }
  });
}
