// The console's behaviour. No code stands in the pages; they work without this file.

for (const button of document.querySelectorAll("[data-dd-copy]")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.ddCopy);
    const text = button.textContent;
    button.textContent = button.dataset.ddCopied || "✔";
    setTimeout(() => { button.textContent = text; }, 1500);
  });
}

// "/" goes to the search, unless somebody is writing.
document.addEventListener("keydown", (event) => {
  const isWriting = event.target.closest("input, textarea, select, [contenteditable]");
  const search = document.querySelector("#searchbar");
  if (event.key === "/" && !isWriting && search) {
    event.preventDefault();
    search.focus();
  }
});
