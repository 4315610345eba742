// The meaning of a word of the glossary beside the word itself. Without this script the word leads to the same meaning in
// the list on the page.
(function () {
  "use strict";
  let shown = null;

  function close(returns) {
    if (shown === null) return;
    const { link, box } = shown;
    shown = null;
    box.remove();
    link.setAttribute("aria-expanded", "false");
    link.removeAttribute("aria-controls");
    if (returns) link.focus();
  }

  function open(link, meaning) {
    close(false);
    const name = meaning.querySelector("dt").cloneNode(true);
    const text = meaning.querySelector("dd > span").cloneNode(true);
    const more = window.hubpacks.element("a", { class: "govuk-link", href: meaning.querySelector("dd a").href });
    more.textContent = window.hubpacks.words("terms.more");
    const shut = window.hubpacks.element("button", { type: "button", class: "hp-meaning__close" });
    shut.textContent = window.hubpacks.words("terms.close");
    shut.addEventListener("click", () => close(true));
    const heading = window.hubpacks.element("strong", { class: "hp-meaning__name", lang: name.getAttribute("lang") });
    heading.textContent = name.textContent;
    // Inline elements, since it stands inside a paragraph: right behind its word, so that it is read next.
    const box = window.hubpacks.element(
      "span",
      { class: "hp-meaning", id: "meaning", "data-not-copied": true },
      heading, " ", text, " ", window.hubpacks.element("span", { class: "hp-meaning__ways" }, more, " ", shut)
    );
    link.after(box);
    link.setAttribute("aria-expanded", "true");
    link.setAttribute("aria-controls", "meaning");
    shown = { link, box };
    place(link, box);
  }

  // Under the word, and never beyond the sides of the text.
  function place(link, box) {
    const around = box.offsetParent.getBoundingClientRect();
    const lines = link.getClientRects();
    const word = lines[lines.length - 1];
    const left = Math.max(0, Math.min(word.left - around.left, around.width - box.offsetWidth));
    box.style.left = left + "px";
    box.style.top = word.bottom - around.top + 6 + "px";
    box.scrollIntoView({ block: "nearest" });
  }

  document.querySelectorAll("a.hp-term").forEach((link) => {
    const meaning = document.getElementById(link.hash.slice(1));
    if (meaning === null) return;
    link.setAttribute("role", "button");
    link.setAttribute("aria-expanded", "false");
    link.addEventListener("click", (event) => {
      event.preventDefault();
      if (shown !== null && shown.link === link) close(false);
      else open(link, meaning);
    });
    link.addEventListener("keydown", (event) => {
      if (event.key !== " ") return; // what is a button answers to this key too
      event.preventDefault();
      link.click();
    });
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close(true);
  });
  document.addEventListener("click", (event) => {
    if (shown !== null && !shown.box.contains(event.target) && event.target.closest("a.hp-term") !== shown.link) close(false);
  });
  window.addEventListener("resize", () => {
    if (shown !== null) place(shown.link, shown.box);
  });
})();
