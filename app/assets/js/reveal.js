// Questions that open under a radio or checkbox. Ours and not govuk-frontend's, because theirs puts
// aria-expanded on an input, which ARIA does not allow there (axe: aria-allowed-attr).

export function startReveals(page) {
  const inputs = [...page.querySelectorAll("input[data-aria-controls]")];
  const refresh = () => inputs.forEach((input) => {
    const panel = document.getElementById(input.dataset.ariaControls);
    const kind = input.type === "radio" ? "radios" : "checkboxes";
    panel?.classList.toggle(`govuk-${kind}__conditional--hidden`, !input.checked);
  });
  page.addEventListener("change", refresh);
  window.addEventListener("pageshow", refresh);
  refresh();
}
