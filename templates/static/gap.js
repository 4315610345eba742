// Where an organisation stands: its return, held against the figures of a release. Pure functions, which touch no page,
// keep nothing and ask nobody. The same is worked out by `hubpacks gap` (pipelines/gap: read, compare, plan, tell);
// docs/adr/0030 says why it exists twice, and a test holds both to the same answers.
(function () {
  "use strict";

  const HIGHEST_LEVEL = 5;
  const MAX_QUESTIONS = 3;
  const LOWEST_SHARE = 0.05;
  const HIGHEST_SHARE = 0.95;
  const EVERY_SECTOR = "cross_sector";
  const NOT_STATED = "not_stated";
  const KINDS = ["case_study", "faq", "signpost", "requirement"];
  const MARKERS = ["c", "x", "u", "low", "r", "p", "b"];
  const ATTRIBUTES = ["sector", "organisation_type", "size_band", "region"];
  const BREAKDOWNS = {
    total: [],
    sector: ["sector"],
    organisation_type: ["organisation_type"],
    size_band: ["size_band"],
    region: ["region"],
    sector_size_band: ["sector", "size_band"],
  };
  // Who is most alike comes first.
  const NARROWEST_FIRST = ["sector_size_band", "sector", "organisation_type", "size_band", "region", "total"];

  // The return.

  const COLUMNS = [
    "organisation", "respondent", "audience", "organisation_type", "size_band", "region", "sector", "period",
    "instrument", "question", "level",
  ];
  const KEY = /^[A-Za-z0-9_-]{8,64}$/;
  const PERIOD = /^20[0-9]{2}(-Q[1-4])?$/;
  const LEVEL = /^([0-5]|na)$/;

  // A file that is no return of one organisation. `key` and `values` say what is wrong.
  class UnusableReturn extends Error {
    constructor(key, values = {}) {
      super(key);
      this.key = key;
      this.values = values;
    }
  }

  // The rows of a CSV file, each a list of texts; lines without any text are left out.
  function parseCsv(text) {
    const source = text.replace(/^\uFEFF/, "");
    const [first] = source.split(/\r?\n|\r/, 1);
    const separator = first.includes(",") ? "," : first.includes(";") ? ";" : "\t";
    const rows = [];
    let row = [];
    let cell = "";
    let isQuoted = false;
    const endRow = () => {
      row.push(cell);
      if (row.some((value) => value !== "")) rows.push(row);
      row = [];
      cell = "";
    };
    for (let at = 0; at < source.length; at += 1) {
      const sign = source[at];
      if (isQuoted) {
        if (sign !== '"') cell += sign;
        else if (source[at + 1] === '"') {
          cell += '"';
          at += 1;
        } else isQuoted = false;
      } else if (sign === '"' && cell === "") isQuoted = true;
      else if (sign === separator) {
        row.push(cell);
        cell = "";
      } else if (sign === "\n" || sign === "\r") {
        if (sign === "\r" && source[at + 1] === "\n") at += 1;
        endRow();
      } else cell += sign;
    }
    if (isQuoted) throw new UnusableReturn("quotes");
    endRow();
    return rows;
  }

  // The answers in a CSV file, a record each. `known` has the terms of each attribute, the audiences and `bank`.
  function readRows(text, known) {
    const [names = [], ...lines] = parseCsv(text).map((row) => row.map((value) => value.trim()));
    const missing = COLUMNS.filter((name) => name !== "sector" && !names.includes(name));
    if (missing.length) throw new UnusableReturn("columns", { columns: missing.join(", ") });
    if (!lines.length) throw new UnusableReturn("empty");
    const answered = new Set();
    return lines.map((values, number) => {
      const row = Object.fromEntries(COLUMNS.map((name) => [name, values[names.indexOf(name)] || ""]));
      const wrong = wrongColumn(row, known);
      if (wrong) throw new UnusableReturn("row", { row: number + 2, column: wrong, value: row[wrong].slice(0, 60) });
      const key = [row.organisation, row.respondent, row.audience, row.period, row.instrument, row.question].join("|");
      if (answered.has(key)) throw new UnusableReturn("twice", { row: number + 2 });
      answered.add(key);
      return row;
    });
  }

  function wrongColumn(row, known) {
    const isOfBank = row.instrument === known.bank.instrument && row.audience === known.bank.audience;
    const holds = {
      organisation: KEY.test(row.organisation),
      respondent: KEY.test(row.respondent),
      audience: known.audiences.includes(row.audience),
      period: PERIOD.test(row.period),
      instrument: /^[a-z0-9-]+-v[0-9]+$/.test(row.instrument),
      question: isOfBank ? known.bank.questions.some((one) => one.id === row.question) : row.question !== "",
      level: LEVEL.test(row.level),
    };
    for (const name of ATTRIBUTES) {
      holds[name] = known.attributes[name].includes(row[name]) || (name === "sector" && row[name] === "");
    }
    return COLUMNS.find((name) => !holds[name]);
  }

  // What an organisation says in the newest period of the rows, or in the newest earlier than `before`. `answers` is
  // null where nobody answered this bank then; `rows` are those of the bank, `elsewhere` the audiences of others.
  function ownOf(rows, known, before = null) {
    const everywhere = [...new Set(rows.map((row) => row.period))].sort();
    const periods = everywhere.filter((period) => before === null || period < before);
    if (!periods.length) throw new UnusableReturn("no_period", { period: before });
    const period = periods[periods.length - 1];
    const inPeriod = rows.filter((row) => row.period === period);
    const organisations = new Set(inPeriod.map((row) => row.organisation));
    if (organisations.size > 1) throw new UnusableReturn("organisations", { number: organisations.size, period });
    const described = {};
    for (const name of ATTRIBUTES) {
      if (inPeriod[0][name] !== NOT_STATED && inPeriod[0][name] !== "") described[name] = inPeriod[0][name];
    }
    const isOfBank = (row) => row.instrument === known.bank.instrument && row.audience === known.bank.audience;
    const ofBank = inPeriod.filter(isOfBank);
    return {
      period,
      described,
      rows: ofBank,
      answers: ofBank.length ? answersOf(ofBank, known.bank) : null,
      otherPeriods: everywhere.filter((other) => other !== period),
      elsewhere: [...new Set(inPeriod.filter((row) => !isOfBank(row)).map((row) => row.audience))].sort(),
    };
  }

  // The level of each dimension, the lower median of all answers, and of each question that was answered.
  function answersOf(rows, bank) {
    const given = new Map();
    for (const row of rows) {
      if (!given.has(row.question)) given.set(row.question, []);
      if (row.level !== "na") given.get(row.question).push(Number(row.level));
    }
    const levels = {};
    for (const dimension of bank.dimensions) {
      const asked = bank.questions.filter((question) => question.dimension === dimension.id);
      const level = lowerMedian(asked.flatMap((question) => given.get(question.id) || []));
      if (level !== null) levels[dimension.id] = level;
    }
    const questions = {};
    for (const question of bank.questions) {
      if (given.has(question.id)) questions[question.id] = lowerMedian(given.get(question.id));
    }
    return { levels, questions, respondents: new Set(rows.map((row) => row.respondent)).size };
  }

  function lowerMedian(levels) {
    if (!levels.length) return null;
    return [...levels].sort((a, b) => a - b)[Math.floor((levels.length - 1) / 2)];
  }

  // A return as a CSV file that `hubpacks check` accepts. A sector that no row has gets no column.
  function writeRows(rows) {
    const columns = COLUMNS.filter((name) => name !== "sector" || rows.some((row) => row.sector !== ""));
    const lines = [columns, ...rows.map((row) => columns.map((name) => row[name]))];
    return lines.map((line) => line.map(window.hubpacks.csvCell).join(",") + "\r\n").join("");
  }

  // The comparison.

  // The period to compare with: the return's own where the release has it, else its newest.
  function periodFor(periods, own) {
    return periods.includes(own) ? own : periods.length ? periods[periods.length - 1] : null;
  }

  // The figures of the groups that an organisation so described is in, by dimension and breakdown.
  function cellsOf(figures, described) {
    const cells = new Map();
    if (figures === null) return cells;
    const at = (row, name) => row[figures.columns.indexOf(name)];
    for (const row of figures.rows) {
      const breakdown = at(row, "breakdown");
      const isOwn = ATTRIBUTES.every((name) => at(row, name) === "all" || at(row, name) === described[name]);
      if (!isOwn || !(breakdown in BREAKDOWNS)) continue;
      const shares = {};
      for (let level = 1; level <= HIGHEST_LEVEL; level += 1) shares[level] = at(row, "share_ge_" + level);
      cells.set(at(row, "dimension") + " " + breakdown, {
        breakdown,
        terms: Object.fromEntries(BREAKDOWNS[breakdown].map((name) => [name, at(row, name)])),
        n: at(row, "n"),
        median: at(row, "median"),
        q1: at(row, "q1"),
        q3: at(row, "q3"),
        shares,
        status: at(row, "status") || "",
        rolledUpTo: at(row, "rolled_up_to") || "",
      });
    }
    return cells;
  }

  // The narrowest group that figures are told of, and why no narrower one is.
  function peersOf(dimension, period, cells, described) {
    const passed = [];
    if (period === null) return [null, passed];
    for (const breakdown of NARROWEST_FIRST) {
      const lacking = BREAKDOWNS[breakdown].filter((name) => !(name in described));
      if (lacking.length) {
        passed.push({ breakdown, status: "", rolled_up_to: "", lacking });
        continue;
      }
      const cell = cells.get(dimension + " " + breakdown);
      if (cell && cell.n !== null) return [cell, passed];
      passed.push({
        breakdown, status: cell ? cell.status : "[x]", rolled_up_to: cell ? cell.rolledUpTo : "", lacking,
      });
    }
    return [null, passed];
  }

  function placeOf(dimension, levels, peers, passed) {
    const { level, wanted, before } = levels;
    const place = {
      dimension: dimension.id, label: dimension.label, level, target: wanted, distance: 0, before, change: null,
      next_step: null, peers: null, passed, quartile_band: null, against_median: null, share_at_or_above: null,
      share_at_next_step: null,
    };
    if (peers !== null) {
      const { breakdown, terms, n, median, q1, q3, status } = peers;
      place.peers = { breakdown, ...terms, n, median, q1, q3, status };
    }
    if (level === null) return place;
    place.next_step = level < HIGHEST_LEVEL ? level + 1 : null;
    place.target = wanted === null ? Math.min(level + 1, HIGHEST_LEVEL) : wanted;
    place.distance = Math.max(0, place.target - level);
    place.change = before === null ? null : level - before;
    if (peers === null) return place;
    place.quartile_band = bandOf(level, peers);
    place.against_median = against(level, peers.median);
    place.share_at_or_above = level ? peers.shares[level] : 1;
    place.share_at_next_step = place.next_step ? peers.shares[place.next_step] : null;
    return place;
  }

  function bandOf(level, peers) {
    if (peers.q1 === null || peers.q3 === null || peers.median === null) return null;
    if (level < peers.q1) return "below_q1";
    if (level > peers.q3) return "above_q3";
    return { below: "q1_to_median", at: "at_median", above: "median_to_q3" }[against(level, peers.median)];
  }

  function against(level, median) {
    return median === null ? null : level < median ? "below" : level > median ? "above" : "at";
  }

  // The plan.

  // Farthest from the target first; of those, where most peers are at the next step; then as the bank has them.
  function inOrder(places) {
    const behind = places.filter((place) => place.distance);
    return behind.sort(
      (a, b) => b.distance - a.distance || (b.share_at_next_step || 0) - (a.share_at_next_step || 0),
    );
  }

  // The questions answered lowest, all on one level below the highest.
  function lowest(answers, bank, dimension) {
    const asked = bank.questions.filter(
      (question) => question.dimension === dimension && Number.isInteger(answers.questions[question.id]),
    );
    const least = Math.min(HIGHEST_LEVEL, ...asked.map((question) => answers.questions[question.id]));
    const found = asked.filter((one) => answers.questions[one.id] === least && least < HIGHEST_LEVEL);
    return found.slice(0, MAX_QUESTIONS).map((question) => ({ question, level: least }));
  }

  // The records that help, by kind, best first. `helps` is what the release hands over (pipelines/publish/helps.py).
  function helping(helps, bank, dimension, sector) {
    const found = Object.fromEntries(KINDS.map((kind) => [kind, []]));
    const entries = ((helps.dimensions[bank.instrument] || {})[dimension] || []).filter(([id]) => {
      const record = helps.records[id];
      const isForAudience = !record.audience || record.audience.includes(bank.audience);
      const sectors = record.sectors || [EVERY_SECTOR];
      const isForSector = sector === null || sectors.includes(sector) || sectors.includes(EVERY_SECTOR);
      return !record.instead && isForAudience && isForSector;
    });
    const isElsewhere = ([id]) => ((helps.records[id].sectors || []).includes(sector) ? 0 : 1);
    // The rest of the order is that of the entries: the newest first.
    const ranked = [...entries].sort(
      (a, b) =>
        b[1] - a[1] || b[2] - a[2] || Number(!a[4].length) - Number(!b[4].length) || isElsewhere(a) - isElsewhere(b),
    );
    for (const [id, , , words, types] of ranked) {
      const record = helps.records[id];
      if (found[record.kind].length < helps.most) {
        found[record.kind].push({
          id,
          heading: record.heading,
          language: record.language,
          address: record.link || helps.language + "/records/" + record.slug + ".html",
          leads_to: record.leads_to || null,
          words,
          technology_types: types,
        });
      }
    }
    return Object.fromEntries(Object.entries(found).filter(([, records]) => records.length));
  }

  // All of it, as `hubpacks gap --format json` tells it, for one bank. `own` and `before` are those of `ownOf`,
  // `figures` and `helps` what the release hands over, `targets` the level wanted by dimension, `texts` those of
  // `textsIn`.
  function analyse({ own, before, bank, periods, figures, helps, targets, texts, release, language }) {
    const period = periodFor(periods, own.period);
    const cells = cellsOf(figures, own.described);
    const earlier = before && before.answers ? before.answers.levels : {};
    const known = (levels, dimension) => (dimension in levels ? levels[dimension] : null);
    const places = bank.dimensions.map((dimension) => {
      const [peers, passed] = peersOf(dimension.id, period, cells, own.described);
      const levels = {
        level: known(own.answers.levels, dimension.id),
        wanted: known(targets, dimension.id),
        before: known(earlier, dimension.id),
      };
      return placeOf(dimension, levels, peers, passed);
    });
    const sector = own.described.sector || null;
    const plan = inOrder(places).map((place, index) => ({
      rank: index + 1,
      dimension: place.dimension,
      level: place.level,
      next_step: place.next_step,
      target: place.target,
      next_level: texts.nextLevel(bank, place),
      questions: lowest(own.answers, bank, place.dimension).map(({ question, level }) => ({
        id: question.id, text: question.text, level, next_level: question.levels[level + 1],
      })),
      helps: helping(helps, bank, place.dimension, sector),
    }));
    return {
      release: release.id,
      published: release.published,
      language,
      period: own.period,
      before: before ? before.period : null,
      organisation: own.described,
      other_periods: own.otherPeriods,
      order: texts.say("plan_rule"),
      help: texts.say("help_rule"),
      assessments: [
        {
          instrument: bank.instrument,
          audience: bank.audience,
          respondents: own.answers.respondents,
          compared_with: period,
          dimensions: places,
          plan,
          notes: texts.notes(places, plan),
        },
      ],
    };
  }

  // Words.

  // Figures, groups and terms as words. `say(key, values)` gives a text, `labels` the name of each term by attribute.
  function textsIn(say, labels) {
    const texts = {
      say,

      terms(described) {
        const named = ATTRIBUTES.filter((name) => name in described);
        return named.map((name) => labels[name][described[name]]).join(", ");
      },

      group(peers) {
        return peers === null ? say("no_peers") : texts.terms(peers) || say("everybody");
      },

      share(share) {
        if (share === null) return say("not_told");
        if (share <= LOWEST_SHARE) return say("capped_low");
        return share >= HIGHEST_SHARE ? say("capped_high") : percent(share);
      },

      atOrAbove(place) {
        return place.level === 0 && place.peers ? say("all_of_them") : texts.share(place.share_at_or_above);
      },

      atNext(place) {
        return place.next_step === null ? say("highest") : texts.share(place.share_at_next_step);
      },

      band(place) {
        return say(place.quartile_band || place.against_median || "no_band");
      },

      nextLevel(bank, place) {
        const { label, about } = bank.levels[place.next_step === null ? HIGHEST_LEVEL : place.next_step];
        return say("next_level", { next: place.next_step, label, about });
      },

      step(entry, label) {
        return say("step", { dimension: label, level: entry.level, target: entry.target });
      },

      stepPeers(place) {
        if (place.peers === null || place.share_at_next_step === null) return null;
        const share = texts.share(place.share_at_next_step);
        return say("step_peers", { share, group: texts.group(place.peers), next: place.next_step });
      },

      periodNote(assessment, own) {
        if (assessment.compared_with === null) return say("no_period");
        const key = assessment.compared_with === own ? "compared_period" : "other_period";
        return say(key, { own, period: assessment.compared_with });
      },

      // Each group of peers, the dimensions it is for, and why no narrower one is.
      groups(places) {
        const found = new Map();
        for (const place of places) {
          const why = place.passed.length ? place.passed.map(texts.whyNot) : [say("narrowest")];
          const key = JSON.stringify([texts.group(place.peers), why]);
          if (!found.has(key)) found.set(key, { group: texts.group(place.peers), why, dimensions: [] });
          found.get(key).dimensions.push(place.label);
        }
        return [...found.values()];
      },

      whyNot({ breakdown, status, rolled_up_to: parent, lacking }) {
        const group = say("breakdown_" + breakdown);
        if (lacking.length) {
          const attributes = lacking.map((name) => say("breakdown_" + name)).join(", ");
          return say("passed_lacking", { group: group[0].toUpperCase() + group.slice(1), attributes });
        }
        if (parent) return say("passed_rolled", { group, status, parent: say("breakdown_" + parent) });
        return say("passed", { group, status });
      },

      // What the release does not tell, and what its markers mean.
      notes(places, plan) {
        const byDimension = Object.fromEntries(places.map((place) => [place.dimension, place]));
        const steps = plan.map((step) => byDimension[step.dimension]);
        const isUntold = steps.some((place) => place.peers && place.share_at_next_step === null);
        const statuses = places.flatMap((place) => [
          place.peers ? place.peers.status : "",
          ...place.passed.map((one) => one.status),
        ]);
        const met = MARKERS.filter((marker) => statuses.some((status) => status.includes("[" + marker + "]")));
        return [...(isUntold ? [say("no_shares")] : []), ...met.map((marker) => say("marker_" + marker))];
      },
    };
    return texts;
  }

  // A share as a whole percentage.
  function percent(share) {
    return window.hubpacks.whole(share * 100) + "%";
  }

  // A level or a median without a needless decimal; a dash where there is none.
  function number(value) {
    return value === null ? "–" : String(value);
  }

  window.hubpacks.gap = {
    ATTRIBUTES, HIGHEST_LEVEL, NOT_STATED, PERIOD, UnusableReturn, analyse, number, ownOf, periodFor, readRows, textsIn,
    writeRows,
  };
})();
