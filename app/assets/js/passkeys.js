// Passkeys: ask the server for its question, the device for its answer, then send the form as any other.

export function startPasskeys(page) {
  // A page opened by a bare number has no name that a passkey could be bound to.
  const isNamed = !/^[\d.]+$|:/.test(window.location.hostname);
  if (!window.PublicKeyCredential || !isNamed) return;
  page.querySelectorAll("[data-wm-passkey]").forEach((form) => {
    form.querySelector("[data-wm-ready]").hidden = false;
    form.querySelector("[data-wm-unready]").hidden = true;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      event.stopPropagation(); // Not sent yet: the button must work again after a refusal.
      answer(form);
    });
  });
}

async function answer(form) {
  const failed = form.querySelector("[data-wm-failed]");
  failed.hidden = true;
  try {
    const asked = await fetch(form.dataset.wmOptions, {
      method: "POST",
      credentials: "same-origin",
      headers: { "X-CSRFToken": form.elements.csrf_token.value },
    });
    if (asked.ok) {
      const publicKey = binary(await asked.json());
      const credential = await navigator.credentials[form.dataset.wmPasskey]({ publicKey });
      form.elements.credential.value = JSON.stringify(plain(credential));
    }
    form.submit(); // Where the question was refused the server says why.
  } catch {
    failed.hidden = false;
  }
}

function binary(options) {
  const one = (known) => ({ ...known, id: bytes(known.id) });
  const made = { ...options, challenge: bytes(options.challenge) };
  if (made.user) made.user = one(made.user);
  for (const list of ["allowCredentials", "excludeCredentials"]) {
    if (made[list]) made[list] = made[list].map(one);
  }
  return made;
}

function plain({ id, rawId, type, response }) {
  const names = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
  const given = names.filter((name) => response[name]).map((name) => [name, text(response[name])]);
  return { id, rawId: text(rawId), type, response: Object.fromEntries(given) };
}

// base64url, as both sides write bytes.
function bytes(written) {
  const padded = written.replace(/-/g, "+").replace(/_/g, "/");
  return Uint8Array.from(atob(padded), (sign) => sign.charCodeAt(0));
}

function text(buffer) {
  const signs = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(signs).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}
