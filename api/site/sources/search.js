"use strict";
/* Search as you type over /api/v2/questions. Without this the form asks the server for the page. */

(() => {
  const element = (tag, className, text) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };

  /** Show the code spans of a prompt. */
  const prompt = (text) =>
    text.split("`").map((part, place) => (place % 2 ? element("code", "", part) : part));

  /** Show a highlight: text with `mark` in it, and nothing else, whatever it holds. */
  const marked = (html) => {
    const parsed = new DOMParser().parseFromString(html, "text/html");
    return [...parsed.body.childNodes].map((node) =>
      node.nodeName === "MARK" ? element("mark", "", node.textContent) : node.textContent,
    );
  };

  const start = (form) => {
    const list = document.getElementById("results");
    const count = document.getElementById("count");
    const root = form.dataset.root;
    const said = words.of(form);
    const foreign = words.language !== "en";
    let latest = null;
    let waiting = 0;

    const show = (question, searched) => {
      const item = element("li");
      item.append(element("span", "number", String(question.number)));
      const text = element("div", "text");
      if (foreign) Object.assign(text, { lang: "en", dir: "ltr" });
      const link = element("a");
      link.href = `${root}/questions/${question.number}`;
      link.append(...prompt(question.prompt));
      text.append(link);
      const highlights = question.highlights ?? {};
      const found = highlights.answer ?? highlights.in_practice;
      if (searched && found) {
        const line = element("p", "found");
        line.append(...marked(found));
        text.append(line);
      }
      item.append(text);
      if (question.difficulty) item.append(element("span", `tag ${question.difficulty}`, said.difficulties[question.difficulty]));
      return item;
    };

    const search = async () => {
      const asked = new URLSearchParams();
      for (const [name, value] of new FormData(form)) if (value.trim()) asked.set(name, value.trim());
      const page = asked.size ? `?${asked}` : "";
      history.replaceState(null, "", `${root}/${page}`);
      latest?.abort();
      latest = new AbortController();
      const query = new URLSearchParams(asked);
      query.set("limit", "100");
      const slow = setTimeout(() => { count.textContent = said.searching; }, 400);
      try {
        const response = await fetch(`${root}/api/v2/questions?${query}`, { signal: latest.signal });
        const answer = await response.json().catch(() => ({})); // of a proxy, say, which answers HTML
        if (!response.ok) throw new Error(answer.detail ?? words.fill(said.answered, { status: response.status }));
        list.replaceChildren(...answer.items.map((question) => show(question, asked.has("q"))));
        const { length } = answer.items;
        count.textContent = length ? words.counted(said.found, length) : said.none;
        count.classList.remove("bad");
      } catch (error) {
        if (error.name === "AbortError") return;
        // What fetch throws when it gets no answer at all.
        const reason = error instanceof TypeError ? said.noAnswer : error.message;
        count.textContent = words.fill(said.failed, { reason });
        count.classList.add("bad");
      } finally {
        clearTimeout(slow);
      }
    };

    form.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(search, 120);
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      clearTimeout(waiting);
      search();
    });
    const changed = ({ options, type, value, defaultValue, selectedIndex }) =>
      options
        ? selectedIndex !== Math.max([...options].findIndex((each) => each.defaultSelected), 0)
        : type === "search" && value !== defaultValue;
    if ([...form.elements].some(changed)) search(); // typed or chosen before this script ran
    document.addEventListener("keydown", (event) => {
      const typing = /^(input|select|textarea)$/i.test(event.target.tagName);
      if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        form.elements.q.focus();
      }
    });
  };

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("form.search").forEach(start));
})();
