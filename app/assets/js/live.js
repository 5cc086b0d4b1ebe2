// Live parts of a page: each second a page asks whether there is anything new for this person, and looks only then.
// Where nobody can say, it looks by the clock. What is being typed is never taken away. docs/live.md.
import morphdom from "morphdom";

const SECOND = 1000;
const ASK_EVERY = 1 * SECOND;
const ASK_AT_MOST_EVERY = 5 * SECOND; // while the service does not answer
const LOOK_WITHOUT_WORD = 5 * SECOND; // when nobody can say whether there is news
const LOOK_ANYWAY = 20 * SECOND; // "12 minutes left" changes without news
const SAY_SO_AFTER = 8 * SECOND;
const LEAST_BETWEEN_LOADS = 5 * SECOND;
const REMEMBERED = 40;
const ASKS_BY_ITSELF = { "X-Waymark-Live": "1" }; // It keeps nobody signed in.

export function keepFresh(page) {
  const boxes = [...page.querySelectorAll("[data-wm-live]")].map((element) => ({ element, shown: "", held: "" }));
  if (!boxes.length) return;
  const sources = [...new Set(boxes.map(urlOf))].map((url) => ({ url, boxes: boxes.filter((box) => urlOf(box) === url), etag: "", lookedAt: -Infinity }));
  const where = page.querySelector("[data-wm-stamp]").dataset.wmStamp;
  const state = { seen: [], isAsking: false, isGone: false, failures: 0, goodAt: performance.now(), clock: Date.now() - performance.now() };

  const ask = async () => {
    if (document.hidden || state.isAsking || state.isGone) return;
    state.isAsking = true;
    try {
      const stamp = await stampAt(where, state);
      const isNews = stamp && !state.seen.includes(stamp);
      const wait = stamp ? LOOK_ANYWAY : LOOK_WITHOUT_WORD;
      const due = sources.filter((source) => isNews || performance.now() - source.lookedAt >= wait);
      const looks = await Promise.all(due.map((source) => look(source, state)));
      const isGood = looks.every(Boolean);
      if (isGood && isNews) state.seen = [...state.seen, stamp].slice(-REMEMBERED);
      if (!isGood) state.failures += 1;
      else if (stamp || looks.length) Object.assign(state, { failures: 0, goodAt: performance.now() });
      boxes.filter((box) => box.held).forEach((box) => offer(box, box.held));
    } finally {
      state.isAsking = false;
    }
    boxes.forEach((box) => sayStale(box.element, state));
  };
  const turn = () => ask().finally(() => setTimeout(turn, Math.min(ASK_EVERY * 2 ** state.failures, ASK_AT_MOST_EVERY)));
  document.addEventListener("visibilitychange", ask);
  window.addEventListener("online", ask);
  turn();
}

// A word that changes when there is news; empty when nobody can say.
async function stampAt(where, state) {
  try {
    const answer = await get(where, ASKS_BY_ITSELF);
    if (isSignedOut(answer)) leave(state);
    return answer.ok ? await answer.text() : "";
  } catch {
    return "";
  }
}

async function look(source, state) {
  try {
    const answer = await get(source.url, { ...ASKS_BY_ITSELF, ...(source.etag && { "If-None-Match": source.etag }) });
    if (isRefused(answer)) leave(state);
    if (answer.status !== 304 && !answer.ok) return false;
    const time = Number(answer.headers.get("X-Waymark-Time"));
    if (time) state.clock = time * SECOND - performance.now();
    if (answer.status !== 304) {
      const html = await answer.text();
      source.etag = answer.headers.get("ETag") || "";
      source.boxes.forEach((box) => take(box, partOf(box, html)));
    }
    source.lookedAt = performance.now();
    return true;
  } catch {
    return false;
  }
}

function take(box, html) {
  box.held = "";
  if (isNews(html, box.shown)) offer(box, html);
  else forget(box);
}

const urlOf = (box) => box.element.dataset.wmLive;

// One answer may hold several parts of a page, each in a template with its name.
function partOf(box, html) {
  const name = box.element.dataset.wmPart;
  if (!name) return html;
  const holder = document.createElement("template");
  holder.innerHTML = html;
  return holder.content.querySelector(`template[data-wm-part="${name}"]`).innerHTML;
}

const get = (url, headers) => fetch(url, { cache: "no-store", credentials: "same-origin", redirect: "manual", headers });
const isSignedOut = (answer) => answer.type === "opaqueredirect" || answer.status === 401;
const isRefused = (answer) => isSignedOut(answer) || [403, 404].includes(answer.status);

