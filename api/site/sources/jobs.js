"use strict";
/* Jobs, live: a file is sent, and a job followed, by the API. Without this script, forms and pages do it.

   Following asks `/api/v1/jobs/{id}` as often as its Retry-After says; the browser sends the ETag along, so an
   answer without news is a 304. What a state looks like, the page itself says: when it changes, the part of
   the page that shows it is fetched anew. */

(() => {
  const part = (box, name) => box.querySelector(`[data-part="${name}"]`);

  /** A name for one request: sent again under it, it is carried out once. */
  const newKey = () =>
    [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

  /** The token that a change by this session must carry: whoever signed in again since has another one. */
  const token = async (root) => (await api.call(`${root}/api/v1/identity`)).body.csrf_token ?? "";

  const tell = (box, { title, detail, faults }) => {
    part(box, "trouble-title").textContent = title;
    part(box, "trouble-detail").textContent = detail;
    part(box, "trouble-faults").replaceChildren(...faults.map((fault) => {
      const item = document.createElement("li");
      item.textContent = fault;
      return item;
    }));
    part(box, "trouble").hidden = false;
  };

  const settle = (box) => { part(box, "trouble").hidden = true; };

  // --- A file to import ---

  /** Send a file; fetch could not tell how far it is. */
  const send = (address, headers, file, progress) =>
    new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("POST", address);
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      request.upload.addEventListener("progress", ({ loaded, total }) => progress(loaded / (total || 1)));
      request.addEventListener("error", () => reject(new api.Refusal(0, {}, NaN)));
      request.addEventListener("load", () => {
        let body = {};
        try {
          body = JSON.parse(request.responseText);
        } catch { /* an answer of something in between */ }
        if (request.status === 202) resolve(body);
        else reject(new api.Refusal(request.status, body, parseInt(request.getResponseHeader("Retry-After"), 10)));
      });
      const form = new FormData();
      form.append("file", file);
      request.send(form);
    });

  const startImport = (box) => {
    const { root } = box.dataset;
    const words = JSON.parse(box.dataset.words);
    const form = box.querySelector("form");
    const button = form.querySelector("button");
    const bar = form.querySelector("progress");
    let key = newKey();
    form.addEventListener("input", () => { key = newKey(); }); // something else is asked for

    const progress = (sent) => {
      const percent = Math.floor(sent * 100);
      bar.value = percent;
      part(box, "sending-said").textContent = percent < 100 ? api.fill(words.sending, { percent }) : words.sent;
    };

    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (button.disabled) return;
      const given = new FormData(form);
      const query = new URLSearchParams();
      for (const name of ["format", "on_conflict", "partial", "dry_run"]) if (given.get(name)) query.set(name, given.get(name));
      settle(box);
      button.disabled = true;
      part(box, "sending").hidden = false;
      progress(0);
      try {
        const headers = { "X-CSRF-Token": await token(root), "Idempotency-Key": key, Accept: "application/json" };
        const job = await send(`${root}/api/v1/imports?${query}`, headers, given.get("file"), progress);
        location.assign(`${root}/jobs/${job.id}`);
      } catch (error) {
        tell(box, api.words(error, words));
      } finally {
        button.disabled = false;
        part(box, "sending").hidden = true;
      }
    });
  };

  // --- A job to follow ---

  const ENDED = ["succeeded", "failed", "cancelled"];
  const LONGEST = 30; // seconds between two questions while nothing answers

  const startFollowing = (box) => {
    const { root, id } = box.dataset;
    const words = JSON.parse(box.dataset.words);
    const address = `${root}/api/v1/jobs/${id}`;
    const shown = () => document.getElementById("job");
    let key = newKey();
    let failures = 0;
    let following = false;
    let acting = false;
    let wake = () => {};

    const pause = (seconds) => new Promise((resolve) => {
      const timer = setTimeout(resolve, seconds * 1000);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

    /** Fetch the page's own account of the job. */
    const renew = async () => {
      let page;
      try {
        const response = await fetch(`${root}/jobs/${id}`, { headers: { Accept: "text/html" } });
        page = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("job");
      } catch {
        throw new api.Refusal(0, {}, NaN);
      }
      if (!page) throw new api.Refusal(0, {}, NaN);
      const before = shown();
      const hadFocus = before.contains(document.activeElement);
      const after = document.adoptNode(page);
      before.replaceWith(after);
      if (hadFocus) after.focus();
      window.flask_moment_render_all?.();
      part(box, "said").textContent = document.getElementById("job-state").innerText;
    };

    const isNews = (job) => {
      const { state, attempt, cancelling } = shown().dataset;
      const asked = !ENDED.includes(job.state) && job.cancel_requested_at !== null;
      return state !== job.state || attempt !== String(job.attempt) || cancelling !== String(asked);
    };

    const showProgress = ({ phase, done, total }) => {
      const bar = shown().querySelector("progress");
      if (!bar || !phase) return;
      const counted = total ? `: ${api.fill(words.done, { done, total })}` : "";
      part(shown(), "progress").textContent = (words[`phase_${phase}`] ?? phase) + counted;
      if (total) {
        bar.max = total;
        bar.value = done;
      } else bar.removeAttribute("value");
    };

    const follow = async () => {
      if (following) {
        wake();
        return;
      }
      following = true;
      try {
        while (!ENDED.includes(shown().dataset.state)) {
          let seconds = 1;
          try {
            const { body, response } = await api.call(address);
            if (isNews(body)) await renew();
            showProgress(body.progress);
            seconds = parseInt(response.headers.get("Retry-After"), 10) || 1;
            if (failures) settle(box);
            failures = 0;
          } catch (error) {
            const told = api.words(error, words);
            if ([401, 403, 404].includes(error.status)) {
              tell(box, told);
              return;
            }
            failures += 1;
            seconds = error.wait > 0 ? error.wait : Math.min(2 ** failures, LONGEST);
            tell(box, { ...told, detail: `${told.detail} ${error.wait > 0 ? "" : api.fill(words.again, { seconds })}` });
          }
          if (!ENDED.includes(shown().dataset.state)) await pause(seconds);
        }
      } finally {
        following = false;
      }
    };

    const acts = {
      cancel: (headers) => api.call(`${address}/cancellation`, { method: "PUT", headers }),
      retry: (headers) => api.call(`${address}/retries`, { method: "POST", headers: { ...headers, "Idempotency-Key": key } }),
    };

    box.addEventListener("submit", async (event) => {
      const form = event.target.closest("form[data-act]");
      if (!form) return;
      event.preventDefault();
      if (acting) return; // the button is not disabled: it would lose the focus
      acting = true;
      try {
        await acts[form.dataset.act]({ "X-CSRF-Token": await token(root) });
        key = newKey();
        settle(box);
        await renew();
        follow();
      } catch (error) {
        tell(box, api.words(error, words));
      } finally {
        acting = false;
      }
    });

    follow();
  };

  // --- A list of jobs, while any of them has not ended ---

  const EVERY = 2; // seconds between two looks

  const startList = (box) => {
    const { root } = box.dataset;
    const words = JSON.parse(box.dataset.words);
    const rows = () => [...box.querySelectorAll("tr[data-state]")];
    const states = () => rows().map(({ id, dataset }) => `${id} ${dataset.state}`).join();

    /** Wait for some seconds, and on until somebody looks. */
    const pause = async (seconds) => {
      await new Promise((resolve) => { setTimeout(resolve, seconds * 1000); });
      while (document.hidden) {
        await new Promise((resolve) => { document.addEventListener("visibilitychange", resolve, { once: true }); });
      }
    };

    /** Fetch the page's own rows, and say which of them have changed. */
    const renew = async () => {
      let page;
      try {
        const response = await fetch(location.href, { headers: { Accept: "text/html" } });
        page = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("#jobs tbody");
      } catch {
        throw new api.Refusal(0, {}, NaN);
      }
      if (!page) throw new api.Refusal(0, {}, NaN);
      const before = new Map(rows().map((row) => [row.id, row.dataset.state]));
      const focused = box.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
      box.querySelector("tbody").replaceWith(document.adoptNode(page));
      if (focused) box.querySelector(`a[href="${focused}"]`)?.focus();
      window.flask_moment_render_all?.();
      part(box, "said").textContent = rows()
        .filter(({ id, dataset }) => before.get(id) !== dataset.state)
        .map((row) => `${row.querySelector("a").innerText}: ${row.querySelector(".state").innerText}`)
        .join(". ");
    };

    const watch = async () => {
      let failures = 0;
      while (rows().some(({ dataset }) => !ENDED.includes(dataset.state))) {
        await pause(failures ? Math.min(2 ** failures, LONGEST) : EVERY);
        try {
          const { body } = await api.call(`${root}/api/v1/jobs${location.search}`);
          if (body.items.map(({ id, state }) => `job-${id} ${state}`).join() !== states()) await renew();
          if (failures) settle(box);
          failures = 0;
        } catch (error) {
          tell(box, api.words(error, words));
          if ([401, 403, 404].includes(error.status)) return;
          failures += 1;
        }
      }
    };

    watch();
  };

  document.addEventListener("DOMContentLoaded", () => {
    const form = document.getElementById("import");
    if (form) startImport(form);
    const box = document.getElementById("follow");
    if (box) startFollowing(box);
    const list = document.getElementById("jobs");
    if (list) startList(list);
  });
})();
