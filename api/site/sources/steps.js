"use strict";
/* Steps of a console example: what one asks for, sent with fetch, and what it takes out of answers. No page here. */

const steps = (() => {
  /** The numbers that `seq` prints. */
  const series = ({ first, last, before, after, between }) =>
    Array.from({ length: last - first + 1 }, (_, index) => before + (first + index) + after).join(between);

  /** Put the values of shell variables into a text: [string | {name, encoded} | a series]. */
  const fill = (text, values) =>
    text
      .map((part) => {
        if (typeof part === "string") return part;
        if (part.between) return series(part);
        const value = values.get(part.name) ?? "";
        return part.encoded ? encodeURIComponent(value) : value;
      })
      .join("");

  const asJson = (value) => (typeof value === "string" ? JSON.parse(value) : value);

  const captured = (text, pattern, flags) =>
    String(text).split(/\r?\n/).map((line) => line.match(new RegExp(pattern, flags))?.groups.it).filter((it) => it !== undefined);

  const OPERATIONS = {
    member: (value, name) => asJson(value)?.[name],
    pick: (value, ...names) => Object.fromEntries(names.map((name) => [name, asJson(value)[name]])),
    find: (value, name, wanted) => asJson(value).find((item) => item[name] === wanted),
    capture: (value, pattern, flags) => captured(value, pattern, flags).join("\n") || undefined,
    all: captured,
    first: (value, pattern, flags) => captured(value, pattern, flags)[0],
  };

  /** Take out of an answer what a command keeps; undefined where there is no such thing in it. */
  const take = (action, text, headers) => {
    if (action.header) return headers.get(action.header) ?? "";
    let found = text;
    for (const [does, ...names] of action.takes) {
      if (found === undefined || found === null) return undefined;
      found = OPERATIONS[does](found, ...names);
    }
    return found === undefined || typeof found === "string" ? found : JSON.stringify(found);
  };

  /** Make what is sent: a text, or bytes. */
  const content = (made, values) =>
    made.text ? fill(made.text, values) : Uint8Array.from(atob(made.base64), (character) => character.charCodeAt(0));

  /** A text with its characters that cannot be seen, such as those that turn the direction, in digits. */
  const visible = (text) => text.replace(/[\p{Cc}\p{Cf}]/gu, (it) => `\\u${it.codePointAt(0).toString(16).padStart(4, "0")}`);

  /** Make the body for fetch, and how it is shown. */
  const body = (made, values) => {
    if (made === null) return {};
    if (!made.form) {
      const sent = content(made, values);
      return { sent, shown: typeof sent === "string" ? sent : `${sent.length} B` };
    }
    const sent = new FormData();
    const shown = made.form.map((field) => {
      const value = content(field.content, values);
      if (field.filename === null) {
        sent.append(field.name, value);
        return `${field.name}: ${value}`;
      }
      const file = new Blob([value], { type: field.type });
      sent.append(field.name, file, field.filename);
      return `${field.name}: ${visible(field.filename)}; ${field.type}; ${file.size} B`;
    });
    return { sent, shown: shown.join("\n") };
  };

  /** Thrown for an address that an answer told, and that is of another server. */
  class Elsewhere extends Error {}

  /** Thrown where the browser's cookies are those of somebody who signed in by themselves. */
  class SignedIn extends Error {}

  let cookiesAreFree = false;

  /** Let no example act as whoever reads it: the first one that goes with cookies finds nobody signed in. */
  const requireFreeCookies = async (root) => {
    if (cookiesAreFree) return;
    const response = await fetch(`${root}/api/v1/identity`, { credentials: "same-origin", cache: "no-store" });
    if (!response.ok) throw new TypeError(`identity: ${response.status}`);
    if ((await response.json()).door !== null) throw new SignedIn();
    cookiesAreFree = true;
  };

  /** Send one request; `root` is the address that this application stands at. */
  const send = async (request, values, root) => {
    const headers = request.headers.map(([name, value]) => [name, fill(value, values)]);
    const target = fill(request.target, values);
    const address = new URL(/^https?:/.test(target) ? target : root + target);
    if (address.origin !== location.origin) throw new Elsewhere();
    if (request.cookies) await requireFreeCookies(root);
    const { sent, shown } = body(request.body, values);
    const started = performance.now();
    const response = await fetch(address, {
      method: request.method,
      headers,
      body: sent,
      // An example is called by nobody in particular, as from a shell; only a cookie jar changes that.
      credentials: request.cookies ? "same-origin" : "omit",
      cache: "no-store",
    });
    const text = await response.text();
    const milliseconds = Math.round(performance.now() - started);
    return { request: { method: request.method, target: target.replace(root, ""), headers, body: shown }, response, text, milliseconds };
  };

  /** The status line and the headers of an answer, as curl prints them by -i. */
  const head = (response) =>
    [`HTTP ${response.status}`, ...[...response.headers].map(([name, value]) => `${name}: ${value}`), "", ""].join("\n");

  /** The steps without which one would not do the same, then itself. */
  const chain = (all, wanted) => {
    const found = new Set();
    const add = (index) => {
      if (found.has(index)) return;
      all[index].needs.forEach(add);
      found.add(index);
    };
    add(wanted);
    return [...found].sort((one, other) => one - other);
  };

  return { fill, send, take, head, chain, Elsewhere, SignedIn };
})();
