"use strict";
/* "Try it": runs the commands of an example from the page and shows request and response. */

(() => {
  const LONGEST_BODY = 20000;

  const element = (tag, className, text) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };

  const pretty = (text, type) => {
    if (!/json/.test(type ?? "")) return text;
    try {
      return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      return text;
    }
  };

  const headerList = (pairs, isTelling) => {
    const list = element("dl", "headers");
    for (const [name, value] of pairs) {
      const telling = isTelling(name, value);
      list.append(element("dt", telling ? "telling" : "", name));
      const shown = element("dd", telling ? "telling" : "");
      shown.append(telling ? element("mark", "", value) : value);
      list.append(shown);
    }
    return list;
  };

  const exchange = ({ request, response, text, milliseconds }, isTelling, origin, said) => {
    const shown = element("div", "exchange");
    shown.dir = "ltr";
    const asked = element("p", "line");
    asked.append(element("span", `verb verb-${request.method.toLowerCase()}`, request.method), " ", request.target || "/");
    shown.append(asked);
    if (request.headers.length) shown.append(headerList(request.headers, () => false));
    if (request.body !== undefined) {
      shown.append(element("pre", "body", pretty(request.body, request.body.startsWith("{") ? "json" : "")));
    }
    const status = element("p", "line");
    const kind = Math.floor(response.status / 100);
    status.append(element("span", `status status-${kind}`, `${response.status} ${response.statusText}`.trim()));
    const remarks = [words.fill(said.took, { milliseconds: words.number.format(milliseconds) })];
    if (response.redirected) remarks.push(words.fill(said.redirected, { address: response.url.replace(origin, "") }));
    for (const remark of remarks) status.append(" ", element("bdi", "quiet", remark));
    shown.append(status);
    const pairs = [...response.headers];
    const sorted = [...pairs.filter((pair) => isTelling(...pair)), ...pairs.filter((pair) => !isTelling(...pair))];
    shown.append(headerList(sorted, isTelling));
    if (text) {
      const body = pretty(text, response.headers.get("content-type"));
      const block = element("pre", "body", body.length > LONGEST_BODY ? `${body.slice(0, LONGEST_BODY)}\n…` : body);
      block.tabIndex = 0;
      shown.append(block);
    }
    return shown;
  };

  const start = (box) => {
    const root = location.origin + box.dataset.root;
    const said = words.of(box);
    const general = (box.dataset.telling || "").split(" ").filter(Boolean);
    const items = [...box.querySelectorAll("[data-plan]")];
    const plans = items.map((item) => JSON.parse(item.dataset.plan));
    const values = new Map();
    let running = false;

    const announce = (text) => {
      box.querySelector(".said-live").textContent = text;
    };

    const telling = (plan) => {
      const pattern = plan.pattern ? new RegExp(plan.pattern, "i") : null;
      return (name, value) =>
        plan.tells.includes(name) || (pattern ? pattern.test(`${name}: ${value}`) : !plan.tells.length && general.includes(name));
    };

    const runOne = async (index) => {
      const plan = plans[index];
      const place = items[index].querySelector(".result");
      if (!plan.requests.length && plan.kept) {
        values.set(plan.kept.name, steps.take(plan.kept, values.get(plan.kept.source)));
        return;
      }
      place.replaceChildren();
      for (const request of plan.requests) {
        const waiting = element("p", "quiet", said.waiting);
        place.append(waiting);
        const found = await steps.send(request, values, root).finally(() => waiting.remove());
        place.append(exchange(found, telling(plan), root, said));
        if (plan.kept) {
          if (!found.response.ok) throw new Error(words.fill(said.notKept, { name: plan.kept.name }));
          values.set(plan.kept.name, steps.take(plan.kept, found.text, found.response.headers));
        }
      }
    };

    const run = async (indexes) => {
      if (running) return;
      running = true;
      box.setAttribute("aria-busy", "true");
      let at = 0;
      try {
        for (const index of indexes) {
          at = index;
          await runOne(index);
        }
        announce(words.counted(said.ran, indexes.length));
      } catch (error) {
        const place = items[at].querySelector(".result");
        // What fetch throws when it gets no answer at all.
        const reason = error instanceof TypeError ? said.noAnswer : error.message;
        place.append(element("p", "note error", words.fill(said.failedBecause, { reason })));
        announce(said.failed);
      } finally {
        running = false;
        box.removeAttribute("aria-busy");
      }
    };

    const copy = async (button, text) => {
      const before = button.textContent;
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = said.copied;
      } catch {
        button.textContent = said.notCopied;
      }
      setTimeout(() => { button.textContent = before; }, 1500);
    };

    const button = (label, action, name) => {
      const made = element("button", "small", label);
      made.type = "button";
      if (name) made.setAttribute("aria-label", name);
      made.addEventListener("click", () => action(made));
      return made;
    };

    const copyAs = (kind) => words.fill(said.copyAsKind, { kind });

    items.forEach((item, index) => {
      const plan = plans[index];
      const tools = item.querySelector(".tools");
      const commands = (indexes) => indexes.map((place) => items[place].dataset.command.replaceAll("http://127.0.0.1:5000", root)).join("\n");
      if (plan.runs) {
        const indexes = steps.chain(plans, index);
        const chosen = indexes.map((place) => plans[place]);
        const missing = () => indexes.filter((place) => place === index || !values.has(plans[place].kept?.name));
        tools.append(
          button(said.run, () => run(missing()), words.fill(said.runOne, { number: index + 1 })),
          element("span", "quiet", said.copyAs),
          button("curl", (self) => copy(self, commands(indexes)), copyAs("curl")),
          button("fetch", (self) => copy(self, steps.javascript(chosen, root)), copyAs("fetch")),
          button("Python", (self) => copy(self, steps.python(chosen, root)), copyAs("Python")),
        );
      } else {
        tools.append(
          element("span", "quiet", said.copyAs),
          button("curl", (self) => copy(self, commands([...Array(index + 1).keys()])), copyAs("curl")),
        );
      }
    });
    const runnable = plans.map((plan, index) => (plan.runs || plan.kept ? index : -1)).filter((index) => index >= 0);
    if (runnable.length > 1) {
      box.querySelector(".all").append(
        button(said.runAll, () => { values.clear(); run(runnable); }),
      );
    }
  };

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-words] .console").forEach(start));
})();
