// While a teacher writes: the page loads itself again when a file of the lessons is another than the page was made from.
(() => {
  const made = new URL(document.currentScript.src).search.slice(1);
  setInterval(async () => {
    if (document.hidden) return;
    try {
      const { version } = await (await fetch("/api/lessons")).json();
      if (version !== made) location.reload();
    } catch {
      // the server was stopped; what is shown stays
    }
  }, 1000);
})();
