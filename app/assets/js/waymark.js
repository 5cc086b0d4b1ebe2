// Small comforts on top of pages that all work without this file. Nothing is stored in the browser.
import { keepFresh, standardIndex } from "./live.js";

export function startWaymark(page) {
  keepFresh(page);
  page.querySelectorAll("[data-wm-rows]").forEach(foldRows);
  sendOnce(page);
  page.querySelectorAll("[data-wm-exit]").forEach(leaveQuickly);
}

// A second tap on a slow line must not send the form twice. Going back lets it be sent again.
function sendOnce(page) {
  page.addEventListener("submit", (event) => {
    if (event.target.classList.contains("wm-sending")) event.preventDefault();
    event.target.classList.add("wm-sending");
  });
  window.addEventListener("pageshow", () => {
    page.querySelectorAll(".wm-sending").forEach((form) => form.classList.remove("wm-sending"));
  });
}

// Rows (children, places to avoid): all rows are in the page; here the blank ones fold away behind "Add".
function foldRows(group) {
  const list = group.querySelector("ul");
  const rows = [...group.querySelectorAll(".wm-rows__row")];
  rows.forEach((row) => list.append(row));
  group.querySelector("details")?.remove();

  const add = button("govuk-button govuk-button--secondary wm-button--small", group.dataset.wmRows);
  const refresh = () => { add.hidden = rows.every((row) => !row.hidden); };
  add.addEventListener("click", () => {
    const next = rows.find((row) => row.hidden);
    list.append(next); // Keeps the order in which she names them, also after a row was removed.
    next.hidden = false;
    fieldsOf(next)[0].focus();
    refresh();
  });
  rows.forEach((row, index) => {
    row.hidden = index > 0 && fieldsOf(row).every((field) => !isFilled(field)) && !row.querySelector(".govuk-error-message");
    const remove = button("wm-rows__remove", "\u00d7");
    remove.setAttribute("aria-label", `${group.dataset.wmRemove} ${index + 1}`);
    remove.addEventListener("click", () => {
      fieldsOf(row).forEach(clear);
      row.hidden = rows.some((other) => other !== row && !other.hidden);
      refresh();
      (add.hidden ? list.querySelector("input, select") : add).focus();
    });
    row.append(remove);
  });
  group.append(add);
  refresh();
}

const fieldsOf = (row) => [...row.querySelectorAll("input, select")];
const isFilled = (field) => field.value !== "" && !(field.matches("select") && field.options[0].value !== "");

function clear(field) {
  if (field.matches("select")) field.selectedIndex = field.options[0].value ? standardIndex(field) : 0;
  else field.value = "";
}

function button(classes, text) {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", className: classes, textContent: text });
  return made;
}

// Blank the page at once, then go: replace() leaves no entry to come back to.
function leaveQuickly(link) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    document.body.classList.add("wm-leaving");
    window.location.replace(link.href);
  });
}
