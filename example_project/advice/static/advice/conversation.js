// A page that is open for longer than its tokens last asks for others.
document.addEventListener("durable:token", ({ target, detail }) => {
  const { tokenUrl } = target.dataset;
  if (tokenUrl) detail.use(fetch(tokenUrl).then((response) => (response.ok ? response.text() : "")));
});
