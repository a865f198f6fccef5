(() => {
  // The next page opens in the language that this one is read in.
  addEventListener("click", (event) => {
    const link = event.target.closest('a[href$=".html"]');
    if (link) link.hash = document.documentElement.lang;
  });
  // What is folded on the screen is whole on paper.
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((each) => (each.open = true)));
})();
