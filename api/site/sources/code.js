"use strict";
/* Steps of a console example written as code that is copied: JavaScript by fetch, Python by requests. */

const code = (() => {
  const quoted = JSON.stringify;

  // Names that a shell allows and one of the two languages does not.
  const RESERVED = /^(as|case|class|const|def|default|del|delete|export|for|from|function|global|if|import|in|is|lambda|let|new|not|or|return|this|try|var|while|with|yield)$/;
  const named = (name) => (RESERVED.test(name) ? `${name}_` : name);

  /** Walk what is done, with the names for answers, so that a variable is declared once. */
  const write = (plans, language) => {
    const lines = [];
    let count = 0;
    plans.forEach((plan, place) => {
      const wanted = place === plans.length - 1;
      for (const action of plan.actions) {
        if (action.clock) lines.push(...language.keep(action.name, language.clock(action.clock)));
        else if (action.moment !== null) lines.push(language.moment(action));
        else if (!action.requests.length) {
          const value = language.takes(language.text(action.source), action.takes);
          if (action.name) lines.push(...language.keep(action.name, value));
          if (wanted) lines.push(language.print(action.name ? named(action.name) : value));
        }
        for (const request of action.requests) {
          count += 1;
          const answer = language.answer(count);
          lines.push(...language.ask(answer, request, action, count));
          if (action.name) lines.push(...language.keep(action.name, language.kept(action, answer)));
          if (wanted) lines.push(action.name ? language.print(named(action.name)) : language.show(answer));
        }
      }
    });
    return lines;
  };

  const indented = (lines) => lines.map((line) => `  ${line}`);

  const javascript = (plans, root) => {
    const declared = new Set();
    const series = ({ first, last, before, after, between }) => {
      const item = text([before, { name: `${first} + i` }, after]);
      return `Array.from({ length: ${last - first + 1} }, (_, i) => ${item}).join(${quoted(between)})`;
    };
    const text = (parts) => {
      if (parts.every((part) => typeof part === "string")) return quoted(parts.join(""));
      if (parts.length === 1 && parts[0].name && !parts[0].encoded) return named(parts[0].name);
      const inner = parts.map((part) => {
        if (typeof part === "string") return quoted(part).slice(1, -1).replace(/\\"/g, '"').replace(/[`$]/g, "\\$&");
        if (part.between) return "${" + series(part) + "}";
        return part.encoded ? "${encodeURIComponent(" + named(part.name) + ")}" : "${" + named(part.name) + "}";
      });
      return "`" + inner.join("") + "`";
    };
    const content = (made) =>
      made.text ? text(made.text) : `Uint8Array.from(atob(${quoted(made.base64)}), (c) => c.charCodeAt(0))`;
    const parsed = (value) => `JSON.parse(${value})`;
    const pattern = (it, flags) => `new RegExp(${quoted(it)}, "m${flags}")`;
    const language = {
      text,
      answer: (count) => `answer${count}`,
      ask: (answer, request, action, count) => {
        const lines = [];
        const options = [`method: "${request.method}",`];
        if (request.headers.length) {
          const pairs = request.headers.map(([name, value]) => `  ${quoted(name)}: ${text(value)},`);
          options.push("headers: {", ...pairs, "},");
        }
        if (request.body?.form) {
          lines.push(`const form${count} = new FormData();`);
          for (const { name, content: made, filename, type } of request.body.form) {
            const value = filename === null ? content(made) : `new Blob([${content(made)}], { type: ${quoted(type)} }), ${quoted(filename)}`;
            lines.push(`form${count}.append(${quoted(name)}, ${value});`);
          }
          options.push(`body: form${count},`);
        } else if (request.body) options.push(`body: ${content(request.body)},`);
        if (request.cookies) options.push('credentials: "include",');
        const given = options.length > 1 || request.method !== "GET" ? [", {", ...indented(options), "}"].join("\n") : "";
        const first = request.target[0];
        const call = `await fetch(${text(first?.name ? request.target : [root, ...request.target])}${given})`;
        if (!action.until) return [...lines, `const ${answer} = ${call};`];
        const still = `while (((await ${answer}.clone().json())[${quoted(action.until)}] ?? null) === null) {`;
        const pause = `  await new Promise((done) => setTimeout(done, ${action.pause * 1000}));`;
        return [...lines, `let ${answer} = ${call};`, still, pause, `  ${answer} = ${call};`, "}"];
      },
      /** What is taken out of a text; `json` is a shorter way to it as JSON, where there is one. */
      takes: (value, operations, json = parsed(value)) => {
        let from = json;
        for (const [does, ...names] of operations) {
          if (does === "member") value = `${from}[${quoted(names[0])}]`;
          if (does === "pick") value = `JSON.stringify(${from}, ${quoted(names)})`;
          if (does === "find") value = `${from}.find((it) => it[${quoted(names[0])}] === ${quoted(names[1])})`;
          if (does === "all") value = `[...${value}.matchAll(new RegExp(${quoted(names[0])}, "gm${names[1]}"))].map((it) => it.groups.it)`;
          if (does === "first" || does === "capture") value = `${value}.match(${pattern(...names)}).groups.it`;
          from = value;
        }
        return operations.at(-1)?.[0] === "find" ? `JSON.stringify(${value})` : value;
      },
      kept: (action, answer) => {
        if (action.header) return `${answer}.headers.get(${quoted(action.header)})`;
        const body = `await ${answer}.text()`;
        if (action.head) return language.takes(`([...${answer}.headers].map((pair) => pair.join(": ")).join("\\n") + "\\n\\n" + await ${answer}.text())`, action.takes);
        return action.takes.length ? language.takes(`(${body})`, action.takes, `(await ${answer}.json())`) : body;
      },
      keep: (name, value) => {
        const first = !declared.has(name);
        declared.add(name);
        return [`${first ? "let " : ""}${named(name)} = ${value};`];
      },
      print: (value) => `console.log(${value});`,
      show: (answer) => `console.log(${answer}.status, await ${answer}.text());`,
      clock: ([every, after]) => `Math.floor(Date.now() / ${every * 1000}) * ${every} + ${after}`,
      moment: ({ source, moment }) =>
        `await new Promise((done) => setTimeout(done, (Number(${text(source)}) + ${moment}) * 1000 - Date.now()));`,
    };
    return `${write(plans, language).join("\n")}\n`;
  };

  const python = (plans, root) => {
    const text = (parts) =>
      parts
        .map((part) => {
          if (typeof part === "string") return quoted(part);
          if (part.between) {
            const { first, last, before, after, between } = part;
            return `${quoted(between)}.join(${quoted(before)} + str(n) + ${quoted(after)} for n in range(${first}, ${last + 1}))`;
          }
          return part.encoded ? `quote(${named(part.name)}, safe="")` : named(part.name);
        })
        .join(" + ") || '""';
    const content = (made) => {
      if (made.text) return `(${text(made.text)}).encode()`;
      return `base64.b64decode(${quoted(made.base64)})`;
    };
    const jar = plans.some((plan) => plan.actions.some((action) => action.requests.some((request) => request.cookies)));
    const language = {
      text,
      answer: () => "response",
      ask: (answer, request, action) => {
        const first = request.target[0];
        const address = first?.name ? text(request.target) : text([root + (first ?? ""), ...request.target.slice(1)]);
        const lines = [`    "${request.method}",`, `    ${address},`];
        if (request.headers.length) {
          const pairs = request.headers.map(([name, value]) => `        ${quoted(name)}: ${text(value)},`);
          lines.push("    headers={", ...pairs, "    },");
        }
        if (request.body?.form) {
          const fields = request.body.form.map(({ name, content: made, filename, type }) =>
            `        (${quoted(name)}, (${filename === null ? "None" : quoted(filename)}, ${content(made)}${filename === null ? "" : `, ${quoted(type)}`})),`);
          lines.push("    files=[", ...fields, "    ],");
        } else if (request.body) lines.push(`    data=${content(request.body)},`);
        lines.push("    allow_redirects=False,");
        const call = [`${answer} = ${request.cookies ? "session" : "requests"}.request(`, ...lines, ")"];
        if (!action.until) return call;
        const again = call.join("\n").split("\n").map((line) => `    ${line}`);
        return ["while True:", ...again, `    if ${answer}.json()[${quoted(action.until)}] is not None:`, "        break", `    time.sleep(${action.pause})`];
      },
      takes: (value, operations, json = `json.loads(${value})`) => {
        let from = json;
        for (const [does, ...names] of operations) {
          const flags = names[1] ? "re.M | re.I" : "re.M";
          const pattern = quoted((names[0] ?? "").replace("(?<it>", "(?P<it>"));
          if (does === "member") value = `${from}[${quoted(names[0])}]`;
          if (does === "pick") value = `{name: it for name, it in ${from}.items() if name in ${quoted(names)}}`;
          if (does === "find") value = `next(it for it in ${from} if it[${quoted(names[0])}] == ${quoted(names[1])})`;
          if (does === "all") value = `[it["it"] for it in re.finditer(${pattern}, ${value}, ${flags})]`;
          if (does === "first" || does === "capture") value = `re.search(${pattern}, ${value}, ${flags})["it"]`;
          from = value;
        }
        const last = operations.at(-1)?.[0];
        if (last === "pick" || last === "find") return `json.dumps(${value})`;
        return last === "member" ? `str(${value})` : value;
      },
      kept: (action, answer) => {
        if (action.header) return `${answer}.headers[${quoted(action.header)}]`;
        if (!action.head) return language.takes(`${answer}.text`, action.takes, `${answer}.json()`);
        const head = `"".join(f"{name}: {value}\\n" for name, value in ${answer}.headers.items())`;
        return language.takes(`(${head} + "\\n" + ${answer}.text)`, action.takes);
      },
      keep: (name, value) => [`${named(name)} = ${value}`],
      print: (value) => `print(${value})`,
      show: (answer) => `print(${answer}.status_code, ${answer}.text)`,
      clock: ([every, after]) => `str(time.time() // ${every} * ${every} + ${after})`,
      moment: ({ source, moment }) => `time.sleep(max(0, float(${text(source)}) + ${moment} - time.time()))`,
    };
    const lines = write(plans, language);
    const all = lines.join("\n");
    const uses = (name) => new RegExp(`(^|[^.\\w])${name}\\.`, "m").test(all);
    const imports = ["base64", "json", "re", "time"].filter(uses).map((name) => `import ${name}`);
    if (/\bquote\(/.test(all)) imports.push("from urllib.parse import quote");
    if (imports.length) imports.push("");
    imports.push("import requests", "");
    if (jar) imports.push("session = requests.Session()");
    return [...imports, all, ""].join("\n");
  };

  return { javascript, python };
})();
