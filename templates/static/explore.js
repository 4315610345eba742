// The explorer of benchmarks: filters over the figures of this release, drawn and listed in the browser. What is shown
// are cells of the published tables as they are; nothing is worked out from them but where a mark of a chart stands.
// The choice is kept in the address, behind #, so that nobody is told of it and it can be shared.
(function () {
  "use strict";
  const form = document.getElementById("explore");
  if (!form) return;
  const about = JSON.parse(document.querySelector("script[data-explore]").textContent);
  const { csvCell, element, whole, words } = hubpacks;
  const say = (key, values) => words("explore." + key, values);
  const results = document.getElementById("explore-results");
  const status = document.getElementById("explore-status");
  const GROUPS = about.groups;
  const ALL = "all";
  const PAIR = ["sector", "size_band"]; // the only two that are published together
  const SHARE = "share_ge_" + about.shared_at;
  const LEVELS = [0, 1, 2, 3, 4, 5];
  const OF_GROUP = ["[u]", "[r]", "[p]", "[b]"];
  const MARKS = ["[c]", "[low]", "[u]", "[x]", "[z]", "[r]", "[p]", "[b]"];
  const waves = new Map();
  let drawn = 0;

  // Figures of a wave, each group with its levels and its trend.

  async function wave(view, period) {
    const name = [view.instrument, view.audience, period].join(".");
    if (!waves.has(name)) waves.set(name, unpack(await hubpacks.load(name, "benchmarks/figures/" + name + ".js")));
    return waves.get(name);
  }

  function unpack(data) {
    const objects = (table) =>
      table.rows.map((values) => Object.fromEntries(table.columns.map((column, place) => [column, values[place]])));
    const rows = objects(data);
    rows.forEach((row) => Object.assign(row, { period: data.period, levels: [], trend: null }));
    objects(data.distributions).forEach((level) => rows[level.of].levels.push(level));
    objects(data.trends).forEach((trend) => (rows[trend.of].trend = trend));
    const found = new Map(rows.map((row) => [address(row.dimension, row), row]));
    return { found, values: data, find: (dimension, group) => found.get(address(dimension, group)) };
  }

  const address = (dimension, group) => [dimension, ...GROUPS.map((name) => group[name] || ALL)].join("|");

  // What is chosen: in the address, in the form, and what may be chosen together.

  function choice() {
    return Object.fromEntries(new FormData(form));
  }

  function viewOf(chosen) {
    return about.views.find((view) => view.name === chosen.view);
  }

  const label = (name, value) => {
    const option = [...form.elements[name].options].find((one) => one.value === value);
    return option ? option.dataset.label || option.textContent.trim() : value;
  };

  function nameOf(group) {
    const names = GROUPS.filter((name) => (group[name] || ALL) !== ALL).map((name) => label(name, group[name]));
    return names.length ? names.join(", ") : words("benchmark.national_row");
  }

  const isNational = (group) => GROUPS.every((name) => (group[name] || ALL) === ALL);

  function set(name, value) {
    const list = form.elements[name];
    if ([...list.options].some((option) => option.value === value)) list.value = value;
  }

  // Periods and dimensions are those of the view; what is chosen stays chosen where the view has it.
  function fill(name, options, fallback) {
    const list = form.elements[name];
    const before = list.value;
    list.replaceChildren(...options.map((one) => element("option", { value: one.id }, one.label)));
    list.value = fallback;
    set(name, before);
  }

  function fillForView() {
    const view = viewOf(choice());
    const newest = view.periods[view.periods.length - 1];
    fill("period", [...view.periods].reverse().map((period) => ({ id: period, label: period })), newest);
    fill("dimension", view.dimensions, view.dimensions[0].id);
  }

  // The group last chosen stays; what is not published together with it goes back to all.
  function setApart(changed) {
    if (!GROUPS.includes(changed) || form.elements[changed].value === ALL) return [];
    const others = GROUPS.filter((name) => name !== changed && form.elements[name].value !== ALL);
    const gone = others.filter((name) => !(PAIR.includes(changed) && PAIR.includes(name)));
    gone.forEach((name) => (form.elements[name].value = ALL));
    return gone;
  }

  function readAddress() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    if (wanted.has("view")) set("view", wanted.get("view"));
    fillForView();
    ["period", "dimension"].forEach((name) => wanted.has(name) && set(name, wanted.get(name)));
    GROUPS.forEach((name) => (form.elements[name].value = ALL));
    GROUPS.forEach((name) => {
      if (!wanted.has(name)) return;
      set(name, wanted.get(name));
      setApart(name);
    });
  }

  function writeAddress() {
    const kept = Object.entries(choice()).filter(([name, value]) => !GROUPS.includes(name) || value !== ALL);
    history.replaceState(null, "", "#" + new URLSearchParams(kept));
  }

  // Options of groups of which nothing is told say so before they are chosen.
  function markOptions(figures, view) {
    const chosen = choice();
    GROUPS.forEach((name) => {
      const beside = PAIR.includes(name) ? PAIR.find((other) => other !== name) : null;
      const fixed = beside ? { [beside]: chosen[beside] } : {};
      [...form.elements[name].options].forEach((option) => {
        const isTold = view.dimensions.some((one) => {
          const row = figures.find(one.id, { ...fixed, [name]: option.value });
          return row && row.n !== null;
        });
        const text = option.dataset.label + (isTold || option.value === ALL ? "" : " [c]");
        if (option.textContent !== text) option.textContent = text;
      });
    });
  }

  // Figures as pages print them.

  const thousands = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ",");
  const limit = (share) => whole(100 * share) + "%";
  const percent = (share) => (share <= 0.05 ? "≤ " : share >= 0.95 ? "≥ " : "") + limit(share);
  function points(difference) {
    const number = whole(100 * difference);
    return number > 0 ? "+" + number : number < 0 ? "−" + -number : "0";
  }
  const range = (low, high) => words("benchmark.range", { low, high });
  const marksOf = (row) => OF_GROUP.filter((mark) => (row.status || "").split(" ").includes(mark));
  const compared = (word) => words("benchmark.compared." + word);

  // Cells: a text, its class, the columns it shows, and the limits beneath it.

  const missing = (row) => ({ text: row.n === null ? "[c]" : "[x]", quiet: true });
  function countCell(row) {
    if (row.n === null) return missing(row);
    return { text: [thousands(row.n), ...marksOf(row)].join(" "), figures: "n" };
  }
  function medianCell(row) {
    if (row.median === null) return missing(row);
    const limits = row.median_low === null ? null : range(row.median_low, row.median_high);
    return { text: String(row.median), limits, figures: limits ? "median median_low median_high" : "median" };
  }
  function halfCell(row) {
    if (row.q1 === null) return missing(row);
    if (row.q1 === row.q3) return { text: String(row.q1), figures: "q1" };
    return { text: range(row.q1, row.q3), figures: "q1 q3", isWords: true };
  }
  function shareCell(row) {
    if (row[SHARE] === null) return missing(row);
    const limits = range(limit(row[SHARE + "_low"]), limit(row[SHARE + "_high"]));
    return { text: percent(row[SHARE]), limits, figures: [SHARE, SHARE + "_low", SHARE + "_high"].join(" ") };
  }
  function comparedCell(row) {
    if (row.comparison) return { text: compared(row.comparison), isText: true };
    return isNational(row) ? { text: "–", isText: true } : { ...missing(row), isText: true };
  }
  function changeCell(row) {
    const trend = row.trend;
    if (!trend || trend.change === null) return { text: (trend && trend.status) || missing(row).text, quiet: true };
    const limits = range(points(trend.change_low), points(trend.change_high));
    return { text: points(trend.change), limits, figures: "change change_low change_high" };
  }
  function levelCells(row) {
    return row.levels.map((level) => ({
      text: level.share === null ? level.status : percent(level.share),
      figures: "share",
      span: level.level.includes("-") ? 2 : 1,
      of: { "data-level": level.level },
    }));
  }

  function table(name, heads, rows) {
    const head = heads.map((one) => element("th", { scope: "col", class: one.isText ? null : "hp-number" }, one.text));
    const body = rows.map((row) =>
      element(
        "tr",
        { ...row.of, class: row.isTotal ? "hp-table__total" : null },
        element("th", { scope: "row" }, row.name),
        row.cells.map((cell) => {
          const look = [cell.isText ? "" : "hp-number", cell.quiet ? "hp-quiet" : "", cell.isWords ? "hp-words" : ""];
          const made = element(
            "td",
            { class: look.filter(Boolean).join(" ") || null, "data-figures": cell.figures, ...(cell.of || {}) },
            cell.text,
          );
          if ((cell.span || 1) > 1) made.colSpan = cell.span;
          if (cell.limits) made.append(" ", element("span", { class: "hp-quiet hp-limits" }, `(${cell.limits})`));
          return made;
        }),
      ),
    );
    const made = element("table", { class: "govuk-table hp-table hp-table--narrow hp-table--pairs" });
    made.append(element("thead", {}, element("tr", {}, head)), element("tbody", {}, body));
    return element("div", { class: "hp-scroll", role: "group", tabindex: "0", "aria-label": name }, made);
  }

  // The key to the markers that occur in the tables of a part, and to limits.
  function key(...tables) {
    const text = tables.map((one) => one.textContent).join(" ");
    const entries = MARKS.filter((mark) => text.includes(mark)).map((mark) => [mark, mark.slice(1, -1)]);
    if (tables.some((one) => one.querySelector(".hp-limits"))) entries.push([words("told.key.brackets"), "limits"]);
    if (!entries.length) return null;
    const rows = entries.map(([sign, name]) =>
      element("div", {}, element("dt", {}, sign), element("dd", {}, words("told.key." + name))),
    );
    return element("dl", { class: "hp-key" }, rows);
  }

  // Charts, drawn as those of the pages are.

  function shape(name, attributes = {}, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    made.append(...children.flat().filter(Boolean));
    return made;
  }

  function chart(id, look, height, title, description, ...children) {
    return shape(
      "svg",
      {
        class: "hp-chart " + look,
        viewBox: `0 0 360 ${height}`,
        role: "img",
        "aria-labelledby": `${id}-title ${id}-desc`,
      },
      shape("title", { id: id + "-title" }, title),
      shape("desc", { id: id + "-desc" }, description),
      ...children,
    );
  }

  const across = (look, from, to, y) => shape("line", { class: look, x1: from, x2: to, y1: y, y2: y });
  const upright = (look, x, top, bottom) => shape("line", { class: look, x1: x, x2: x, y1: top, y2: bottom });
  const text = (look, x, y, what, anchor = "start") => shape("text", { class: look, x, y, "text-anchor": anchor }, what);

  function rangeChart(title, rows) {
    const place = (level) => 10 + level * 68;
    const height = rows.length * 46 + 30;
    const grid = LEVELS.map((level) => [
      upright("hp-chart__grid", place(level), 2, height - 24),
      text("hp-chart__tick", place(level), height - 8, String(level), "middle"),
    ]);
    const lines = rows.map(({ name, row, all }, number) => {
      const top = number * 46;
      const parts = [];
      if (all && all.median !== null) parts.push(upright("hp-range__all", place(all.median), top + 22, top + 44));
      parts.push(text("hp-chart__name", 10, top + 16, name));
      if (all && row.comparison) {
        const look = "hp-chart__mark" + (row.comparison === "similar" ? "" : " hp-chart__mark--clear");
        parts.push(text(look, 350, top + 16, compared(row.comparison), "end"));
      }
      const line = (look, from, to) => {
        if (row[from] !== null) parts.push(across(look, place(row[from]), place(row[to]), top + 33));
      };
      line("hp-range__half", "q1", "q3");
      line("hp-range__limits", "median_low", "median_high");
      line("hp-range__median", "median", "median");
      if (row.median === null) parts.push(text("hp-chart__mark", 10, top + 36, missing(row).text));
      return parts;
    });
    return chart("explore-range", "hp-range", height, title, words("told.range.desc"), ...grid, ...lines);
  }

  function partsChart(title, rows) {
    const height = rows.length * 50 + 2;
    const bars = rows.map(({ name, row }, number) => {
      const top = number * 50;
      const parts = [text("hp-chart__name", 4, top + 16, name)];
      if (!row.levels.length || row.levels.some((level) => level.count === null)) {
        const mark = row.levels.length ? "[low]" : missing(row).text;
        return [...parts, text("hp-chart__mark", 4, top + 38, mark)];
      }
      const total = row.levels.reduce((sum, level) => sum + level.count, 0);
      let below = 0;
      row.levels.forEach((level) => {
        const [start, length] = [(352 * below) / total, (352 * level.count) / total];
        below += level.count;
        if (!level.count) return;
        const look = { class: "hp-part", x: 4 + start, y: top + 22, width: length, height: 24 };
        const part = shape("g", { "data-level": level.level }, shape("rect", look));
        if (length >= 35.2) part.append(text("hp-part__share", 4 + start + length / 2, top + 38, percent(level.share), "middle"));
        parts.push(part);
      });
      return parts;
    });
    return chart("explore-parts", "hp-parts", height, title, words("told.levels.desc"), ...bars);
  }

  function sharesChart(title, rows) {
    const place = (share) => 10 + share * 340;
    const height = rows.length * 46 + 30;
    const grid = [0, 1].map((end) => [
      upright("hp-chart__grid", place(end), 2, height - 24),
      text("hp-chart__tick", place(end), height - 8, words(end ? "told.everybody" : "told.nobody"), end ? "end" : "start"),
    ]);
    const lines = rows.map(({ name, row }, number) => {
      const top = number * 46;
      const parts = [text("hp-chart__name", 10, top + 16, name)];
      if (row[SHARE] === null) return [...parts, text("hp-chart__mark", 10, top + 36, missing(row).text)];
      parts.push(across("hp-range__limits", place(row[SHARE + "_low"]), place(row[SHARE + "_high"]), top + 33));
      parts.push(across("hp-range__median", place(row[SHARE]), place(row[SHARE]), top + 33));
      return parts;
    });
    return chart("explore-shares", "hp-range", height, title, words("told.shares.desc"), ...grid, ...lines);
  }

  // What the figures allow to be said, in a sentence.

  function listed(names) {
    return names.slice(0, 3).join("; ") + (names.length > 3 ? " " + words("told.others") : "");
  }

  function atAGlance(group, rows) {
    if (isNational(group)) {
      const known = rows.filter(({ row }) => row.median !== null);
      if (!known.length) return words("benchmark.chart.none");
      const levels = known.map(({ row }) => row.median);
      const [high, low] = [Math.max(...levels), Math.min(...levels)];
      if (high === low) return words("benchmark.chart.even", { high_level: high });
      const at = (level) => listed(known.filter(({ row }) => row.median === level).map(({ name }) => name));
      return words("benchmark.chart.title", { high: at(high), high_level: high, low: at(low), low_level: low });
    }
    const having = (word) => rows.filter(({ row }) => row.comparison === word).map(({ name }) => name);
    const [better, worse] = [having("better"), having("worse")];
    if (!better.length && !worse.length) {
      return having("similar").length ? words("told.similar_dimensions") : words("told.uncompared_dimensions");
    }
    const parts = [];
    if (better.length) parts.push(`${words("told.better_in")} ${listed(better)}.`);
    if (worse.length) parts.push(`${words("told.worse_in")} ${listed(worse)}.`);
    return parts.join(" ");
  }

  function half(row) {
    const beginning = isNational(row) ? "told.half." : "explore.half.";
    const { q1, q3 } = row;
    if (q1 === null) return words(beginning + "none");
    if (q1 === q3) return words(beginning + "one", { q1 });
    return words(beginning + (q3 === q1 + 1 ? "two" : "range"), { q1, q3 });
  }

  function trend(row) {
    if (!row.trend || !row.trend.period_before) return words("told.trend.first");
    return words("told.trend." + (row.trend.trend || "none"));
  }

  // The parts of the page below the form.

  function part(id, heading, message, drawing, ...beside) {
    const left = element("div", {}, element("p", { class: "govuk-body" }, element("strong", {}, message)), drawing);
    const right = element("div", {}, beside);
    return element(
      "section",
      {},
      element("h3", { class: "govuk-heading-s", id: "explore-" + id, tabindex: "-1" }, heading),
      element("div", { class: "hp-split hp-split--chart" }, left, right),
    );
  }

  function legend(hasAll) {
    const signs = [
      ["median", across("hp-range__median", 14, 14, 8)],
      ["half", across("hp-range__half", 7, 21, 8)],
      ["limits", across("hp-range__limits", 3, 25, 8)],
    ];
    if (hasAll) signs.push(["all", upright("hp-range__all", 14, 0, 16)]);
    return signsOf(signs.map(([name, drawing]) => [words("told.legend." + name), drawing, {}]));
  }

  function levelLegend(view) {
    const rect = () => shape("rect", { class: "hp-part", width: 28, height: 16 });
    return signsOf(view.levels.map((name, level) => [`${level} ${name}`, rect(), { "data-level": level }]));
  }

  function signsOf(signs) {
    const items = signs.map(([name, drawing, more]) => {
      const look = { class: "hp-legend__sign", viewBox: "0 0 28 16", "aria-hidden": "true", ...more };
      return element("li", {}, shape("svg", look, drawing), " " + name);
    });
    return element("ul", { class: "hp-legend" }, items);
  }

  const ofRow = (row) => {
    const terms = GROUPS.map((name) => [`data-${name}`, row[name]]);
    return Object.fromEntries([["data-period", row.period], ["data-dimension", row.dimension], ...terms]);
  };

  // Leads to a dimension in detail; the address is one to share like any other.
  function dimensionLink(name, dimension) {
    const wanted = new URLSearchParams({ ...Object.fromEntries(new URLSearchParams(location.hash.slice(1))), dimension });
    const link = element("a", { class: "govuk-link", href: "#" + wanted }, name);
    link.addEventListener("click", async (event) => {
      event.preventDefault();
      form.elements.dimension.value = dimension;
      await show([]);
      const detail = document.getElementById("explore-detail");
      if (detail) detail.focus();
    });
    return link;
  }

  function glancePart(group, rows) {
    const heads = [words("benchmark.dimension"), words("told.number"), words("benchmark.median"), words("told.half")];
    const columns = heads.map((name, place) => ({ text: name, isText: place === 0 }));
    if (!isNational(group)) columns.push({ text: words("benchmark.compared"), isText: true });
    const listing = table(
      say("glance"),
      columns,
      rows.map(({ name, row }) => ({
        name: dimensionLink(name, row.dimension),
        of: ofRow(row),
        cells: [countCell(row), medianCell(row), halfCell(row), ...(isNational(group) ? [] : [comparedCell(row)])],
      })),
    );
    const message = atAGlance(group, rows);
    const charted = element("div", {}, rangeChart(message, rows), legend(!isNational(group)));
    return part("glance", say("glance"), message, charted, listing, key(listing));
  }

  function detailPart(view, dimension, row, all) {
    const rows = [{ name: nameOf(row), row }];
    if (row !== all) rows.push({ name: words("benchmark.national_row"), row: all });
    const heads = [{ text: words("benchmark.group"), isText: true }];
    LEVELS.forEach((level) => heads.push({ text: words("benchmark.level", { level }) }));
    const told = rows.filter((one) => one.row.levels.length);
    const levels = table(
      say("by_level", { dimension: dimension.label }),
      heads,
      told.map((one) => ({ name: one.name, of: ofRow(one.row), cells: levelCells(one.row), isTotal: one.row === all })),
    );
    const medians = [words("benchmark.group"), words("told.number"), words("benchmark.median"), words("told.half")];
    const columns = medians.map((name, place) => ({ text: name, isText: place === 0 }));
    columns.push({ text: words("benchmark.share", { level: about.shared_at }) });
    const summary = table(
      dimension.label,
      columns,
      rows.map((one) => ({
        name: one.name,
        of: ofRow(one.row),
        cells: [countCell(one.row), medianCell(one.row), halfCell(one.row), shareCell(one.row)],
        isTotal: one.row === all,
      })),
    );
    const link = element("a", { class: "govuk-link", href: dimension.address }, say("page", { dimension: dimension.label }));
    const message = half(row);
    const charted = element("div", {}, partsChart(message, rows), levelLegend(view));
    const heading = say("by_level", { dimension: dimension.label });
    return part("detail", heading, message, charted, summary, levels, key(summary, levels), element("p", { class: "govuk-body" }, link));
  }

  function timePart(view, dimension, rows, row) {
    const listing = table(
      say("over_time", { name: view.levels[about.shared_at] }),
      [
        { text: words("told.period"), isText: true },
        { text: words("told.number") },
        { text: words("benchmark.share", { level: about.shared_at }) },
        { text: say("change") },
      ],
      rows.map((one) => ({
        name: one.row.period,
        of: ofRow(one.row),
        cells: [countCell(one.row), shareCell(one.row), changeCell(one.row)],
      })),
    );
    const heading = say("over_time", { name: view.levels[about.shared_at] });
    const message = trend(row);
    return part("trend", `${dimension.label}. ${heading}`, message, sharesChart(message, rows), listing, key(listing));
  }

  // Just these rows, to take along.

  function csv(figures, rows) {
    const wanted = new Set(rows);
    const wave = figures.values;
    const columns = ["period", "instrument", "audience", ...wave.columns];
    const lines = [...figures.found.values()].filter((row) => wanted.has(row)).map((row) =>
      columns.map((name) => csvCell(name in wave && typeof wave[name] === "string" ? wave[name] : row[name])).join(","),
    );
    return [columns.join(","), ...lines, ""].join("\n");
  }

  function takeAlong(figures, rows) {
    const saved = element("button", { type: "button", class: "hp-copy", id: "explore-save" }, say("save"));
    const copied = element("button", { type: "button", class: "hp-copy", id: "explore-copy" }, say("copy"));
    const told = element("span", { class: "hp-copy__told", role: "status" });
    saved.addEventListener("click", () => {
      const link = element("a", {
        href: URL.createObjectURL(new Blob([csv(figures, rows)], { type: "text/csv" })),
        download: `benchmarks-${choice().period}.csv`,
      });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    });
    copied.addEventListener("click", async () => {
      const lines = [...results.querySelectorAll("table tr")].map((row) =>
        [...row.cells].flatMap((one) => [one.textContent.trim(), ...Array(one.colSpan - 1).fill("")]).join("\t"),
      );
      await navigator.clipboard.writeText(lines.join("\n"));
      told.textContent = words("site.copied");
      setTimeout(() => (told.textContent = ""), 4000);
    });
    const all = { class: "govuk-link", href: document.documentElement.dataset.root + "benchmarks/benchmarks.csv" };
    const copying = navigator.clipboard ? [" ", copied] : [];
    return element("p", { class: "hp-explore__take" }, saved, copying, " ", element("a", all, say("rows")), " ", told);
  }

  // Where a group is counted of which nothing is told.
  function rolledUp(row, chosen) {
    const kept = { sector: ["sector"], size_band: ["size_band"] }[row.rolled_up_to] || [];
    return Object.fromEntries(GROUPS.map((name) => [name, kept.includes(name) ? chosen[name] : ALL]));
  }

  function confidential(row, chosen) {
    const parent = rolledUp(row, chosen);
    const button = element("button", { type: "button", class: "hp-copy" }, say("show", { group: nameOf(parent) }));
    button.addEventListener("click", () => {
      GROUPS.forEach((name) => (form.elements[name].value = parent[name]));
      form.elements.view.focus();
      show([]);
    });
    const note = element("p", {}, say("confidential", { group: nameOf(parent) }));
    return element("div", { class: "hp-note" }, note, element("p", {}, button));
  }

  async function show(gone) {
    const turn = ++drawn;
    const chosen = choice();
    const view = viewOf(chosen);
    const dimension = view.dimensions.find((one) => one.id === chosen.dimension);
    writeAddress();
    delete results.dataset.complete;
    let figures;
    let others;
    try {
      figures = await wave(view, chosen.period);
      if (turn !== drawn) return;
      draw(figures, view, dimension, chosen, gone);
      others = await Promise.all(view.periods.map((period) => wave(view, period)));
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith("benchmarks/")) throw error;
      results.replaceChildren(element("p", { class: "hp-note" }, say("failed", { file: error.message })));
      return;
    }
    if (turn !== drawn) return;
    const row = figures.find(dimension.id, chosen);
    const over = others.map((one) => one.find(dimension.id, chosen)).filter((one) => one && one.n !== null);
    if (row && row.n !== null && over.length > 1) {
      document.getElementById("explore-time").replaceChildren(
        timePart(view, dimension, over.slice(-about.periods).map((one) => ({ name: one.period, row: one })), row),
      );
    }
    results.dataset.complete = location.hash;
  }

  function draw(figures, view, dimension, chosen, gone) {
    markOptions(figures, view);
    const group = Object.fromEntries(GROUPS.map((name) => [name, chosen[name]]));
    const heading = element("h2", { class: "govuk-heading-m", id: "explore-group" }, nameOf(group));
    const quiet = element("p", { class: "hp-quiet" }, `${label("view", view.name)}, ${chosen.period}`);
    const rows = view.dimensions
      .map((one) => ({
        name: one.label,
        row: figures.find(one.id, group),
        all: isNational(group) ? null : figures.find(one.id, {}),
      }))
      .filter((one) => one.row);
    const parts = [heading, quiet];
    if (rows.length) parts.push(takeAlong(figures, rows.flatMap(({ row, all }) => (all ? [row, all] : [row]))));
    if (!rows.length) parts.push(element("p", { class: "govuk-body" }, say("none")));
    else if (rows.every(({ row }) => row.n === null)) parts.push(confidential(rows[0].row, chosen));
    else {
      parts.push(glancePart(group, rows));
      const here = rows.find(({ row }) => row.dimension === dimension.id);
      if (here && here.row.n !== null) parts.push(detailPart(view, dimension, here.row, here.all || here.row));
      else if (here) parts.push(confidential(here.row, chosen));
      parts.push(element("div", { id: "explore-time", class: "hp-explore__time" }));
    }
    results.replaceChildren(...parts);
    results.dataset.instrument = view.instrument;
    results.dataset.audience = view.audience;
    const back = gone.map((name) => say("back", { name: say(name) }));
    status.textContent = [say("shown", { group: nameOf(group), period: chosen.period }), ...back].join(" ");
  }

  GROUPS.forEach((name) => {
    [...form.elements[name].options].forEach((option) => (option.dataset.label = option.textContent.trim()));
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  // Who types in a list passes other options by: what the first of them set back is told still.
  let told = { by: "", gone: [] };
  form.addEventListener("change", (event) => {
    const by = event.target.name;
    if (by === "view") fillForView();
    const gone = setApart(by);
    if (gone.length || by !== told.by) told = { by, gone };
    show(told.gone);
  });
  window.addEventListener("hashchange", () => {
    readAddress();
    show([]);
  });
  readAddress();
  show([]);
})();