// Signed out or taken away: load the page again so nothing stays on the screen. A page that is refused as soon as it
// has come must not spin.
function leave(state) {
  if (!state.isGone) setTimeout(() => window.location.reload(), Math.max(LEAST_BETWEEN_LOADS - performance.now(), 0));
  state.isGone = true;
}

// Each answer carries a new form token; a token alone is no news.
const withoutTokens = (html) => html.replace(/name="csrf_token" value="[^"]*"/g, "");
const isNews = (html, before) => withoutTokens(html) !== withoutTokens(before);

// Show what is new around the forms in use. Where that cannot be, keep it until they are done or she asks for it.
function offer(box, html) {
  const next = document.createElement(box.element.localName);
  next.innerHTML = html;
  const busy = formsInUse(box.element);
  if (busy.every((form) => form !== box.element && isStillIn(next, form))) show(box, html, () => morph(box.element, next, busy));
  else if (box.held !== html) hold(box, html);
}

function show(box, html, change) {
  const before = headline(box.element);
  change();
  Object.assign(box, { shown: html, held: "" });
  forget(box);
  const voice = document.querySelector("[data-wm-say]");
  if (voice && headline(box.element) !== before) voice.textContent = headline(box.element);
}

const headline = (element) => element.querySelector("[data-wm-headline]")?.textContent.trim() || "";

function hold(box, html) {
  box.held = html;
  forget(box);
  box.note = document.createElement("div");
  box.note.className = "wm-flash wm-flash--warning";
  box.note.setAttribute("role", "status");
  const button = document.createElement("button");
  Object.assign(button, { type: "button", className: "wm-plain-button", textContent: "Show it now and clear what is not sent" });
  button.addEventListener("click", () => show(box, html, () => { box.element.innerHTML = html; }));
  box.note.append("This has changed since you began. ", button);
  box.element.before(box.note);
}

function forget(box) {
  box.note?.remove();
  box.note = undefined;
}

// The forms with something typed, chosen, wrong or in hand; the live part itself where a form lies around it.
function formsInUse(element) {
  const fields = [...element.querySelectorAll("input:not([type=hidden]), select, textarea, .govuk-error-message")];
  const used = fields.filter((field) => isInHand(field) || isTouched(field));
  return [...new Set(used.map((field) => { const form = field.closest("form"); return form && element.contains(form) ? form : element; }))];
}

// A box or button that has the focus keeps it by its id; only what is written into must stand still.
const isInHand = (field) => field === document.activeElement && !field.matches("[type=radio], [type=checkbox]");

function isTouched(field) {
  if (field.matches(".govuk-error-message")) return true;
  if (field.matches("[type=radio], [type=checkbox]")) return field.checked !== field.defaultChecked;
  if (field.matches("select")) return field.selectedIndex !== standardIndex(field);
  return field.value !== field.defaultValue;
}

export const standardIndex = (select) => Math.max([...select.options].findIndex((option) => option.defaultSelected), 0);

const keyOf = (node) => node.id || (node.localName === "form" ? `form ${node.getAttribute("action")}` : undefined);
const isStillIn = (next, form) => [...next.querySelectorAll("form")].some((other) => keyOf(other) === keyOf(form));

function morph(element, next, busy) {
  const hand = document.activeElement;
  const caret = typeof hand.selectionStart === "number" ? [hand.selectionStart, hand.selectionEnd] : null;
  morphdom(element, next, {
    childrenOnly: true,
    getNodeKey: keyOf,
    onBeforeElUpdated: (from, to) => {
      if (busy.includes(from) || from.classList.contains("wm-sending")) return false;
      if (from.localName === "details" && from.id) to.toggleAttribute("open", from.open);
      return !from.isEqualNode(to);
    },
  });
  if (!element.contains(hand) || hand === document.activeElement) return;
  hand.focus({ preventScroll: true }); // It was moved with its form, and moving lets go of it.
  if (caret) hand.setSelectionRange(...caret);
}

function sayStale(element, state) {
  const line = element.parentElement.querySelector("[data-wm-stale]");
  if (!line) return;
  line.hidden = !state.failures || performance.now() - state.goodAt < SAY_SO_AFTER;
  const since = new Date(state.clock + state.goodAt).toLocaleTimeString("en-GB", { timeZone: "Europe/London", hour: "2-digit", minute: "2-digit" });
  line.querySelector("[data-wm-since]").textContent = ` since ${since}`;
}
