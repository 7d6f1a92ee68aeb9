"use strict";
/* Steps of a console example: what one asks for, sent with fetch or written as code. No page here. */

const steps = (() => {
  /** Put the values of shell variables into a text: [string | {name, encoded}]. */
  const fill = (text, values) =>
    text
      .map((part) => {
        if (typeof part === "string") return part;
        const value = values.get(part.name) ?? "";
        return part.encoded ? encodeURIComponent(value) : value;
      })
      .join("");

  const member = (value, path) => path.reduce((found, name) => found?.[name], value);

  const asText = (value) => (typeof value === "string" ? value : JSON.stringify(value));

  /** Take out of an answer what a command keeps. */
  const take = (kept, body, headers) => {
    if (kept.header) return headers?.get(kept.header) ?? "";
    if (!kept.path.length && !kept.pick.length) return body;
    const value = JSON.parse(body);
    if (kept.path.length) return asText(member(value, kept.path));
    return JSON.stringify(Object.fromEntries(kept.pick.map((name) => [name, value[name]])));
  };

  /** Send one request; `root` is the address that this application stands at. */
  const send = async (request, values, root) => {
    const headers = request.headers.map(([name, value]) => [name, fill(value, values)]);
    const target = fill(request.target, values);
    const body = request.body === null ? undefined : fill(request.body, values);
    const started = performance.now();
    const response = await fetch(root + target, {
      method: request.method,
      headers,
      body,
      // An example is called by nobody in particular, as from a shell; only a cookie jar changes that.
      credentials: request.cookies ? "same-origin" : "omit",
      cache: "no-store",
    });
    const text = await response.text();
    const milliseconds = Math.round(performance.now() - started);
    return { request: { method: request.method, target, headers, body }, response, text, milliseconds };
  };

  /** The steps to run for one: those before it that make what it needs, then itself. */
  const chain = (all, wanted) => {
    const found = [];
    const add = (index) => {
      for (const name of all[index].needs) {
        for (let before = index - 1; before >= 0; before -= 1) {
          if (all[before].kept?.name === name) {
            add(before);
            break;
          }
        }
      }
      if (!found.includes(index)) found.push(index);
    };
    add(wanted);
    return found;
  };

  const javascript = (() => {
    const text = (parts) => {
      const inner = parts.map((part) => {
        if (typeof part === "string") return JSON.stringify(part).slice(1, -1).replace(/\\"/g, '"').replace(/[`$]/g, "\\$&");
        return part.encoded ? "${encodeURIComponent(" + part.name + ")}" : "${" + part.name + "}";
      });
      const plain = parts.every((part) => typeof part === "string");
      return plain ? JSON.stringify(parts.join("")) : "`" + inner.join("") + "`";
    };
    const call = (request, root) => {
      const lines = [`  method: "${request.method}",`];
      if (request.headers.length) {
        const pairs = request.headers.map(([name, value]) => `    ${JSON.stringify(name)}: ${text(value)},`);
        lines.push("  headers: {", ...pairs, "  },");
      }
      if (request.body) lines.push(`  body: ${text(request.body)},`);
      if (request.cookies) lines.push('  credentials: "include",');
      const options = lines.length > 1 || request.method !== "GET" ? `, {\n${lines.join("\n")}\n}` : "";
      return `await fetch(${text([root, ...request.target])}${options})`;
    };
    const kept = ({ path, pick, header }, answer) => {
      if (header) return `${answer}.headers.get("${header}")`;
      if (path.length) return `(await ${answer}.json())${path.map((name) => `[${JSON.stringify(name)}]`).join("")}`;
      if (pick.length) return `JSON.stringify(await ${answer}.json(), ${JSON.stringify(pick)})`;
      return `await ${answer}.text()`;
    };
    return (plans, root) => {
      const lines = [];
      plans.forEach((step, index) => {
        const wanted = index === plans.length - 1;
        if (!step.requests.length && step.kept) {
          const { name, source, path, pick } = step.kept;
          const value = `JSON.parse(${source})`;
          lines.push(`const ${name} = ${path.length ? value + path.map((p) => `[${JSON.stringify(p)}]`).join("") : `JSON.stringify(${value}, ${JSON.stringify(pick)})`};`);
        }
        step.requests.forEach((request, place) => {
          const answer = `answer${index + 1}${step.requests.length > 1 ? "_" + (place + 1) : ""}`;
          lines.push(`const ${answer} = ${call(request, root)};`);
          if (step.kept) lines.push(`const ${step.kept.name} = ${kept(step.kept, answer)};`);
          else if (wanted) lines.push(`console.log(${answer}.status, await ${answer}.text());`);
        });
      });
      return lines.join("\n") + "\n";
    };
  })();

  const python = (() => {
    const text = (parts) =>
      parts
        .map((part) => {
          if (typeof part === "string") return JSON.stringify(part);
          return part.encoded ? `quote(${part.name}, safe="")` : part.name;
        })
        .join(" + ") || '""';
    const call = (request, root, session) => {
      const lines = [`    "${request.method}",`, `    ${text([root + request.target[0], ...request.target.slice(1)])},`];
      if (request.headers.length) {
        const pairs = request.headers.map(([name, value]) => `        ${JSON.stringify(name)}: ${text(value)},`);
        lines.push("    headers={", ...pairs, "    },");
      }
      if (request.body) lines.push(`    data=(${text(request.body)}).encode(),`);
      lines.push("    allow_redirects=False,");
      return `${session}.request(\n${lines.join("\n")}\n)`;
    };
    const members = (path) => path.map((name) => `[${JSON.stringify(name)}]`).join("");
    const kept = ({ path, pick, header }, answer) => {
      if (header) return `${answer}.headers["${header}"]`;
      if (path.length) return `str(${answer}.json()${members(path)})`;
      if (pick.length) return `json.dumps({name: ${answer}.json()[name] for name in ${JSON.stringify(pick)}})`;
      return `${answer}.text`;
    };
    return (plans, root) => {
      const lines = [];
      const cookies = plans.some((step) => step.requests.some((request) => request.cookies));
      const session = cookies ? "session" : "requests";
      plans.forEach((step, index) => {
        const wanted = index === plans.length - 1;
        if (!step.requests.length && step.kept) {
          const { name, source, path, pick } = step.kept;
          const value = `json.loads(${source})`;
          lines.push(`${name} = ` + (path.length ? `str(${value}${members(path)})` : `json.dumps({name: ${value}[name] for name in ${JSON.stringify(pick)}})`));
        }
        step.requests.forEach((request) => {
          lines.push(`response = ${call(request, root, session)}`);
          if (step.kept) lines.push(`${step.kept.name} = ${kept(step.kept, "response")}`);
          else if (wanted) lines.push("print(response.status_code, response.text)");
        });
      });
      const code = lines.join("\n");
      const imports = [];
      if (/\bjson\.(loads|dumps)/.test(code)) imports.push("import json");
      if (/\bquote\(/.test(code)) imports.push("from urllib.parse import quote");
      if (imports.length) imports.push("");
      imports.push("import requests", "");
      if (cookies) imports.push("session = requests.Session()");
      return [...imports, code, ""].join("\n");
    };
  })();

  return { send, take, chain, javascript, python };
})();
