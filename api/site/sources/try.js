"use strict";
/* "Try it": runs the commands of an example from the page and shows request and response. */

(() => {
  const LONGEST_BODY = 20000; // characters
  const LONGEST_WAIT = 60000; // milliseconds

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

  const cut = (text) => (text.length > LONGEST_BODY ? `${text.slice(0, LONGEST_BODY)}\n…` : text);

  /** A block that the keyboard can scroll. */
  const scrolling = (className, text) => {
    const block = element("pre", className, text);
    block.tabIndex = 0;
    return block;
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

  const exchange = ({ request, response, text, milliseconds }, isTelling, origin, said, times) => {
    const shown = element("div", "exchange");
    shown.dir = "ltr";
    const asked = element("p", "line");
    asked.append(element("span", `verb verb-${request.method.toLowerCase()}`, request.method), " ", request.target || "/");
    shown.append(asked);
    if (request.headers.length) shown.append(headerList(request.headers, () => false));
    if (request.body !== undefined) {
      const body = cut(pretty(request.body, request.body.startsWith("{") ? "json" : ""));
      shown.append(element("pre", "body", body));
    }
    const status = element("p", "line");
    const kind = Math.floor(response.status / 100);
    status.append(element("span", `status status-${kind}`, `${response.status} ${response.statusText}`.trim()));
    const remarks = [words.fill(said.took, { milliseconds: words.number.format(milliseconds) })];
    if (response.redirected) remarks.push(words.fill(said.redirected, { address: response.url.replace(origin, "") }));
    if (times > 1) remarks.push(words.counted(said.asked, times));
    for (const remark of remarks) status.append(" ", element("bdi", "quiet", remark));
    shown.append(status);
    const pairs = [...response.headers];
    const sorted = [...pairs.filter((pair) => isTelling(...pair)), ...pairs.filter((pair) => !isTelling(...pair))];
    shown.append(headerList(sorted, isTelling));
    if (text) shown.append(scrolling("body", cut(pretty(text, response.headers.get("content-type")))));
    return shown;
  };

  const after = (milliseconds) => new Promise((done) => { setTimeout(done, milliseconds); });

  const start = (box) => {
    const root = location.origin + box.dataset.root;
    const said = words.of(box);
    const general = (box.dataset.telling || "").split(" ").filter(Boolean);
    const items = [...box.querySelectorAll("[data-plan]")];
    const plans = items.map((item) => JSON.parse(item.dataset.plan));
    const values = new Map();
    const done = new Set();
    let running = false;

    const announce = (text) => {
      box.querySelector(".said-live").textContent = text;
    };

    const telling = ({ pattern, tells }) => {
      const wanted = pattern ? new RegExp(pattern, "i") : null;
      return (name, value) =>
        tells.includes(name) || (wanted ? wanted.test(`${name}: ${value}`) : !tells.length && general.includes(name));
    };

    const keep = (name, value) => {
      if (value === undefined) throw new Error(words.fill(said.notFound, { name }));
      values.set(name, value);
    };

    const waitUntil = async (moment, place) => {
      const waiting = element("p", "quiet", said.pausing);
      place.append(waiting);
      await after(Math.max(0, moment * 1000 - Date.now())).finally(() => waiting.remove());
    };

    /** Send a request; again and again, where its answer tells when there is no more to wait for. */
    const ask = async (request, { until, pause }) => {
      const last = Date.now() + LONGEST_WAIT;
      for (let times = 1; ; times += 1) {
        const found = await steps.send(request, values, root);
        if (!until || !found.response.ok || (JSON.parse(found.text)[until] ?? null) !== null) return { found, times };
        if (Date.now() > last) throw new Error(said.tooLong);
        await after(pause * 1000);
      }
    };

    const act = async (action, place) => {
      if (action.clock) {
        const [every, ahead] = action.clock;
        values.set(action.name, String(Math.floor(Date.now() / 1000 / every) * every + ahead));
      } else if (action.moment !== null) {
        await waitUntil(Number(steps.fill(action.source, values)) + action.moment, place);
      } else if (!action.requests.length) {
        const value = steps.take(action, steps.fill(action.source, values));
        if (action.name) keep(action.name, value);
        else place.append(value === undefined ? element("p", "quiet", said.nothing) : scrolling("body", value));
      }
      for (const request of action.requests) {
        const waiting = element("p", "quiet", said.waiting);
        place.append(waiting);
        const { found, times } = await ask(request, action).finally(() => waiting.remove());
        place.append(exchange(found, telling(action), root, said, times));
        if (!action.name && !action.until) continue;
        if (!found.response.ok) throw new Error(words.fill(said.notKept, { name: action.name ?? action.until }));
        if (action.name) {
          const text = action.head ? steps.head(found.response) + found.text : found.text;
          keep(action.name, steps.take(action, text, found.response.headers));
        }
      }
    };

    const runOne = async (index) => {
      const place = items[index].querySelector(".result");
      place.replaceChildren();
      done.delete(index);
      for (const action of plans[index].actions) await act(action, place);
      done.add(index);
    };

    const told = (error) => {
      if (error instanceof steps.Elsewhere) return said.elsewhere;
      if (error instanceof steps.SignedIn) return said.signedIn;
      return error instanceof TypeError ? said.noAnswer : error.message; // what fetch throws when it gets no answer at all
    };

    const run = async (indexes) => {
      if (running) return;
      running = true;
      box.setAttribute("aria-busy", "true");
      const wanted = indexes.at(-1);
      const note = (index, kind, text) => items[index].querySelector(".result").append(element("p", kind, text));
      let at = 0;
      try {
        for (const index of indexes) {
          at = index;
          await runOne(index);
        }
        const left = plans.slice(0, wanted).flatMap((plan, place) => (plan.refused ? [words.number.format(place + 1)] : []));
        if (left.length) note(wanted, "quiet", words.fill(said.leftOut, { commands: words.listed(left) }));
        announce(words.counted(said.ran, indexes.length));
      } catch (error) {
        note(at, "note error", words.fill(said.failedBecause, { reason: told(error) }));
        if (at !== wanted) {
          items[wanted].querySelector(".result").replaceChildren();
          note(wanted, "note error", words.fill(said.earlierFailed, { number: words.number.format(at + 1) }));
        }
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

    const commands = (indexes) => indexes.map((place) => items[place].dataset.command.replaceAll("http://127.0.0.1:5000", root)).join("\n");
    const runnable = plans.flatMap((plan, index) => (plan.actions.length ? [index] : []));

    items.forEach((item, index) => {
      const tools = item.querySelector(".tools");
      if (plans[index].runs) {
        // As in a shell, a command finds what those before it have left behind: these run first, once.
        const missing = () => runnable.filter((place) => place < index && !done.has(place));
        const indexes = steps.chain(plans, index);
        const chosen = indexes.map((place) => plans[place]);
        tools.append(
          button(said.run, () => run([...missing(), index]), words.fill(said.runOne, { number: index + 1 })),
          element("span", "quiet", said.copyAs),
          button("curl", (self) => copy(self, commands(indexes)), copyAs("curl")),
          button("fetch", (self) => copy(self, code.javascript(chosen, root)), copyAs("fetch")),
          button("Python", (self) => copy(self, code.python(chosen, root)), copyAs("Python")),
        );
      } else {
        tools.append(
          element("span", "quiet", said.copyAs),
          button("curl", (self) => copy(self, commands([...Array(index + 1).keys()])), copyAs("curl")),
        );
      }
    });
    if (runnable.length > 1) {
      box.querySelector(".all").append(
        button(said.runAll, () => { values.clear(); done.clear(); run(runnable); }),
      );
    }
  };

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-words] .console").forEach(start));
})();
