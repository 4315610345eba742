// The page of a self-assessment: keeps answers in this browser, reads and saves returns, shows results. What the
// results are is worked out in gap.js. Nothing is sent: the page's own policy lets it ask for nothing but scripts.
(function () {
  "use strict";
  const { element, gap, load, words } = window.hubpacks;
  const page = document.querySelector("[data-assess]");
  if (page === null) return;

  const find = (selector) => page.querySelector(selector);
  const all = (selector) => [...page.querySelectorAll(selector)];
  const facts = JSON.parse(find("[data-facts]").textContent);
  const bank = bankOfPage();
  const known = {
    bank,
    audiences: Object.keys(facts.audiences),
    attributes: Object.fromEntries(
      all("[data-attribute]").map((select) => [select.dataset.attribute, termsOf(select)]),
    ),
  };
  const say = (key, values) => words("assess.say." + key, values);
  const texts = gap.textsIn((key, values) => words("gap." + key, values), labelsOfTerms());
  const STORE = "hubpacks.assessment." + bank.instrument + "." + bank.audience;
  const KEYS = "hubpacks.organisations";
  const MOST_BYTES = 16000000;
  const KEY_LETTERS = "bcdfghjkmnpqrstv"; // 16, so that each is as likely; letters alone are like no identifier
  const KEY_LENGTH = 26;

  let state = emptyState();
  let isKept = true;
  let isShown = false;
  let shownLast = 0;

  // What the page itself says of the question bank.
  function bankOfPage() {
    const plain = (place) => place.textContent.trim();
    return {
      instrument: facts.instrument,
      audience: facts.audience,
      levels: all("[data-level]").map((row) => ({
        label: plain(row.querySelector("[data-label]")), about: plain(row.querySelector("[data-about]")),
      })),
      dimensions: all("section[data-dimension]").map((section) => ({
        id: section.dataset.dimension, label: plain(section.querySelector("[data-label]")),
      })),
      questions: all("[data-question]").map((field) => ({
        id: field.dataset.question,
        dimension: field.closest("[data-dimension]").dataset.dimension,
        text: plain(field.querySelector("[data-text]")),
        levels: [...field.querySelectorAll("input")]
          .filter((input) => input.value !== "na")
          .map((input) => plain(input.parentElement.querySelector("span"))),
      })),
    };
  }

  function termsOf(select) {
    return [...[...select.options].map((option) => option.value).filter(Boolean), ...notStated(select)];
  }

  // Returns say "not stated" by a term where there is one.
  function notStated(select) {
    return ["size_band", "region"].includes(select.dataset.attribute) ? [gap.NOT_STATED] : [];
  }

  function labelsOfTerms() {
    return Object.fromEntries(
      all("[data-attribute]").map((select) => [
        select.dataset.attribute,
        Object.fromEntries([...select.options].map((option) => [option.value, option.textContent])),
      ]),
    );
  }

  // What is known of the organisation, and what it answered: one person in the form, or several out of files.

  function emptyState() {
    const people = [{ key: null, answers: {} }];
    return { period: quarter(new Date()), described: {}, targets: {}, people, before: null };
  }

  function quarter(day) {
    return day.getFullYear() + "-Q" + (Math.floor(day.getMonth() / 3) + 1);
  }

  // Only what this page could have kept is taken back: another version, or another page, may have written it.
  function asState(kept) {
    const clean = emptyState();
    if (kept === null || typeof kept !== "object") return clean;
    if (gap.PERIOD.test(kept.period)) clean.period = kept.period;
    for (const name of gap.ATTRIBUTES) {
      const term = kept.described && kept.described[name];
      if (known.attributes[name].includes(term)) clean.described[name] = term;
    }
    for (const name of ["", ...bank.dimensions.map((dimension) => dimension.id)]) {
      const level = kept.targets && kept.targets[name];
      if (Number.isInteger(level) && level >= 0 && level <= gap.HIGHEST_LEVEL) clean.targets[name] = level;
    }
    if (Array.isArray(kept.people) && kept.people.length) {
      clean.people = kept.people.map((person) => ({
        key: typeof person.key === "string" ? person.key : null,
        answers: Object.fromEntries(
          bank.questions
            .map((question) => [question.id, person.answers && person.answers[question.id]])
            .filter(([, level]) => /^([0-5]|na)$/.test(level)),
        ),
      }));
    }
    const before = kept.before;
    if (before && gap.PERIOD.test(before.period) && before.levels && typeof before.levels === "object") {
      clean.before = { period: before.period, levels: before.levels, isAnswered: Boolean(before.isAnswered) };
    }
    return clean;
  }

  const isSeveral = () => state.people.length > 1;

  // A browser may refuse to keep anything, as in some private windows.
  function read(name) {
    try {
      return JSON.parse(localStorage.getItem(name));
    } catch (error) {
      if (error instanceof SyntaxError) return null;
      if (!(error instanceof DOMException)) throw error;
      isKept = false;
      return null;
    }
  }

  function write(name, value) {
    try {
      localStorage.setItem(name, JSON.stringify(value));
      isKept = true;
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      isKept = false;
    }
  }

  function forget(name) {
    try {
      localStorage.removeItem(name);
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      isKept = false;
    }
  }

  function keep() {
    write(STORE, state);
    showProgress();
    if (isShown) showResults(false);
  }

  // The rows of the return, as a hub's feed has them.
  function rowsOf(organisation, keyOf) {
    return state.people.flatMap((person) =>
      bank.questions
        .filter((question) => question.id in person.answers)
        .map((question) => ({
          organisation,
          respondent: keyOf(person),
          audience: bank.audience,
          organisation_type: state.described.organisation_type || "",
          size_band: state.described.size_band || gap.NOT_STATED,
          region: state.described.region || gap.NOT_STATED,
          sector: state.described.sector || "",
          period: state.period,
          instrument: bank.instrument,
          question: question.id,
          level: person.answers[question.id],
        })),
    );
  }

  // Random keys, new in each period. Both pages of an organisation use the same key for it in a period.

  function newKey() {
    const bytes = crypto.getRandomValues(new Uint8Array(KEY_LENGTH));
    return [...bytes].map((byte) => KEY_LETTERS[byte % KEY_LETTERS.length]).join("");
  }

  function organisationKey() {
    const keys = read(KEYS) || {};
    if (!(state.period in keys)) write(KEYS, { ...keys, [state.period]: newKey() });
    return (read(KEYS) || {})[state.period] || state.organisation || (state.organisation = newKey());
  }

  // The form.

  function showState() {
    const [person] = state.people;
    for (const input of all("[data-question] input")) {
      input.checked = !isSeveral() && person.answers[input.name] === input.value;
    }
    for (const field of all("section[data-dimension]")) field.hidden = isSeveral();
    find("[data-several]").hidden = !isSeveral();
    find("[data-several-text]").textContent = isSeveral() ? say("several", { number: state.people.length }) : "";
    for (const select of all("[data-attribute]")) select.value = state.described[select.dataset.attribute] || "";
    for (const select of all("[data-target]")) {
      const level = state.targets[select.dataset.target];
      select.value = level === undefined ? "" : String(level);
    }
    find("#period").value = state.period;
    find("[data-before]").hidden = state.before === null;
    const { period, isAnswered } = state.before || {};
    find("[data-before-text]").textContent = period ? say(isAnswered ? "before" : "before_none", { period }) : "";
    showProgress();
  }

  function showProgress() {
    const isDone = (question) => state.people.some((person) => question.id in person.answers);
    const count = (questions) => ({ done: questions.filter(isDone).length, asked: questions.length });
    for (const place of all("[data-progress]")) {
      const asked = bank.questions.filter((question) => question.dimension === place.dataset.progress);
      place.textContent = say("progress", count(asked));
    }
    find("[data-progress-total]").textContent = say("total", count(bank.questions));
    find("[data-kept]").textContent = say(isKept ? "kept" : "not_kept");
  }

  function complain(id, text, field) {
    find("#" + id).textContent = text;
    if (field) {
      field.setAttribute("aria-invalid", String(text !== ""));
      if (text) field.focus();
    }
  }

  const inform = (text) => (find("[data-said]").textContent = text);

  function onChange(event) {
    const field = event.target;
    if (field.type === "radio") {
      state.people[0].answers[field.name] = field.value;
      complain("show-error", "");
    } else if (field.dataset.attribute !== undefined) {
      if (field.value) state.described[field.dataset.attribute] = field.value;
      else delete state.described[field.dataset.attribute];
      complain("save-error", "");
    } else if (field.dataset.target !== undefined) {
      if (field.value) state.targets[field.dataset.target] = Number(field.value);
      else delete state.targets[field.dataset.target];
    } else if (field.id === "period") {
      if (!hasPeriod(field)) {
        complain("period-error", say("no_period"));
        field.setAttribute("aria-invalid", "true");
        return;
      }
      forgive(field);
      const period = asPeriod(field);
      if (period !== state.period) state.people.forEach((person) => (person.key = null)); // keys are of one period
      state.period = period;
      field.value = period;
    } else return;
    keep();
  }

  const asPeriod = (field) => field.value.trim().toUpperCase();
  const hasPeriod = (field) => gap.PERIOD.test(asPeriod(field));

  // As soon as it is right: were the complaint to go only when the field is left, what is clicked then would move away.
  function forgive(field) {
    complain("period-error", "");
    field.removeAttribute("aria-invalid");
  }

  function isPeriodRight() {
    const field = find("#period");
    if (field.getAttribute("aria-invalid") !== "true") return true;
    field.focus();
    return false;
  }

  // Whether another self-assessment of the organisation is kept, which needs the same keys.
  function hasOtherAnswers() {
    return isKept && Object.keys(localStorage).some((name) => name.startsWith("hubpacks.assessment."));
  }

  function clear() {
    state = emptyState();
    forget(STORE);
    if (!hasOtherAnswers()) forget(KEYS);
    find("[data-clear-asked]").hidden = true;
    find("#load").value = find("#before").value = "";
    for (const place of all(".hp-error")) place.textContent = "";
    find("[data-results]").hidden = true;
    isShown = false;
    showState();
    inform(say("cleared"));
    find("[data-clear]").focus();
  }

  // Saved returns.

  async function rowsOfFiles(input) {
    const rows = [];
    for (const file of input.files) {
      if (file.size > MOST_BYTES) throw new gap.UnusableReturn("large", { file: file.name });
      try {
        rows.push(gap.readRows(await textOf(file), known));
      } catch (error) {
        if (error instanceof gap.UnusableReturn) error.values.file = file.name;
        throw error;
      }
    }
    return rows;
  }

  async function textOf(file) {
    try {
      return await file.text();
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      throw new gap.UnusableReturn("unread"); // moved or changed since it was chosen
    }
  }

  // Runs `use` on what the files say, and shows what is wrong with them in `place`.
  async function withFiles(input, place, use) {
    if (!input.files.length) return;
    const file = [...input.files].map((one) => one.name).join(", ");
    try {
      use(await rowsOfFiles(input), file);
      complain(place, "", input);
    } catch (error) {
      if (!(error instanceof gap.UnusableReturn)) throw error;
      complain(place, say("unusable." + error.key, { file, ...error.values }), input);
      input.value = "";
    }
  }

  function loadReturn(files, file) {
    const owns = files.map((rows) => gap.ownOf(rows, known));
    const [own] = owns;
    if (new Set(owns.map((one) => one.period)).size > 1) throw new gap.UnusableReturn("periods");
    if (owns.every((one) => one.answers === null)) {
      throw new gap.UnusableReturn("no_answers", { period: own.period, file });
    }
    const people = new Map();
    owns.forEach((one, number) =>
      one.rows.forEach((row) => {
        const key = number + " " + row.respondent;
        if (!people.has(key)) people.set(key, { key: row.respondent, answers: {} });
        people.get(key).answers[row.question] = row.level;
      }),
    );
    const described = Object.fromEntries(
      Object.entries(own.described).filter(([name, term]) => known.attributes[name].includes(term)),
    );
    state = { ...state, period: own.period, described, people: [...people.values()] };
    const { organisation } = files[0].find((row) => row.period === own.period);
    write(KEYS, { ...(read(KEYS) || {}), [own.period]: organisation });
    showState();
    keep();
    const other = own.otherPeriods.join(", ");
    const audiences = own.elsewhere.map((audience) => facts.audiences[audience].toLowerCase()).join(", ");
    inform(
      [
        say("loaded", { period: own.period }),
        audiences ? say("elsewhere", { audiences }) : "",
        other ? say("other_periods", { periods: other }) : "",
      ].join(" ").trim(),
    );
  }

  function loadBefore(files) {
    const { period, answers } = gap.ownOf(files[0], known, state.period);
    state.before = { period, levels: answers ? answers.levels : {}, isAnswered: answers !== null };
    showState();
    keep();
  }

  function save() {
    if (!isPeriodRight()) return;
    if (!state.described.organisation_type) {
      complain("save-error", say("no_type"));
      find("[data-attribute=organisation_type]").focus();
      return;
    }
    complain("save-error", "");
    const organisation = organisationKey();
    // One person may stand in two files under one key; two people may not.
    const taken = new Set();
    for (const person of state.people) {
      while (person.key === null || taken.has(person.key)) person.key = newKey();
      taken.add(person.key);
    }
    keep();
    const rows = rowsOf(organisation, (person) => person.key);
    const name = "return-" + bank.audience.replace(/_/g, "-") + "-" + state.period + ".csv";
    const address = URL.createObjectURL(new Blob([gap.writeRows(rows)], { type: "text/csv" }));
    const link = element("a", { href: address, download: name, hidden: true });
    page.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
    inform(say("saved", { file: name }));
  }

  // Results.

  // The return as `gap.ownOf` reads it from a file; null while nothing has a level.
  function own() {
    const rows = rowsOf("organisation", (person) => String(state.people.indexOf(person)));
    if (!rows.some((row) => row.level !== "na")) return null;
    return gap.ownOf(rows, known);
  }

  // What the release says of such answers, beside those of an earlier period, for these targets.
  async function analysis(answered, before, targets) {
    const periods = Object.keys(facts.figures);
    const period = gap.periodFor(periods, answered.period);
    const [figures, helps] = await Promise.all([
      period === null ? null : load(...facts.figures[period]),
      load(...facts.helps),
    ]);
    const release = { id: facts.release, published: facts.published };
    const { language } = facts;
    return gap.analyse({ own: answered, before, bank, periods, figures, helps, targets, texts, release, language });
  }

  // The earlier return; none where the period has been set back to one that is not later.
  function beforeOf(period) {
    if (state.before === null || state.before.period >= period) return null;
    return { period: state.before.period, answers: { levels: state.before.levels } };
  }

  function targetsOf() {
    const wanted = bank.dimensions.map(({ id }) => [id, id in state.targets ? state.targets[id] : state.targets[""]]);
    return Object.fromEntries(wanted.filter(([, level]) => level !== undefined));
  }

  async function showResults(isAsked) {
    const answered = own();
    if (answered === null) {
      find("[data-results]").hidden = true;
      isShown = false;
      if (isAsked) complain("show-error", say("nobody"));
      return;
    }
    const turn = (shownLast += 1);
    if (isAsked) inform(say("working"));
    let found;
    try {
      found = await analysis(answered, beforeOf(answered.period), targetsOf());
    } catch (error) {
      if (!(error instanceof Error) || !String(error.message).endsWith(".js")) throw error;
      complain("show-error", say("no_data", { file: error.message }));
      return;
    }
    if (turn !== shownLast) return; // answers have changed since
    complain("show-error", "");
    find("[data-results-body]").replaceChildren(...told(found));
    find("[data-results]").hidden = false;
    isShown = true;
    if (isAsked) {
      inform(say("shown"));
      find("#results").focus();
    }
  }

  const paragraph = (text, style = "govuk-body hp-measure") => element("p", { class: style }, text);
  const heading = (name, text, style, attributes = {}) => element(name, { class: style, ...attributes }, text);

  function told(found) {
    const [assessment] = found.assessments;
    const places = assessment.dimensions;
    const done = bank.questions.filter((question) => state.people.some((one) => question.id in one.answers)).length;
    const isPart = done < bank.questions.length;
    const described = texts.terms(found.organisation) || texts.say("nothing_known");
    const people = texts.say("answered_by", { count: assessment.respondents });
    return [
      element(
        "div",
        { class: "hp-note" },
        element("p", {}, texts.say("head", { period: found.period, release: found.release, day: facts.day })),
        element("p", {}, texts.say("you_are", { terms: described }), " ", people),
        element("p", {}, texts.periodNote(assessment, found.period)),
        found.before ? element("p", {}, texts.say("before_head", { period: found.before })) : null,
        isPart ? element("p", {}, say("part", { done, asked: bank.questions.length })) : null,
        element("p", {}, say("private")),
      ),
      paragraph(texts.say("stand_about")),
      legend(found.before !== null),
      scale(places, found.before !== null),
      heading("h3", texts.say("figures"), "govuk-heading-m"),
      figuresTable(places, found.before !== null),
      ...assessment.notes.map((note) => paragraph(note, "hp-quiet hp-measure")),
      heading("h3", texts.say("who"), "govuk-heading-m"),
      paragraph(texts.say("who_about")),
      element(
        "ul",
        { class: "govuk-list govuk-list--bullet hp-measure" },
        texts.groups(places).map(({ group, dimensions, why }) =>
          element(
            "li",
            {},
            element("strong", {}, group),
            ", " + texts.say("for_dimensions", { dimensions: dimensions.join(", ") }) + ". " + why.join(" "),
          ),
        ),
      ),
      heading("h3", texts.say("plan"), "govuk-heading-m"),
      paragraph(assessment.plan.length ? found.order : texts.say("plan_none")),
      assessment.plan.length ? paragraph(found.help, "hp-quiet hp-measure") : null,
      assessment.plan.length && !found.organisation.sector ? paragraph(say("any_sector"), "hp-quiet hp-measure") : null,
      element("ol", { class: "hp-plan" }, assessment.plan.map((entry) => step(entry, places))),
    ].filter((part) => part !== null);
  }

  function mark(kind, text) {
    return [
      element("span", { class: "hp-mark hp-mark--" + kind, "aria-hidden": "true" }),
      unseen(text + "; "),
    ];
  }

  function unseen(text) {
    return element("span", { class: "govuk-visually-hidden" }, text);
  }

  function signed(number) {
    return number === null ? "–" : (number > 0 ? "+" : number < 0 ? "−" : "") + Math.abs(number);
  }

  function legend(hasBefore) {
    const kinds = ["you", ...(hasBefore ? ["before"] : []), "target", "median", "half"];
    return element(
      "ul",
      { class: "hp-legend" },
      kinds.map((kind) =>
        element(
          "li",
          {},
          element("span", { class: "hp-mark hp-mark--" + kind, "aria-hidden": "true" }),
          " " + texts.say("legend_" + kind),
        ),
      ),
    );
  }

  const LEVELS = [0, 1, 2, 3, 4, 5];

  function scale(places, hasBefore) {
    const head = LEVELS.map((level) =>
      element("th", { scope: "col" }, unseen(texts.say("level") + " "), String(level)),
    );
    const rows = places.map((place) => {
      const { peers } = place;
      const cells = LEVELS.map((level) => {
        const isHalf = peers && peers.q1 !== null && peers.q3 !== null && peers.q1 <= level && level <= peers.q3;
        const isMedian = peers && peers.median !== null && Math.trunc(peers.median) === level;
        const isTarget = place.level !== null && place.target === level && place.distance;
        return element(
          "td",
          { class: isHalf ? "hp-ladder__half" : null },
          place.level === level ? mark("you", texts.say("legend_you")) : [],
          hasBefore && place.before === level ? mark("before", texts.say("legend_before")) : [],
          isTarget ? mark("target", texts.say("legend_target")) : [],
          isMedian ? mark("median", texts.say("legend_median")) : [],
          isHalf ? unseen(texts.say("legend_half")) : [],
        );
      });
      return element("tr", {}, element("th", { scope: "row" }, place.label), cells);
    });
    return element(
      "table",
      { class: "hp-ladder" },
      element("caption", { class: "govuk-visually-hidden" }, texts.say("stand")),
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, texts.say("dimension")), head)),
      element("tbody", {}, rows),
    );
  }

  // The cells of a row of the figures, as people read them.
  function valuesOf(place) {
    const { peers, level } = place;
    return {
      level: gap.number(level),
      before: gap.number(place.before),
      change: signed(place.change),
      target: gap.number(place.target),
      median: gap.number(peers ? peers.median : null),
      band: level === null ? texts.say("no_level") : texts.band(place),
      at_or_above: level === null ? "–" : texts.atOrAbove(place),
      at_next: level === null ? "–" : texts.atNext(place),
      peers: texts.group(peers),
      n: peers ? (gap.number(peers.n) + " " + peers.status).trim() : "–",
    };
  }

  function figuresTable(places, hasBefore) {
    const own = ["dimension", "level", ...(hasBefore ? ["before", "change"] : []), "target"];
    const columns = [...own, "median", "band", "at_or_above", "at_next", "peers", "n"];
    const numbers = ["level", "before", "change", "target", "median", "n"];
    const style = (name) => (numbers.includes(name) ? "hp-number" : null);
    const named = (name) => (name === "change" ? say("change") : texts.say(name));
    const head = columns.map((name) => element("th", { scope: "col", class: style(name) }, named(name)));
    const rows = places.map((place) => {
      const values = valuesOf(place);
      const cells = columns.slice(1).map((name) => element("td", { class: style(name) }, values[name]));
      return element("tr", {}, element("th", { scope: "row" }, place.label), cells);
    });
    return element(
      "div",
      { class: "hp-scroll", role: "group", tabindex: "0", "aria-label": texts.say("figures") },
      element(
        "table",
        { class: "govuk-table hp-table hp-standing-table" },
        element("thead", {}, element("tr", {}, head)),
        element("tbody", {}, rows),
      ),
    );
  }

  function step(entry, places) {
    const place = places.find((one) => one.dimension === entry.dimension);
    const peers = texts.stepPeers(place);
    const helps = Object.entries(entry.helps).flatMap(([kind, records]) => [
      heading("h5", texts.say(kind), "hp-plan__kind"),
      element("ul", { class: "govuk-list govuk-list--bullet" }, records.map(helpItem)),
    ]);
    return element(
      "li",
      { class: "hp-plan__step" },
      heading("h4", texts.step(entry, place.label), "govuk-heading-s"),
      peers ? paragraph(peers) : null,
      paragraph(entry.next_level, "hp-plan__next"),
      ...(entry.questions.length
        ? [
            heading("h5", texts.say("lowest"), "hp-plan__kind"),
            element(
              "ul",
              { class: "govuk-list govuk-list--bullet" },
              entry.questions.map((question) => {
                const values = { level: question.level, next: question.level + 1, text: question.next_level };
                return element(
                  "li",
                  {},
                  element("a", { class: "govuk-link", href: "#question-" + question.id }, question.text),
                  element("br"),
                  texts.say("question_next", values),
                );
              }),
            ),
          ]
        : []),
      ...(helps.length ? helps : [paragraph(texts.say("no_helps"), "hp-quiet")]),
    );
  }

  function helpItem(help) {
    const isWhole = /^[a-z]+:/.test(help.address);
    const href = (isWhole ? "" : document.documentElement.dataset.root) + help.address;
    const lang = help.language === facts.language ? null : help.language;
    const link = element("a", { class: "govuk-link", href, lang }, help.heading);
    if (help.leads_to === null) return element("li", { "data-record": help.id }, link);
    const rel = "noopener noreferrer external";
    const outside = element("a", { class: "govuk-link hp-quiet", href: help.leads_to, rel }, help.leads_to);
    return element("li", { "data-record": help.id }, link, element("br"), outside);
  }

  // Events.

  find("[data-form]").addEventListener("change", onChange);
  find("#period").addEventListener("input", ({ target }) => {
    if (hasPeriod(target)) forgive(target);
  });
  find("[data-form]").addEventListener("submit", (event) => {
    event.preventDefault();
    if (isPeriodRight()) showResults(true);
  });
  find("[data-clear]").addEventListener("click", () => {
    find("[data-clear-asked]").hidden = false;
    find("[data-clear-question]").focus();
  });
  find("[data-clear-yes]").addEventListener("click", clear);
  find("[data-clear-no]").addEventListener("click", () => {
    find("[data-clear-asked]").hidden = true;
    find("[data-clear]").focus();
  });
  find("#load").addEventListener("change", (event) => withFiles(event.target, "load-error", loadReturn));
  find("#before").addEventListener("change", (event) => {
    event.stopPropagation(); // it is in the form, and no answer
    withFiles(event.target, "before-error", loadBefore);
  });
  find("[data-before-remove]").addEventListener("click", () => {
    state.before = null;
    find("#before").value = "";
    showState();
    keep();
    find("#before").focus();
  });
  find("[data-several-stop]").addEventListener("click", () => {
    state.people = [{ key: null, answers: {} }];
    showState();
    keep();
    find("#questions").scrollIntoView();
  });
  find("[data-save]").addEventListener("click", save);
  find("[data-print]").addEventListener("click", () => window.print());
  // Another tab has changed the answers.
  window.addEventListener("storage", (event) => {
    if (event.key !== STORE && event.key !== null) return;
    state = asState(read(STORE));
    showState();
    if (isShown) showResults(false);
  });

  // For whoever holds the results against those of the command.
  window.hubpacks.assessment = { analysis, known, texts, valuesOf };

  state = asState(read(STORE));
  showState();
})();
