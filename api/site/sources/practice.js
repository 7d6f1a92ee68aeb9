"use strict";
/* Practice as flash cards: every state is the API's; what is here is which card is looked at. */

document.addEventListener("DOMContentLoaded", () => {
  const box = document.getElementById("practice");
  if (!box) return;
  const { root } = box.dataset;
  const texts = JSON.parse(box.dataset.words);
  const address = `${root}/api/v1/practice/round`;
  const part = (name) => box.querySelector(`[data-part="${name}"]`);
  const button = (act) => box.querySelector(`[data-part] [data-act="${act}"]`);
  const card = part("card");
  let round = null; // as the API told it last
  let shown = null; // the card that is looked at
  let seen = new Map(); // position -> card
  let retry = null; // what failed

  /* Whether a round was begun here: without one, the API would be asked in vain, and browsers report that
     as an error. The cookie itself no script can see. */
  const begun = {
    get: () => { try { return localStorage.getItem("practice") === "begun"; } catch { return true; } },
    set: (is) => {
      try {
        if (is) localStorage.setItem("practice", "begun");
        else localStorage.removeItem("practice");
      } catch { /* a browser that keeps nothing */ }
    },
  };

  const say = (text) => { part("said").textContent = text; };

  /** Show one of the three views, and have the keyboard in it. */
  const view = (name, focus = true) => {
    for (const each of ["start", "card", "score"]) part(each).hidden = each !== name;
    if (focus) (name === "start" ? part(name).querySelector("select") : part(name)).focus();
  };

  /** A prompt, its code spans as such. */
  const spans = (text) => text.split("`").map((piece, place) => {
    if (place % 2 === 0) return piece;
    const code = document.createElement("code");
    code.textContent = piece;
    return code;
  });

  // --- Troubles, told in place; whatever failed can be done again ---

  const settle = () => {
    part("trouble").hidden = true;
    retry = null;
  };

  const tell = (error, action) => {
    const { title, detail, faults } = api.words(error, texts);
    retry = action;
    part("trouble-title").textContent = title;
    part("trouble-detail").textContent = detail;
    part("trouble-faults").replaceChildren(...faults.map((fault) => {
      const item = document.createElement("li");
      item.textContent = fault;
      return item;
    }));
    // A session that is gone or forged does not come back by asking again, nor does a bad form.
    const lost = [400, 404, 410].includes(error.status);
    const mended = error.status === 422;
    button("again").hidden = lost || mended;
    button("anew").hidden = mended;
    part("trouble").hidden = false;
    if (!mended) (lost ? button("anew") : button("again")).focus();
  };

  /* One after the other: a key that is pressed while an answer is on its way counts when it is there. */
  let line = Promise.resolve();
  let waiting = 0;
  const perform = (action) => {
    waiting += 1;
    box.setAttribute("aria-busy", "true");
    line = line.then(async () => {
      try {
        await action();
        settle();
      } catch (error) {
        tell(error, action);
      } finally {
        waiting -= 1;
        if (!waiting) box.removeAttribute("aria-busy");
      }
    });
  };

  // --- The round ---

  const position = () => Number(location.hash.slice(1)) || 0;

  const remember = (place) => history.replaceState(null, "", place ? `#${place}` : location.pathname + location.search);

  const firstLeft = () => round.cards.find((each) => each.state !== "graded")?.position;

  const showProgress = () => {
    const { size, score } = round;
    part("progress").max = size;
    part("progress").value = score.graded;
    part("graded").textContent = api.fill(texts.graded, { graded: score.graded, size });
  };

  /** Take in what the API says of a card. */
  const note = (found) => {
    seen.set(found.position, found);
    Object.assign(round.cards[found.position - 1], { state: found.state, grade: found.grade });
    round.score = found.score;
    return found;
  };

  /** The answer as HTML, from the page of the question, where it was made safe; else its Markdown. */
  const prose = async (found) => {
    try {
      const response = await fetch(`${root}/questions/${found.number}`, { headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const answer = page.getElementById("answer");
      if (response.ok && answer) return [...answer.childNodes];
    } catch {
      // Told below: the text is there in any case.
    }
    const why = document.createElement("p");
    why.className = "quiet";
    why.textContent = texts.plain;
    const text = document.createElement("pre");
    text.textContent = [found.answer, found.in_practice].filter(Boolean).join("\n\n");
    return [why, text];
  };

  const render = async (found) => {
    const isNew = shown?.position !== found.position || shown?.number !== found.number;
    const wasHidden = isNew || shown.state === "hidden";
    shown = found;
    part("place").textContent = api.fill(texts.place, { position: found.position, size: round.size });
    part("number").textContent = api.fill(texts.question, { number: found.number });
    part("prompt").replaceChildren(...spans(found.prompt));
    part("difficulty").hidden = !found.difficulty;
    part("difficulty").className = `tag ${found.difficulty ?? ""}`;
    part("difficulty").textContent = texts[found.difficulty] ?? "";
    const open = found.state !== "hidden";
    button("reveal").hidden = open;
    part("answer").hidden = !open;
    part("page").href = `${root}/questions/${found.number}`;
    for (const each of box.querySelectorAll("[data-grade]")) {
      each.setAttribute("aria-pressed", String(each.dataset.grade === found.grade));
    }
    button("previous").disabled = found.position === 1;
    showProgress();
    remember(found.position);
    if (!open) part("prose").replaceChildren();
    else if (wasHidden) {
      const pieces = await prose(found);
      if (shown === found) part("prose").replaceChildren(...pieces);
    }
  };

  const open = async (place) => {
    const { body } = await api.call(`${address}/cards/${place}`);
    const done = render(note(body));
    view("card");
    await done;
  };

  const showScore = async () => {
    const { body } = await api.call(address);
    round = body;
    const { score, cards } = round;
    const left = score.total - score.graded;
    const missed = cards.filter(({ grade }) => grade === "wrong" || grade === "partly");
    const told = await Promise.all(missed.map(async ({ position: place }) =>
      seen.get(place) ?? note((await api.call(`${address}/cards/${place}`)).body)));
    part("percent").textContent = score.graded ? api.fill(texts.percent, score) : texts.nothing;
    part("counts").textContent = api.fill(texts.counts, { ...score, left });
    part("missed-list").replaceChildren(...told.map((each) => {
      const item = document.createElement("li");
      const number = document.createElement("span");
      number.className = "number";
      number.textContent = each.number;
      const link = document.createElement("a");
      link.href = `${root}/questions/${each.number}`;
      link.lang = "en";
      link.dir = "ltr";
      link.append(...spans(each.prompt));
      const grade = document.createElement("span");
      grade.className = `tag ${each.grade}`;
      grade.textContent = texts[each.grade];
      item.append(number, link, grade);
      return item;
    }));
    part("missed").hidden = !missed.length;
    button("missed").hidden = !missed.length;
    button("back").hidden = !left;
    remember(0);
    view("score");
  };

  const begin = async (wanted) => {
    const { body } = await api.call(address, { method: "POST", json: wanted });
    begun.set(true);
    round = body;
    seen = new Map();
    shown = null;
    say(texts.started);
    await open(1);
  };

  const resume = async () => {
    if (!begun.get()) {
      view("start", false);
      return;
    }
    try {
      round = (await api.call(address)).body;
    } catch (error) {
      if (error.problem?.type?.endsWith("/no-round")) {
        begun.set(false);
        view("start");
        return;
      }
      throw error;
    }
    const place = position();
    if (place >= 1 && place <= round.size) await open(place);
    else if (firstLeft()) await open(firstLeft());
    else await showScore();
  };

  const reveal = async () => {
    if (shown.state !== "hidden") return;
    const { body } = await api.call(`${address}/cards/${shown.position}/reveal`, { method: "POST" });
    const done = render(note(body));
    card.focus(); // the button that was pressed is gone
    await done;
    say(texts.revealed);
  };

  const grade = async (how) => {
    if (shown.state === "hidden") {
      say(texts.reveal_first);
      return;
    }
    const { body } = await api.call(`${address}/cards/${shown.position}/grade`, { method: "PUT", json: { grade: how } });
    await render(note(body));
    say(`${api.fill(texts.saved, { grade: texts[how] })} ${part("graded").textContent}.`);
  };

  const next = async () => {
    if (shown.position < round.size) await open(shown.position + 1);
    else await showScore();
  };

  const actions = {
    reveal,
    next,
    grade,
    score: showScore,
    previous: async () => { if (shown.position > 1) await open(shown.position - 1); },
    /** Reveal, and once it is graded go on: what Space and Enter do. */
    primary: async () => {
      if (shown.state === "hidden") await reveal();
      else if (shown.state === "graded") await next();
      else say(texts.revealed);
    },
    back: async () => open(firstLeft() ?? 1),
    missed: async () => {
      const numbers = round.cards.filter((each) => each.grade === "wrong" || each.grade === "partly").map((each) => each.number);
      await begin({ numbers, storage: round.storage });
    },
    anew: async () => {
      remember(0);
      view("start");
    },
    end: async () => {
      await api.call(address, { method: "DELETE" });
      begun.set(false);
      say(texts.ended);
      remember(0);
      view("start");
    },
  };

  // --- Buttons and keys ---

  box.addEventListener("click", (event) => {
    const pressed = event.target.closest("[data-act]");
    if (!pressed) return;
    const { act, grade: how } = pressed.dataset;
    if (act === "again") {
      if (retry) perform(retry);
    } else perform(() => actions[act](how));
  });

  part("start").addEventListener("submit", (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const wanted = { storage: form.get("storage") };
    for (const name of ["topic", "difficulty"]) if (form.get(name)) wanted[name] = form.get(name);
    if (form.get("size")) wanted.size = Number(form.get("size"));
    perform(() => begin(wanted));
  });

  const rightToLeft = () => getComputedStyle(card).direction === "rtl";

  /* Single keys count while the card has the focus, and nowhere else (WCAG 2.2, 2.1.4). What a button, a
     link or scrolling code does with a key stays theirs. */
  card.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
    const { key, target } = event;
    const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code)?.[1] ?? key;
    const graded = card.querySelector(`[data-key="${CSS.escape(digit)}"]`);
    let act = null;
    if (graded && !event.shiftKey) act = () => grade(graded.dataset.grade);
    else if (key === "Escape") act = actions.score;
    else if (key === " " || key === "Enter") {
      if (!target.closest("button, a, pre")) act = actions.primary;
    } else if (key === "ArrowRight" || key === "ArrowLeft") {
      const forward = (key === "ArrowRight") !== rightToLeft();
      if (!target.closest("pre")) act = forward ? actions.next : actions.previous;
    }
    if (!act) return;
    event.preventDefault();
    if (!event.repeat) perform(act);
  });

  box.hidden = false;
  perform(resume);
});
