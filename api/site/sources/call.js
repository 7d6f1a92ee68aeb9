"use strict";
/* Calls of the API from a page: what it answers, or a Refusal in the words of its problem details. */

const api = (() => {
  /** Why there is no answer to go on with. `status` is 0 where none came at all. */
  class Refusal extends Error {
    constructor(status, problem, wait) {
      super(problem.detail ?? problem.title ?? "");
      this.status = status;
      this.problem = problem;
      this.wait = wait; // seconds, from Retry-After; NaN where it does not say
    }
  }

  const read = async (response) => {
    if (response.status === 204) return null;
    try {
      return await response.json();
    } catch (error) {
      if (response.ok) throw error;
      return {};
    }
  };

  const refusal = (response, problem) =>
    new Refusal(response.status, problem ?? {}, parseInt(response.headers.get("Retry-After"), 10));

  /** Send a request to this origin; `json` is a body. Throws a Refusal. */
  const call = async (address, { method = "GET", json, headers = {} } = {}) => {
    const options = { method, headers: { ...headers, Accept: "application/json" }, credentials: "same-origin" };
    if (json !== undefined) {
      options.headers["Content-Type"] = "application/json";
      options.body = JSON.stringify(json);
    }
    let response;
    let body;
    try {
      response = await fetch(address, options);
      body = await read(response);
    } catch {
      throw new Refusal(0, {}, NaN);
    }
    if (!response.ok) throw refusal(response, body);
    return { body, response };
  };

  /** Put values into a text: "{done} of {total}". */
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);

  /** Say a refusal in words: its own where it has some. */
  const words = (error, texts) => {
    if (!(error instanceof Refusal)) throw error;
    const { status, problem, wait } = error;
    if (!status) return { title: texts.no_answer, detail: texts.no_answer_detail, faults: [] };
    const told = problem.detail ?? fill(texts.unreadable, { status });
    const later = wait > 0 ? ` ${fill(texts.wait, { seconds: wait })}` : "";
    const faults = (problem.errors ?? []).map((each) => `${each.pointer ?? each.parameter ?? each.header ?? ""} ${each.detail}`.trim());
    return { title: problem.title ?? String(status), detail: told + later, faults };
  };

  return { call, fill, words, read, refusal, Refusal };
})();
