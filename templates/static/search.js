// The search page: shows what search_index.js finds while a reader types, and keeps the question in the address, so that
// it can be sent to others and found again with the browser's back button. Nothing is sent anywhere.
(function () {
  "use strict";
  const { load, words, element, search } = window.hubpacks;
  const form = document.querySelector("form[data-search]");
  const root = document.documentElement.dataset.root;
  const language = form.dataset.search;
  const other = language === "cy" ? "en" : "cy";
  const box = form.querySelector("input");
  const title = document.title;
  const place = (name) => document.querySelector("[data-" + name + "]");
  const parts = Object.fromEntries(["told", "read", "best", "found", "more"].map((name) => [name, place(name)]));
  const lead = place("lead");
  const filterBox = place("filters");
  const AT_ONCE = 20;
  const PAUSE_MS = 60; // between letters, before anything is looked for
  const KEPT_AFTER_MS = 400; // in the address: browsers refuse to have it changed with every letter
  const TOLD_AFTER_MS = 700; // after the last letter, so that nobody hears a number for each of them
  const READ_FOR_MS = 5000; // then it is gone, so that nobody meets it twice
  const FILTERS = [["kind", "kind"], ["sector", "sectors"], ["technology", "technology_types"]];
  let index = null;
  let shown = AT_ONCE;
  let asked = null;
  let pausing = 0;
  let keeping = 0;
  let telling = 0;

  function url(path) {
    return root + language + "/" + path;
  }

  // What the address asks: the question, and the id of each filter that is set.
  function inAddress() {
    const known = new URLSearchParams(location.search);
    const filters = FILTERS.map(([name]) => [name, known.get(name) || ""]);
    return { question: (known.get("q") || "").slice(0, box.maxLength), filters: Object.fromEntries(filters) };
  }

  function addressOf({ question, filters }) {
    const known = new URLSearchParams();
    if (question) known.set("q", question);
    FILTERS.forEach(([name]) => filters[name] && known.set(name, filters[name]));
    const query = known.toString();
    return location.pathname + (query ? "?" + query : "");
  }

  // Put what is asked into the address: as another page of the browser's history, or in the place of this one.
  function keep(isNew) {
    clearTimeout(keeping);
    const address = addressOf(asked);
    if (address !== location.pathname + location.search) {
      if (isNew) history.pushState(null, "", address);
      else history.replaceState(null, "", address);
    }
    // The same page in the other language answers the same question.
    document.querySelectorAll('a[hreflang="' + other + '"]').forEach((link) => (link.search = location.search));
  }

  function ask(request, isNew) {
    asked = request;
    shown = AT_ONCE;
    box.value = request.question;
    keep(isNew);
    if (index) show();
  }

  // The values of a column that is filtered by: id and label.
  function listOf(column) {
    return index.data[column === "kind" ? "kinds" : column];
  }

  // The places of the filters' values in the lists of the index; an id that it does not have leaves nothing.
  function placesOf(filters) {
    const found = FILTERS.map(([name, column]) => {
      if (!filters[name]) return [column, null];
      return [column, listOf(column).findIndex(([id]) => id === filters[name])];
    });
    return Object.fromEntries(found);
  }

  function show() {
    const { question, filters } = asked;
    const isAsked = Boolean(question.trim()) || Object.values(filters).some(Boolean);
    document.title = (question ? question + " – " : "") + title;
    for (const part of [parts.best, parts.found]) part.replaceChildren();
    if (!isAsked) {
      lead.hidden = false;
      parts.more.hidden = true;
      filterBox.hidden = true;
      tell("");
      return;
    }
    const answer = index.find(question, placesOf(filters));
    const term = Object.values(filters).some(Boolean) ? null : index.term(question);
    showFilters(answer, filters);
    showBest(answer, term);
    const listed = answer.places.slice(0, shown).filter((one) => one !== term);
    parts.found.append(...listed.map((one) => result(one, answer)));
    parts.found.hidden = !answer.places.length;
    parts.more.hidden = answer.places.length <= shown;
    lead.hidden = answer.places.length > 0;
    tell(summary(answer, question));
  }

  function summary({ places, isPartial }, question) {
    const count = places.length;
    const values = { count, shown: count.toLocaleString("en-GB"), question };
    if (!question.trim()) return words("search.filtered", values);
    if (!count) return words("search.none", { question });
    return words("search.found", values) + (isPartial ? " " + words("search.partial") : "");
  }

  // The number is shown at once, and read out when the reader pauses.
  function tell(text) {
    clearTimeout(telling);
    parts.told.textContent = text;
    parts.read.textContent = "";
    telling = setTimeout(() => {
      parts.read.textContent = text;
      telling = setTimeout(() => (parts.read.textContent = ""), READ_FOR_MS);
    }, TOLD_AFTER_MS);
  }

  // What may answer at once: the meaning of a word, a pack or a subject of that name, or another way to write it.
  function showBest(answer, term) {
    const { question, filters } = asked;
    const best = [];
    if (answer.corrections.size) best.push(didYouMean(answer));
    const isFree = !Object.values(filters).some(Boolean);
    if (term !== null) best.push(definition(index.record(term)));
    const pages = isFree ? index.named(question).slice(0, 4) : [];
    if (pages.length) {
      const links = pages.map((page) => {
        const link = element("a", { class: "govuk-link", href: url(page.path) }, page.title);
        return element("li", {}, words("search.best." + page.of) + ": ", link);
      });
      best.push(element("ul", { class: "hp-plain govuk-body" }, links));
    }
    if (!answer.places.length && !isFree) {
      best.push(element("p", { class: "govuk-body" }, link(words("search.clear"), { question, filters: {} })));
    }
    parts.best.append(...best);
  }

  function definition(record) {
    const name = element("a", { class: "govuk-link", href: pageOf(record) }, record.title);
    const head = element("h2", { class: "govuk-heading-m", lang: langOf(record) }, name);
    const kind = element("p", { class: "hp-quiet" }, index.data.kinds[record.kind][1]);
    const text = element("p", { lang: langOf(record) }, record.summary);
    return element("div", { class: "hp-search__term", "data-record": record.id }, kind, head, text);
  }

  function didYouMean(answer) {
    const better = asked.question.replace(/[\p{L}\p{N}\p{M}]+/gu, (word) => {
      const known = answer.corrections.get(search.wordsOf(word)[0]);
      return known === undefined ? word : asWritten(known, answer.places);
    });
    const changed = link(better, { question: better, filters: asked.filters });
    return element("p", { class: "govuk-body hp-search__mean" }, words("search.mean") + " ", changed);
  }

  // A word of the index as texts have it: with its accents.
  function asWritten(word, places) {
    for (const one of places.slice(0, AT_ONCE)) {
      const record = index.record(one);
      const texts = (record.title + " " + record.summary).match(/[\p{L}\p{N}\p{M}]+/gu) || [];
      const found = texts.find((text) => search.wordsOf(text)[0] === word);
      if (found) return found.toLowerCase();
    }
    return word;
  }

  // A link to another question, which this page answers itself.
  function link(text, request) {
    const made = element("a", { class: "govuk-link", href: addressOf(request) }, text);
    made.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      ask(request, true);
      box.focus();
    });
    return made;
  }

  function result(one, answer) {
    const record = index.record(one);
    const lang = langOf(record);
    const name = element("a", { class: "govuk-link hp-list__link", href: pageOf(record), lang });
    name.append(...marked(record.title, answer.words));
    const text = element("p", { class: "hp-list__text", lang }, marked(record.summary, answer.words));
    const subjects = record.sectors.map((sector) => index.data.sectors[sector][1]);
    const about = [
      index.data.kinds[record.kind][1],
      index.data.hubs[record.hub],
      record.when,
      subjects.join(", "),
      index.data.licences[record.licence],
      record.language === language ? "" : words("language.in_" + record.language),
    ];
    const meta = element("p", { class: "hp-meta" });
    about.filter(Boolean).forEach((part) => meta.append(element("span", {}, part), " "));
    return element("li", { class: "hp-list__item", "data-record": record.id }, name, text, meta);
  }

  function marked(text, found) {
    return index.pieces(text, found).map(([piece, isFound]) => (isFound ? element("mark", {}, piece) : piece));
  }

  function pageOf(record) {
    return url("records/" + record.slug + ".html");
  }

  function langOf(record) {
    return record.language === language ? null : record.language;
  }

  // One list a filter: its values with how many records each would leave; those that would leave none are not offered.
  function showFilters(answer, filters) {
    filterBox.hidden = !answer.total && !Object.values(filters).some(Boolean);
    FILTERS.forEach(([name, column]) => {
      const select = document.getElementById("filter-" + name);
      const counts = answer.counts[column];
      const options = listOf(column).map(([id, label], value) => ({ id, label, count: counts[value] }));
      const wanted = options.filter(({ id, count }) => count || id === filters[name]);
      const made = wanted.map(({ id, label, count }) =>
        element("option", { value: id }, label + " (" + count.toLocaleString("en-GB") + ")"),
      );
      select.replaceChildren(element("option", { value: "" }, words("search.filter.any")), ...made);
      select.value = filters[name] || "";
    });
  }

  function makeFilters() {
    FILTERS.forEach(([name]) => {
      const id = "filter-" + name;
      const label = element("label", { class: "hp-search__name", for: id }, words("search.filter." + name));
      const select = element("select", { class: "hp-search__select", id });
      select.addEventListener("change", () => {
        ask({ question: box.value, filters: { ...asked.filters, [name]: select.value } }, true);
      });
      filterBox.append(element("div", {}, label, select));
    });
  }

  function typed() {
    clearTimeout(pausing);
    clearTimeout(keeping);
    asked = { ...asked, question: box.value };
    shown = AT_ONCE;
    pausing = setTimeout(() => index && show(), PAUSE_MS);
    keeping = setTimeout(() => keep(false), KEPT_AFTER_MS);
  }

  async function start() {
    makeFilters();
    asked = inAddress();
    if (box.value && !location.search) asked.question = box.value; // typed before this script was there
    box.value = asked.question;
    box.addEventListener("input", typed);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      clearTimeout(pausing);
      ask({ ...asked, question: box.value }, true);
    });
    window.addEventListener("popstate", () => ask(inAddress(), false));
    document.querySelector("main").addEventListener("click", () => keep(false), true); // who follows a result comes back
    parts.more.querySelector("button").addEventListener("click", () => {
      const before = parts.found.children.length;
      shown += AT_ONCE;
      show();
      const next = parts.found.children[before];
      if (next) next.querySelector("a").focus();
    });
    keep(false);
    if (location.search) lead.hidden = true;
    parts.told.textContent = location.search ? words("search.loading") : "";
    try {
      index = new search.Index(await load("search." + language, "search/" + language + ".js"));
    } catch (error) {
      if (error instanceof TypeError) throw error;
      lead.hidden = false;
      tell(words("search.failed"));
      return;
    }
    show();
  }

  start();
})();
