// Before the first paint: the colours that the reader chose earlier, and the projector's size. Loaded in the head, as a
// file of its own, because the page allows no script inside it; everything else waits until the page is there.
(() => {
  const root = document.documentElement;
  root.classList.toggle("present", new URLSearchParams(location.search).has("present"));
  try {
    const theme = localStorage.getItem("unrolled.theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch {
    // a browser that keeps nothing
  }
})();
