// Finds records by their words, in the index that pipelines/publish/search.py writes. Knows nothing of pages: what is
// found is shown by search.js. A word is looked for as it stands, as the beginning of a longer one, without the ending
// of its plural, and, in Welsh records, with any initial mutation; only where that gives little, with slips of typing.
(function () {
  "use strict";
  const ALPHABET = Array.from({ length: 94 }, (_, n) => String.fromCharCode(33 + n)).filter((c) => !"\"'\\".includes(c));
  const BASE = 45;
  const STEPS = 8;
  const DIGITS = new Uint8Array(128);
  ALPHABET.slice(0, 2 * BASE).forEach((sign, digit) => (DIGITS[sign.charCodeAt(0)] = digit));
  const PLACES = 2 ** 20; // more than there are records
  const MOST_LETTERS = 40;
  const MOST_WORDS = 12; // of a question; what is pasted beyond that is no question
  const FEW = 3; // found by a word as it stands: below that, slips are looked for too
  const LOOKED_AT = 60; // of the best, by how their titles answer the whole question
  const OWN = 1.2; // how much more a record counts that is in the language of the page
  const LONGER = 0.55; // how much a longer word that begins so counts at most

  // The words of a text as the index has them; see words_of there.
  function wordsOf(text) {
    const folded = text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/ς/g, "σ");
    return (folded.match(/[\p{L}\p{N}]{2,}/gu) || []).map(cut);
  }

  function cut(word) {
    return word.length <= MOST_LETTERS ? word : Array.from(word).slice(0, MOST_LETTERS).join("");
  }

  // Welsh initial mutations: soft, nasal, aspirate; and h before a vowel.
  const MUTATIONS = [
    ["rh", "r"], ["ll", "l"], ["p", "b", "mh", "ph"], ["t", "d", "nh", "th"], ["c", "g", "ngh", "ch"],
    ["b", "f", "m"], ["d", "dd", "n"], ["g", "", "ng"], ["m", "f"],
    ["a", "ha"], ["e", "he"], ["i", "hi"], ["o", "ho"], ["u", "hu"], ["w", "hw"], ["y", "hy"],
  ];
  const WHOLE = ["ch", "dd", "ll", "ph", "rh", "th", "ngh", "ng", "mh", "nh"]; // one letter each, or one mutated

  function begins(word, letter) {
    if (!word.startsWith(letter) || word.length < letter.length + 2) return false;
    return !WHOLE.some((other) => other.length > letter.length && other.startsWith(letter) && word.startsWith(other));
  }

  // A word with every initial mutation that it, or the word whose mutation it is, can have; itself not among them.
  function mutations(word) {
    const roots = new Set([word]);
    for (const [root, ...mutated] of MUTATIONS) {
      for (const letter of mutated) {
        if (letter === "" ? /^(?!ng|nh|ll|rh)[aeiouwylnr]../.test(word) : begins(word, letter)) {
          roots.add(root + word.slice(letter.length));
        }
      }
    }
    const found = new Set(roots);
    for (const root of roots) {
      for (const [letter, ...mutated] of MUTATIONS) {
        if (begins(root, letter)) mutated.forEach((other) => found.add(other + root.slice(letter.length)));
      }
    }
    found.delete(word);
    return found;
  }

  // The word without the ending of an English or a Welsh plural.
  function singulars(word) {
    const found = [];
    if (word.length > 3 && word.endsWith("s") && !word.endsWith("ss")) found.push(word.slice(0, -1));
    if (word.length > 4 && word.endsWith("ies")) found.push(word.slice(0, -3) + "y");
    if (word.length > 4 && word.endsWith("es")) found.push(word.slice(0, -2));
    for (const ending of ["iau", "au", "oedd", "ion", "ydd", "on"]) {
      if (word.length > ending.length + 3 && word.endsWith(ending)) found.push(word.slice(0, -ending.length));
    }
    return found;
  }

  const ROWS = [0, 1, 2].map(() => new Uint8Array(2 * MOST_LETTERS + 2));

  // How many slips (a letter too many, too few, another, two exchanged) lead from `typed` to `word`, or, of a word that
  // is still being typed, to its beginning; more than `most` when there are more. Looks at no more than it has to.
  function slips(typed, word, most, isBeginning) {
    const width = word.length;
    if (!isBeginning && Math.abs(width - typed.length) > most) return most + 1;
    let [before, last, now] = ROWS;
    for (let column = 0; column <= width; column++) last[column] = column;
    for (let row = 1; row <= typed.length; row++) {
      const start = Math.max(1, row - most);
      const end = Math.min(width, row + most);
      now[0] = row;
      if (start > 1) now[start - 1] = most + 1;
      let least = row;
      for (let column = start; column <= end; column++) {
        const isSame = typed[row - 1] === word[column - 1];
        let value = Math.min(last[column] + 1, now[column - 1] + 1, last[column - 1] + (isSame ? 0 : 1));
        if (row > 1 && column > 1 && typed[row - 1] === word[column - 2] && typed[row - 2] === word[column - 1]) {
          value = Math.min(value, before[column - 2] + 1);
        }
        now[column] = value;
        if (value < least) least = value;
      }
      if (least > most) return most + 1;
      if (end < width) now[end + 1] = most + 1;
      [before, last, now] = [last, now, before];
    }
    if (!isBeginning) return last[width];
    let least = most + 1;
    const end = Math.min(width, typed.length + most);
    for (let column = Math.max(0, typed.length - most); column <= end; column++) least = Math.min(least, last[column]);
    return least;
  }

  // Which letters a word has, as bits: two words that differ in too many cannot be few slips apart.
  function letters(word) {
    let bits = 0;
    for (let n = 0; n < word.length; n++) bits |= 1 << (word.charCodeAt(n) % 31);
    return bits;
  }

  function bitsIn(number) {
    let left = number;
    let count = 0;
    for (; left; left &= left - 1) count += 1;
    return count;
  }

  class Index {
    constructor(data) {
      this.data = data;
      this.stop = new Set(data.stop.split(" "));
      this.words = data.words.split(" ");
      this.postings = data.postings.split(" ");
      this.column = {};
      data.columns.forEach((name, place) => (this.column[name] = place));
      const count = data.records.length;
      this.count = count;
      this.isWelsh = Uint8Array.from(data.records, (record) => (record[this.column.language] === "cy" ? 1 : 0));
      this.worth = Float32Array.from(data.records, (one) => (one[this.column.language] === data.language ? OWN : 1));
      this.scores = new Float32Array(count);
      this.part = new Float32Array(count);
      this.hits = new Uint8Array(count);
    }

    // A record by its place, with names.
    record(place) {
      const found = {};
      this.data.columns.forEach((name, column) => (found[name] = this.data.records[place][column]));
      return found;
    }

    // What answers `question`: places of records, best first, under `filters` (kind, sectors, technology_types: places
    // in the lists of the index, or null). `isTyped` says that the last word may go on.
    find(question, filters = {}, isTyped = true) {
      const all = wordsOf(question).slice(0, MOST_WORDS);
      const telling = all.filter((word) => !this.stop.has(word));
      // Of a question of such words alone the last may be the beginning of another one.
      const asked = telling.length ? [...new Set(telling)] : isTyped && all.length === 1 ? all : [];
      const words = new Set();
      const corrections = new Map();
      let places = [];
      let isPartial = false;
      if (asked.length) {
        this.scores.fill(0);
        this.hits.fill(0);
        asked.forEach((word) => this._add(word, isTyped && word === all[all.length - 1], words, corrections));
        const most = this.hits.reduce((one, other) => Math.max(one, other), 0);
        // All words where any record has them all; else the records that have most of them.
        isPartial = most > 0 && most < asked.length;
        const least = most < asked.length ? Math.max(1, most) : asked.length;
        places = this._sorted(least);
        this._lookAtTitles(places, asked);
      } else if (!all.length) {
        places = Array.from({ length: this.count }, (_, place) => place);
      }
      const { kept, counts } = this._filtered(places, filters);
      return { asked, places: kept, counts, words, corrections, isPartial, total: places.length };
    }

    // The term of the glossary that the question is, or null.
    term(question) {
      const telling = (text) => wordsOf(text).filter((word) => !this.stop.has(word)).join(" ");
      const asked = telling(question);
      if (!asked) return null;
      const { kind, title } = this.column;
      const before = asked.slice(0, asked.lastIndexOf(" ") + 1);
      const same = new Set([asked, ...singulars(asked.slice(before.length)).map((word) => before + word)]);
      const welsh = new Set([...same].flatMap((word) => [...mutations(word)]));
      for (let place = 0; place < this.count; place++) {
        const record = this.data.records[place];
        if (!this.data.kinds[record[kind]][2]) continue;
        const names = [record[title], ...record[title].split(/[()]/)].map(telling);
        if (names.some((name) => same.has(name) || (this.isWelsh[place] && welsh.has(name)))) return place;
      }
      return null;
    }

    // Packs and subjects whose names begin with the words of the question, in any order.
    named(question) {
      const asked = wordsOf(question).filter((word) => !this.stop.has(word));
      if (!asked.length) return [];
      const answers = (name) => {
        const own = wordsOf(name);
        return asked.every((word) => own.some((other) => other.startsWith(word)));
      };
      const packs = this.data.packs.filter(([, title]) => answers(title));
      const pages = packs.map(([id, title]) => ({ title, path: "packs/" + id + ".html", of: "pack" }));
      for (const scheme of ["sectors", "technology_types"]) {
        for (const [id, title] of this.data[scheme].filter(([, label]) => answers(label))) {
          const path = "browse/" + scheme.replace("_", "-") + "/" + id.replace(/_/g, "-") + ".html";
          if (!pages.some((page) => page.title === title)) pages.push({ title, path, of: scheme });
        }
      }
      return pages;
    }

    // The pieces of a text, each with whether it is a word that was found.
    pieces(text, words) {
      const found = [];
      let end = 0;
      for (const match of text.matchAll(/[\p{L}\p{N}\p{M}]+/gu)) {
        const own = wordsOf(match[0]);
        if (!own.length || !own.every((word) => words.has(word))) continue;
        if (match.index > end) found.push([text.slice(end, match.index), false]);
        found.push([match[0], true]);
        end = match.index + match[0].length;
      }
      if (end < text.length) found.push([text.slice(end), false]);
      return found;
    }

    _add(word, isLast, words, corrections) {
      this.part.fill(0);
      const ways = this._ways(word, isLast);
      let count = this._mark(ways);
      if (count < FEW) {
        const close = this._close(word, isLast);
        if (count === 0 && close.length) corrections.set(word, this.words[close[0][0]]);
        const more = close.map(([place, far]) => [place, 0.4 / (1 + far), false]);
        ways.push(...more);
        count += this._mark(more);
      }
      ways.forEach(([place]) => words.add(this.words[place]));
      const rare = Math.log(1 + (this.count + 1) / (count + 1));
      for (let place = 0; place < this.count; place++) {
        if (this.part[place] > 0) {
          this.scores[place] += rare * this.worth[place] * this.part[place];
          this.hits[place] += 1;
        }
      }
    }

    // Let the records of these words count for what they weigh; how many there are that had none before.
    _mark(ways) {
      const weights = this.data.weights;
      let count = 0;
      for (const [place, factor, isWelsh] of ways) {
        const text = this.postings[place];
        let record = -1;
        let number = 0;
        for (let n = 0; n < text.length; n++) {
          const digit = DIGITS[text.charCodeAt(n)];
          if (digit < BASE) {
            number = number * BASE + digit;
            continue;
          }
          number = number * BASE + digit - BASE;
          record += Math.floor(number / STEPS) + 1;
          const weight = factor * weights[number % STEPS];
          number = 0;
          if (isWelsh && !this.isWelsh[record]) continue;
          if (this.part[record] === 0) count += 1;
          if (weight > this.part[record]) this.part[record] = weight;
        }
      }
      return count;
    }

    // The words of the index that answer a word: place, factor, whether in Welsh records alone.
    _ways(word, isLast) {
      const found = new Map();
      const add = (place, factor, isWelsh) => {
        const known = found.get(place);
        if (!known || known[1] < factor || (known[2] && !isWelsh)) {
          found.set(place, [place, Math.max(factor, known ? known[1] : 0), isWelsh && (!known || known[2])]);
        }
      };
      const exact = (one, factor, isWelsh) => {
        const place = this._from(one);
        if (this.words[place] === one) add(place, factor, isWelsh);
      };
      const longer = (one, factor, isWelsh) => {
        for (let place = this._from(one); place < this.words.length && this.words[place].startsWith(one); place++) {
          add(place, factor * (0.4 + (0.6 * one.length) / this.words[place].length), isWelsh);
        }
      };
      exact(word, 1, false);
      if (word.length > 2 || isLast) longer(word, LONGER, false);
      singulars(word).forEach((one) => exact(one, 0.85, false));
      for (const one of mutations(word)) {
        exact(one, 0.9, true);
        if (one.length > 3) longer(one, 0.9 * LONGER, true);
        singulars(one).forEach((other) => exact(other, 0.8, true));
      }
      return [...found.values()];
    }

    // The words of the index a slip or two away, nearest and then most frequent first.
    _close(word, isLast) {
      const most = word.length < 4 ? 0 : word.length < 8 ? 1 : 2;
      if (!most) return [];
      if (!this.letters) this.letters = Int32Array.from(this.words, letters);
      const own = letters(word);
      const found = [];
      for (let place = 0; place < this.words.length; place++) {
        const other = this.words[place];
        if (other.length < word.length - most || bitsIn(own & ~this.letters[place]) > most) continue;
        if (other.length <= word.length + most && bitsIn(this.letters[place] & ~own) <= most) {
          const far = slips(word, other, most, false);
          if (far <= most) found.push([place, far]);
        } else if (isLast && other.length > word.length + most && word.length > 4) {
          const far = slips(word, other, most, true);
          if (far <= most) found.push([place, far + 0.5]);
        }
      }
      const often = (place) => this.postings[place].length;
      const sorted = found.sort((a, b) => a[1] - b[1] || often(b[0]) - often(a[0]) || a[0] - b[0]);
      return sorted.filter(([place, far]) => far > 0 && (far < sorted[0][1] + 1 || often(place) > 0)).slice(0, 20);
    }

    // The places of the records that have `least` of the words, best first, then in the order of the index. Score and
    // place are one number each, since numbers alone sort ten times as fast.
    _sorted(least) {
      const keys = new Float64Array(this.count);
      let found = 0;
      for (let place = 0; place < this.count; place++) {
        if (this.hits[place] >= least) keys[found++] = (Math.round(this.scores[place] * 1e4) + 1) * PLACES - 1 - place;
      }
      const sorted = keys.subarray(0, found).sort().reverse();
      return Array.from(sorted, (key) => PLACES - 1 - (key % PLACES));
    }

    // The best few once more, those first whose title is the question, or has its words side by side.
    _lookAtTitles(places, asked) {
      const best = places.slice(0, LOOKED_AT);
      const question = asked.join(" ");
      const own = new Map();
      for (const place of best) {
        const title = wordsOf(this.data.records[place][this.column.title]).filter((word) => !this.stop.has(word));
        const text = " " + title.join(" ");
        const factor = text === " " + question ? 2 : asked.length > 1 && text.includes(" " + question) ? 1.4 : 1;
        own.set(place, factor * this.scores[place]);
      }
      best.sort((a, b) => own.get(b) - own.get(a) || a - b);
      best.forEach((place, n) => (places[n] = place));
    }

    // Where in the sorted words `word` stands or would stand.
    _from(word) {
      let low = 0;
      let high = this.words.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (this.words[middle] < word) low = middle + 1;
        else high = middle;
      }
      return low;
    }

    // The places that pass all filters, and for each filter how many each of its values would leave.
    _filtered(places, { kind = null, sectors = null, technology_types = null }) {
      const { records, kinds, sectors: everySector, technology_types: everyType } = this.data;
      const { kind: one, sectors: two, technology_types: three } = this.column;
      const counts = {
        kind: new Uint32Array(kinds.length),
        sectors: new Uint32Array(everySector.length),
        technology_types: new Uint32Array(everyType.length),
      };
      const kept = [];
      for (const place of places) {
        const record = records[place];
        const isKind = kind === null || record[one] === kind;
        const isSector = sectors === null || record[two].includes(sectors);
        const isType = technology_types === null || record[three].includes(technology_types);
        if (isKind && isSector && isType) kept.push(place);
        if (isSector && isType) counts.kind[record[one]] += 1;
        if (isKind && isType) for (const value of record[two]) counts.sectors[value] += 1;
        if (isKind && isSector) for (const value of record[three]) counts.technology_types[value] += 1;
      }
      return { kept, counts };
    }
  }

  window.hubpacks.search = { Index, wordsOf, mutations, singulars, slips };
})();
