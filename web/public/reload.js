// While a teacher writes: the page loads itself again when a lesson's file has changed.
(() => {
  let known;
  setInterval(async () => {
    if (document.hidden) return;
    try {
      const { version } = await (await fetch("/api/lessons")).json();
      if (known !== undefined && version !== known) location.reload();
      known = version;
    } catch {
      // the server was stopped; what is shown stays
    }
  }, 1000);
})();
