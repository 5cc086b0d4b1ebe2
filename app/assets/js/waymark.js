// Small comforts on top of pages that all work without this file. Nothing is stored in the browser.

const SECONDS = 1000;
const FAILURES_BEFORE_WE_SAY_SO = 3;

export function startWaymark(page) {
  page.querySelectorAll("[data-wm-live]").forEach(keepFresh);
  page.querySelectorAll("[data-wm-rows]").forEach(foldRows);
  sendOnce(page);
  page.querySelectorAll("[data-wm-exit]").forEach(leaveQuickly);
}

// Live status: fetch a fragment while the page is looked at and swap it when it has changed.
function keepFresh(box) {
  const every = (Number(box.dataset.wmEvery) || 10) * SECONDS;
  const state = { etag: "", html: "", failures: 0, stopped: false };

  const look = async () => {
    if (document.hidden || state.stopped || isBusy(box)) return;
    try {
      const answer = await fetch(box.dataset.wmLive, {
        cache: "no-store",
        credentials: "same-origin",
        redirect: "manual",
        headers: { "X-Waymark-Live": "1", ...(state.etag && { "If-None-Match": state.etag }) },
      });
      if (answer.type === "opaqueredirect" || [401, 403, 404].includes(answer.status)) {
        state.stopped = true; // Signed out or taken away: load the page again so nothing stays on the screen.
        window.location.reload();
        return;
      }
      if (answer.status !== 304) {
        if (!answer.ok) throw new Error(String(answer.status));
        const html = await answer.text();
        if (isBusy(box)) return; // She began to type while we were fetching; the next look brings it.
        if (isNews(html, state.html)) swap(box, html);
        Object.assign(state, { html, etag: answer.headers.get("ETag") || "" });
      }
      state.failures = 0;
    } catch {
      state.failures += 1;
    }
    sayStale(box, state.failures >= FAILURES_BEFORE_WE_SAY_SO);
  };

  setInterval(look, every);
  document.addEventListener("visibilitychange", look);
}

// Each answer carries a new form token; a token alone is no news.
const withoutTokens = (html) => html.replace(/name="csrf_token" value="[^"]*"/g, "");
const isNews = (html, before) => withoutTokens(html) !== withoutTokens(before);

// Never swap under the person's hands: something typed, chosen or opened would be lost.
function isBusy(box) {
  const fields = [...box.querySelectorAll("input:not([type=hidden]), select, textarea")];
  return fields.some((field) => field === document.activeElement || isTouched(field));
}

function isTouched(field) {
  if (field.matches("[type=radio], [type=checkbox]")) return field.checked !== field.defaultChecked;
  if (field.matches("select")) return field.selectedIndex !== standardIndex(field);
  return field.value !== field.defaultValue;
}

const standardIndex = (select) => Math.max([...select.options].findIndex((option) => option.defaultSelected), 0);

function swap(box, html) {
  const focused = box.contains(document.activeElement) ? document.activeElement.id : "";
  const open = [...box.querySelectorAll("details[open][id]")].map((details) => details.id);
  const before = headline(box);
  box.innerHTML = html;
  open.forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  const voice = document.querySelector("[data-wm-say]");
  if (voice && headline(box) !== before) voice.textContent = headline(box);
}

const headline = (box) => box.querySelector("[data-wm-headline]")?.textContent.trim() || "";

function sayStale(box, isStale) {
  const line = box.parentElement.querySelector("[data-wm-stale]");
  if (line) line.hidden = !isStale;
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
