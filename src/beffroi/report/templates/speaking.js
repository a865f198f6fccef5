"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const one = (id) => document.getElementById(id);

  const speak = (language) => {
    root.lang = language;
    one(`lang-${language}`).checked = true;
    document.title = language === "fr" ? root.dataset.titleFr : root.dataset.titleEn;
  };
  const followAddress = () => {
    const place = decodeURIComponent(location.hash.slice(1));
    if (place === "fr" || place === "en") return speak(place);
    const target = place && one(place);
    if (!target) return;
    for (let box = target; box; box = box.parentElement) if (box.tagName === "DETAILS") box.open = true;
    target.scrollIntoView();
  };
  all(".languages input").forEach((choice) =>
    choice.addEventListener("change", () => {
      speak(choice.value);
      history.replaceState(null, "", `#${choice.value}`);
    }));
  addEventListener("hashchange", followAddress);
  followAddress();
})();
