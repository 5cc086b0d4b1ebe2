// Shows new texts without a reload; what somebody is typing is never touched. Without script there is a Refresh link.
"use strict";

const SECONDS = 3;

function bottom(thread) {
  thread.scrollTop = thread.scrollHeight;
}

async function refresh() {
  if (document.hidden) return;
  const answer = await fetch(location.pathname + location.search, { cache: "no-store" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const threads = [...document.querySelectorAll("[data-thread]")];
  const names = [...fresh.querySelectorAll("[data-thread]")].map((thread) => thread.dataset.thread);
  const writing = [...document.querySelectorAll("textarea")].some((box) => box.value || box === document.activeElement);
  if (names.join() !== threads.map((thread) => thread.dataset.thread).join() && !writing) {
    document.querySelector("main").replaceWith(fresh.querySelector("main"));
    document.querySelectorAll("[data-thread]").forEach(bottom);
    return;
  }
  for (const thread of threads) {
    const next = fresh.querySelector(`[data-thread="${thread.dataset.thread}"]`);
    if (next && next.innerHTML !== thread.innerHTML && !thread.contains(document.activeElement)) {
      thread.innerHTML = next.innerHTML;
      bottom(thread);
    }
  }
}

document.querySelectorAll("[data-thread]").forEach(bottom);
setInterval(() => refresh().catch(() => undefined), SECONDS * 1000);
