/**
 * Parts of a page with an id and data-live are fetched again when one of the page's
 * <durable-stream> elements has news, and every second where it cannot have any.
 */

const NEWS = ["status", "step", "event", "end"];
// Milliseconds.
const REST = 150;
const WITHOUT_NEWS = 1000;

let isDue = false;
let isBusy = false;

async function refresh() {
  isDue = true;
  if (isBusy) return;
  isBusy = true;
  while (isDue) {
    isDue = false;
    const response = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
    if (response?.ok) replace(new DOMParser().parseFromString(await response.text(), "text/html"));
    await new Promise((resolve) => setTimeout(resolve, REST));
  }
  isBusy = false;
}

function replace(fresh) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const other = fresh.getElementById(part.id);
    if (other && !isInUse(part)) part.replaceWith(document.adoptNode(other));
  }
}

/** Tell whether somebody is writing there. */
function isInUse(part) {
  const inputs = [...part.querySelectorAll("input:not([type=hidden])")];
  return inputs.some((input) => input === document.activeElement || input.value !== input.defaultValue);
}

for (const name of NEWS) document.addEventListener(`durable:${name}`, refresh);
document.addEventListener("durable:error", ({ detail }) => {
  if (!detail.fatal) return;
  refresh();
  setInterval(refresh, WITHOUT_NEWS);
});
