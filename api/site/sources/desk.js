"use strict";
/* The desk: a preview while one types, rows that come and go, and text that is not lost. */

(() => {
  const PREFIX = "desk:";
  const PAUSE = 400;
  const FIELDS = ["prompt", "answer", "in_practice", "try_it", "technique", "topics", "difficulty", "number", "seen"];

  const element = (tag, className, text) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };

  const button = (label, action) => {
    const made = element("button", "small", label);
    made.type = "button";
    made.addEventListener("click", action);
    return made;
  };

  /** What is kept in this tab; where the browser keeps nothing, nothing is. */
  const kept = {
    get: (path) => { try { return JSON.parse(sessionStorage.getItem(PREFIX + path)); } catch { return null; } },
    set: (path, value) => { try { sessionStorage.setItem(PREFIX + path, JSON.stringify(value)); } catch { /* full or forbidden */ } },
    drop: (path) => { try { sessionStorage.removeItem(PREFIX + path); } catch { /* forbidden */ } },
  };

  const start = (form) => {
    const said = document.getElementById("preview-said");
    const pane = document.getElementById("preview");
    const addRow = document.getElementById("add-reference");
    const path = location.pathname;
    let sent = false;
    let latest = null;
    let waiting = 0;

    // --- The fields as a value ---

    const rows = () => [...form.querySelectorAll(".reference")];
    const inputs = (row) => [...row.querySelectorAll("input")];

    const values = () => {
      const found = {};
      for (const name of FIELDS) if (form.elements[name]) found[name] = form.elements[name].value;
      found.references = rows().map((row) => inputs(row).map((input) => input.value)).filter((pair) => pair.some((text) => text.trim()));
      return found;
    };
    const text = () => JSON.stringify({ ...values(), seen: "" });

    // --- References ---

    const name = (row, place) => {
      row.querySelectorAll(".place").forEach((shown) => { shown.textContent = place; });
      inputs(row).forEach((input) => {
        input.id = `reference-${input.name.slice("reference_".length)}-${place}`;
        const field = input.closest(".field");
        field.querySelector("label").htmlFor = input.id;
        const told = field.querySelector(".said");
        if (told) {
          told.id = `${input.id}-said`;
          input.setAttribute("aria-describedby", told.id);
        }
      });
      row.querySelector("button")?.setAttribute("aria-label", form.dataset.remove.replace("{}", place));
    };
    const renumber = () => rows().forEach((row, place) => name(row, place + 1));

    const removable = (row) => {
      row.append(button("×", () => {
        const next = row.nextElementSibling?.querySelector("input, button") ?? addRow;
        if (rows().length > 1) row.remove();
        else inputs(row).forEach((input) => { input.value = ""; });
        renumber();
        (next.isConnected ? next : addRow).focus();
        changed();
      }));
    };

    const add = () => {
      const row = rows().at(-1).cloneNode(true);
      row.querySelector("button")?.remove();
      row.querySelectorAll(".said").forEach((told) => told.remove());
      inputs(row).forEach((input) => {
        input.value = "";
        input.removeAttribute("aria-invalid");
        input.removeAttribute("aria-describedby");
      });
      removable(row);
      rows().at(-1).after(row);
      renumber();
      return row;
    };

    const fill = (found) => {
      for (const each of FIELDS) if (form.elements[each] && each in found) form.elements[each].value = found[each];
      while (rows().length < found.references.length + 1) add();
      rows().forEach((row, place) => {
        inputs(row).forEach((input, part) => { input.value = found.references[place]?.[part] ?? ""; });
      });
    };

    // --- The session's token, which changes with every sign-in ---

    const refresh = async () => {
      const field = form.elements.csrf_token;
      const response = await fetch(form.dataset.identity);
      const token = response.ok ? (await response.json()).csrf_token : null;
      if (!token || token === field.value) return false;
      document.querySelectorAll("input[name=csrf_token]").forEach((input) => { input.value = token; });
      return true;
    };

    // --- The preview ---

    const ask = async (again = true) => {
      latest?.abort();
      latest = new AbortController();
      try {
        const response = await fetch(form.dataset.preview, {
          method: "POST", body: new FormData(form), headers: { Accept: "text/html" }, signal: latest.signal,
        });
        if (response.ok) {
          // The server's own renderer wrote it, for this page: what was typed is escaped there.
          pane.innerHTML = await response.text();
          said.textContent = "";
        } else if (response.status === 429) {
          said.textContent = form.dataset.waits;
          clearTimeout(waiting);
          waiting = setTimeout(ask, 1000 * (Number(response.headers.get("Retry-After")) || 5));
        } else if ([400, 401].includes(response.status)) {
          if (again && (await refresh())) await ask(false);
          else said.textContent = form.dataset.signedOut;
        } else {
          said.textContent = form.dataset.failed;
        }
      } catch (error) {
        if (error.name !== "AbortError") said.textContent = form.dataset.failed;
      }
    };

    // --- What was typed and is not saved ---

    const begun = text();
    const typed = form.dataset.typed === "true";
    const isDirty = () => typed || text() !== begun;

    const keep = () => {
      if (isDirty()) kept.set(path, values());
      else kept.drop(path);
    };

    function changed() {
      keep();
      if (!pane) return;
      clearTimeout(waiting);
      waiting = setTimeout(ask, PAUSE);
    }

    const offer = (found) => {
      const note = element("div", "note");
      note.setAttribute("role", "status");
      const line = element("p", "", form.dataset.found);
      const tools = element("p", "ways-row");
      tools.append(
        button(form.dataset.restore, () => {
          fill(found);
          tools.remove();
          line.textContent = form.dataset.restored;
          form.elements.answer.focus();
          changed();
        }),
        button(form.dataset.discard, () => { kept.drop(path); note.remove(); }),
      );
      note.append(line, tools);
      document.querySelector("main h1").after(note);
    };

    rows().forEach(removable);
    renumber();
    if (typed) {
      keep();
    } else {
      const found = kept.get(path);
      if (found && JSON.stringify({ ...found, seen: "" }) !== begun) offer(found);
      else kept.drop(path);
    }
    form.addEventListener("input", changed);
    form.addEventListener("submit", () => { sent = true; keep(); });
    addRow.addEventListener("click", (event) => {
      event.preventDefault();
      inputs(add())[0].focus();
    });
    window.addEventListener("beforeunload", (event) => {
      if (!sent && isDirty()) event.preventDefault();
    });
    window.addEventListener("pageshow", () => { sent = false; });
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible" && (said?.textContent || document.getElementById("refusal"))) refresh().catch(() => {});
    });
  };

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("[data-saved]").forEach((told) => kept.drop(told.dataset.saved));
    document.querySelectorAll("form.writing").forEach(start);
    // A summary of faults comes first; a browser that does not know autofocus on it is helped.
    (document.getElementById("refusal") ?? document.getElementById("faults") ?? document.getElementById("conflict"))?.focus();
  });
})();
