// What every page can do beyond being read: say that there is a newer release, copy a text, and hand data and words to
// the scripts of a page. Nothing is sent anywhere; all that is asked for is of the same site.
(function () {
  "use strict";
  const root = document.documentElement.dataset;
  const taken = new Map();
  const waiting = new Map();

  const hubpacks = {
    // Data come as scripts, since a page that was opened from a disk may read nothing else.
    take(name, value) {
      taken.set(name, value);
      (waiting.get(name) || []).forEach((ready) => ready.done(value));
      waiting.delete(name);
    },

    // A promise of what the script at `path` (from the root of the release) hands over as `name`.
    load(name, path) {
      if (taken.has(name)) return Promise.resolve(taken.get(name));
      return new Promise((done, failed) => {
        const others = waiting.get(name);
        if (others) {
          others.push({ done, failed });
          return;
        }
        waiting.set(name, [{ done, failed }]);
        const script = document.createElement("script");
        script.src = root.root + path;
        script.onerror = () => {
          (waiting.get(name) || []).forEach((one) => one.failed(new Error(path)));
          waiting.delete(name);
        };
        document.head.append(script);
      });
    },

    // The text called `key` in the language of the page, with `values` put in; `count` chooses between one and other.
    words(key, values = {}) {
      const plural = "count" in values ? (values.count === 1 ? ".one" : ".other") : "";
      const text = words()[key + plural];
      if (text === undefined) throw new Error("no text is called " + key + plural);
      return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
    },

    // A whole number; halves go to the even one, as in Python and so as in pages.
    whole(value) {
      const below = Math.floor(value);
      if (value - below === 0.5) return below % 2 ? below + 1 : below;
      return Math.round(value);
    },

    // A value as it stands in a CSV file; nothing where there is none.
    csvCell(value) {
      const told = value === null || value === undefined ? "" : String(value);
      return /[",\r\n]/.test(told) ? '"' + told.replace(/"/g, '""') + '"' : told;
    },

    // An element with attributes and children; texts are never read as markup.
    element(name, attributes = {}, ...children) {
      const made = document.createElement(name);
      for (const [key, value] of Object.entries(attributes)) {
        if (value === true) made.setAttribute(key, "");
        else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
      }
      made.append(...children.flat().filter((child) => child !== null && child !== undefined));
      return made;
    },
  };

  let known = null;
  function words() {
    if (known === null) {
      known = {};
      document.querySelectorAll("script[data-words]").forEach((block) => {
        Object.assign(known, JSON.parse(block.textContent));
      });
    }
    return known;
  }

  // A page of a release never changes, so it cannot know by itself whether it is of the newest.
  async function sayWhetherNewest() {
    if (!root.release || location.protocol === "file:") return;
    let newest;
    try {
      newest = (await (await fetch(root.root + "../../latest.json", { cache: "no-cache" })).json()).release;
    } catch (error) {
      if (error instanceof TypeError || error instanceof SyntaxError) return; // not reached, or no pointer there
      throw error;
    }
    if (newest === root.release) return;
    const link = hubpacks.element("a", { class: "govuk-link", href: root.root + "../../index.html" });
    link.textContent = hubpacks.words("site.newer.link");
    const note = hubpacks.element("p", { class: "hp-newer", role: "status" });
    note.append(hubpacks.words("site.newer", { release: root.release, newest }), " ", link);
    document.querySelector("main").prepend(note);
  }

  // An element as plain text: a line a paragraph, and lists with the numbers and dashes that they show.
  function plainText(element) {
    const lines = [];
    let line = "";
    function end(blank) {
      if (line.trim()) lines.push(line.replace(/\s+$/, ""));
      line = "";
      if (blank && lines.length && lines[lines.length - 1] !== "") lines.push("");
    }
    function walk(node, indent) {
      for (const child of node.childNodes) {
        if (child.nodeType === Node.TEXT_NODE) {
          const text = child.data.replace(/\s+/g, " ");
          line += /(^|\s)$/.test(line) ? text.trimStart() : text;
        }
        if (child.nodeType !== Node.ELEMENT_NODE || child.hasAttribute("data-not-copied")) continue;
        const name = child.localName;
        if (name === "br") end(false);
        else if (name === "ul" || name === "ol") list(child, indent);
        else if (name === "td" || name === "th") {
          walk(child, indent);
          line += child.nextElementSibling ? "\t" : "";
        } else if (/^(p|div|blockquote|pre|h[1-6]|dl|dt|dd|tr|table|section)$/.test(name)) {
          // The paragraph that begins an entry of a list stays beside its number.
          if (line.trim() && !/^\s*(\d+\.|-) $/.test(line)) end(false);
          walk(child, indent);
          end(!/^(tr|dt|dd)$/.test(name) && indent === "");
        } else walk(child, indent);
      }
    }
    function list(found, indent) {
      end(false);
      let number = found.hasAttribute("start") ? Number(found.getAttribute("start")) : 1;
      for (const entry of found.children) {
        const mark = found.localName === "ol" ? number + ". " : "- ";
        line = indent + mark;
        walk(entry, indent + " ".repeat(mark.length));
        end(false);
        number += 1;
      }
      end(indent === "");
    }
    walk(element, "");
    end(false);
    return lines.join("\n").trim();
  }

  // Next to each text that is worth copying: <... data-copy="id of the element whose text it is">.
  function offerCopies() {
    if (!navigator.clipboard) return;
    document.querySelectorAll("[data-copy]").forEach((place) => {
      const button = hubpacks.element("button", { type: "button", class: "hp-copy" }, place.dataset.label);
      const told = hubpacks.element("span", { class: "hp-copy__told", role: "status" });
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(plainText(document.getElementById(place.dataset.copy)));
        told.textContent = hubpacks.words("site.copied");
        setTimeout(() => (told.textContent = ""), 4000);
      });
      place.append(button, " ", told);
    });
  }

  window.hubpacks = hubpacks;
  offerCopies();
  sayWhetherNewest();
})();
